"""Whole snippets: valid in their language, with nothing secret, whatever the Method is called."""

from __future__ import annotations

import ast
import io
import json
import re
import shutil
import subprocess
import tokenize
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings

from ccp_jupyter.codegen.languages import LANGUAGES, generate
from ccp_jupyter.codegen.notebook import plain
from tests.conftest import missing
from tests.unit.codegen.test_literals import NESTED, parsed_julia
from tests.unit.codegen.values import KEY, TABLE, TEXTS, facts, texts

SIMPLE = {"word": "hello"}
INPUTS: dict[str, Any] = {"word": "hello", "hard": NESTED}
HOLES = {**INPUTS, "key": KEY, "table": {"value": TABLE, "encoding": "base64"}}
EVIL = (
    "first line\nimport os; os.abort()",
    "\r# coding: latin-1\r",
    "coding: utf-16",
    '"; touch /tmp/owned; "',
    "`touch /tmp/owned` $(touch /tmp/owned)",
    "=# touch #= line 1 */ -->",
    "\x85abort()\u2028abort()\u2029abort()\x0babort()\x0cabort()\x1cabort()",
    "\u202eevil\ud800",
    "../../etc/passwd",
    "x" * 5000,
    "",
)


def made(language: str, inputs: dict[str, Any] | None = None, **members: Any) -> str:
    return generate(facts(HOLES if inputs is None else inputs, **members), language).text


def checked(language: str, text: str) -> None:
    """Assert that the language takes a snippet, as far as its grammar tells."""
    match language:
        case "python":
            ast.parse(text)
        case "notebook":
            nbformat.validate(nbformat.reads(text, as_version=4))
        case "julia":
            parsed_julia(text)
        case "bash":
            command = ["bash", "--norc", "-n"]
            done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=60)
            assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("title", EVIL)
def test_titles_stay_in_their_comment(language, title):
    usual = made(language, title="Word counts")
    text = made(language, title=title, version=title, method_id=f"m{title}".replace("\ud800", ""))
    checked(language, text)
    if language == "notebook":
        return
    # Nothing but comments and the address has changed.
    assert code(text) == code(usual)


def code(text: str) -> list[str]:
    lines = [line for line in text.split("\n") if not line.startswith("#")]
    return [re.sub(r"processes/[^/]*/execution", "", line) for line in lines]


@settings(max_examples=30, deadline=None)
@given(texts)
def test_no_title_breaks_out(title):
    usual = {
        language: code(made(language, INPUTS)) for language in ("python", "r", "julia", "bash")
    }
    for language, lines in usual.items():
        assert code(made(language, INPUTS, title=title, execution_id=title)) == lines


def test_comments_begin_where_no_encoding_is_looked_for():
    text = made("python", title="coding: utf-16")
    assert tokenize.detect_encoding(io.BytesIO(text.encode()).readline)[0] == "utf-8"
    assert "coding" not in "".join(text.splitlines()[:2])


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_every_snippet_says(language):
    text = made(language, revision=3, execution_id="7de2a1c4", left_out="whom to tell")
    checked(language, text)
    said = "\n".join(c["source"] for c in json.loads(text)["cells"]) if "cells" in text else text
    for needed in (
        "Word counts",
        "1.0.0",
        "word-counts",
        "2026-11-22",
        "7de2a1c4",
        "whom to tell",
        "https://hub.example.org/services/ccp/",
        "CCP_SERVICE_URL",
        "JUPYTERHUB_API_TOKEN",
        "CCP_SECRET_KEY",
        "processes/word-counts/execution?revision=3",
        "respond-async",
        "Idempotency-Key",
        "output.zip",
        "would leave the folder",
        TABLE.name,
        TABLE.origin,
    ):
        assert needed in said.replace("\\_", "_"), needed


def test_file_names_and_media_types():
    found = {name: generate(facts(INPUTS), name) for name in LANGUAGES}
    assert {each.file_name for each in found.values()} == {
        f"Word counts-1.0.0{suffix}" for suffix in (".py", ".R", ".jl", ".sh", ".ipynb")
    }
    evil = generate(facts(INPUTS, title="../../.bashrc", version="a/b"), "bash")
    assert evil.file_name == "bashrc-a b.sh"
    assert found["notebook"].media_type == "application/x-ipynb+json"
    with pytest.raises(KeyError):
        generate(facts(INPUTS), "cobol")


def test_only_what_is_needed_is_there():
    for language in LANGUAGES:
        text = made(language, SIMPLE)
        assert "base64" not in text and "json_string" not in text and "CCP_SECRET" not in text


def test_the_notebook_has_its_cells():
    document = nbformat.reads(made("notebook"), as_version=4)
    nbformat.validate(document)
    assert (document.nbformat, document.nbformat_minor) == (4, 5)
    codes = [cell for cell in document.cells if cell.cell_type == "code"]
    assert [cell.id for cell in codes] == ["setup", "parameters", "submit", "monitor", "results"]
    tagged = [cell.id for cell in codes if "parameters" in cell.metadata.get("tags", [])]
    assert tagged == ["parameters"]
    for cell in codes:
        ast.parse(cell.source)


@pytest.mark.parametrize("text", TEXTS)
def test_markdown_shows_texts_as_they_are(text):
    shown = plain(text)
    assert not re.search(r"[<>]", shown)
    assert not re.search(r"(?<!\\)[`*_\[\]$|~!]", re.sub(r"\\\\", "", shown))


def test_r_reads_it(tmp_path):
    if shutil.which("Rscript") is None:
        missing("Rscript (Debian: r-base-core)")
    for number, title in enumerate(EVIL):
        (tmp_path / f"{number}.R").write_bytes(made("r", title=title).encode())
    command = ["Rscript", "--vanilla", "-e", "for (f in commandArgs(TRUE)) parse(f)"]
    paths = [str(path) for path in tmp_path.iterdir()]
    done = subprocess.run([*command, *paths], capture_output=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, b""), done.stderr
