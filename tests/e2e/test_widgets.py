"""The views in cells and in panels: a busy kernel, a stopped server, Notebook 7, accessibility."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ccp_jupyter.client import Client
from tests.e2e.conftest import OpenNotebook
from tests.e2e.lab import log_in, show_view, violations, write_notebook
from tests.stack.stack import Stack

pytestmark = pytest.mark.usefixtures("methods")

WIDGETS = """from ipywidgets import HBox, VBox, link
from ccp_jupyter.widgets import *
form, monitor, methods = ExecutionForm(), ExecutionMonitor(), MethodList(search="slow")
_ = link((methods, "selected"), (form, "method"))
VBox([HBox([methods, form]), monitor])"""
_THEME = "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})"


def wait(condition: Callable[[], Any], page: Page, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        page.wait_for_timeout(200)


def test_run_and_cancel_while_the_kernel_is_busy(stack: Stack, notebook: OpenNotebook) -> None:
    opened = notebook(
        "bob",
        WIDGETS,
        "methods",
        "methods.selected = 'endless'; print(form.method)",
        "import time; time.sleep(600)",
        "print(form.execution_id)",
        name="widgets.ipynb",
    )
    page = opened.page
    opened.run(0)
    opened.run(1)
    assert "endless" in opened.run(2)
    form = opened.cell(0).locator(".ccp-ExecutionForm")
    monitor = opened.cell(0).locator(".ccp-ExecutionMonitor")
    # Side by side they share the width.
    for view in (form, opened.cell(0).locator(".ccp-MethodList")):
        assert (view.bounding_box() or {"width": 0})["width"] > 200
    opened.start(3)
    form.get_by_role("button", name="Run", exact=True).click()
    with Client(url=stack.service_url, token=stack.users["bob"]) as client:
        wait(lambda: client.executions("running", method="endless"), page)
        execution = client.executions(method="endless")[0]
        # Once it runs, the form shows it in a panel beside the notebook.
        page.locator(".jp-MainAreaWidget [data-action=cancel]").first.click()
        wait(lambda: execution.refresh().status == "dismissed", page)
        page.locator(".lm-TabBar-tabLabel", has_text="widgets.ipynb").first.click()
        row = monitor.locator(f'[data-execution="{execution.id}"]')
        expect(row).to_contain_text("dismissed", timeout=30_000)
    assert not opened.done(), "the kernel was not busy"
    page.evaluate("window.jupyterapp.commands.execute('notebook:interrupt-kernel')")
    opened.wait_done()
    assert execution.id in opened.run(4)


def test_a_stopped_server_is_told_and_what_was_missed_comes(
    stack: Stack, page: Page, browser: Browser
) -> None:
    user = "carol"
    log_in(page, stack.hub_url, user, str(stack.document["password"]))
    page.wait_for_function("window.jupyterapp")
    show_view(page, "monitor")
    view = page.locator(".jp-MainAreaWidget .ccp-ExecutionMonitor")
    view.wait_for()
    with stack.hub() as hub, Client(url=stack.service_url, token=stack.users[user]) as client:
        hub.call("DELETE", f"users/{user}/server", ok=(202, 204))
        expect(view.locator(".ccp-Connection")).to_contain_text("stopped", timeout=60_000)
        expect(page.locator(".ccp-StatusItem")).to_have_text("not up to date")
        execution = client.run("slow-lines")
        execution.wait(progress=False)
        wait(lambda: "pending" not in json.dumps(hub.call("GET", f"users/{user}")["servers"]), page)
        hub.start_server(user, timeout=120)
        expect(view.locator(".ccp-Connection")).to_have_count(0, timeout=90_000)
        row = view.locator(f'[data-execution="{execution.id}"]')
        expect(row).to_contain_text("successful", timeout=30_000)


def test_notebook_7_shows_them_too(stack: Stack, page: Page) -> None:
    path = stack.home("alice") / "seven.ipynb"
    # A VBox has no summary of its own: one widget stands by itself.
    write_notebook(path, WIDGETS, "monitor")
    log_in(page, stack.hub_url, "alice", str(stack.document["password"]))
    page.goto(f"{stack.hub_url}/user/alice/notebooks/seven.ipynb")
    page.locator(".jp-Notebook-cell .cm-content").first.click()
    kernel = page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")
    kernel.wait_for(state="attached")
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    page.locator(".ccp-View.ccp-mod-cell .ccp-ExecutionForm").wait_for()
    expect(page.locator(".ccp-View.ccp-mod-cell .ccp-ExecutionMonitor")).to_have_count(2)
    page.keyboard.press("Control+s")

    def summary() -> str:
        cells = json.loads(path.read_text())["cells"]
        return str([output.get("data") for output in cells[1]["outputs"]])

    wait(lambda: "text/html" in summary(), page)


def test_nothing_that_assistive_technology_stumbles_over(stack: Stack, page: Page) -> None:
    log_in(page, stack.hub_url, "alice", str(stack.document["password"]))
    page.wait_for_function("window.jupyterapp")
    with Client(url=stack.service_url, token=stack.users["alice"]) as client:
        execution = client.run("hello")
        execution.wait(progress=False)
    views = {
        "methods": {},
        "editor": {"method": "hello"},
        "form": {"method": "column-statistics"},
        "monitor": {},
        "execution": {"execution_id": execution.id},
    }
    found = []
    for view, selection in views.items():
        show_view(page, view, **selection)
        page.locator(".jp-MainAreaWidget:not(.lm-mod-hidden) .ccp-View > div").first.wait_for()
        for theme in ("JupyterLab Light", "JupyterLab Dark"):
            page.evaluate(_THEME, theme)
            page.wait_for_timeout(1000)  # style sheets are loaded anew, and colours fade
            found += [f"{view}, {theme}: {each}" for each in violations(page, ".ccp-View")]
    assert not found, "\n".join(found)
