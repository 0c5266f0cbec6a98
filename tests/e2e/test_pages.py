"""The service's pages for browsers."""

from __future__ import annotations

import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from ccp_jupyter.client import Client
from tests.e2e.lab import log_in
from tests.jobs import method
from tests.stack.stack import Stack


def test_the_landing_page_signs_in_through_the_hub(stack: Stack, page: Page) -> None:
    page.goto(stack.service_url)
    assert "/hub/login" in page.url, "nobody is signed in yet"
    page.get_by_label("Username:").fill("carol")
    page.get_by_label("Password:").fill(str(stack.document["password"]))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(stack.service_url)
    assert "carol" in page.inner_text("body")


def test_whoever_is_logged_in_needs_no_second_login(stack: Stack, page: Page) -> None:
    log_in(page, stack.hub_url, "carol", str(stack.document["password"]))
    page.goto(stack.service_url)
    assert page.url == stack.service_url
    assert "carol" in page.inner_text("body")


def test_a_wrong_password_lets_nobody_in(stack: Stack, page: Page) -> None:
    page.goto(stack.service_url)
    page.get_by_label("Username:").fill("carol")
    page.get_by_label("Password:").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("Invalid username or password").wait_for()
    page.goto(stack.service_url)
    assert "/hub/login" in page.url


# --- a person finds a Method, executes it, follows it, takes the files ---

_ECHO = r"""echo "hello {{ who }}"
for number in 1 2 3; do echo "line $number"; sleep 1; done
mkdir -p /ccp_data/output; cat {{ table }} > /ccp_data/output/copy.csv"""
_HOSTILE = "<img src=x onerror=document.title='owned'>"


@pytest.fixture(scope="module")
def described(stack: Stack) -> str:
    """Deploy a Method of carol's with a file, a choice and a text; returns its title."""
    file = {"type": "string", "format": "file", "contentMediaType": "text/csv"}
    document = method(
        stack.images["shell"],
        _ECHO.splitlines(),
        inputs={
            "who": {"title": "Who", "schema": {"type": "string", "maxLength": 40}},
            "table": {"title": "Table", "schema": file},
            "size": {"minOccurs": 0, "schema": {"type": "string", "enum": ["small", "large"]}},
        },
        title=f"Page test {uuid.uuid4().hex[:8]}",
        description=_HOSTILE,
    )
    with Client(url=stack.service_url, token=stack.users["carol"]) as client:
        client.deploy(document)
    return str(document["title"])


@pytest.fixture(params=["with scripts", "without scripts"])
def visitor(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page of a browser that runs scripts, and of one that does not."""
    scripts = request.param == "with scripts"
    context = browser.new_context(java_script_enabled=scripts, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.set_default_navigation_timeout(60_000)
    yield page
    context.close()


def test_a_person_finds_executes_follows_and_downloads(
    stack: Stack, visitor: Page, described: str, tmp_path: Path
) -> None:
    sign_in(stack, visitor)
    complaints = listen(visitor)

    visitor.get_by_label("Find a Method").fill(described.split()[-1])
    visitor.get_by_role("button", name="Find").click()
    visitor.get_by_role("link", name=described, exact=True).click()
    expect(visitor.get_by_role("heading", level=1)).to_contain_text(described)
    expect(visitor.locator("body")).to_contain_text(_HOSTILE)
    visitor.get_by_role("link", name="Execute", exact=True).click()

    table = tmp_path / "t.csv"
    table.write_text("a,b\n1,2\n")
    visitor.get_by_label("Who").fill("the <b>reader</b>")
    visitor.get_by_label("Table").set_input_files(table)
    visitor.get_by_label("size").select_option("large")
    visitor.get_by_role("button", name="Execute").click()
    visitor.wait_for_url("**/jobs/*")
    job = visitor.url

    expect(visitor.locator("#status")).to_have_text("successful", timeout=120_000)
    expect(visitor.locator("#log")).to_contain_text("hello the <b>reader</b>")
    expect(visitor.locator("#log")).to_contain_text("line 3")
    with visitor.expect_download() as waiting:
        visitor.get_by_role("link", name="Download output.zip").click()
    waiting.value.save_as(tmp_path / "output.zip")
    with zipfile.ZipFile(tmp_path / "output.zip") as found:
        assert found.read("output/copy.csv") == b"a,b\n1,2\n"

    visitor.goto(job)
    visitor.get_by_role("link", name="Again, with changes").click()
    expect(visitor.get_by_label("Who")).to_have_value("the <b>reader</b>")
    expect(visitor.locator("body")).to_contain_text("files and secrets are not taken over")
    visitor.goto(job)
    visitor.get_by_role("link", name="Remove", exact=True).click()
    visitor.get_by_role("button", name="Remove it").click()
    visitor.wait_for_url("**/jobs")
    assert complaints == []
    assert visitor.goto(job).status == 404  # type: ignore[union-attr]
    expect(visitor.get_by_role("alert")).to_contain_text("There is no Execution")


def test_what_is_wrong_stands_at_its_field(stack: Stack, page: Page, described: str) -> None:
    sign_in(stack, page)
    page.goto(f"{stack.service_url}processes?{urlencode({'q': described})}")
    page.get_by_role("link", name=f"Execute {described}").click()
    page.locator("form.execute").evaluate("form => { form.noValidate = true; }")
    page.get_by_label("Who").evaluate("field => field.removeAttribute('maxlength')")
    page.get_by_label("Who").fill("x" * 50)
    page.get_by_role("button", name="Execute").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was started")
    expect(page.locator("#field-who-wrong")).to_contain_text("at most 40 characters")
    expect(page.locator("#field-table-wrong")).to_contain_text("is missing")
    expect(page.get_by_label("Who")).to_have_value("x" * 50)


def listen(page: Page) -> list[str]:
    """Return what the browser complains about, from now on."""
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints


def sign_in(stack: Stack, page: Page) -> None:
    page.goto(stack.service_url)
    page.get_by_label("Username:").fill("carol")
    page.get_by_label("Password:").fill(str(stack.document["password"]))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(stack.service_url)
