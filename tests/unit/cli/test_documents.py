"""``ccp red validate`` and ``convert``."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccp_jupyter.cli.yaml_text import yaml_text
from ccp_jupyter.model import red as model
from tests.unit.cli.documents import OLD, PLAIN, RED


def test_valid(ccp, red):
    ran = ccp("red", "validate", "red.yml")
    assert ran == (0, "red.yml: valid RED 9, 2 batches\n", "")
    assert ccp("red", "validate", red, "--json").json() == {
        "valid": True,
        "redVersion": "9",
        "batchCount": 2,
        "variables": [
            {"name": "web_pw", "protected": True},
            {"name": "user", "protected": False},
            {"name": "reg_pw", "protected": True},
            {"name": "dir", "protected": False},
        ],
        "changes": [],
    }


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "red.yml"),
        (b"{", "line 1, column"),
        (b"a: b: c", "line 1, column 5"),
        (b"\xff", "UTF-8"),
        (b"[]", "must be an object"),
        (RED.replace('"cat"', '"S3CRET{{x}}"').encode(), "below access or auth"),
        (RED.replace('"{{web_pw}}"', "987654321").replace("ram: 256", "ram: no").encode(), "ram"),
        (RED.replace("doc", "x").replace('"9"', '"4"').encode(), "redVersion"),
        ((b"&a [*a]"), "red.yml"),
    ],
)
def test_not_valid(ccp, red, content, text):
    red.write_bytes(content)
    ran = ccp("red", "validate", red)
    assert (ran.code, ran.out) == (3, "")
    assert text in ran.err
    assert "S3CRET" not in ran.err
    assert "987654321" not in ran.err
    found = ccp("red", "validate", red, "--json").json()
    assert (found["exitCode"], found["error"]["type"]) == (3, "InvalidDocument")
    assert found["error"]["problems"]


def test_too_large(ccp, red):
    red.write_bytes(b" " * (17 * 2**20))
    assert "at most 16 MiB" in ccp("red", "validate", red).err


@pytest.mark.parametrize("name", ["none.yml", ".", "x" * 300, "red.yml/x"])
def test_no_file(ccp, red, name):
    ran = ccp("red", "validate", name)
    assert (ran.code, ran.out) == (2, "")
    assert "cannot be read" in ran.err


def test_stdin(ccp, monkeypatch):
    class Stdin:
        buffer = io.BytesIO(PLAIN.encode())

    monkeypatch.setattr(sys, "stdin", Stdin())
    assert ccp("red", "validate", "-").out == "stdin: valid RED 9, 2 batches\n"


def test_convert(ccp, red):
    red.write_text(OLD)
    ran = ccp("red", "convert", red)
    assert ran.code == 0
    assert "changed: " in ran.err
    converted: Any = model.read(ran.out).document
    model.check(converted)
    assert converted["redVersion"] == "9"
    assert converted["execution"]["settings"]["access"]["url"]  # the user's own: it stays
    as_json = ccp("red", "convert", red, "--format", "json").out
    assert json.loads(as_json) == converted
    found = ccp("red", "convert", red, "--json").json()
    assert found["document"] == converted
    assert found["changes"]
    red.write_text(as_json)
    again = ccp("red", "convert", red)
    assert json.loads(again.out) == converted
    assert again.err == "nothing to change\n"


def test_output_replaces_nothing_unasked(ccp, red, home):
    red.write_text(OLD)
    assert ccp("red", "convert", red, "--output", "new.yml").out == ""
    written = (home / "here/new.yml").read_text()
    assert '"9"' in written
    ran = ccp("red", "convert", red, "--output", red)
    assert (ran.code, "--force" in ran.err) == (2, True)
    assert red.read_text() == OLD
    assert ccp("red", "convert", red, "--output", red, "--force").code == 0
    assert red.read_text() == written
    assert ccp("red", "convert", red, "--output", "no/folder.yml").code == 2
    assert sorted(path.name for path in (home / "here").iterdir()) == ["new.yml", "red.yml"]


def test_that_cannot_be_converted(ccp, red):
    red.write_text(OLD.replace('redVersion: "8"', 'redVersion: "3"'))
    assert ccp("red", "convert", red).code == 3


SCALARS = st.one_of(
    st.text(max_size=20).filter(lambda text: "\0" not in text),
    st.sampled_from(["yes", "No", "on", "~", "0o17", "017", "1e3", "1:30", "", " a", "a: b", "#x",
                     "null", "=", "<<", "2026-11-22", "0x1F", "1_000", ".inf", "- a", "\x85", "﻿x"]),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
)  # fmt: skip
TREES = st.dictionaries(
    st.text(max_size=8).filter(lambda text: "\0" not in text),
    st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=6),
    max_size=5,
)


@settings(max_examples=150, deadline=None)
@given(TREES)
def test_yaml_comes_back_as_it_was(tree):
    text = yaml_text(tree)
    found = model.read(text).document
    assert found == tree
    assert json.dumps(found) == json.dumps(tree)  # types and order too
