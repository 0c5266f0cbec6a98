"""The page for administrators, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.stack.stack import Stack

_CALL = """async ([path, headers]) => {
  const body = JSON.stringify({draining: true});
  headers['Content-Type'] = 'application/json';
  return (await fetch(path, {method: 'PATCH', headers, body})).status;
}"""


def open_page(stack: Stack, page: Page, user: str = "admin") -> list[str]:
    """Log in and open it; returns what the browser complains about, from then on."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    password = stack.document["admin_password" if user == "admin" else "password"]
    page.goto(f"{stack.service_url}admin")
    page.get_by_label("Username:").fill(user)
    page.get_by_label("Password:").fill(str(password))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{stack.service_url}admin")
    return complaints


def fits_the_screen(page: Page) -> bool:
    wide: bool = page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )
    return wide


def test_a_node_is_drained_and_enabled_by_keyboard(stack: Stack, page: Page) -> None:
    complaints = open_page(stack, page)
    row = page.locator("tr[data-node=node-2]")
    expect(row).to_contain_text("online")
    expect(page.locator("#queue")).to_contain_text("local-docker")
    page.get_by_role("button", name="Drain node-2").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("button", name="Drain node-2").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("a <b>new</b> disk")
    page.keyboard.press("Enter")
    expect(row).to_contain_text("draining")
    expect(row).to_contain_text("a <b>new</b> disk")
    expect(page.get_by_role("button", name="Enable node-2")).to_be_focused()
    page.keyboard.press("Enter")
    expect(row.locator(".badge")).to_have_text("online")
    assert complaints == []


def test_nobody_else_may_change_nodes_by_a_browser_of_an_administrator(
    stack: Stack, page: Page
) -> None:
    open_page(stack, page)
    xsrf = page.locator("body").get_attribute("data-xsrf")
    path = f"{stack.service_url}nodes/node-2"
    assert page.evaluate(_CALL, [path, {}]) == 403
    assert page.evaluate(_CALL, [path, {"X-XSRFToken": "guessed"}]) == 403
    assert page.evaluate(_CALL, [f"{path}-none", {"X-XSRFToken": xsrf}]) == 404


def test_it_is_for_administrators(stack: Stack, page: Page) -> None:
    open_page(stack, page, "carol")
    expect(page.locator("body")).to_contain_text("custom:ccp:admin")
    expect(page.locator("#nodes")).to_have_count(0)


def answer_nodes(page: Page, nodes: list[dict[str, Any]]) -> None:
    def fulfill(route: Route) -> None:
        route.fulfill(json={"nodes": nodes, "links": []})

    page.route("**/services/ccp/nodes", fulfill)


def a_node(number: int) -> dict[str, Any]:
    state = ("online", "online", "online", "degraded", "offline", "draining")[number % 6]
    reason = "" if state == "online" else f"<img src=x onerror=alert({number})> no answer " * 3
    return {
        "id": f"node-{number}",
        "infrastructure": "cluster-" + "x" * (number % 40),
        "state": state,
        "draining": state == "draining",
        "online": state != "offline",
        "reason": reason,
        "since": "2026-11-20T10:00:00.000Z",
        "running": number % 9,
        "slots": 8,
        "memory": 2**38,
        "cpus": 64.0,
        "gpus": [{"id": str(each)} for each in range(number % 4)],
        "used": {"memory": 2**30 * number, "cpus": number / 3, "gpus": ["0"][: number % 4]},
        "outside": {"containers": number % 3, "memory": 0},
        "free": {"slots": 0, "memory": 0, "cpus": 0, "gpus": 0},
    }


@pytest.mark.parametrize(("width", "scheme"), [(1300, "light"), (400, "dark")])
def test_two_hundred_nodes(stack: Stack, page: Page, width: int, scheme: Any) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    answer_nodes(page, [a_node(number) for number in range(200)])
    complaints = open_page(stack, page)
    rows = page.locator("tr[data-node]")
    expect(rows).to_have_count(200)
    expect(rows.first).to_contain_text("offline")  # what needs somebody comes first
    expect(rows.first).to_contain_text("<img src=x onerror=alert(4)>")
    expect(rows.first.get_by_role("meter", name="Memory")).to_have_attribute(
        "aria-valuenow", "4294967296"
    )
    assert fits_the_screen(page)
    page.get_by_label("Find").fill("node-19")
    expect(rows).to_have_count(11)
    page.get_by_label("State").select_option("draining")
    expect(rows).to_have_count(2)
    page.get_by_label("Find").fill("nothing like this")
    expect(page.get_by_text("No Node fits the filter.")).to_be_visible()
    assert complaints == []


def test_no_nodes_and_no_service(stack: Stack, page: Page) -> None:
    answer_nodes(page, [])
    complaints = open_page(stack, page)
    expect(page.get_by_text("There are none. ccp node add")).to_be_visible()
    assert complaints == []
    page.route("**/admin/status", lambda route: route.abort())
    trouble = page.get_by_role("alert")
    expect(trouble).to_have_text("The service does not answer; this page tries again.")
    page.unroute("**/admin/status")
    expect(trouble).to_be_hidden()
