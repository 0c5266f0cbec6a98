"""Fixtures: one browser for all tests, notebooks of the stack's users, example Methods."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, ViewportSize

from ccp_jupyter.client import Client
from tests.conftest import missing
from tests.e2e.lab import CannotBrowse, NotebookPage, open_browser, open_notebook, write_notebook
from tests.stack.examples import example_methods
from tests.stack.hub import repository
from tests.stack.stack import Stack

OpenNotebook = Callable[..., NotebookPage]

_SLOW = r"""for number in 1 2 3 4 5 6 7 8; do echo "line $number of 8"; sleep 0.5; done
mkdir -p /ccp_data/output; echo done > /ccp_data/output/end.txt"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give them more time: the first test of a session waits for hub, engines and browser."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless browser."""
    try:
        with open_browser() as browser:
            yield browser
    except CannotBrowse as error:
        missing(str(error))


class Pages:
    """Opens pages, each as if in a browser that nobody has used.

    Cookies and what pages stored are forgotten, but a browser context is used again for what it
    has loaded and compiled: more than half of the time in which JupyterLab starts.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: list[BrowserContext] = []

    @contextmanager
    def open(self) -> Iterator[Page]:
        size: ViewportSize = {"width": 1400, "height": 1000}
        context = self._free.pop() if self._free else self._browser.new_context(viewport=size)
        page = context.new_page()
        page.set_default_timeout(60_000)
        try:
            yield page
        finally:
            with suppress(Error):  # it is nowhere where something could be stored
                page.evaluate("localStorage.clear()")
            for each in context.pages:
                each.close()
            context.clear_cookies()
            self._free.append(context)


@pytest.fixture(scope="session")
def pages(browser: Browser) -> Pages:
    return Pages(browser)


@pytest.fixture
def page(pages: Pages) -> Iterator[Page]:
    """A page that nobody is logged in on."""
    with pages.open() as page:
        yield page


@pytest.fixture
def notebook(stack: Stack, pages: Pages) -> Iterator[OpenNotebook]:
    """Write a notebook into a user's workspace and open it: ``notebook("alice", cell, …)``."""
    with ExitStack() as cleanup:

        def open_one(user: str, *cells: str, name: str = "test.ipynb") -> NotebookPage:
            write_notebook(stack.home(user) / name, *cells)
            page = cleanup.enter_context(pages.open())
            password = str(stack.document["password"])
            return open_notebook(page, stack.hub_url, user, password, name)

        yield open_one


@pytest.fixture(scope="session")
def methods(stack: Stack) -> None:
    """Add the example Methods, one that writes a line every half second, and one without end."""
    documents = example_methods(stack.images)
    own = [
        _variant(documents[0], "slow-lines", "Slow lines", _SLOW),
        _variant(documents[0], "endless", "Endless", "echo begun; sleep 600"),
    ]
    with Client(url=stack.service_url, token=stack.users["alice"]) as client:
        for document in [*documents, *own]:
            client.deploy(document)


def _variant(example: dict[str, Any], name: str, title: str, script: str) -> dict[str, Any]:
    """Return a public Method like an example, with another script and without inputs."""
    made: dict[str, Any] = json.loads(json.dumps(example))
    made.update(id=name, title=title, outputs={})
    made["inputs"] = {"ccpimage": made["inputs"]["ccpimage"]}
    for each in made["additionalParameters"]["parameters"]:
        each["value"] = script.splitlines() if each["name"] == "execute-script" else []
    return made


@pytest.fixture(scope="session")
def table(stack: Stack) -> Path:
    """The example data as ``data.csv`` in alice's workspace."""
    return Path(
        shutil.copy(repository() / "examples/data/weather.csv", stack.home("alice") / "data.csv")
    )
