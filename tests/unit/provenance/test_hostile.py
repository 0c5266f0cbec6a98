"""Texts that break formats: quotes, control characters, other scripts, very long ones."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from rdflib import RDFS, URIRef

from ccp_jupyter.model.manifest import Manifest, OutputFile
from ccp_jupyter.model.values import FileValue, LinkValue, PlainValue
from ccp_jupyter.provenance.crate import crate_metadata
from ccp_jupyter.provenance.document import prov_document
from ccp_jupyter.provenance.gathering import Files
from ccp_jupyter.provenance.texts import (
    LONGEST,
    clean,
    is_clean,
    local_name,
    public_address,
)
from tests.unit.provenance.crates import check_metadata
from tests.unit.provenance.records import execution, facts, method
from tests.unit.provenance.test_document import read_back, written

pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")

ANYTHING = st.text(st.characters(), max_size=30)
NASTY = st.sampled_from(
    [
        "",
        "\\",
        '"',
        "'",
        '"""',
        "\"\\\n\r\t'",
        "a\x00\x07\x1b\x85\u2028\ufffe\ufdd0",
        "\ud800 alone",
        "]]>&<!--",
        "<script>",
        "%00%2f%%",
        "grüße ☃ 🌍 \u202e",
        "x:y",
        "_:b1",
        "@prefix",
        "${HOME} $(id)",
        " ",
        "x" * (LONGEST + 1),
    ]
)
TEXT = NASTY | ANYTHING
FILE_NAME = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00/"), min_size=1, max_size=20
).filter(lambda name: name not in (".", ".."))


@given(
    title=TEXT,
    value=TEXT,
    owner=TEXT.filter(bool),
    context=TEXT,
    name=FILE_NAME,
    message=TEXT,
    href=TEXT,
)
@example(
    title="]]>",
    value="\r\n",
    owner="..",
    context=".",
    name='a"b',
    message="\\'",
    href="http://a b/c d?e=f g#h i",
)
@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # smaller examples would take minutes
    suppress_health_check=list(HealthCheck),
)
def test_any_text_survives_every_form(
    title, value, owner, context, name, message, href, tmp_path: Path
):
    document = method() | {"title": title, "description": message}
    record = execution(
        method=document,
        message=message,
        owner=owner,
        context=context,
        inputs={
            "in put": [PlainValue(value=value), PlainValue(value={title: [value, None, 1e300]})],
            "link": [LinkValue(href=href)],
            "file": [FileValue(path="inputs/file", size=1, sha256="0" * 64, media_type=title)],
        },
    )
    manifest = Manifest.of([OutputFile(path=name, size=1, sha256="0" * 64)])
    found = facts(record, files=Files(manifest=manifest))
    documents, graphs = read_back(written(found, tmp_path))
    expected = prov_document(found)
    assert all(each == expected for each in documents)
    assert all(set(each) == set(graphs[0]) for each in graphs)
    run = URIRef(f"{found.href}#execution")
    labels = [str(each) for each in graphs[0].objects(run, RDFS.label)]
    assert labels == ([clean(title)] if title else ["5f0c1f9e"])
    entities = check_metadata(json.loads(json.dumps(crate_metadata(found))))
    output = next(each for each in entities if unquote(each) == f"outputs/{name}")
    assert entities[output]["sha256"] == "0" * 64


@given(st.lists(TEXT, unique=True, max_size=20))
@settings(deadline=None, max_examples=50)
def test_names_differ_and_fit_everywhere(texts):
    texts = [text for text in texts if len(text) < 100]
    names = [local_name(text) for text in texts]
    assert len(set(names)) == len(texts)
    for name in names:
        assert name.isascii() and (name[0].isalpha() or name[0] == "_")
        assert all(c.isalnum() or c in "_.-" for c in name) and not name.endswith(".")


@given(TEXT)
@settings(deadline=None, max_examples=50)
def test_clean_texts_can_be_told(text):
    assert is_clean(clean(text))
    assert not is_clean(text) or clean(text) == text


@given(TEXT)
@settings(deadline=None, max_examples=50)
def test_addresses_are_valid(href):
    found = public_address(href)
    assert found.isascii() and not set(found) & set(' <>"{}|\\^`\n\r\t\x00')
    assert public_address(f"http://user:planted@host/{href}").find("planted") == -1


@pytest.mark.parametrize(
    ("href", "shown"),
    [
        ("https://u:p@host:8443/a b?x=1#f", "https://host:8443/a%20b?x=1#f"),
        ("https://b.s3.org/k?X-Amz-Signature=ab&X-Amz-Date=1", "X-Amz-Signature=***&X-Amz-Date=1"),
        ("https://h/?access_token=ab&q=1", "access_token=***&q=1"),
        ("https://h/?sig=ab&apikey=c&api-key=d", "sig=***&apikey=***&api-key=***"),
        ("https://h/?X-Amz-Security-Token=abc", "X-Amz-Security-Token=***"),
        ("https://h/?keyword=ab&design=c", "https://h/?keyword=ab&design=c"),
        ("http://[broken", ""),
        ("relative/path?x", ""),
    ],
)
def test_credentials_in_addresses(href, shown):
    assert public_address(href).endswith(shown)
    assert urlsplit(public_address(href)).username is None


def test_long_values_are_told_by_their_digest():
    long = "secretive " * LONGEST
    found = facts(execution(inputs={"long": [PlainValue(value=long)]}))
    [told] = found.inputs
    assert told.value is None and told.size == len(long) and len(told.sha256) == 64


@pytest.mark.parametrize("value", [2**63, -(2**200), 0.1, True, False, None, [], {}, 0])
def test_values_of_all_types(value, tmp_path):
    found = facts(execution(inputs={"x": [PlainValue(value=value)]}))
    documents, _ = read_back(written(found, tmp_path))
    assert all(each == prov_document(found) for each in documents)
    told = found.inputs[0].value
    assert told == value or json.loads(str(told)) == value
