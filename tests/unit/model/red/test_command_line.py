"""The words of a command line."""

from typing import Any

import pytest

from ccp_jupyter.model.red import argv


def words(*members: Any, base: Any = None) -> list[str]:
    """Return the command line of (type, binding, value), named a, b, c…; None is left out."""
    names = [chr(ord("a") + number) for number in range(len(members))]
    declared = {
        name: {"type": type_, "inputBinding": binding}
        for name, (type_, binding, _) in zip(names, members, strict=True)
    }
    given = {
        name: value for name, (_, _, value) in zip(names, members, strict=True) if value is not None
    }
    return argv({"baseCommand": base, "inputs": declared}, given)


PATH = {"class": "File", "path": "/cc/inputs/0/x"}


@pytest.mark.parametrize(
    ("type_", "binding", "value", "expected"),
    [
        ("string", {}, "a b", ["a b"]),
        ("string", {"prefix": ""}, "", [""]),
        ("string", {"prefix": "-p"}, "x", ["-p", "x"]),
        ("string", {"prefix": "-p", "separate": True}, "x", ["-p", "x"]),
        ("string", {"prefix": "-p", "separate": False}, "x", ["-px"]),
        ("string", {"prefix": "-p", "itemSeparator": ","}, "x", ["-p", "x"]),
        ("string", {}, "$(rm -rf /)", ["$(rm -rf /)"]),
        ("int", {}, -3, ["-3"]),
        ("double", {}, 1e-07, ["1e-07"]),
        ("double", {}, 1.0, ["1.0"]),
        ("double", {}, 1, ["1"]),
        ("boolean", {"prefix": "-p"}, True, ["-p"]),
        ("boolean", {"prefix": "-p", "separate": False}, True, ["-p"]),
        ("boolean", {"prefix": "-p"}, False, []),
        ("boolean", {}, True, []),
        ("int[]", {}, [1, 2], ["1", "2"]),
        ("int[]", {"prefix": "-p"}, [1, 2], ["-p", "1", "2"]),
        ("int[]", {"prefix": "-p", "separate": False}, [1, 2], ["-p", "1", "2"]),
        ("int[]", {"prefix": "-p", "itemSeparator": ","}, [1, 2], ["-p", "1,2"]),
        ("int[]", {"prefix": "-p", "itemSeparator": ""}, [1, 2], ["-p", "1", "2"]),
        (
            "int[]",
            {"prefix": "-a=", "separate": False, "itemSeparator": ","},
            [1, 2],
            ["-a=1,2"],
        ),
        ("int[]", {"itemSeparator": ","}, [1, 2], ["1,2"]),
        ("int[]", {"prefix": "-p", "itemSeparator": ","}, [], []),
        ("int[]", {"prefix": "-p"}, [], []),
        ("int[]?", {"prefix": "-p"}, None, []),
        ("boolean[]", {"prefix": "-p", "itemSeparator": ","}, [True, False], ["-p", "True,False"]),
        ("boolean[]", {"prefix": "-p"}, [False], ["-p"]),
        ("boolean[]", {"prefix": "-p"}, [], []),
        ("boolean[]", {}, [True], []),
        ("File", {"prefix": "-p"}, PATH, ["-p", PATH["path"]]),
        ("File[]", {}, [PATH, PATH], [PATH["path"], PATH["path"]]),
        ("Directory", {}, {"class": "Directory", "path": "/d"}, ["/d"]),
    ],
)
def test_one_argument(type_, binding, value, expected):
    assert words((type_, binding, value)) == expected


def test_positions_then_prefixes():
    members: Any = (
        ("string", {"prefix": "--z"}, "z"),
        ("string", {"position": 1}, "b"),
        ("string", {"position": 0}, "a"),
    )
    assert words(*members) == ["a", "b", "--z", "z"]


def test_positions_count_for_nothing_with_a_prefix():
    members: Any = (
        ("string", {"prefix": "-a", "position": 5}, "1"),
        ("string", {"prefix": "-b", "position": 0}, "2"),
        ("string", {"position": 9}, "3"),
    )
    assert words(*members) == ["3", "-a", "1", "-b", "2"]


def test_ties_are_in_the_order_of_the_document():
    members: Any = (("string", {}, "1"), ("string", {"position": 0}, "2"), ("string", {}, "3"))
    assert words(*members) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("base", "expected"),
    [(None, []), ("a b", ["a b"]), (" a ", ["a"]), (["a", " b c "], ["a", "b c"]), ([], [])],
)
def test_base_command(base, expected):
    assert words(base=base) == expected
