"""Fixtures: one browser for all tests, notebooks of the stack's users, example Methods."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

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


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page with a cookie jar of its own."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(60_000)
    yield page
    context.close()


@pytest.fixture
def notebook(stack: Stack, browser: Browser) -> Iterator[OpenNotebook]:
    """Write a notebook into a user's workspace and open it: ``notebook("alice", cell, …)``."""
    with ExitStack() as cleanup:

        def open_one(user: str, *cells: str, name: str = "test.ipynb") -> NotebookPage:
            write_notebook(stack.home(user) / name, *cells)
            context = browser.new_context(viewport={"width": 1400, "height": 1000})
            cleanup.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(60_000)
            password = str(stack.document["password"])
            return open_notebook(page, stack.hub_url, user, password, name)

        yield open_one


@pytest.fixture(scope="session")
def methods(stack: Stack) -> None:
    """Add the example Methods, and one that writes a line every half second; all are public."""
    documents = example_methods(stack.images)
    slow = json.loads(json.dumps(documents[0]))
    slow.update(id="slow-lines", title="Slow lines", outputs={})
    slow["inputs"] = {"ccpimage": slow["inputs"]["ccpimage"]}
    for script in slow["additionalParameters"]["parameters"]:
        script["value"] = _SLOW.splitlines() if script["name"] == "execute-script" else []
    with Client(url=stack.service_url, token=stack.users["alice"]) as client:
        for document in [*documents, slow]:
            client.deploy(document)


@pytest.fixture(scope="session")
def table(stack: Stack) -> Path:
    """The example data as ``data.csv`` in alice's workspace."""
    return Path(
        shutil.copy(repository() / "examples/data/weather.csv", stack.home("alice") / "data.csv")
    )
