"""Forms: from schemas to fields, and from what was sent to a request."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ccp_jupyter.hub_service.api.errors import ApiError
from ccp_jupyter.hub_service.api.html.fields import InputField, control_of, fields
from ccp_jupyter.hub_service.api.html.forms import by_field, typed
from ccp_jupyter.hub_service.api.html.sent import Sent, kept, read_form, request_of
from ccp_jupyter.model.errors import InvalidDocument, Problem

TEXT = {"type": "string"}


def descriptor(schema: dict[str, Any], least: int = 1, most: int | str = 1) -> dict[str, Any]:
    return {"minOccurs": least, "maxOccurs": most, "schema": schema}


def field(schema: dict[str, Any], least: int = 1, most: int | str = 1, **given: Any) -> InputField:
    (found,) = fields({"x": descriptor(schema, least, most)}, **given)
    return found


@pytest.mark.parametrize(
    ("schema", "least", "most", "control"),
    [
        (TEXT, 1, 1, "text"),
        ({}, 1, 1, "text"),
        (TEXT, 0, 3, "lines"),
        (TEXT, 1, "unbounded", "lines"),
        ({**TEXT, "maxLength": 5000}, 1, 1, "lines"),
        ({**TEXT, "format": "code"}, 1, 1, "lines"),
        ({**TEXT, "format": "geo"}, 1, 1, "lines"),
        ({**TEXT, "default": "a\nb"}, 1, 1, "lines"),
        ({**TEXT, "format": "url"}, 1, 1, "url"),
        ({**TEXT, "format": "date"}, 1, 1, "date"),
        ({**TEXT, "format": "dateTime"}, 1, 1, "datetime-local"),
        ({**TEXT, "format": "secret"}, 1, 1, "secret"),
        ({**TEXT, "format": "secret", "readOnly": True, "default": "s"}, 1, 1, "secret"),
        ({**TEXT, "format": "file"}, 1, 1, "file"),
        ({**TEXT, "format": "remotefile"}, 0, 2, "file"),
        ({**TEXT, "contentEncoding": "base64"}, 1, 1, "file"),
        ({"type": "integer"}, 1, 1, "number"),
        ({"type": "number"}, 0, 1, "number"),
        ({"type": "boolean"}, 1, 1, "checkbox"),
        ({"type": "boolean", "default": False}, 0, 1, "checkbox"),
        ({"type": "boolean"}, 0, 1, "select"),
        ({"enum": ["a", "b"]}, 1, 1, "radio"),
        ({"enum": ["a", "b"]}, 0, 1, "select"),
        ({"enum": list("abcde")}, 1, 1, "select"),
        ({"enum": ["a", "b"]}, 0, 2, "checklist"),
        ({"type": "object"}, 1, 1, "json"),
        ({"type": "array", "items": {}}, 1, 1, "json"),
        ({"oneOf": [TEXT, {"type": "object"}]}, 1, 1, "json"),
        ({**TEXT, "readOnly": True, "default": "fixed"}, 1, 1, "fixed"),
        ({"enum": ["a"], "readOnly": True, "default": "a"}, 1, 1, "fixed"),
    ],
)
def test_the_control_fits_to_the_schema(schema, least, most, control):
    assert control_of(descriptor(schema, least, most)) == control
    assert field(schema, least, most).control == control


def test_defaults_and_limits_stand_in_the_form():
    schema = {"type": "integer", "default": 3, "minimum": 0, "exclusiveMinimum": True, "maximum": 9}
    found = field(schema)
    assert found.text == "3"
    assert found.limits == {"min": "0", "max": "9", "step": "1"}
    assert found.rules == ("more than 0", "at most 9")
    assert field({**TEXT, "maxLength": 5, "pattern": "^a"}).limits == {"maxlength": "5"}
    several = field({"type": "number", "default": [1, 2.5]}, 2, 5)
    assert several.text == "1\n2.5"
    assert several.rules == ("numbers", "from 2 to 5 values")
    options = field({"type": "integer", "enum": [1, 2, "x"], "default": 2}).options
    assert [(each.value, each.chosen) for each in options] == [
        ("1", False),
        ("2", True),
        ("x", False),
    ]
    assert field({**TEXT, "format": "dateTime", "default": "2026-01-02T03:04:05Z"}).text == (
        "2026-01-02T03:04:05"
    )
    assert field({"type": "object", "default": {"a": 1}}).text == '{\n  "a": 1\n}'


def test_nothing_of_a_secret_is_shown():
    schema = {**TEXT, "format": "secret", "default": "hush"}
    for found in (field(schema), field(schema, given={"x": "typed"}), field(schema, given={})):
        assert "hush" not in str(found.document()) and "typed" not in str(found.document())


def test_given_values_stand_instead_of_defaults():
    assert field({**TEXT, "default": "old"}, given={"x": "new"}).text == "new"
    assert field({**TEXT, "default": "old"}, given={}).text == ""
    assert field({**TEXT, "default": "old", "readOnly": True}, given={"x": "new"}).text == "old"
    assert field(TEXT, given={"x": {"value": "inner"}}).text == "inner"
    link = {"href": "https://example.test/a.csv", "type": "text/csv"}
    file = {**TEXT, "format": "file"}
    assert field(file, given={"x": link}).text == "https://example.test/a.csv"
    assert field(file, given={"x": {"href": "inputs/x"}}).text == ""
    assert field(file, given={"x": "aGVsbG8="}).text == ""
    assert field({"type": "boolean"}, given={"x": "true"}).options[0].chosen
    assert not field({"type": "boolean", "default": True}, given={}).options[0].chosen


@pytest.mark.parametrize("inputs", [{"x": None}, {"x": []}, {"x": 5}, {"x": {"schema": None}}])
def test_descriptors_that_are_none(inputs):
    assert all(each.control == "text" for each in fields(inputs))


# --- what was sent ---


def multipart(*parts: tuple[str, bytes, str | None], boundary: str = "XX") -> bytes:
    lines = []
    for name, content, filename in parts:
        given = f'; filename="{filename}"' if filename is not None else ""
        kind = "Content-Type: text/csv\r\n" if filename is not None else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{given}\r\n{kind}\r\n'
        lines.append(head.encode() + content + b"\r\n")
    return b"".join(lines) + f"--{boundary}--\r\n".encode()


def request(inputs: dict[str, Any], *parts: tuple[str, bytes, str | None]) -> dict[str, Any]:
    sent = read_form("multipart/form-data; boundary=XX", multipart(*parts))
    return request_of(inputs, ["a", "b"], sent)


def value(schema: dict[str, Any], text: str, least: int = 1, most: int | str = 1) -> Any:
    found = request({"x": descriptor(schema, least, most)}, ("inputs.x", text.encode(), None))
    return found["inputs"].get("x")


@pytest.mark.parametrize(
    ("schema", "text", "most", "found"),
    [
        (TEXT, "täxt", 1, "täxt"),
        (TEXT, "", 1, None),
        ({**TEXT, "default": "d"}, "", 1, ""),
        (TEXT, "a\r\nb", 1, "a\nb"),
        (TEXT, "a\r\n\r\nb\r\n", 3, ["a", "b"]),
        ({"type": "integer"}, "5", 1, "5"),
        ({"type": "integer"}, "1\r\n2", 9, ["1", "2"]),
        ({"type": "boolean"}, "true", 1, True),
        ({"type": "boolean"}, "nonsense", 1, False),
        ({"type": "integer", "enum": [1, 2]}, "2", 1, 2),
        ({"enum": ["a", True, None]}, "true", 1, True),
        ({"enum": ["a", "b"]}, "c", 1, "c"),
        ({"enum": ["a", "b"]}, "b", 3, ["b"]),
        ({"type": "object"}, '{"a": [1]}', 1, {"a": [1]}),
        ({"type": "object"}, "", 1, None),
        ({"oneOf": [TEXT, {"type": "integer"}]}, "12", 1, 12),
        ({"oneOf": [TEXT, {"type": "integer"}]}, "just text", 1, "just text"),
        ({"oneOf": [TEXT]}, "NaN", 1, "NaN"),
        ({**TEXT, "format": "dateTime"}, "2026-01-02T03:04", 1, "2026-01-02T03:04:00Z"),
        ({**TEXT, "format": "dateTime"}, "2026-01-02T03:04:05", 1, "2026-01-02T03:04:05Z"),
        ({**TEXT, "format": "dateTime"}, "soon", 1, "soon"),
        ({**TEXT, "format": "secret"}, "hush", 1, "hush"),
        ({**TEXT, "readOnly": True, "default": "d"}, "forged", 1, None),
    ],
)
def test_values_come_as_a_request_has_them(schema, text, most, found):
    assert value(schema, text, most=most) == found


def test_a_box_that_is_off_says_so():
    on = {"x": descriptor({"type": "boolean", "default": True})}
    assert request(on, ("key", b"k", None))["inputs"] == {"x": False}
    undecided = {"x": descriptor({"type": "boolean"}, 0)}
    assert request(undecided, ("inputs.x", b"", None))["inputs"] == {}
    assert request(undecided, ("inputs.x", b"false", None))["inputs"] == {"x": False}


def test_files_links_and_named_secrets():
    file = {"x": descriptor({**TEXT, "format": "file"}, 0, 5)}
    content = b"a,b\r\n\x00\xff"
    found = request(
        file, ("inputs.x", content, "a.csv"), ("inputs.x:link", b"https://x.test", None)
    )
    (one, link) = found["inputs"]["x"]
    assert base64.b64decode(one["value"]) == content
    assert one["encoding"] == "base64" and one["mediaType"] == "text/csv"
    assert link == {"href": "https://x.test"}
    assert request(file, ("inputs.x", b"", ""))["inputs"] == {}, "no file was chosen"
    declared = {"x": descriptor({**TEXT, "format": "file", "contentMediaType": "image/tiff"})}
    assert "mediaType" not in request(declared, ("inputs.x", b"II*", "a.csv"))["inputs"]["x"]
    secret = {"x": descriptor({**TEXT, "format": "secret"})}
    named = request(secret, ("inputs.x", b"", None), ("inputs.x:secret", b"mine", None))
    assert named["inputs"] == {"x": {"$secret": "mine"}}


def test_outputs_are_named_only_when_some_are_left_out():
    some = request({}, ("outputs", b"a", None), ("outputs", b"unknown", None))
    assert some["outputs"] == {"a": {}}
    assert "outputs" not in request({}, ("outputs", b"a", None), ("outputs", b"b", None))
    assert "outputs" not in request({})


def test_json_that_is_none_names_its_field():
    inputs = {"a": descriptor({"type": "object"}), "b": descriptor({"type": "array"})}
    with pytest.raises(InvalidDocument) as caught:
        request(inputs, ("inputs.a", b"{", None), ("inputs.b", b'[1, "x', None))
    assert [each.member for each in caught.value.problems] == ["inputs.a", "inputs.b"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=", b""),
        ("multipart/form-data; boundary=XX", b"nothing of the kind"),
        ("multipart/form-data; boundary=XX", multipart(("a", b"x" * 100, None))[:80]),
        ("multipart/form-data; boundary=XX", multipart(("a", b"\xff\xfe", None))),
        ("multipart/form-data; boundary=XX", multipart(*[("a", b"", None)] * 6000)),
        ("multipart/form-data; boundary=\xff", b""),
        ("multipart/form-data; boundary=X\r\nY: z", b""),
    ],
)
def test_hostile_bodies_are_refused(kind, body):
    with pytest.raises(ApiError) as caught:
        read_form(kind, body)
    assert caught.value.status_code == 400


def test_problems_stand_at_their_fields():
    inputs: dict[str, Any] = {"a": {}, "a.b": {}, "c": {}}
    problems = [
        Problem("inputs.a.b", "one", "5"),
        Problem("inputs.a.x", "two"),
        Problem("inputs.c[0]", "three"),
        Problem("inputs.other", "four"),
        Problem("outputs.c", "five"),
    ]
    of_fields, others = by_field(problems, inputs)
    assert of_fields == {"a.b": ["one (found 5)"], "a": ["two"], "c": ["three"]}
    assert others == ["inputs.other: four", "outputs.c: five"]


def test_what_was_typed_is_kept_but_no_secret():
    inputs = {
        "plain": descriptor(TEXT),
        "several": descriptor(TEXT, 0, 5),
        "secret": descriptor({**TEXT, "format": "secret"}),
        "file": descriptor({**TEXT, "format": "file"}),
        "json": descriptor({"type": "object"}),
    }
    texts = {f"inputs.{name}": ["typed " + name] for name in inputs}
    texts["inputs.file:link"] = ["https://x.test/a"]
    del texts["inputs.file"]
    again = {each.id: each for each in fields(inputs, typed(inputs, Sent(texts)))}
    assert again["plain"].text == "typed plain"
    assert again["several"].text == "typed several"
    assert again["json"].text == "typed json"
    assert again["file"].text == "https://x.test/a"
    assert "typed secret" not in json.dumps([each.document() for each in again.values()])
    assert kept(inputs, {"inputs": {"secret": "s", "plain": "p", "unknown": 1}}) == {"plain": "p"}
    assert kept(inputs, {"inputs": "nonsense"}) == {}
