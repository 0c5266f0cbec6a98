"""JupyterLab in a real browser, driven through `window.jupyterapp`.

Clicking through menus breaks with every release; the application object of the page, which the
stack's hub exposes, has been stable for years. Waiting for style classes is not enough either: a
notebook is ready when its kernel says so.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Error, Locator, Page, sync_playwright

from tests.stack.hub import repository

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
# Never shell.currentWidget: it is null while the layout is being restored.
_PANEL = """async name => {
  const app = window.jupyterapp;
  if (!app) return null;
  await app.restored;
  for (const w of app.shell.widgets('main'))
    if (w.context && w.context.path === name && w.sessionContext) {
      await w.context.ready; await w.revealed; await w.sessionContext.ready;
      return w;
    }
  return null;
}"""
_READY = f"""async name => {{
  const w = await ({_PANEL})(name);
  const kernel = w && w.sessionContext.session && w.sessionContext.session.kernel;
  if (!kernel) return false;
  await kernel.info;
  return kernel.status === 'idle';
}}"""
_START = f"""async ([name, i]) => {{
  const w = await ({_PANEL})(name);
  window.jupyterapp.shell.activateById(w.id);
  w.content.deselectAll();
  w.content.activeCellIndex = i;
  w.cellDone = false;
  void window.jupyterapp.commands.execute('notebook:run-cell').then(() => {{ w.cellDone = true; }});
}}"""
_DONE = f"async name => (await ({_PANEL})(name)).cellDone"
_FILES = """async path => {
  await window.jupyterapp.commands.execute('filebrowser:go-to-path', {path, dontShowBrowser: true});
  await window.jupyterapp.commands.execute('filebrowser:activate');
}"""


class CannotBrowse(RuntimeError):
    """There is no browser; the text says what to install."""


class NotebookPage:
    """A notebook, open in JupyterLab, with an idle kernel.

    Parameters
    ----------
    page : Page
        Of the browser.
    path : str
        Of the notebook, in the workspace.
    """

    def __init__(self, page: Page, path: str) -> None:
        self.page = page
        self.path = path
        self._panel = ""
        self.wait_ready()

    def start(self, cell: int) -> None:
        """Run a cell, and return at once."""
        self.page.evaluate(_START, [self.path, cell])

    def done(self) -> bool:
        """Tell whether the cell that was started last has ended."""
        return bool(self.page.evaluate(_DONE, self.path))

    def wait_done(self, timeout: float = 60) -> None:
        """Wait until the cell that was started last has ended."""
        self._poll(self.done, timeout, "the cell did not end")

    def run(self, cell: int, timeout: float = 60) -> str:
        """Run a cell to its end; returns the text of its output."""
        self.start(cell)
        self.wait_done(timeout)
        return self.output(cell)

    def output(self, cell: int) -> str:
        """Return what a reader sees below a cell, as text."""
        # The text of a cell's own source must not be taken for output.
        return "\n".join(self.cell(cell).locator(".jp-OutputArea-output").all_inner_texts())

    def cell(self, number: int) -> Locator:
        """Return a cell as it stands in the page."""
        # JupyterLab restores the notebooks that were open before: look in this one only.
        return self.page.locator(f"#{self._panel} .jp-Notebook-cell >> nth={number}")

    def wait_output(self, cell: int, text: str, timeout: float = 30) -> None:
        """Wait until a text stands below a cell."""
        self._poll(lambda: text in self.output(cell), timeout, f"no {text!r} below cell {cell}")

    def files(self, folder: str) -> list[str]:
        """Show a folder in the file browser; returns the names that it lists."""
        self.page.evaluate(_FILES, folder)
        self.page.locator(".jp-DirListing-itemText").first.wait_for()
        crumb = self.page.locator(f'.jp-BreadCrumbs-item[title="{folder}"]')
        crumb.wait_for()
        return self.page.locator(".jp-DirListing-itemText").all_inner_texts()

    def wait_ready(self) -> None:
        """Wait until the kernel is idle, also after it was restarted."""

        def ready() -> bool:
            try:
                return bool(self.page.evaluate(_READY, self.path))
            except Error:  # the page is still navigating
                return False

        self._poll(ready, 60, f"no idle kernel for {self.path}")
        self._panel = str(
            self.page.evaluate(f"async name => (await ({_PANEL})(name)).id", self.path)
        )

    def _poll(self, condition, timeout: float, failure: str) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{failure} within {timeout:g} s")
            self.page.wait_for_timeout(100)


_OPEN = """async ([view, selection, id]) => {
  await window.jupyterapp.restored;
  await window.jupyterapp.commands.execute('ccp:open', {view, selection, id: id ?? undefined});
}"""
_AXE = """async selector => (await window.axe.run(selector)).violations.map(
  each => `${each.id}: ${each.help}: ${each.nodes.map(node => node.html).join(' ')}`
)"""


def open_view(page: Page, view: str, **selection: object) -> Locator:
    """Open a view in the main area of a JupyterLab; returns where it is drawn."""
    page.wait_for_function("window.jupyterapp")
    panel = f"test-{view}"
    page.evaluate(_OPEN, [view, selection, panel])
    return page.locator(f"#{panel} .ccp-View")


def show_view(page: Page, view: str, **selection: object) -> None:
    """Open a view where a user's click opens it."""
    page.wait_for_function("window.jupyterapp")
    page.evaluate(_OPEN, [view, selection, None])


def violations(page: Page, selector: str) -> list[str]:
    """Return what axe-core finds against the rules of accessibility below a selector."""
    axe = repository() / "labextension/node_modules/axe-core/axe.min.js"
    page.evaluate(f"() => {{ {axe.read_text()} }}")
    return list(page.evaluate(_AXE, selector))


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start a headless browser.  Raises `CannotBrowse`."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise CannotBrowse("no browser: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, headless=True, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def log_in(page: Page, hub_url: str, user: str, password: str, target: str = "") -> None:
    """Log in to the hub through its form and wait for the user's JupyterLab."""
    page.goto(f"{hub_url}/hub/login?next=%2Fhub%2Fuser-redirect%2Flab{target}")
    page.get_by_label("Username:").fill(user)
    page.get_by_label("Password:").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**/user/{user}/lab**")


def open_notebook(page: Page, hub_url: str, user: str, password: str, path: str) -> NotebookPage:
    """Log in and open a notebook of the user's workspace."""
    log_in(page, hub_url, user, password, f"%2Ftree%2F{path}")
    return NotebookPage(page, path)


def write_notebook(path: Path, *cells: str) -> None:
    """Write a notebook with these code cells."""
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    code: dict[str, object] = {
        "cell_type": "code",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
    }
    document = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": kernel},
        "cells": [{**code, "id": f"cell-{i}", "source": cell} for i, cell in enumerate(cells)],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
