"""Take the pictures of the documentation: each view in both themes, into docs/images.

    python -m scripts.pictures                    all of them
    python -m scripts.pictures monitor execution  some of them

Whoever changes a view takes them again, and looks at them.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from ccp_jupyter.client import Client
from ccp_jupyter.client.execution import Execution
from tests.e2e.lab import NotebookPage, log_in, open_browser, open_view, write_notebook
from tests.stack.examples import example_methods
from tests.stack.stack import Stack

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs/images"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
USER = "alice"
_THEME = "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})"
_INPUTS = {"table": {"$file": "data.csv"}, "column": "temperature"}
_CELL = """from ccp_jupyter.widgets import ExecutionForm, MethodList
from ipywidgets import HBox, link

methods, form = MethodList(search="statistics"), ExecutionForm()
_ = link((methods, "selected"), (form, "method"))
HBox([methods, form])"""
_OPEN = "path => void window.jupyterapp.commands.execute('docmanager:open', {path})"


@dataclass(frozen=True)
class Scene:
    """A JupyterLab in which something has happened.

    Attributes
    ----------
    page : Page
        In which pictures are taken.
    stack : Stack
        With the example Methods.
    execution : Execution
        One that went well.
    """

    page: Page
    stack: Stack
    execution: Execution


def _methods(scene: Scene) -> None:
    view = open_view(scene.page, "methods")
    view.get_by_role("treeitem").nth(2).click()


def _editor(scene: Scene) -> None:
    view = open_view(scene.page, "editor", method="column-statistics")
    view.get_by_label("Title").first.wait_for()


def _form(scene: Scene) -> None:
    view = open_view(scene.page, "form", method="column-statistics", inputs=_INPUTS)
    view.get_by_text("It would begin").wait_for()


def _monitor(scene: Scene) -> None:
    view = open_view(scene.page, "monitor")
    row = view.locator(f'[data-execution="{scene.execution.id}"]')
    row.locator(".ccp-MonitorItem-line").click()
    row.get_by_role("group", name="Actions of this Execution").wait_for()


def _execution(scene: Scene) -> None:
    view = open_view(scene.page, "execution", execution_id=scene.execution.id)
    view.get_by_role("tab", name="Outputs").click()
    view.get_by_role("treeitem", name="histogram.svg").click()
    view.get_by_role("region", name="Preview").first.wait_for()


def _cell(scene: Scene) -> None:
    path = "widgets.ipynb"
    write_notebook(scene.stack.home(USER) / path, _CELL)
    scene.page.evaluate(_OPEN, path)
    notebook = NotebookPage(scene.page, path)
    notebook.run(0)
    output = notebook.cell(0)
    output.get_by_role("treeitem").nth(1).click()
    output.locator(".ccp-ExecutionForm [data-field]").first.wait_for()


PICTURES: dict[str, Callable[[Scene], None]] = {
    "methods": _methods,
    "editor": _editor,
    "form": _form,
    "monitor": _monitor,
    "execution": _execution,
    "cell": _cell,
}


def main() -> int:
    """Take the pictures that the command line asks for; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m scripts.pictures", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="picture", help=", ".join(PICTURES))
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(PICTURES):
        parser.error(f"no such picture: {', '.join(sorted(unknown))}")
    with _scene() as scene:
        for name in asked.names or PICTURES:
            PICTURES[name](scene)
            for theme, full in THEMES.items():
                scene.page.evaluate(_THEME, full)
                scene.page.wait_for_timeout(1500)  # style sheets are loaded anew, colours fade
                scene.page.screenshot(path=IMAGES / f"{name}-{theme}.png")
                print(f"docs/images/{name}-{theme}.png", flush=True)
    return 0


@contextmanager
def _scene() -> Iterator[Scene]:
    with ExitStack() as last:
        work = last.enter_context(tempfile.TemporaryDirectory(prefix="ccp-pictures-"))
        stack = Stack.up(Path(work) / "stack")
        last.callback(stack.down)
        client = last.enter_context(Client(url=stack.service_url, token=stack.users[USER]))
        execution = _history(stack, client)
        browser = last.enter_context(open_browser())
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        log_in(page, stack.hub_url, USER, str(stack.document["password"]), "?reset")
        page.get_by_role(
            "button", name="No", exact=True
        ).click()  # Jupyter's question about its news
        yield Scene(page, stack, execution)


def _history(stack: Stack, client: Client) -> Execution:
    """Let something have happened; returns an Execution that went well."""
    there = {each.id for each in client.methods()}
    for document in example_methods(stack.images):
        if document["id"] not in there:
            client.deploy(document)
    table = Path(shutil.copy(ROOT / "examples/data/weather.csv", stack.home(USER) / "data.csv"))
    runs = [
        client.run("hello"),
        client.run("word-count", text=ROOT / "README.md"),
        client.run("column-statistics", table=table, column="no such column"),
        client.run("column-statistics", table=table, column="temperature"),
    ]
    for each in runs:
        each.wait(120, progress=False, check=False)
    client.run("parallel-pi", replicas=3)
    return runs[-1]


if __name__ == "__main__":
    sys.exit(main())
