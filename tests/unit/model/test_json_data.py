"""What decoded JSON may hold at all."""

import json

import pytest

from ccp_jupyter.model.json_data import DEEPEST, data_problems, node_count


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("value", "member", "rule"),
    [
        (float("nan"), "", "finite"),
        ({"a": [0, float("inf")]}, "a[1]", "finite"),
        ({"a": "x\0y"}, "a", "NUL"),
        ({"a": "\ud800"}, "a", "Unicode"),
        ({"a": {"b\0": 1}}, "a", "NUL"),
        ({"a": {5: 1}}, "a", "must be text"),
        ({"a": {1, 2}}, "a", "set"),
        ({"a": b"x"}, "a", "bytes"),
        ({"a": 2**63}, "a", "64 bits"),
        ({"a": -(2**63) - 1}, "a", "64 bits"),
        (nested(DEEPEST + 1), ".".join("a" * DEEPEST), "levels"),
    ],
)
def test_refused(value, member, rule):
    (problem,) = data_problems(value)
    assert problem.member == member
    assert rule in problem.rule
    assert problem.value == ""


def test_accepted():
    document = {"a": [None, True, 2**63 - 1, -1.5, "é\n"], "b": nested(DEEPEST - 1)}
    assert data_problems(document) == []
    assert json.loads(json.dumps(document)) == document


def test_very_deep_documents_do_not_exhaust_the_stack():
    assert len(data_problems(nested(100_000))) == 1


def test_only_some_of_very_many_problems_are_listed():
    assert len(data_problems(["\0"] * 100_000)) == 20


def test_node_count():
    assert node_count({"a": [1, 2, {}], "b": "text"}) == 6
