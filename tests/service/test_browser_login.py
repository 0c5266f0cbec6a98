"""Callers with cookies: login by OAuth, and XSRF."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.service.documents import check_error
from tests.stack.stack import Stack

PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}
FETCH = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def browser(stack: Stack) -> Iterator[httpx.Client]:
    """A cookie jar in which alice is signed in at the hub, and so at the service."""
    with httpx.Client(follow_redirects=True, timeout=60, trust_env=False) as client:
        page = client.get(f"{stack.hub_url}/hub/login", headers=PAGE).text
        found = re.search(r'name="_xsrf" value="([^"]+)"', page)
        assert found
        form = {
            "username": "alice",
            "password": str(stack.document["password"]),
            "_xsrf": found[1],
        }
        assert client.post(f"{stack.hub_url}/hub/login", data=form, headers=PAGE).is_success
        yield client


def xsrf(client: httpx.Client) -> str:
    return next(c.value or "" for c in client.cookies.jar if c.name == "_xsrf" and "ccp" in c.path)


def test_the_page_is_for_people(browser, stack, finished):
    answer = browser.get(stack.service_url, headers=PAGE)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<strong>alice</strong>" in answer.text
    assert f"{stack.service_url}jobs/{finished.job}" in answer.text or "jobs/" in answer.text
    assert f"{stack.service_url}api" in answer.text


def test_titles_of_others_are_no_html(browser, stack, alice, shell):
    from tests.jobs import method

    alice.run(method(shell, "true", title='<img src=x onerror="alert(1)">'))
    answer = browser.get(stack.service_url, headers=PAGE)
    assert "<img" not in answer.text
    assert "&lt;img" in answer.text


def test_only_pages_send_to_the_login(stack):
    with httpx.Client(timeout=60, trust_env=False) as client:
        answer = client.get(stack.service_url, headers=PAGE)
        assert answer.status_code == 302
        assert "/hub/api/oauth2/authorize" in answer.headers["location"]
        assert "redirect_uri=%2Fservices%2Fccp%2Foauth_callback" in answer.headers["location"]
        for path in ("", "jobs", "processes"):
            check_error(client.get(stack.service_url + path), 401)
            page = client.get(stack.service_url + path, headers=PAGE)
            assert page.status_code == 302, "whoever browses comes back to what they wanted"
        bad = {**PAGE, "Authorization": "token wrong"}
        answer = client.get(stack.service_url, headers=bad)
        assert answer.status_code == 401, "a token that counts no more leads to no login"
        assert answer.headers["content-type"].startswith("text/html")
        assert client.get(stack.service_url + "assets/ccp.css").status_code == 200


def test_cookies_alone_change_nothing(browser, stack, shell):
    """The matrix of the hub's own rule: who has only a cookie must prove where they come from."""
    from tests.jobs import method

    assert browser.get(stack.service_url, headers=PAGE).status_code == 200
    document = method(shell, "true")
    place = stack.service_url + "processes"
    check_error(browser.post(place, json=document, headers=FETCH), 403)
    check_error(browser.get(place, headers=FETCH), 403)
    foreign = {**FETCH, "X-XSRFToken": "x" * 40}
    check_error(browser.post(place, json=document, headers=foreign), 403)
    assert browser.get(place).status_code == 200, "a plain navigation reads"
    proof = {**FETCH, "X-XSRFToken": xsrf(browser)}
    assert browser.get(place, headers=proof).status_code == 200
    assert browser.post(place, json=document, headers=proof).status_code == 201
    check_error(browser.delete(f"{place}/{document['id']}", headers=FETCH), 403)
    assert browser.delete(f"{place}/{document['id']}", headers=proof).status_code == 204


def test_a_browser_login_of_an_administrator_administers(stack, browser):
    """As the hub's own does; nobody else's."""
    assert "administrator" not in browser.get(stack.service_url, headers=PAGE).text
    check_error(browser.get(stack.service_url + "jobs?owner=*"), 403)
    with httpx.Client(follow_redirects=True, timeout=60, trust_env=False) as client:
        page = client.get(f"{stack.hub_url}/hub/login", headers=PAGE).text
        found = re.search(r'name="_xsrf" value="([^"]+)"', page)
        assert found
        form = {
            "username": "admin",
            "password": stack.settings.admin_password,
            "_xsrf": found[1],
        }
        client.post(f"{stack.hub_url}/hub/login", data=form, headers=PAGE)
        page = client.get(stack.service_url, headers=PAGE).text
        assert "<strong>admin</strong>" in page
        assert "administrator" in page
        assert client.get(stack.service_url + "jobs?owner=*").status_code == 200


@pytest.mark.parametrize(
    "query", ["", "?code=x", "?error=no&error_description=%3Cb%3E", "?state=x"]
)
def test_logins_that_went_wrong(stack, query):
    answer = httpx.get(stack.service_url + "oauth_callback" + query, trust_env=False)
    assert answer.status_code in (400, 403)
    check_error(answer, answer.status_code)
