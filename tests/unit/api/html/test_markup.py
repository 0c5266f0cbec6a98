"""Any document as HTML, and nothing that runs."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccp_jupyter.hub_service.api.html import markup, shown
from tests.unit.api.html.reader import Reader, scalars

BASE = "https://hub.test/services/ccp/"
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8), inner, max_size=4
        )
    ),
    max_leaves=15,
)


@given(VALUES)
@settings(max_examples=40)
def test_every_value_of_any_document_is_there_and_nothing_else_is_markup(value):
    page = Reader(markup.markup(value, BASE).encode())
    assert {tag for tag, _ in page.elements} <= {
        *("a", "table", "tbody", "tr", "th", "td", "ul", "li", "span", "pre", "code")
    }
    if not _has_link(value):
        for text in scalars(value):
            assert text in page.text
    for _, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes)


def _has_link(value):
    return '"href"' in json.dumps(value)


@pytest.mark.parametrize(
    "href",
    [
        "javascript:alert(1)",
        " javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        "data:text/html,<script>",
        "vbscript:x",
        "//evil.test/",
        "\\\\evil.test",
        "http://[::1",
        "file:///etc/passwd",
        "http:relative",
    ],
)
def test_an_address_that_may_run_something_is_no_link(href):
    page = Reader(markup.markup({"href": href, "title": "Look"}, BASE).encode())
    assert not page.links
    assert "Look" in page.text


@pytest.mark.parametrize(
    ("href", "target"),
    [
        ("https://example.test/a?b=c&d", "https://example.test/a?b=c&d"),
        ("infrastructures/local", BASE + "infrastructures/local"),
        ("/hub/api/users/alice", "/hub/api/users/alice"),
        ('https://x.test/"><script>', 'https://x.test/"><script>'),
    ],
)
def test_a_link_is_a_link_wherever_the_page_is(href, target):
    page = Reader(markup.markup([{"href": href, "rel": "x", "type": "a/b"}], BASE).encode())
    assert page.links == {target}
    assert "a/b" in page.text


def test_what_else_a_link_says_is_there():
    found = markup.markup({"href": "https://x.test", "size": 5, "nested": {"a": [1]}}, BASE)
    assert ">size<" in found and ">5<" in found and ">nested<" in found


def test_a_path_in_the_container_is_no_link():
    file = {"role": "file", "title": "t", "href": "/ccp_data/out/t.csv"}
    page = Reader(markup.markup([file], BASE).encode())
    assert not page.links
    assert "/ccp_data/out/t.csv" in page.text


def test_a_schema_stands_in_one_line():
    schema = {"type": "string", "enum": ["a", "b"], "items": {"type": "<x>"}, "default": "l\nm"}
    page = Reader(markup.compact(schema, BASE).encode())
    assert "type string enum a , b items" in page.text.replace("pair", "")
    assert {"<x>", "l m"} <= {" ".join(each.split()) for each in page.texts}
    assert markup.compact(None, BASE) == "<span>null</span>"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (2**60, "1024.0 PiB")],
)
def test_sizes(value, text):
    assert shown.size(value) == text


def test_times():
    assert shown.moment("2026-11-22T10:00:00.123Z") == "2026-11-22 10:00:00"
    assert shown.moment("soon") == "soon"
    assert shown.duration("2026-11-22T10:00:00Z", "2026-11-22T10:02:05Z") == "2 min 5 s"
    assert shown.duration("2026-11-22T10:00:00Z", "x") == ""
    assert shown.seconds(0.04) == "0.0 s"
    assert shown.seconds(-1) == "0.0 s"
    assert shown.seconds(90061) == "1 d 1 h"
    assert shown.seconds(60) == "1 min 0 s"
