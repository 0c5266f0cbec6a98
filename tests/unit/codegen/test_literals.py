"""Literals of every language mean the values that they were made of."""

from __future__ import annotations

import ast
import json
import math
import re
import shutil
import subprocess
from collections.abc import Sequence

import pytest
import tree_sitter_julia
from hypothesis import given, settings
from tree_sitter import Language, Node, Parser

from ccp_jupyter.codegen.literals import (
    PYTHON_WORDS,
    Style,
    bash_block,
    bash_string,
    json_pieces,
    json_string,
    julia_block,
    julia_string,
    laid_out,
    python_string,
    r_raw_string,
    r_string,
)
from ccp_jupyter.codegen.python import _lines
from tests.conftest import missing
from tests.unit.codegen.values import KEY, NUMBERS, TABLE, TEXTS, texts, values

NESTED = {
    "texts": list(TEXTS),
    "numbers": list(NUMBERS),
    "many": list(range(500)),
    "words": [True, False, None],
    "empty": [[], {}, "", [[]], {"": {}}],
    "deep": [[[[[[{"a": [{"b": "x" * 80}]}]]]]]],
}
SURROGATES = "\ud83d", "a\udc80b", "\ude00\ud83d"
JULIA = Parser(Language(tree_sitter_julia.language()))


def no_hole(hole: object) -> str:
    raise AssertionError(hole)


PYTHON = Style(python_string, PYTHON_WORDS, no_hole, "    ", ",", _lines)


def as_json(value: object) -> str:
    [text] = json_pieces({"": value})
    assert isinstance(text, str)
    return text


def same(one: object, other: object) -> bool:
    """Compare as JSON does: 1 is neither 1.0 nor true, and 0.0 is not -0.0."""
    return json.dumps(one) == json.dumps(other)


# --- Python and JSON -----------------------------------------------------------------------


@settings(deadline=None)
@given(values)
def test_python_and_json_mean_the_value(value):
    assert same(ast.literal_eval(laid_out(value, PYTHON)), value)
    assert same(json.loads(as_json(value))[""], value)


def test_python_and_json_mean_hard_values():
    assert same(ast.literal_eval(laid_out(NESTED, PYTHON)), NESTED)
    assert same(json.loads(as_json(NESTED))[""], NESTED)


@pytest.mark.parametrize("text", SURROGATES)
def test_halves_of_characters_are_escaped_where_that_is_possible(text):
    assert ast.literal_eval(python_string(text)) == text
    assert python_string(text).isascii()
    assert json.loads(json_string(text)) == text
    assert json_string(text).isascii()
    for refusing in (r_string, r_raw_string, julia_string, julia_block, bash_string, bash_block):
        with pytest.raises(ValueError, match=r"surrogate|printable"):
            refusing(text)


def test_nul_is_refused_or_escaped():
    assert ast.literal_eval(python_string("a\0b")) == "a\0b"
    assert json.loads(json_string("a\0b")) == "a\0b"
    for refusing in (r_string, r_raw_string, julia_block, bash_string, bash_block):
        with pytest.raises(ValueError, match=r"NUL|printable"):
            refusing("a\0b")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, [1, {"a": math.nan}]])
def test_numbers_that_are_none_are_refused(value):
    with pytest.raises(ValueError, match="finite"):
        laid_out(value, PYTHON)
    with pytest.raises(ValueError, match="finite"):
        as_json(value)


def test_what_is_no_json_is_refused():
    for value in ({1, 2}, b"bytes", object(), (1, 2)):
        with pytest.raises(TypeError, match="not a JSON value"):
            as_json(value)


def test_layout_is_good_to_read():
    assert laid_out({"word": "hello", "n": [1, 2]}, PYTHON) == '{"word": "hello", "n": [1, 2]}'
    value = {"table": "a,b\n" * 25, "more": {"words": ["x" * 30, "y" * 30, "z" * 30]}}
    assert laid_out(value, PYTHON).splitlines() == [
        "{",
        '    "table": (',
        *['        "a,b\\n"'] * 25,
        "    ),",
        '    "more": {',
        '        "words": [',
        *[f'            "{c * 30}",' for c in "xyz"],
        "        ],",
        "    },",
        "}",
    ]
    lines = as_json(list(range(1000))).splitlines()
    assert 40 < len(lines) < 70 and max(map(len, lines)) <= 88


@settings(deadline=None)
@given(texts)
def test_nothing_that_steers_an_editor_is_in_any_literal(text):
    for write in (python_string, json_string, r_string, julia_string, bash_string):
        assert write(text).isprintable()


def test_the_pieces_between_holes_are_the_rest_of_the_json():
    request = {"inputs": {"key": KEY, "again": KEY, "table": {"value": TABLE}, "word": "\x010\x01"}}
    pieces = json_pieces(request)
    assert [each for each in pieces if not isinstance(each, str)] == [KEY, KEY, TABLE]
    filled = "".join(
        each if isinstance(each, str) else '"s"' if each is KEY else "Zg==" for each in pieces
    )
    expected = {"key": "s", "again": "s", "table": {"value": "Zg=="}, "word": "\x010\x01"}
    assert json.loads(filled) == {"inputs": expected}


# --- Bash ----------------------------------------------------------------------------------


def run(command: Sequence[str], script: str, environment: dict[str, str]) -> bytes:
    done = subprocess.run(
        [*command], input=script.encode(), capture_output=True, env=environment, timeout=100
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == b""
    return done.stdout


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_bash_means_the_text(locale):
    found = sample(texts)
    lines = [f"printf '%s\\0' {bash_string(each)}" for each in found]
    printable = [as_json(each) for each in found] + [as_json(NESTED)]
    lines += [
        f"cat <<JSON\n{bash_block(each)}\nJSON\ncat <<'JSON'\n{each}\nJSON\nprintf '\\0'"
        for each in printable
    ]
    # Where something of it would be replaced, that is told from the text itself.
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": locale, "HOME": "/nowhere", "word": "!"}
    out = run(["bash", "--norc"], "\n".join(lines), environment).split(b"\0")
    assert out.pop() == b""
    assert [each.decode() for each in out[: len(found)]] == found
    documents = [each.decode() for each in out[len(found) :]]
    assert documents == [f"{each}\n{each}\n" for each in printable]


def sample(strategy) -> list[str]:
    """Return hard texts, and some that Hypothesis finds: they are run in one process."""
    found: list[str] = list(TEXTS)

    @settings(max_examples=150, deadline=None)
    @given(strategy)
    def collect(text):
        found.append(text)

    collect()
    return found


# --- R -------------------------------------------------------------------------------------

R_READS = """\
out <- file(commandArgs(TRUE), "wb")
put <- function(text) writeBin(c(charToRaw(enc2utf8(text)), as.raw(0)), out)
raw <- function(text) writeBin(c(charToRaw(text), as.raw(0)), out)
"""


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_r_means_the_text(locale, tmp_path):
    if shutil.which("Rscript") is None:
        missing("Rscript (Debian: r-base-core)")
    found = sample(texts)
    documents = [as_json(each) for each in found] + [as_json(NESTED)]
    if locale == "C":  # there R knows no characters but those of ASCII, and passes others on
        found = [each for each in found if each.isascii()]
    lines = [f"put({r_string(each)})" for each in found]
    lines += [f"raw({r_raw_string(each)})" for each in documents]
    script = tmp_path / "literals.R"
    script.write_text(R_READS + "\n".join(lines) + "\nclose(out)\n")
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": locale, "HOME": "/nowhere"}
    run(["Rscript", "--vanilla", str(script), str(tmp_path / "out")], "", environment)
    out = (tmp_path / "out").read_bytes().split(b"\0")
    assert out.pop() == b""
    assert [each.decode() for each in out] == found + documents


# --- Julia ---------------------------------------------------------------------------------


JULIA_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "$": "$"}
JULIA_PIECE = re.compile(r"""\\(?:u([0-9a-f]{4})|U([0-9a-f]{8})|([nrt\\"$]))|([^\\$])""", re.DOTALL)
"""What a text of Julia consists of, as its manual says; of the escapes those that we use."""


def parsed_julia(source: str) -> Node:
    """Return the syntax tree of some Julia, in which nothing is wrong."""
    # Beside a quote in a text of three quotes, this grammar overlooks the backslash in \\$.
    root = JULIA.parse(source.replace("\\$", "\\n").encode()).root_node
    assert not root.has_error, source[:200]
    return root


def julia(literal: str) -> str:
    """Return what a text of Julia means, which must be the only thing there."""
    quotes = '"""' if literal.startswith('"""') else '"'
    inner = literal[len(quotes) : -len(quotes)]
    root = parsed_julia(literal)
    [node] = root.named_children
    assert node.type == "string_literal"
    assert (node.start_byte, node.end_byte) == (0, len(literal.encode()))
    assert not [each for each in node.named_children if each.type == "string_interpolation"]
    found, place = "", 0
    while place < len(inner):
        match = JULIA_PIECE.match(inner, place)
        assert match, inner[place : place + 100]
        assert not inner.startswith(quotes, place)
        escape, plain = match[1] or match[2], match[4]
        found += chr(int(escape, 16)) if escape else plain or JULIA_ESCAPES[match[3]]
        place = match.end()
    return found


@pytest.mark.parametrize("text", TEXTS)
def test_julia_means_hard_texts(text):
    check_julia(text)


def check_julia(text):
    assert julia(julia_string(text)) == text
    document = as_json(text)
    assert julia(f'"""\n{julia_block(document)}\n"""') == f"\n{document}\n"


@settings(deadline=None)
@given(texts)
def test_julia_means_the_text(text):
    check_julia(text)
