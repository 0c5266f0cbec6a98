"""Whatever is sent, the answer is JSON, and tells nothing of the inside."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccp_jupyter.hub_service.api.agency.routes import AGENCY_ROUTES
from tests.service.agency.conftest import check_silent, said

GET = [r.path.removeprefix("agency/") for r in AGENCY_ROUTES if "GET" in r.operations]
PARAMETERS = sorted(
    {p.name for r in AGENCY_ROUTES for o in r.operations.values() for p in o.query} - {"follow"}
)
ODD = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "",
            "0",
            "-1",
            "1" * 30,
            "NaN",
            "%00",
            "../../etc/passwd",
            "{}",
            "'",
            "a" * 5000,
            "6b0206930123456789000001",
        ]
    ),
)
FUZZ = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def check(answer: httpx.Response) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code == 200:
        return
    assert answer.headers["content-type"] == "application/json"
    assert "location" not in answer.headers
    text = answer.json()
    assert isinstance(text, str)
    assert text.startswith(f"{answer.status_code} ")
    check_silent(text)


@FUZZ
@given(st.data())
def test_odd_addresses_and_parameters(ann, data):
    path = data.draw(st.sampled_from(GET))
    for name in ("experiment_id", "job_id", "batch_id", "stream"):
        if f"{{{name}}}" in path:
            part = data.draw(ODD)
            path = path.replace(f"{{{name}}}", httpx.QueryParams({"": part}).__str__()[1:] or "x")
    query = data.draw(st.dictionaries(st.sampled_from(PARAMETERS), ODD, max_size=4))
    query = {name: value.encode("utf-8", "replace").decode() for name, value in query.items()}
    check(httpx.get(ann.url + path, params=query, auth=("alice", ann.token), trust_env=False))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["class", "connector", "access", "auth", "password", "_x", "type", "url"]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to every value of a document."""
    found = [path]
    if isinstance(value, dict):
        for key, child in value.items():
            found += places(child, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            found += places(child, (*path, index))
    return found


@FUZZ
@given(st.data())
def test_documents_with_something_odd_in_them(ann, data):
    """What is taken in spite of it is cancelled; nothing is an error of the service."""
    document: Any = ann.red("true", "false", stdout="x")
    *way, last = data.draw(st.sampled_from(places(document)[1:]))
    inner: Any = document
    for step in way:
        inner = inner[step]
    if data.draw(st.booleans()):
        inner[last] = data.draw(VALUES)
    else:
        del inner[last]
    try:
        body = json.dumps(document).encode()
    except UnicodeEncodeError:
        return
    answer = httpx.post(
        ann.url + "red",
        content=body,
        headers={"Content-Type": "application/json"},
        auth=("alice", ann.token),
        trust_env=False,
        timeout=30,
    )
    check(answer)
    assert ann.token not in answer.text
    if answer.status_code == 200:
        ann.http.delete(f"experiments/{answer.json()['experimentId']}")


@pytest.mark.parametrize("verb", ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", ["", "version", "red", "experiments", "batches/count", "login"])
def test_other_verbs(ann, verb, path):
    answer = ann.http.request(verb, path)
    assert answer.status_code == 405
    assert answer.headers["allow"]
    if verb != "HEAD":
        said(answer, 405, "Method Not Allowed")


@pytest.mark.parametrize("path", ["none", "red/", "experiments/a/b/c", "schema", "..%2f", "%00"])
def test_addresses_that_are_none(ann, path):
    said(ann.http.get(path), 404, "Not Found")
    with ann.client() as nobody:
        said(nobody.get(path), 404, "Not Found")


def test_a_browser_is_not_sent_to_a_login_page(ann):
    with ann.client(headers={"Accept": "text/html"}) as nobody:
        answer = nobody.get("batches")
        said(answer, 401, "Unauthorized")
