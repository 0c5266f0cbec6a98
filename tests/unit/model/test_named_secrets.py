"""Secret inputs that name a personal secret instead of holding a value."""

from __future__ import annotations

import json

import pytest

from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.method import parse_method
from ccp_jupyter.model.request import CheckedRequest, check_request, with_named_secrets
from ccp_jupyter.model.values import SecretValue
from tests.unit.model.method_documents import method_document, text_input

VALUE = "correct-horse"
METHOD = parse_method(
    method_document(
        {
            "key": {"minOccurs": 0, **text_input(format="secret", minLength=3, pattern="^[^!]*$")},
            "other": {"minOccurs": 0, **text_input(format="secret")},
            "text": {"minOccurs": 0, **text_input()},
            "record": {"minOccurs": 0, "schema": {"type": "object"}},
            "file": {"minOccurs": 0, **text_input(format="file")},
        },
        execute=["printf %s {{ key }} {{ other }}"],
    )
)


def checked(**inputs: object) -> CheckedRequest:
    return check_request(METHOD, {"inputs": inputs}, Limits())


def problems_of(request: CheckedRequest, values: dict[str, str]) -> list[str]:
    with pytest.raises(InvalidDocument) as caught:
        with_named_secrets(METHOD, request, values)
    assert VALUE not in str(caught.value)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("sent", [{"$secret": "aws"}, {"value": {"$secret": "aws"}}])
def test_a_name_stands_for_a_value(sent: object) -> None:
    request = checked(key=sent, other="plain", text="x")
    assert request.named_secrets == {"key": "aws"}
    assert request.secrets == {"other": "plain"}
    assert request.inputs["key"] == [SecretValue()]
    assert request.body["inputs"]["key"] == {"secret": True}
    full = with_named_secrets(METHOD, request, {"aws": VALUE, "unused": "x"})
    assert full.secrets == {"key": VALUE, "other": "plain"}
    assert request.secrets == {"other": "plain"}, "the first is as it was"
    for shown in (repr(full), json.dumps(full.body)):
        assert VALUE not in shown
        assert "aws" not in shown


def test_one_name_for_two_inputs() -> None:
    request = checked(key={"$secret": "aws"}, other={"$secret": "aws"})
    assert with_named_secrets(METHOD, request, {"aws": VALUE}).secrets == {
        "key": VALUE,
        "other": VALUE,
    }


def test_a_request_without_names() -> None:
    request = checked(key=VALUE)
    assert request.named_secrets == {}
    assert with_named_secrets(METHOD, request, {}).secrets == {"key": VALUE}


def test_a_text_that_looks_like_a_name_is_a_value() -> None:
    assert checked(other='{"$secret": "aws"}').secrets == {"other": '{"$secret": "aws"}'}


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        ({"$secret": ""}, "inputs.key.$secret: must be the name of a personal secret"),
        ({"$secret": "a b"}, "inputs.key.$secret: must be the name of a personal secret"),
        ({"$secret": "a\n"}, "inputs.key.$secret: must be the name of a personal secret"),
        ({"$secret": "x" * 101}, "inputs.key.$secret: must be the name of a personal secret"),
        ({"$secret": 5}, "inputs.key.$secret: must be the name of a personal secret"),
        ({"$secret": None}, "inputs.key.$secret: must be the name of a personal secret"),
        ({"$secret": {"$secret": "a"}}, "inputs.key.$secret: must be the name"),
        ({"$secret": "aws", "more": 1}, "inputs.key: a secret must be text"),
        ({"$Secret": "aws"}, "inputs.key: a secret must be text"),
        ([{"$secret": "aws"}], "inputs.key: a secret must be text"),
    ],
    ids=str,
)
def test_what_is_no_name(sent: object, problem: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        checked(key=sent)
    (found,) = caught.value.problems
    assert str(found).startswith(problem)
    assert found.value == ""


@pytest.mark.parametrize("name", ["text", "file"])
def test_only_secret_inputs_take_names(name: str) -> None:
    with pytest.raises(InvalidDocument):
        checked(**{name: {"$secret": "aws"}})


def test_an_object_of_another_input_is_itself() -> None:
    request = checked(record={"$secret": "aws"})
    assert request.named_secrets == {}
    assert request.body["inputs"]["record"] == {"$secret": "aws"}


def test_all_that_is_wrong_with_the_values_is_said() -> None:
    request = checked(key={"$secret": "short"}, other={"$secret": "none"})
    found = problems_of(request, {"short": "x!"})
    assert any(each.startswith("inputs.key: ") for each in found)
    assert any(each.startswith("inputs.other.$secret: must name one of your") for each in found)
    assert "x!" not in str(found)


def test_a_value_that_cannot_stand_in_a_script() -> None:
    (found,) = problems_of(checked(key={"$secret": "nul"}), {"nul": VALUE + "\0"})
    assert "key" in found


def test_values_are_limited_together() -> None:
    request = checked(key={"$secret": "large"}, other={"$secret": "large"})
    (found,) = problems_of(request, {"large": "x" * (2**19 + 1)})
    assert "all personal secrets together may have at most 1048576 characters" in found
