"""The request of a past Execution once more."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccp_jupyter.hub_service.controller.base import Submission
from ccp_jupyter.hub_service.controller.submission import build, write_files
from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.infrastructure import Infrastructure, Limits
from ccp_jupyter.model.method import Method, parse_method
from ccp_jupyter.model.repeating import repeated
from ccp_jupyter.model.request import check_request
from ccp_jupyter.model.stored_method import StoredMethod
from ccp_jupyter.model.values import FileValue
from tests.jobs import method

FILE = {"minOccurs": 0, "schema": {"type": "string", "format": "file"}}
INPUTS: dict[str, dict[str, Any]] = {
    "word": {"minOccurs": 0},
    "count": {"minOccurs": 0, "schema": {"type": "integer", "default": 3}},
    "table": {**FILE, "schema": {**FILE["schema"], "contentEncoding": "base64"}},  # type: ignore[dict-item]
    "text": {
        "minOccurs": 0,
        "schema": {
            "type": "string",
            "contentMediaType": "text/plain",
            "contentEncoding": "utf-8",
            "format": "file",
            "maxLength": 20,
        },
    },
    "many": {**FILE, "maxOccurs": 5},
    "key": {"minOccurs": 0, "schema": {"type": "string", "format": "secret"}},
    "area": {"minOccurs": 0, "schema": {"type": "object"}},
}
METHOD = parse_method(method("busybox", "true", inputs=INPUTS))
LAB = Infrastructure.model_validate({"id": "local-docker", "name": "Lab", "nodes": []})


def executed(body: dict[str, Any], folder: Path, of: Method = METHOD) -> Execution:
    """Return the Execution of a request, with its files in a folder."""
    stored = StoredMethod(id=of.id, owner="alice", document=of.document())
    request = check_request(of, body, Limits())
    execution, _, files = build(Submission("alice", {}, stored, body), of, request, LAB)
    write_files(folder, files)
    return execution


def again(old: Execution, folder: Path, changes: object = None, of: Method = METHOD) -> Any:
    def read(value: FileValue) -> bytes:
        return (folder / value.path).read_bytes()

    return repeated(old, of, {} if changes is None else changes, read)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


VALUES = st.fixed_dictionaries(
    {},
    optional={
        "word": st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])),
        "count": st.integers(-5, 5) | st.sampled_from(["7", ""]),
        "table": st.binary(max_size=50).map(b64)
        | st.just("https://example.org/table.csv")
        | st.binary(min_size=1, max_size=9).map(
            lambda data: {"value": b64(data), "mediaType": "text/csv"}
        ),
        "text": st.text("abc é", min_size=1, max_size=20)
        | st.just({"value": b64(b"\xff\x00"), "encoding": "base64"}),
        "many": st.lists(st.binary(min_size=1, max_size=9).map(b64), min_size=1, max_size=3)
        | st.just([{"href": "https://example.org/x", "type": "text/csv"}, b64(b"abc")])
        | st.binary(min_size=1, max_size=9).map(b64),
        "area": st.just({"type": "Point", "coordinates": [1, 2]})
        | st.just({"value": {"href": "inputs/table"}}),
        "ccpnote": st.just("my note"),
    },
)


@given(inputs=VALUES)
@settings(max_examples=60, deadline=None)
def test_unchanged_it_is_the_same_execution_once_more(tmp_path_factory, inputs):
    if "ccpnote" in inputs:
        inputs.pop("ccpnote")
    folder = tmp_path_factory.mktemp("repeated")
    old = executed({"inputs": inputs, "response": "document"}, folder)
    body = again(old, folder)
    new = executed(body, folder / "new")
    assert new.inputs == old.inputs
    assert new.request == old.request
    for values in new.inputs.values():
        for value in values:
            if isinstance(value, FileValue):
                content = (folder / "new" / value.path).read_bytes()
                assert content == (folder / value.path).read_bytes()


def test_what_is_given_replaces_and_null_takes_away(tmp_path):
    old = executed(
        {"inputs": {"word": "one", "count": 7, "table": b64(b"x")}, "response": "raw"}, tmp_path
    )
    changes = {"inputs": {"word": "two", "count": None}, "response": "document", "outputs": {}}
    body = again(old, tmp_path, changes)
    assert body["inputs"]["word"] == "two"
    assert "count" not in body["inputs"]
    assert body["inputs"]["table"]["value"] == b64(b"x")
    assert (body["response"], body["outputs"]) == ("document", {})
    assert executed(body, tmp_path / "new").inputs["count"][0].value == 3  # type: ignore[union-attr]


def test_a_changed_file_is_not_read(tmp_path):
    old = executed({"inputs": {"table": b64(b"x")}}, tmp_path)
    (tmp_path / "inputs/table").unlink()
    changed = again(old, tmp_path, {"inputs": {"table": b64(b"y")}})
    assert changed["inputs"]["table"] == b64(b"y")
    with pytest.raises(InvalidDocument, match=r"inputs\.table: its file is not there any more"):
        again(old, tmp_path)


def test_some_of_the_files_stay_in_another_order_beside_new_ones(tmp_path):
    files = [b64(b"one"), b64(b"two"), b64(b"three")]
    old = executed({"inputs": {"many": files, "table": b64(b"x")}}, tmp_path)
    kept = old.request["inputs"]["many"]
    body = again(old, tmp_path, {"inputs": {"many": [kept[2], b64(b"new"), kept[0]]}})
    new = executed(body, tmp_path / "new")
    contents = [
        (tmp_path / "new" / value.path).read_bytes()
        for value in new.inputs["many"]
        if isinstance(value, FileValue)
    ]
    assert contents == [b"three", b"new", b"one"]
    assert new.inputs["table"] == old.inputs["table"]


@pytest.mark.parametrize("href", ["inputs/many.9", "../x", "inputs/../../table", "/etc/passwd"])
def test_no_other_file_is_taken(tmp_path, href):
    old = executed({"inputs": {"table": b64(b"x")}}, tmp_path)
    body = again(old, tmp_path, {"inputs": {"table": {"href": href}}})
    with pytest.raises(InvalidDocument, match=r"inputs\.table\.href"):
        executed(body, tmp_path / "new")


def test_a_file_that_stays_must_be_there(tmp_path):
    old = executed({"inputs": {"table": b64(b"x")}}, tmp_path)
    (tmp_path / "inputs" / "table").unlink()
    with pytest.raises(InvalidDocument, match=r"inputs\.table: its file is not there any more"):
        again(old, tmp_path, {"inputs": {"table": old.request["inputs"]["table"]}})


def test_what_looks_like_a_file_in_another_value_stays(tmp_path):
    old = executed({"inputs": {"table": b64(b"x")}}, tmp_path)
    area = {"value": {"href": "inputs/table"}}
    assert again(old, tmp_path, {"inputs": {"area": area}})["inputs"]["area"] == area


def test_secrets_must_be_given_again_and_all_of_them_are_named(tmp_path):
    two = parse_method(method("busybox", "true", inputs={"a": INPUTS["key"], "b": INPUTS["key"]}))
    old = executed({"inputs": {"a": "hunter1", "b": {"$secret": "mine"}}}, tmp_path, two)
    with pytest.raises(InvalidDocument) as caught:
        again(old, tmp_path, of=two)
    assert [each.member for each in caught.value.problems] == ["inputs.a", "inputs.b"]
    assert "hunter1" not in str(caught.value)
    given = {"inputs": {"a": "again", "b": None}}
    assert again(old, tmp_path, given, two)["inputs"] == {"a": "again"}


def test_nobody_is_told_of_a_repetition_unless_it_says_so(tmp_path):
    subscriber = {"successUri": "https://example.org/done"}
    old = executed({"inputs": {}, "subscriber": subscriber}, tmp_path)
    assert "subscriber" not in again(old, tmp_path)
    assert again(old, tmp_path, {"subscriber": subscriber})["subscriber"] == subscriber


def test_the_newest_method_may_have_other_inputs(tmp_path):
    old = executed({"inputs": {"word": "one", "key": "secret"}}, tmp_path)
    newest = parse_method(method("busybox", "true", inputs={"other": {"minOccurs": 0}}))
    body = again(old, tmp_path, of=newest)
    with pytest.raises(InvalidDocument, match=r"inputs\.word: no such input"):
        check_request(newest, body, Limits())
    assert again(old, tmp_path, {"inputs": {"word": None, "other": "x"}}, newest)["inputs"] == {
        "other": "x"
    }


@pytest.mark.parametrize(
    ("changes", "member"),
    [
        ([], ""),
        ("inputs", ""),
        (7, ""),
        ({"process": "other"}, "process"),
        ({"x" * 10_000: 1}, "x" * 100),
        ({"inputs": None}, "inputs"),
        ({"inputs": ["word"]}, "inputs"),
    ],
)
def test_changes_of_the_wrong_shape(tmp_path, changes, member):
    old = executed({"inputs": {}}, tmp_path)
    with pytest.raises(InvalidDocument) as caught:
        again(old, tmp_path, changes)
    assert [each.member for each in caught.value.problems] == [member]
