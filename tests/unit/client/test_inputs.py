"""From Python values to execute requests, and what is said before anything is sent."""

from __future__ import annotations

import base64
import datetime
import enum
import io
import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from ccp_jupyter.client import CcpError, InvalidRequest, Method
from ccp_jupyter.client.inputs import execute_body
from ccp_jupyter.client.method import did_you_mean
from ccp_jupyter.client.uploads import Request, Upload
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.method import parse_method
from ccp_jupyter.model.request import check_request
from ccp_jupyter.model.values import InlineFile, LinkValue, PlainValue, SecretValue

FILE = {"type": "string", "format": "file", "contentMediaType": "text/csv"}
DESCRIPTION: dict[str, Any] = {
    "id": "m1",
    "title": "Column statistics",
    "version": "1.0.0",
    "inputs": {
        "ccpimage": {"schema": {"type": "string", "default": "busybox", "readOnly": True}},
        "ccpreplicas": {"minOccurs": 0, "schema": {"type": "integer", "default": 1}},
        "ccpmaxtime": {"minOccurs": 0, "schema": {"type": "integer", "default": 60}},
        "ccpnote": {"minOccurs": 0, "schema": {"type": "string", "default": ""}},
        "table": {"schema": {**FILE, "contentEncoding": "base64"}},
        "more": {"minOccurs": 0, "maxOccurs": 3, "schema": {**FILE, "contentEncoding": "base64"}},
        "any-file": {"minOccurs": 0, "schema": {"type": "string", "format": "file"}},
        "column": {"minOccurs": 0, "schema": {"type": "string", "default": "value"}},
        "count": {"minOccurs": 0, "schema": {"type": "integer"}},
        "ratio": {"minOccurs": 0, "schema": {"type": "number"}},
        "measures": {
            "minOccurs": 0,
            "maxOccurs": "unbounded",
            "schema": {"type": "string", "enum": ["mean", "max"]},
        },
        "numbers": {"minOccurs": 0, "schema": {"type": "array", "items": {"type": "number"}}},
        "settings": {"minOccurs": 0, "schema": {"type": "object"}},
        "key": {"minOccurs": 0, "schema": {"type": "string", "format": "secret"}},
        "note": {"minOccurs": 0, "schema": {"type": "string"}},
    },
    "outputs": {"stats": {"schema": {"type": "string"}}, "stdout": {"schema": {"type": "string"}}},
    "additionalParameters": {"parameters": [{"name": "execute-script", "value": ["true"]}]},
    "links": [{"rel": "compatibleWith", "href": "infrastructures/local"}],
}
METHOD = Method(DESCRIPTION)


def controls(**given: Any) -> dict[str, Any]:
    return {"replicas": None, "max_time": None, "note": None, "image": None, **given}


async def body(
    inputs: Any = None, *, outputs: Any = None, control: Any = None, **named: Any
) -> Any:
    if "table" not in (inputs or {}):
        named.setdefault("table", b"x")
    made = execute_body(METHOD, named, inputs, control or controls(), outputs)
    sent = b"".join([chunk async for chunk in made.chunks()])
    assert len(sent) == made.size
    return json.loads(sent)


async def value(name: str, given: object) -> tuple[Any, Any]:
    """What is sent for one input; the service's own check accepts it too."""
    document = await body({name: given})
    checked = check_request(parse_method(DESCRIPTION), document, Limits())
    return document["inputs"][name], checked.inputs[name]


def refused(
    match: str, inputs: Any = None, *, outputs: Any = None, control: Any = None, **named: Any
) -> InvalidRequest:
    named.setdefault("table", b"x")
    with pytest.raises(InvalidRequest, match=match) as caught:
        execute_body(METHOD, named, inputs, control or controls(), outputs)
    return caught.value


def uploaded(data: bytes, media_type: str = "text/csv") -> dict[str, Any]:
    text = base64.b64encode(data).decode()
    return {"value": text, "mediaType": media_type, "encoding": "base64"}


def put(name: str, data: bytes) -> Path:
    """Write a file below the current folder."""
    path = Path(name).absolute()
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


async def test_file_by_name(workspace):
    path = put("data.csv", b"a,b\n1,2\n")
    for given in ("data.csv", Path("data.csv"), str(path)):
        sent, checked = await value("table", given)
        assert sent == uploaded(b"a,b\n1,2\n")
        assert checked == [InlineFile(b"a,b\n1,2\n", "text/csv")]


async def test_file_below_the_workspace(workspace):
    """As JupyterLab's "Copy Path" gives it."""
    (workspace / "sub").mkdir()
    (workspace / "sub/data.csv").write_bytes(b"root")
    assert (await value("table", "sub/data.csv"))[0] == uploaded(b"root")
    put("sub/data.csv", b"here")
    assert (await value("table", "sub/data.csv"))[0] == uploaded(b"here")


def test_file_that_is_not_there(workspace):
    error = refused("no such file; looked for", table="data.csv")
    assert str(Path("data.csv").absolute()) in str(error)
    assert str(workspace / "data.csv") in str(error)
    assert error.problems[0].member == "table"


@pytest.mark.parametrize("name", ["", ".", "sub", "a\x00b", "x" * 5000, "~nobody-here/x"])
def test_names_that_are_no_files(workspace, name):
    Path("sub").mkdir()
    refused("no such file|is a folder|cannot be read", table=name)


def test_file_that_may_not_be_read(workspace, monkeypatch):
    Path("data.csv").write_text("x")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    refused("cannot be read: Permission denied", table="data.csv")


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 3 * 2**18 - 1, 3 * 2**18, 3 * 2**18 + 1, 2**21])
async def test_sizes(workspace, size):
    data = (b"0123456789" * (size // 10 + 1))[:size]
    put("data", data)
    assert (await value("table", "data"))[0] == uploaded(data)
    assert (await value("table", data))[0] == uploaded(data)


async def test_links():
    sent, checked = await value("table", "https://example.org/t.csv?x=1")
    assert sent == {"href": "https://example.org/t.csv?x=1", "type": "text/csv"}
    assert checked == [LinkValue(href=sent["href"], media_type="text/csv")]
    assert (await body(table={"href": "https://x/y"}))["inputs"]["table"] == {"href": "https://x/y"}


async def test_bytes_and_open_files():
    for given in (b"a", bytearray(b"a"), memoryview(b"a"), io.BytesIO(b"a"), io.StringIO("a")):
        assert (await value("table", given))[0] == uploaded(b"a")


@pytest.mark.parametrize("given", [3, 1.5, True, object(), {"a": 1}])
def test_no_files(given):
    refused("table", table=given)


async def test_media_types(workspace):
    for name, expected in [("a.json", "application/json"), ("a", "application/octet-stream")]:
        put(name, b"1")
        assert (await value("any-file", name))[0] == uploaded(b"1", expected)


async def test_several_files(workspace):
    put("a", b"1")
    sent, checked = await value("more", ["a", b"2", "https://x/y.csv"])
    assert sent == [uploaded(b"1"), uploaded(b"2"), {"href": "https://x/y.csv", "type": "text/csv"}]
    assert len(checked) == 3
    assert (await value("more", "a"))[0] == [uploaded(b"1")]
    refused("at most 3", more=[b"", b"", b"", b""])
    refused("takes one value, not a list", table=[b"1", b"2"])


class Frame:
    """Has what a pandas DataFrame has; pandas itself is no dependency, not even of the tests."""

    index = types.SimpleNamespace(names=[None])

    def to_csv(self, index: bool, sep: str) -> str:
        return sep.join("ab") + "\n" + sep.join("12") + f"\n{index}"

    def to_json(self, orient: str, date_format: str) -> str:
        return "[]"


async def test_data_frames(monkeypatch):
    monkeypatch.setattr(Frame, "__module__", "pandas.core.frame")
    assert (await value("table", Frame()))[0] == uploaded(b"a,b\n1,2\nFalse")
    assert "pandas" not in sys.modules


class Array:
    """Has what NumPy's scalars and arrays have."""

    def __init__(self, content: object) -> None:
        self.content = content

    def tolist(self) -> object:
        return self.content


async def test_numpy(monkeypatch):
    monkeypatch.setattr(Array, "__module__", "numpy")
    assert (await value("ratio", Array(1.5)))[0] == 1.5
    assert (await value("numbers", Array([7])))[0] == [7]
    assert (await value("measures", Array(["mean", "max"])))[0] == ["mean", "max"]


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("column", "ü", "ü"),
        ("column", Colour.RED, "red"),
        ("column", datetime.date(2026, 11, 21), "2026-11-21"),
        ("count", 3, 3),
        ("count", "3", "3"),
        ("ratio", 0.5, 0.5),
        ("measures", "mean", ["mean"]),
        ("measures", ("mean", "max"), ["mean", "max"]),
        ("numbers", [1, 2.5], [1, 2.5]),
        ("numbers", range(3), [0, 1, 2]),
        ("settings", {"a": {"b": 1}}, {"value": {"a": {"b": 1}}}),
        ("settings", {"value": {"a": 1}}, {"value": {"a": 1}}),
        ("key", "hush", "hush"),
        ("note", "mine", "mine"),
    ],
)
async def test_values(name, given, expected):
    sent, checked = await value(name, given)
    assert sent == expected
    assert all(isinstance(each, (PlainValue, SecretValue)) for each in checked)


@pytest.mark.parametrize(
    "given", [float("nan"), float("inf"), object(), {1, 2}, b"x", {"a": object()}, 1j]
)
def test_values_that_are_no_json(given):
    refused("ratio", ratio=given)


def test_deep_values():
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    refused("cannot be sent as JSON", settings={"a": deep})


def test_path_where_a_value_belongs():
    refused("takes a value, not a file", column=Path("x"))


async def test_none_is_left_out():
    assert "column" not in (await body(column=None))["inputs"]
    refused("table: is missing", table=None)


def test_unknown_and_missing_all_at_once():
    error = refused("nothing was sent", {"colunm": "x"}, table=None, Measures="mean", zzz=1)
    text = str(error)
    assert 'did you mean "column"?' in text
    assert 'did you mean "measures"?' in text
    assert "it has table, more" in text
    assert "table: is missing (file (text/csv))" in text
    assert len(error.problems) == 4


async def test_controls():
    sent = await body(control=controls(replicas=2, max_time=30, image="busybox"))
    inputs = sent["inputs"]
    assert (inputs["ccpreplicas"], inputs["ccpmaxtime"], inputs["ccpimage"]) == (2, 30, "busybox")
    assert (await body({"ccpreplicas": 3}))["inputs"]["ccpreplicas"] == 3


def test_controls_that_clash():
    refused("an input of this name", control=controls(note="x"))
    refused("given twice", {"ccpreplicas": 2}, control=controls(replicas=3))
    refused("given twice", {"column": "a"}, column="b")
    bare = Method({"id": "m", "title": "Bare"})
    with pytest.raises(InvalidRequest, match="replicas: 'Bare' has no input ccpreplicas"):
        execute_body(bare, {}, None, controls(replicas=2), None)


async def test_outputs():
    assert "outputs" not in await body()
    by_value = {"transmissionMode": "value"}
    assert (await body(outputs=["stats"]))["outputs"] == {"stats": by_value}
    assert (await body(outputs="stats"))["outputs"] == {"stats": by_value}
    chosen = {"stdout": {"transmissionMode": "reference"}}
    assert (await body(outputs=chosen))["outputs"] == chosen
    refused('did you mean "stats"', outputs=["stat"])


def test_secret_is_not_shown():
    error = refused("key", key=object.__new__(type("hush-hush", (), {})))
    assert "hush-hush object" not in str(error)


async def test_hostile_text_cannot_take_the_place_of_a_file():
    """What stands for a file in the document cannot be guessed."""
    text = "0" * 32 + ":0"
    sent = await body(column=text)
    assert sent["inputs"]["column"] == text


async def test_file_that_becomes_shorter(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"123456")
    request = Request()
    made = request.body({"x": request.hole(Upload(path, 6, "text/csv"))})
    path.write_bytes(b"123")
    with pytest.raises(CcpError, match="became shorter"):
        [chunk async for chunk in made.chunks()]


@pytest.mark.parametrize("document", [{}, {"inputs": None}, {"inputs": {"a": None}, "links": None}])
def test_descriptions_of_the_wrong_shape(document):
    method = Method(document)
    assert repr(method)
    assert method._repr_html_()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("colum", "column"), ("Column", "column"), ("any_file", "any-file"), ("zzz", "")],
)
def test_suggestions(name, expected):
    found = did_you_mean(name, ["column", "any-file", "table"])
    assert (f'"{expected}"' in found) if expected else not found
