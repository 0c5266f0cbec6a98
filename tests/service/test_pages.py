"""The API for people: every resource as a page, and forms that do what the API does."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import httpx
import pytest

from tests.jobs import method
from tests.service.documents import check_error
from tests.service.test_browser_login import FETCH, PAGE
from tests.unit.api.html.reader import Reader, hrefs

HTML = {"Accept": "text/html"}
FILE = {"schema": {"type": "string", "format": "file", "contentMediaType": "text/csv"}}


@pytest.fixture(scope="session")
def formed(callers, shell):
    """Deploy a Method of alice's with a file, a secret and a number; returns its id."""
    inputs: dict[str, dict[str, Any]] = {
        "table": FILE,
        "password": {"minOccurs": 0, "schema": {"type": "string", "format": "secret"}},
        "count": {"schema": {"type": "integer", "maximum": 5, "default": 2}},
    }
    document = method(shell, "cat {{ table }}; echo count {{ count }}", inputs=inputs)
    assert callers["alice"].http.post("processes", json=document).status_code == 201
    return document["id"]


def test_every_resource_is_a_page_with_all_its_links(alice, finished, formed):
    base = str(alice.http.base_url)
    job = f"jobs/{finished.job}"
    of_job = ("", "/results", "/outputs", "/log", "/events", "/inputs", "/definition", "/end")
    paths = [job + each for each in of_job] + [f"processes/{formed}", f"processes/{formed}/form"]
    paths += ["", "conformance", "api", "processes?limit=1", "jobs?limit=1&status="]
    paths += ["infrastructures", "infrastructures/local-docker", "nodes", "secrets", "health"]
    paths += ["infrastructures/local-docker/nodes", "infrastructures/local-docker/runtimes"]
    for path in paths:
        answer = alice.http.get(path, headers=HTML)
        assert answer.status_code == 200, (path, answer.text)
        assert answer.headers["content-type"] == "text/html; charset=utf-8", path
        assert answer.headers["vary"] == "Accept" and "etag" not in answer.headers
        assert "'unsafe" not in answer.headers["content-security-policy"]
        read = Reader(answer.content)
        plain = alice.http.get(path.replace("&status=", ""))
        if path.endswith("/log"):
            assert plain.text.strip() in unescape(answer.text)
            continue
        there = {each for href in read.links for each in (href, href.removeprefix(base))}
        if path != "api":
            # Links change when others submit in between; those of the page itself do not.
            assert {each for each in hrefs(plain.json()) if "/jobs/" not in each} <= there, path


def test_the_caller_says_which_form(alice, finished):
    job = f"jobs/{finished.job}"
    kind = "content-type"
    assert alice.http.get(job).headers[kind] == "application/json"
    assert alice.http.get(f"{job}?f=html").headers[kind].startswith("text/html")
    assert alice.http.get(f"{job}?f=json", headers=HTML).headers[kind] == "application/json"
    check_error(
        alice.http.get(f"{job}?f=xml"),
        400,
        "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/invalid-query-parameter-value",
    )
    assert alice.http.get(job, headers={"Accept": "image/png"}).status_code == 406
    found = alice.http.get(job).json()["links"]
    (page,) = (each["href"] for each in found if each["rel"] == "alternate")
    assert alice.http.get(page).headers[kind].startswith("text/html")
    missing = alice.http.get("jobs/nothing", headers=HTML)
    assert missing.status_code == 404 and "There is no Execution" in missing.text
    assert missing.headers[kind].startswith("text/html")


def test_a_form_does_what_a_request_does(alice, bob, formed):
    place = f"processes/{formed}/form"
    form = {"inputs.count": "3", "inputs.password": "hush-hush", "key": "once"}
    files = {"inputs.table": ("t.csv", b"a,b\n", "text/csv")}
    first = alice.http.post(place, data=form, files=files, headers=HTML)
    assert first.status_code == 303, first.text
    again = alice.http.post(place, data=form, files=files, headers=HTML)
    assert again.headers["location"] == first.headers["location"], "a double click runs it once"
    other = alice.http.post(place, data={**form, "inputs.count": "4"}, files=files)
    assert other.headers["location"] != first.headers["location"]
    job = first.headers["location"].rpartition("/")[2]
    assert alice.wait(job)["status"] == "successful"
    page = alice.http.get(f"jobs/{job}", headers=HTML).text
    assert "count 3" in page and "(a secret)" in page and "hush-hush" not in page
    again = alice.http.get(f"{place}?from={job}", headers=HTML)
    assert Reader(again.content).by_id("field-count")["value"] == "3"
    assert "hush-hush" not in again.text
    link = alice.http.get(place, params={"inputs": '{"count": 4, "password": "x-typed"}'})
    assert "x-typed" not in link.text
    empty = {"inputs": "", "from": job}  # as of a form that nobody filled in
    found = alice.http.get(place, params={**empty, "f": "html"})
    assert Reader(found.content).by_id("field-count")["value"] == "3"
    assert alice.http.get(place, params=empty).status_code == 200
    wrong = alice.http.get(place, params={"inputs": "[1]"})
    check_error(wrong, 400, "urn:ccp:error/invalid-document")
    check_error(bob.http.post(place, data=form, files=files), 404, check_kind(bob, place))


def check_kind(caller, place):
    return caller.http.get(place).json()["type"]


def test_what_is_wrong_stands_at_its_field_and_nothing_is_echoed_that_is_secret(alice, formed):
    place = f"processes/{formed}/form"
    form = {"inputs.count": '9"><script>', "inputs.password": "hush-hush", "key": "x"}
    files = {"inputs.other": ("t.csv", b"file-content", "text/csv")}
    answer = alice.http.post(place, data=form, files=files, headers=HTML)
    assert answer.status_code == 400
    read = Reader(answer.content)
    assert read.by_id("field-count")["value"] == '9"><script>'
    assert read.by_id("field-count")["aria-invalid"] == "true"
    assert read.by_id("field-table-wrong") and "Nothing was started" in read.text
    assert "hush-hush" not in answer.text and "file-content" not in answer.text
    check_error(
        alice.http.post(place, data=form, files=files), 400, "urn:ccp:error/invalid-document"
    )
    broken = {"Content-Type": "multipart/form-data; boundary=X"}
    check_error(alice.http.post(place, content=b"--X\r\ncut", headers=broken), 400)
    assert alice.http.post(place, json={}).status_code == 415


def test_a_form_of_a_browser_proves_where_it_comes_from(browser, stack, formed, sleeping):
    base = stack.service_url
    navigates = {**PAGE, "Sec-Fetch-Site": "same-origin"}
    form = {"inputs.count": "1"}
    files = {"inputs.table": ("t.csv", b"a", "text/csv")}
    post = {"data": form, "files": files, "headers": navigates, "follow_redirects": False}
    page = browser.get(f"{base}processes/{formed}/form", headers=PAGE).text
    (token,) = re.findall(r'name="_xsrf" value="([^"]+)"', page)
    for wrong in ({}, {"_xsrf": "guessed"}):
        answer = browser.post(f"{base}processes/{formed}/form", **{**post, "data": form | wrong})
        assert answer.status_code == 403
    post["data"] = form | {"_xsrf": unescape(token)}
    assert browser.post(f"{base}processes/{formed}/form", **post).status_code == 303
    question = browser.get(f"{base}jobs/{sleeping}/end", headers=PAGE).text
    assert "Cancel this Execution?" in question

    def end(**fields: str) -> int:
        place, none = f"{base}jobs/{sleeping}/end", {"none": ("", b"")}
        answer = browser.post(
            place, data=fields, files=none, headers=navigates, follow_redirects=False
        )
        return int(answer.status_code)

    assert end(action="dismiss") == 403
    assert end(action="remove", _xsrf=unescape(token)) == 409
    assert end(action="nonsense", _xsrf=unescape(token)) == 400
    assert end(action="dismiss", _xsrf=unescape(token)) == 303
    assert browser.get(f"{base}jobs/{sleeping}/events", headers=FETCH).status_code == 403


def test_what_was_created_is_started_by_a_button(browser, stack, alice, bob, formed):
    base = stack.service_url
    wanted = {"process": formed, "inputs": {"count": 4, "table": "YQ=="}}
    job = alice.http.post("jobs", json=wanted).json()["jobID"]
    place, none = f"{base}jobs/{job}/start", {"none": ("", b"")}
    page = browser.get(f"{base}jobs/{job}", headers=PAGE).text
    read = Reader(page.encode())
    assert [each["action"] for each in read.named("form")] == [place]
    assert not read.named("script"), "nothing happens that would have to be followed"
    (token,) = re.findall(r'name="_xsrf" value="([^"]+)"', page)
    answer = bob.http.post(f"jobs/{job}/start", files=none)
    check_error(answer, 404, check_kind(bob, f"jobs/{job}"))
    navigates = {**PAGE, "Sec-Fetch-Site": "same-origin"}

    def start(**fields: str) -> httpx.Response:
        found: httpx.Response = browser.post(
            place, data=fields, files=none, headers=navigates, follow_redirects=False
        )
        return found

    assert start().status_code == start(_xsrf="guessed").status_code == 403
    assert alice.status(job)["status"] == "created"
    answer = start(_xsrf=unescape(token))
    assert (answer.status_code, answer.headers["location"]) == (303, f"{base}jobs/{job}")
    assert alice.wait(job)["status"] == "successful"
    assert "count 4" in alice.log(job)
    again = start(_xsrf=unescape(token))
    assert again.status_code == 423 and "only while created" in unescape(again.text)
    assert place not in browser.get(f"{base}jobs/{job}", headers=PAGE).text


@pytest.fixture
def browser(stack):
    """A cookie jar in which alice is signed in."""
    with httpx.Client(follow_redirects=True, timeout=60, trust_env=False) as client:
        page = client.get(stack.service_url, headers=PAGE).text
        found = re.search(r'name="_xsrf" value="([^"]+)"', page)
        assert found
        password = str(stack.document["password"])
        form = {"username": "alice", "password": password, "_xsrf": found[1]}
        login = client.post(f"{stack.hub_url}/hub/login", data=form, headers=PAGE)
        assert login.is_success
        yield client
