"""Requests as snippets show them: no secret, no file that nobody could read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from ccp_jupyter.codegen.facts import LocalFile, Secret, holes
from ccp_jupyter.codegen.request import LARGEST_INLINE, with_holes
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.method import parse_method
from ccp_jupyter.model.request import check_request
from ccp_jupyter.model.values import FileValue, InlineFile
from tests.jobs import method
from tests.unit.model.test_repeating import METHOD, VALUES, b64, executed


def shown(body: dict[str, Any]) -> dict[str, Any]:
    """Return a request that was just filled in, with holes."""
    checked = check_request(METHOD, body, Limits())
    values: dict[str, Any] = {**checked.inputs}

    def read(value: FileValue | InlineFile) -> bytes:
        assert isinstance(value, InlineFile)
        return value.data

    return with_holes(checked.body, values, METHOD, read, "from {}".format, checked.named_secrets)


def past(body: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the request of a past Execution, with holes."""
    old = executed(body, folder)

    def read(value: FileValue | InlineFile) -> bytes:
        assert isinstance(value, FileValue)
        return (folder / value.path).read_bytes()

    values: dict[str, Any] = {**old.inputs}
    return with_holes(old.request, values, METHOD, read, "from {}".format)


def filled(request: dict[str, Any], content: dict[str, bytes], secret: str) -> Any:
    """Return a request with its holes filled, as a snippet does."""

    def fill(value: Any) -> Any:
        match value:
            case Secret():
                return secret
            case LocalFile():
                return b64(content[value.name])
            case dict():
                return {name: fill(each) for name, each in value.items()}
            case list():
                return [fill(each) for each in value]
        return value

    return fill(request)


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_a_snippet_sends_what_was_sent(tmp_path_factory, inputs):
    folder = tmp_path_factory.mktemp("execution")
    inputs = {name: value for name, value in inputs.items() if name != "ccpnote"}
    body = {"inputs": {**inputs, "key": "its-secret"}, "response": "document"}
    wanted = check_request(METHOD, body, Limits())
    files = {
        (name if not METHOD.inputs[name].many else f"{name}.{number}"): each.data
        for name, each_input in wanted.inputs.items()
        for number, each in enumerate(each_input, 1)
        if isinstance(each, InlineFile)
    }
    for request in (shown(body), past(body, folder)):
        found = check_request(METHOD, filled(request, files, "its-secret"), Limits())
        assert found.inputs == wanted.inputs
        assert found.outputs == wanted.outputs and found.response == wanted.response
        assert found.secrets == wanted.secrets


def test_small_texts_are_inline_and_all_else_is_a_file(tmp_path):
    long = b"a,b\n" * (LARGEST_INLINE // 4 + 1)
    cases: dict[bytes, bool] = {
        b"a,b\n1,2\r\n\tx": True,
        "grüße ☃".encode(): True,
        b"x" * LARGEST_INLINE: True,
        long: False,
        b"\x00": False,
        b"\x89PNG": False,
        b"\x1b[31m": False,
        b"\xef\xbb\xbfbom": False,
    }
    for data, inline in cases.items():
        body = {"inputs": {"table": {"value": b64(data), "mediaType": "text/csv"}}}
        for request in (shown(body), past(body, tmp_path / str(hash(data)))):
            table = request["inputs"]["table"]
            assert table["mediaType"] == "text/csv"
            if inline:
                assert table == {
                    "value": data.decode(),
                    "encoding": "utf-8",
                    "mediaType": "text/csv",
                }
            else:
                assert table["value"] == LocalFile("table", len(data), "from table")
                assert table["encoding"] == "base64"


def test_files_of_an_input_with_several_have_their_number(tmp_path):
    body = {"inputs": {"many": [b64(b"\x00"), "https://example.org/x.csv", b64(b"\x01")]}}
    for request in (shown(body), past(body, tmp_path)):
        assert [each.name for each in holes(request) if isinstance(each, LocalFile)] == [
            "many.1",
            "many.3",
        ]
        assert request["inputs"]["many"][1] == "https://example.org/x.csv"


def test_a_file_that_is_gone_is_a_hole(tmp_path):
    body = {"inputs": {"table": b64(b"small")}}
    old = executed(body, tmp_path)

    def read(value: object) -> bytes:
        raise FileNotFoundError(value)

    request = with_holes(old.request, {**old.inputs}, METHOD, read, "from {}".format)
    assert request["inputs"]["table"]["value"] == LocalFile("table", 5, "from table")


@pytest.mark.parametrize("given", ["hunter2", {"value": "hunter2", "mediaType": "text/plain"}])
def test_secrets_are_holes(given, tmp_path):
    body = {
        "inputs": {"key": given, "area": {"secret": True}},
        "subscriber": {"successUri": "https://example.org/?token=hunter2"},
        "process": METHOD.id,
    }
    for request in (shown(body), past(body, tmp_path)):
        assert request == {
            "inputs": {"key": Secret("key", "CCP_SECRET_KEY"), "area": {"secret": True}}
        }
        assert "hunter2" not in json.dumps(request, default=str)


def test_names_of_personal_secrets_stay():
    assert shown({"inputs": {"key": {"$secret": "my-key"}}}) == {
        "inputs": {"key": {"$secret": "my-key"}}
    }


def test_every_secret_has_its_own_variable():
    secret = {"schema": {"type": "string", "format": "secret"}}
    names = ("a-b", "a.b", "A_B", "ab", "2")
    document = method("busybox", "true", inputs=dict.fromkeys(names, secret))
    checked = check_request(parse_method(document), {"inputs": dict.fromkeys(names, "s")}, Limits())

    def read(value: object) -> bytes:
        raise AssertionError(value)

    request = with_holes(checked.body, {**checked.inputs}, parse_method(document), read, str)
    variables = [each.variable for each in holes(request) if isinstance(each, Secret)]
    assert variables == [
        "CCP_SECRET_A_B",
        "CCP_SECRET_A_B_2",
        "CCP_SECRET_A_B_3",
        "CCP_SECRET_AB",
        "CCP_SECRET_2",
    ]
