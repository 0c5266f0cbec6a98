"""Which form of a document a caller gets."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccp_jupyter.hub_service.api.errors import ApiError
from ccp_jupyter.hub_service.api.negotiation import PLAIN, negotiated, preferred
from ccp_jupyter.hub_service.api.operations import HTML, JSON, SSE, ZIP, Answer, Operation
from ccp_jupyter.hub_service.api.params import Param, choice
from ccp_jupyter.hub_service.api.routes import ROUTES

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"


def operation(*kinds: str, query: tuple[Param, ...] = ()) -> Operation:
    answers = {200: Answer("it", dict.fromkeys(kinds)), 404: Answer("none", {"image/x": None})}
    return Operation("", "get", "Get", answers, query)


@pytest.mark.parametrize(
    ("accept", "found"),
    [
        ("", JSON),
        ("*/*", JSON),
        (BROWSER, HTML),
        ("text/html", HTML),
        ("TEXT/HTML", HTML),
        ("text/*", HTML),
        ("application/*", JSON),
        ("application/json, text/html", JSON),
        ("text/html, application/json", JSON),
        ("text/html;q=0.9, application/json;q=0.8", HTML),
        ("text/html;q=0.8, application/json;q=0.9", JSON),
        ("text/html;q=0, */*", JSON),
        ("application/json;q=0, */*;q=0.1", HTML),
        ("*/*;q=0", None),
        ("image/png", None),
        ("text/html;level=1;q=0.7, application/json;q=0.2", HTML),
        ("application/json;q=0.5, */*", HTML),
        ("text/html;q=2", None),
        ("text/html;q=x, application/json;q=0.1", JSON),
        (", ,;q=1, no-slash, text/html", HTML),
        ("/" * 5000, None),
        (",".join(["a/b"] * 5000) + ",text/html", None),
    ],
)
def test_the_header_chooses(accept, found):
    assert preferred(accept, (JSON, HTML)) == found


@given(st.text(max_size=80), st.floats(0, 1))
@settings(max_examples=100)
def test_any_header_is_survived_and_an_acceptable_offer_is_one_of_them(noise, quality):
    assert preferred(noise, (JSON, HTML)) in (JSON, HTML, None)
    header = f"text/html;q={quality:.3f},application/json;q={1 - quality:.3f}"
    best = HTML if round(quality, 3) > round(1 - quality, 3) else JSON
    assert preferred(header, (JSON, HTML)) == best


def test_documents_have_pages_and_files_have_none():
    assert negotiated(operation(JSON), BROWSER, None) == HTML
    assert negotiated(operation(OPENAPI), BROWSER, None) == HTML
    assert negotiated(operation(OPENAPI), "application/json;q=0.5", None) == OPENAPI
    assert negotiated(operation("text/plain"), BROWSER, None) == HTML
    assert negotiated(operation(ZIP), BROWSER, None) == ZIP
    assert negotiated(operation(JSON, SSE), "text/event-stream", None) == SSE
    assert negotiated(operation(JSON, "*/*"), "image/tiff", None) == "*/*"


def test_the_parameter_wins():
    assert negotiated(operation(JSON), "application/json", "html") == HTML
    assert negotiated(operation(JSON), BROWSER, "json") == JSON
    assert negotiated(operation(OPENAPI), BROWSER, "json") == OPENAPI
    assert negotiated(operation("text/plain"), BROWSER, "text") == "text/plain"
    assert negotiated(operation(JSON), "image/png", "json") == JSON
    assert negotiated(operation(ZIP), BROWSER, "json") == ZIP, "as some clients send it to all"


@pytest.mark.parametrize("form", ["", "xml", "HTML", "<b>", "json,html", "text"])
def test_an_unknown_form_is_refused(form):
    with pytest.raises(ApiError) as caught:
        negotiated(operation(JSON), "", form)
    assert caught.value.status_code == 400
    assert "f: must be json or html" in caught.value.detail


def test_an_operation_may_have_more_forms_of_its_own():
    own = operation(JSON, "text/turtle", query=(Param("f", "form", *choice("turtle", "json")),))
    assert negotiated(own, "", "html") == HTML
    assert negotiated(own, "", "turtle") == JSON, "the handler looks at it"


@pytest.mark.parametrize("accept", ["image/png", "application/xml, image/*;q=0.3", "*/*;q=0"])
def test_what_nobody_has_is_not_acceptable(accept):
    with pytest.raises(ApiError) as caught:
        negotiated(operation(JSON), accept, None)
    assert caught.value.status_code == 406
    assert JSON in caught.value.detail and HTML in caught.value.detail


def test_what_programs_send_needs_no_look():
    for accept in PLAIN:
        assert preferred(accept or "", (JSON, HTML)) == JSON


def test_every_operation_that_reads_a_document_has_a_page():
    """But for files that come in forms of their own, and are no part of OGC's Part 1."""
    without = {
        route.path
        for route in ROUTES
        for verb, found in route.operations.items()
        if verb == "GET" and JSON in next(iter(found.answers.values())).content
        if negotiated(found, BROWSER, None) != HTML or not route.handler.pages
    }
    assert without == {
        "jobs/{job_id}/prov",
        "processes/{process_id}/export",
        "processes/{process_id}/package",
    }
