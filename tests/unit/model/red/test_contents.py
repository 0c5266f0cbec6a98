"""Variables, protected keys, and what may stand nowhere."""

import math
from typing import Any

import pytest

from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.red import substituted, variables
from tests.unit.model.red.red_documents import file, problems, red


def reading(access: object) -> dict[str, Any]:
    return red(inputs__text=file(connector={"command": "c", "access": access}))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("a{b}c", []),
        ("{{v}}", ["v"]),
        ("a{{w}}b{{v}}{{w}}", ["w", "v"]),
        ("{{ v }}", [" v "]),
        ("{{{v}}", ["{v"]),
        ("{{v}}}", ["v"]),
        ("{{a}b}}", ["a}b"]),
        ("{{a\nb}}", ["a\nb"]),
        ("{{" + "n" * 200 + "}}", ["n" * 200]),
    ],
)
def test_variables(text, names):
    found = variables(reading({"x": [{"y": text}]}))
    assert [variable.name for variable in found] == sorted(set(names), reverse=True)
    assert not any(variable.protected for variable in found)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("{{}}", "a variable needs a name"),
        ("{{v", "{{ without }} after it"),
        ("v}}", "}} without {{ before it"),
        ("{{v}}}}", "}} without {{ before it"),
        ("{{v}} }} {{w", "}} without {{ before it"),
        ("{{a{{b}}}}", "must not begin inside another one"),
        ("{{{{v}}", "must not begin inside another one"),
        ("{{" + "n" * 201 + "}}", "at most 200 characters"),
    ],
)
def test_stray_braces_below_access(text, rule):
    (problem,) = problems(reading({"deep": [text]}))
    assert problem.member == "inputs.text.connector.access.deep[0]"
    assert rule in problem.rule
    assert problem.value == ""


@pytest.mark.parametrize("text", ["{{v}}", "v}}", "{{"])
def test_braces_elsewhere(text):
    (problem,) = problems(red(inputs__term=text))
    assert problem.member == "inputs.term"
    assert problem.rule == "{{ and }} may stand only below access or auth"
    assert problem.value == ""


@pytest.mark.parametrize("key", ["password", "privateKey", "_x", "_"])
def test_a_variable_is_protected_by_any_occurrence(key):
    access = {"plain": "{{v}}", "x": {key: [{"y": "{{v}}"}]}, "other": "{{w}}"}
    assert variables(reading(access)) == [("w", False), ("v", True)]


def test_variables_of_all_places():
    document = reading({"url": "{{a}}"})
    document["container"]["settings"]["image"]["auth"] = {"username": "{{b}}", "password": "{{c}}"}
    access = {"url": "{{d}}", "auth": {"username": "u", "_password": "{{e}}"}}
    document["execution"]["settings"]["access"] = access
    assert problems(document) == []
    assert variables(document) == [
        ("e", True), ("d", False), ("c", True), ("b", False), ("a", False)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "member"),
    [
        ({"inputs__password": "x"}, "inputs.password"),
        ({"cli__inputs___x": {"type": "int?", "inputBinding": {}}}, "cli.inputs._x"),
        ({"container__settings__privateKey": {"deeper": "{{v}}"}}, "container.settings.privateKey"),
    ],
)
def test_protected_keys_elsewhere(changes, member):
    found = problems(red(**changes))
    assert "may stand only below access or auth" in found[0].rule
    assert found[0].member == member
    assert {problem.value for problem in found} == {""}


@pytest.mark.parametrize("document", [{"a": {"_x": "{{v"}}, {"a": "{{v}}"}])
def test_variables_of_faulty_documents_are_refused(document):
    with pytest.raises(InvalidDocument):
        variables(document)


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("x\0y", "no NUL characters"),
        ("\ud800", "must be valid Unicode"),
        (math.nan, "a number must be finite"),
        (-math.inf, "a number must be finite"),
        (2**63, "a whole number must fit into 64 bits"),
        (-(2**63) - 1, "a whole number must fit into 64 bits"),
        pytest.param(10**5000, "a whole number must fit into 64 bits", id="digits"),
        ({1, 2}, "not a JSON value but set"),
        (b"x", "not a JSON value but bytes"),
        ((1,), "not a JSON value but tuple"),
    ],
)
def test_values_that_are_nowhere_allowed(value, rule):
    for document, member in (
        (reading({"x": value}), "inputs.text.connector.access.x"),
        (reading({"password": {"x": [value]}}), "inputs.text.connector.access.password"),
        (red(redVersion=value), "redVersion"),
    ):
        found = problems(document)
        assert (found[0].member, found[0].rule) == (member, rule)
        assert found[0].value == ""


@pytest.mark.parametrize("key", ["a\0", "\udfff"])
def test_keys_that_are_nowhere_allowed(key):
    (problem,) = problems(reading({key: 1}))
    assert problem.member == "inputs.text.connector.access"
    assert problem.rule.startswith("a key: ")


@pytest.mark.parametrize("key", [5, None, True, ("a",)])
def test_keys_must_be_text(key):
    (problem,) = problems(red(cli={key: 1}))
    assert problem.member == "cli"
    assert problem.rule.startswith("keys must be text")


def test_underscore_and_plain_name_exclude_each_other():
    (problem,) = problems(reading({"x": [{"__a": 1, "_a": 2}]}))
    assert problem.member == "inputs.text.connector.access.x[0].__a"
    assert problem.rule == "stands there as _a too"


def test_too_deep():
    value: object = "x"
    for _ in range(100_000):
        value = [value]
    (problem,) = problems(reading(value))
    assert problem.rule == "at most 64 levels of nesting"


def test_cycles_end():
    cycle: list[object] = []
    cycle += [cycle, cycle]
    (problem,) = problems(reading(cycle))
    assert "at most" in problem.rule


def test_too_many_values():
    (problem,) = problems(reading({"x": [0] * 1_000_000}))
    assert problem.rule == "at most 1000000 values"


def test_substituted():
    document = reading({"a": "{{v}}", "b": ["x{{w}}y{{v}}", 5, None], "c": {"_p": "{{v}}{"}})
    document["doc"] = "plain"
    before = repr(document)
    filled = substituted(document, {"v": "{{w}}", "w": "W", "unused": "x"})
    assert filled["inputs"]["text"]["connector"]["access"] == {
        "a": "{{w}}", "b": ["xWy{{w}}", 5, None], "c": {"_p": "{{w}}{"},
    }  # fmt: skip
    assert repr(document) == before
    assert substituted(document, {}) == document


def test_nothing_is_substituted_elsewhere():
    assert substituted({"doc": "{{v}}"}, {"v": "x"}) == {"doc": "{{v}}"}
