"""Reading: YAML 1.2 and JSON, places, and texts that want to do harm."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.red import read
from tests.unit.model.red.red_documents import FULL, problems

DOCUMENT = """\
redVersion: "9"   # a comment
cli:
  inputs:
    term: {type: string,
           inputBinding: {}}
batches:
- inputs:
    term: one
- &second
  inputs: {term: two}
  'odd key.[': 1
- *second
"""


@pytest.mark.parametrize(
    ("member", "place"),
    [
        ("", (1, 1)),
        ("redVersion", (1, 1)),
        ("cli.inputs.term.inputBinding", (5, 12)),
        ("batches[0]", (7, 3)),
        ("batches[0].inputs.term", (8, 5)),
        ("batches[1].inputs.term", (10, 12)),
        ("batches[1]['odd key.[']", (11, 3)),
        ("batches[0].inputs.text", (7, 3)),
        ("batches[2].inputs.term", (12, 3)),
        ("cli.inputs.term.inputBinding.prefix", (5, 12)),
        ("nothing.of[3].this", (1, 1)),
    ],
)
def test_places_in_yaml(member, place):
    assert read(DOCUMENT).place(member) == place


def test_places_in_json():
    text = '{"a": [1,\n {"b, ]": "x\\"}",\n  "c": [[2, 3], {}]}],\n "d": null}'
    source = read(text)
    assert source.document == json.loads(text)
    assert source.place("") == (1, 1)
    assert source.place("a") == (1, 2)
    assert source.place("a[0]") == (1, 8)
    assert source.place("a[1]['b, ]']") == (2, 3)
    assert source.place("a[1].c[0][1]") == (3, 13)
    assert source.place("a[1].c[1].missing") == (3, 17)
    assert source.place("d") == (4, 2)


def test_every_member_has_its_place():
    text = json.dumps(FULL, indent=2)
    for source in (read(text), read("# YAML\n" + text)):
        assert source.document == FULL
        offset = 1 if source.place("redVersion") == (3, 3) else 0
        for number, line in enumerate(text.splitlines(), 1):
            if '"glob": "plots"' in line:
                member = "cli.outputs.plots.outputBinding.glob"
                assert source.place(member) == (number + offset, line.index('"') + 1)


@pytest.mark.parametrize(
    "scalar",
    [
        "yes", "on", "No", "true", "True", "FALSE", "~", "null", "Null", "", "0o17", "017", "0x1F",
        "0b11", "1_000", "12", "-12", "+3", "1.5", "1e3", ".5", "5.", "-1.5e-7", ".inf", "-.INF",
        "1:30", "2020-01-01", "0o8", "1e", "e3", ".", "_1", "1__0", "0x", "09", "1.2.3",
        "'12'", '"yes"', "!!str 12", "!!int 12", "a b", "+.inf",
    ],
)  # fmt: skip
def test_scalars_are_what_the_client_of_the_original_reads(scalar):
    text = f"a: {scalar}\n"
    expected = YAML(typ="safe", pure=True).load(text)["a"]
    if not isinstance(expected, (str, int, float, bool, type(None))):
        expected = scalar  # a date: text here, since JSON has none
    value = read(text).document["a"]
    assert (value, type(value)) == (expected, type(expected))


def test_not_a_number_is_for_the_rules():
    assert problems({"a": read("a: .nan").document["a"]})[0].rule == "a number must be finite"


def test_merged_objects():
    text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc:\n  <<: [*a, *b]\n  x: 0\n"
    assert read(text).document["c"] == {"x": 0, "y": 2, "z": 4}
    assert read("a: {<<: {x: 1}, '<<': 2}").document["a"] == {"x": 1, "<<": 2}


def test_order_of_keys_is_kept():
    assert list(read("b: 1\na: 2\nc: 3").document) == ["b", "a", "c"]


def test_bytes_with_a_mark_and_line_ends_of_windows():
    source = read("\ufeffa: ü\r\nb: 1\r\n".encode())
    assert source.document == {"a": "ü", "b": 1}
    assert source.place("b") == (2, 1)


SECRET = "hunter2"


@pytest.mark.parametrize(
    ("text", "place", "rule"),
    [
        ("a: 1\na: hunter2\n", "line 2, column 1", "the key stands there twice"),
        ('{"a": 1,\n "b": {"c": 1, "c": "hunter2"}}', "line 2, column 16", "twice"),
        ('{"a": 1, "\\u0061": "hunter2"}', "line 1, column 10", "twice"),
        ("a:\n  5: hunter2\n", "line 2, column 3", "keys must be text"),
        ("a: {{hunter2}}", "line 1, column 5", "keys must be text; a variable needs quotes"),
        ("a: {[hunter2]: 1}", "line 1, column 5", "keys must be text"),
        ("? {a: 1}\n: hunter2", "line 1, column 3", "keys must be text"),
        ("true: hunter2", "line 1, column 1", "keys must be text"),
        ("a: *hunter2", "line 1, column 4", "an alias (*) without an anchor (&)"),
        ("a: &hunter2 [*hunter2]", "line 1, column 14", "an alias (*) without"),
        ("a: !hunter2 x", "line 1, column 4", "a tag (!) that RED does not know"),
        ("a: !!python/object:hunter2 {}", "line 1, column 4", "a tag (!)"),
        ("a: !!binary aHVudGVyMg==", "line 1, column 4", "a tag (!)"),
        ("a: !!int hunter2", "line 1, column 4", "does not fit its tag"),
        ("a: @hunter2", "line 1, column 4", "no YAML"),
        ("a: 'hunter2", "line 1, column 12", "one: found unexpected end of stream"),
        ("a: [hunter2", "line 1, column 12", "one: expected ',' or ']'"),
        ("a: b: hunter2", "line 1, column 5", "mapping values are not allowed"),
        ("\ta: hunter2", "line 1, column 1", "no YAML"),
        ("a: 1\n---\nb: hunter2", "line 2, column 1", "one document"),
        ("a: {<<: hunter2}", "line 1, column 9", "<< takes an object"),
        ('{"a": hunter2', "line 1, column 14", "no YAML"),
        ("a: \x07hunter2", "line 1, column 1", "no YAML"),
        (b"a: \xffhunter2", "line 1, column 4", "UTF-8"),
        (b"a: 1\nb: \xff", "line 2, column 4", "UTF-8"),
    ],
)
def test_what_cannot_be_read(text, place, rule):
    with pytest.raises(InvalidDocument) as caught:
        read(text)
    assert str(caught.value).startswith(place)
    assert rule in str(caught.value)
    assert SECRET not in str(caught.value)


def test_empty_text_is_null():
    assert read("").document is None
    assert read("# nothing").document is None


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


def merging(levels: int) -> str:
    lines = ["a0: &a0 {x: 1}"]
    for n in range(1, levels):
        aliases = ", ".join([f"*a{n - 1}"] * 10)
        lines.append(f"a{n}: &a{n} {{l: [{aliases}], <<: *a{n - 1}}}")
    return "\n".join(lines)


HOSTILE = {
    "aliases": (bomb(12), "values"),
    "merges": (merging(12), "values"),
    "deep JSON": ("[" * 100_000 + "]" * 100_000, "64 levels"),
    "deep YAML": ("a: " + "[" * 5_000, "64 levels"),
    "deep blocks": ("\n".join(" " * n + "a:" for n in range(200)), "64 levels"),
    "many values": ("[" + "1," * 1_000_001 + "1]", "1000000 values"),
    "large": ("x" * (16 * 1024 * 1024 + 1), "16 MiB"),
    "open objects": ('{"a":' * 100_000, "64 levels"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_end_soon(name):
    text, rule = HOSTILE[name]
    began = time.process_time()
    with pytest.raises(InvalidDocument, match=rule):
        read(text)
    assert time.process_time() - began < 10


@pytest.mark.parametrize("text", ['{"a": 1e9999}', "a: 1e9999", "a: -.inf", '{"a": Infinity}'])
def test_infinite_numbers_are_read_and_refused(text):
    assert problems(read(text).document)[-1].rule != ""
    assert "a number must be finite" in {p.rule for p in problems(read(text).document)}


@pytest.mark.parametrize("prefix", ["", "-"])
@pytest.mark.parametrize("form", ['{{"a": {}}}', "a: {}"])
def test_numbers_of_very_many_digits(form, prefix):
    text = form.format(prefix + "9" * 1_000_000)
    rules = {problem.rule for problem in problems(read(text).document)}
    assert "a number must be finite" in rules


def test_ten_megabytes_of_json():
    text = json.dumps({"a": ["x" * 1000] * 10_000})
    assert len(read(text).document["a"]) == 10_000


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=5),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=100, derandomize=True, deadline=None, database=None)
@given(value=JSON, indent=st.sampled_from([None, 1]))
def test_json_is_read_as_json(value, indent):
    text = json.dumps(value, indent=indent)
    source = read("{" + f'"a": {text}' + "}")
    assert source.document == {"a": value}
    assert source.place("a") == (1, 2)
