"""The service's pages for browsers."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.e2e.lab import log_in
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
