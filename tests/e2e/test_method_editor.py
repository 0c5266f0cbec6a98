"""The Method editor in JupyterLab: a Method from its first word to its deletion, every control."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.lab import log_in, open_view, violations
from tests.jobs import Caller, method
from tests.stack.stack import Stack

_DROP = """([selector, id]) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.setData('application/x-ccp-method', id);
  const el = document.querySelector(selector);
  el.dispatchEvent(new DragEvent('dragover', {bubbles: true, cancelable: true, dataTransfer}));
  el.dispatchEvent(new DragEvent('drop', {bubbles: true, cancelable: true, dataTransfer}));
}"""
# JupyterLab's question about news lies over buttons.
_NO_TOASTS = """document.addEventListener('DOMContentLoaded', () => {
  const style = document.createElement('style');
  style.textContent = '.Toastify, #react-toastify-container { display: none }';
  document.head.append(style);
})"""
_CLOSE = """() => {
  for (const w of window.jupyterapp.shell.widgets('main'))
    if (w.id === 'test-editor') { w.close(); return; }
}"""


@pytest.fixture
def bob(stack: Stack) -> Iterator[Caller]:
    """Bob; the Methods that a test made are gone when it is over, and no others."""
    caller = Caller(stack.service_url, stack.users["bob"])
    before = own(caller)
    yield caller
    for each in own(caller) - before:
        caller.http.delete(f"processes/{each}")
    caller.close()


def own(caller: Caller) -> set[str]:
    found = caller.http.get("processes?limit=500").json()["processes"]
    return {str(each["id"]) for each in found if each["mutable"]}


@pytest.fixture
def editor(stack: Stack, page: Page) -> Locator:
    """An editor with a new Method, in a workspace of its own."""
    page.add_init_script(_NO_TOASTS)
    password = str(stack.document["password"])
    log_in(page, stack.hub_url, "bob", password, f"%2Fworkspaces%2F{uuid.uuid4().hex}")
    return open_view(page, "editor").locator(".ccp-MethodEditor")


def status(editor: Locator) -> Locator:
    return editor.locator(".ccp-EditorBar-status")


def row(editor: Locator, name: str) -> Locator:
    return editor.locator(".ccp-EditorFieldRow").filter(
        has=editor.page.locator(f"code:text-is('{name}')")
    )


def ids(editor: Locator, where: str) -> list[str]:
    return (
        editor.get_by_role("list", name=where, exact=True)
        .locator(".ccp-EditorFieldRow-open > code")
        .all_inner_texts()
    )


def type_script(editor: Locator, text: str) -> None:
    editor.locator(".ccp-EditorCode .cm-content").click()
    editor.page.keyboard.press("Control+End")
    editor.page.keyboard.press("Enter")
    editor.page.keyboard.type(text)


def stored(bob: Caller, title: str) -> dict[str, Any]:
    [found] = [
        each
        for each in bob.http.get("processes?limit=500").json()["processes"]
        if each["title"] == title
    ]
    document: dict[str, Any] = bob.http.get(f"processes/{found['id']}").json()
    return document


def test_a_method_is_described_checked_saved_tried_and_deleted(stack, page, bob, editor):
    # Nothing is wrong with a Method that was just begun; saving tells what is missing.
    expect(editor.locator("[aria-invalid=true]")).to_have_count(0)
    editor.get_by_role("button", name="Save", exact=True).click()
    expect(editor.get_by_label("Title", exact=True)).to_be_focused()
    editor.get_by_role("button", name="Close").click()

    about(editor)
    platform(editor, stack.images["shell"])
    inputs(editor)
    outputs(editor)
    scripts(editor)
    resources(editor)
    assert violations(page, "#test-editor") == []

    # What is tried is a private copy, and the Method itself is not saved yet.
    editor.get_by_role("button", name="Try it").click()
    form = page.locator(".ccp-View", has_text="My Method (draft)").last
    expect(form).to_be_visible()
    copy = stored(bob, "My Method (draft)")
    assert not any(each.get("title") == "public" for each in copy["metadata"])
    open_view(page, "editor")
    expect(status(editor)).to_contain_text("New, not saved")

    page.keyboard.press("Control+s")
    expect(status(editor)).to_contain_text("Saved, revision 1")
    found = stored(bob, "My Method")
    assert found["version"] == "1.1.0" and found["keywords"] == ["one", "two"]
    assert {"role": "category", "title": "Examples"} in found["metadata"]
    assert {"role": "visibility", "title": "private"} in found["metadata"]
    assert list(found["inputs"]) == ["ccpimage", "colours", "rows", "ccpmaxtime"]
    assert found["inputs"]["ccpimage"]["schema"]["readOnly"] is True
    assert found["inputs"]["colours"]["schema"] == {
        "type": "string",
        "format": "checklist",
        "contentMediaType": "text/x-colour",
        "enum": ["red", "green"],
        "default": ["red"],
    }
    assert found["inputs"]["rows"]["schema"]["minimum"] == 1
    assert list(found["outputs"]) == ["stderr", "stdout", "table"]
    assert found["outputs"]["table"]["metadata"][0]["href"] == "/ccp_data/table.csv"
    parameters = {e["name"]: e["value"] for e in found["additionalParameters"]["parameters"]}
    assert parameters["execute-script"] == ["set -e", "echo {{ colours }} {{ rows }}"]
    assert parameters["deploy-script"] == ["", "true"]
    assert parameters["executionUnit"] == [{"config": {"cpuMin": 0.5}}]
    titles = [each["title"] for each in bob.http.get("processes?limit=500").json()["processes"]]
    assert "My Method (draft)" not in titles

    # Renaming an input renames its variables.
    row(editor, "rows").locator(".ccp-EditorFieldRow-open").click()
    row(editor, "rows").get_by_label("Id", exact=True).fill("lines")
    expect(editor.locator(".ccp-EditorCode .cm-content")).to_contain_text("{{ lines }}")
    revisions(editor)
    json_both_ways(editor)
    copies(page, editor)

    editor.get_by_role("button", name="Delete the Method").click()
    page.locator(".jp-Dialog").get_by_role("button", name="Delete").click()
    expect(status(editor)).to_contain_text("New, not saved")
    assert bob.http.get(f"processes/{found['id']}").status_code == 404


def about(editor: Locator) -> None:
    editor.get_by_label("Title", exact=True).fill("My Method")
    editor.get_by_label("Description").fill("What it does")
    editor.get_by_label("Version").fill("one")
    expect(editor.get_by_text("Three numbers, as 1.0.0.")).to_be_visible()
    editor.get_by_label("Version").fill("1.1.0")
    editor.get_by_label("Tags").fill("one,")
    editor.get_by_label("Tags").fill("two")
    editor.get_by_label("Tags").press("Enter")
    editor.get_by_label("Categories").fill("Examples")
    editor.get_by_label("Categories").press("Enter")
    editor.get_by_label("Public: every user").check()
    editor.get_by_label("Public: every user").uncheck()
    editor.get_by_label("Shared with Contexts").fill("gone,")
    editor.get_by_role("button", name="Remove gone").click()


def platform(editor: Locator, image: str) -> None:
    infrastructure = editor.get_by_label("Local docker")
    expect(infrastructure).to_be_checked()
    infrastructure.uncheck()
    infrastructure.check()
    runtime = editor.get_by_label("Runtime", exact=True)
    offers = editor.locator(f'datalist[id="{runtime.get_attribute("list")}"]')
    expect(offers.locator(f'option[value="{image}"]')).to_have_count(1)
    runtime.fill(image)
    who = editor.get_by_label("Who chooses the Runtime")
    who.select_option("choice")
    expect(editor.get_by_label("Runtimes to choose from")).to_have_value(image)
    who.select_option("fixed")


def inputs(editor: Locator) -> None:
    page = editor.page
    editor.get_by_role("button", name="Add input").click()
    first = editor.locator(".ccp-EditorFieldRow").first
    identity = first.get_by_label("Id", exact=True)
    expect(identity).to_be_focused()
    identity.fill("no good")
    expect(first.get_by_text("no spaces")).to_be_visible()
    identity.fill("colours")
    first.get_by_label("Title").fill("Colours")
    first.get_by_label("Description").fill("Some colours")
    first.get_by_label("Kind").select_option("Choice of one")
    first.get_by_label("Choices, one on each line").fill("red\ngreen")
    first.get_by_label("Users choose").select_option("several")
    first.get_by_label("Fewest values").fill("1")
    first.get_by_label("No limit").uncheck()
    first.get_by_label("Most values").fill("2")
    first.get_by_label("Default, one value on each line").fill("blue")
    expect(first.get_by_text("Not one of the choices.")).to_be_visible()
    first.get_by_label("Default, one value on each line").fill("red")
    first.get_by_label("Fixed: users cannot change it").check()
    first.get_by_label("Fixed: users cannot change it").uncheck()
    first.get_by_text("Type, format and bounds").click()
    first.get_by_label("Type", exact=True).select_option("string")
    first.get_by_label("Media type").fill("text/x-colour")
    # What only the service knows comes back from it, next to the field.
    first.get_by_label("Pattern").fill("(")
    expect(first.get_by_label("Pattern")).to_have_attribute("aria-invalid", "true")
    first.get_by_label("Pattern").fill("")
    expect(first.get_by_label("Pattern")).to_have_attribute("aria-invalid", "false")
    first.get_by_label("Encoding").select_option("utf-8")
    first.get_by_label("Encoding").select_option("none")
    first.locator(".ccp-EditorFieldRow-open").click()

    editor.get_by_label("Add control input").select_option("ccpmaxtime")
    row(editor, "colours").get_by_role("button", name="Duplicate colours").click()
    row(editor, "colours_2").locator(".ccp-EditorFieldRow-open").click()
    second = row(editor, "colours_2")
    second.get_by_label("Kind").select_option("Whole number")
    second.get_by_label("Most values").fill("1")
    second.get_by_text("Type, format and bounds").click()
    second.get_by_label("Smallest", exact=True).fill("1")
    second.get_by_label("Id", exact=True).fill("rows")
    row(editor, "rows").locator(".ccp-EditorFieldRow-open").click()
    assert ids(editor, "Inputs") == ["colours", "rows", "ccpmaxtime"]
    # Sorted by keyboard, by buttons and by mouse.
    row(editor, "rows").locator(".ccp-EditorFieldRow-open").press("Alt+ArrowDown")
    expect(row(editor, "rows").locator(".ccp-EditorFieldRow-open")).to_be_focused()
    assert ids(editor, "Inputs") == ["colours", "ccpmaxtime", "rows"]
    page.get_by_role("button", name="Move colours down").click()
    assert ids(editor, "Inputs") == ["ccpmaxtime", "colours", "rows"]
    row(editor, "ccpmaxtime").locator(".ccp-EditorFieldRow-grip").drag_to(
        row(editor, "rows"), target_position={"x": 40, "y": 25}
    )
    assert ids(editor, "Inputs") == ["colours", "rows", "ccpmaxtime"]


def outputs(editor: Locator) -> None:
    editor.get_by_role("button", name="Add stdout").click()
    editor.get_by_role("button", name="Add stderr").click()
    expect(editor.get_by_role("button", name="Add stdout")).to_be_disabled()
    editor.get_by_role("button", name="Add output").click()
    added = row(editor, "output")
    added.get_by_label("File", exact=True).fill("/ccp_data/table.csv")
    added.get_by_label("Id", exact=True).fill("table")
    row(editor, "table").get_by_role("button", name="Duplicate table").click()
    row(editor, "table_2").get_by_role("button", name="Remove table_2").click()
    row(editor, "stderr").get_by_role("button", name="Move stderr up").click()
    assert ids(editor, "Outputs") == ["stderr", "stdout", "table"]


def scripts(editor: Locator) -> None:
    page = editor.page
    type_script(editor, "echo {{ nope }}")
    expect(editor.get_by_text("Line 2: No input is called nope.")).to_be_visible()
    expect(editor.locator(".cm-lint-marker-error")).to_have_count(1)
    for _ in "nope }}":
        page.keyboard.press("Backspace")
    page.keyboard.type("col")
    # A list, so that what shows for a moment before, when all is offered, is waited out.
    expect(page.locator(".cm-tooltip-autocomplete li")).to_have_text(["colours"])
    page.wait_for_timeout(200)  # the list takes no key right after it opened
    page.keyboard.press("Enter")
    page.keyboard.type(" {{ rows }}")
    expect(editor.locator(".ccp-Variable")).to_have_text(["{{ colours }}", "{{ rows }}"])
    for name in ("Cancel", "Undeploy", "Deploy"):
        editor.get_by_role("tab", name=name, exact=True).click()
    type_script(editor, "true")
    editor.get_by_role("tab", name="Execute").click()


def resources(editor: Locator) -> None:
    editor.get_by_text("Resources", exact=True).click()
    cores = editor.get_by_label("Cores, at least")
    cores.fill("-1")
    expect(cores).to_have_attribute("aria-invalid", "true")
    cores.fill("0.5")
    expect(cores).to_have_attribute("aria-invalid", "false")
    editor.get_by_label("GPUs", exact=True).fill("0")
    editor.get_by_label("GPUs", exact=True).fill("")


def revisions(editor: Locator) -> None:
    expect(status(editor)).to_contain_text("Unsaved changes")
    editor.get_by_role("button", name="Save", exact=True).click()
    expect(status(editor)).to_contain_text("Saved, revision 2")
    editor.get_by_role("tab", name="Revisions").click()
    expect(editor.get_by_text("There is no difference.")).to_be_visible()
    editor.get_by_role("button", name="Revision 1").click()
    expect(editor.locator("[data-kind=removed]").filter(has_text="{{ rows }}")).to_be_visible()
    expect(editor.locator("[data-kind=added]").filter(has_text="{{ lines }}")).to_be_visible()
    assert violations(editor.page, "#test-editor") == []
    editor.get_by_role("button", name="Use this revision").click()
    expect(row(editor, "rows")).to_be_visible()
    editor.get_by_role("button", name="Discard changes").click()
    editor.page.locator(".jp-Dialog").get_by_role("button", name="Discard").click()
    expect(row(editor, "lines")).to_be_visible()


def json_both_ways(editor: Locator) -> None:
    page = editor.page
    editor.get_by_role("tab", name="JSON").click()
    code = editor.locator(".ccp-EditorCode .cm-content")
    code.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("x")
    expect(editor.get_by_text("The form shows the Method as it was before.")).to_be_visible()
    expect(editor.get_by_role("button", name="Save", exact=True)).to_be_disabled()
    page.keyboard.press("Backspace")
    expect(editor.get_by_text("The form shows the Method")).to_have_count(0)
    page.keyboard.press("Backspace")
    page.keyboard.type(', "description": "Written as JSON"}')
    editor.get_by_role("tab", name="Form").click()
    expect(editor.get_by_label("Description").first).to_have_value("Written as JSON")
    editor.get_by_role("button", name="Save", exact=True).click()
    expect(status(editor)).to_contain_text("Saved, revision 3")


def copies(page: Page, editor: Locator) -> None:
    for entry, said in (("Clone", "Saved, revision 1"), ("Derive", "New, not saved")):
        editor.get_by_role("button", name="Clone or derive").click()
        page.locator(".lm-Menu-itemLabel").filter(has_text=entry).click()
        made = page.locator(".ccp-MethodEditor").filter(has_text=said).last
        expect(made.get_by_label("Title", exact=True)).to_have_value("Copy of My Method")
        open_view(page, "editor")


def test_nothing_typed_is_lost(stack, page, bob, editor):
    other = method(stack.images["shell"], "true", title=f"Other {uuid.uuid4().hex[:6]}")
    other["id"] = bob.http.post("processes", json=other).json()["id"]
    editor.get_by_label("Title", exact=True).fill("Kept")
    editor.get_by_role("tab", name="JSON").click()
    editor.get_by_role("tab", name="Form").click()
    # Dropping another Method, clearing, and closing ask first.
    page.evaluate(_DROP, ["#test-editor .ccp-MethodEditor", other["id"]])
    page.locator(".jp-Dialog").get_by_role("button", name="Cancel").click()
    editor.get_by_role("button", name="Clear the form").click()
    page.locator(".jp-Dialog").get_by_role("button", name="Cancel").click()
    page.evaluate(_CLOSE)
    page.locator(".jp-Dialog").get_by_role("button", name="Cancel").click()
    expect(editor.get_by_label("Title", exact=True)).to_have_value("Kept")
    # A page that is loaded again has it still.
    page.wait_for_timeout(2000)  # JupyterLab saves its layout after a pause
    page.reload()
    page.wait_for_function("window.jupyterapp")
    open_view(page, "editor")
    expect(editor.get_by_label("Title", exact=True)).to_have_value("Kept")
    expect(status(editor)).to_contain_text("New, not saved")
    page.evaluate(_DROP, ["#test-editor .ccp-MethodEditor", other["id"]])
    page.locator(".jp-Dialog").get_by_role("button", name="Discard").click()
    expect(editor.get_by_label("Title", exact=True)).to_have_value(other["title"])
    expect(status(editor)).to_contain_text("Saved, revision 1")
    # Somebody saves it meanwhile: their version is not written over unasked.
    bob.http.put(f"processes/{other['id']}", json={**other, "description": "theirs"})
    editor.get_by_label("Description").first.fill("mine")
    editor.get_by_role("button", name="Save", exact=True).click()
    page.locator(".jp-Dialog").get_by_role("button", name="Save").click()
    expect(status(editor)).to_contain_text("Saved, revision 3")
    # Nor when they are quicker by a moment.
    theirs = [{**other, "description": "quicker"}]

    def save_before(route: Route) -> None:
        condition = route.request.headers.get("if-match", "")
        if route.request.method == "PUT" and condition != '"only-a-check"' and theirs:
            bob.http.put(f"processes/{other['id']}", json=theirs.pop())
        route.continue_()

    page.route(f"**/processes/{other['id']}", save_before)
    editor.get_by_label("Description").first.fill("mine again")
    editor.get_by_role("button", name="Save", exact=True).click()
    dialog = page.locator(".jp-Dialog")
    expect(dialog).to_contain_text("Save over revision 4?")
    dialog.get_by_role("button", name="Save").click()
    expect(status(editor)).to_contain_text("Saved, revision 5")


def test_a_notebook_becomes_a_method(stack, page, bob, editor):
    cells = [("import math", []), ("radius = 2.0  # Radius", ["parameters"]), ("print(radius)", [])]
    document = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "language": "python"}},
        "cells": [
            {"cell_type": "code", "source": source, "metadata": {"tags": tags}, "outputs": []}
            for source, tags in cells
        ],
    }
    (stack.home("bob") / "circle.ipynb").write_text(json.dumps(document))
    editor.get_by_role("button", name="Make it of a notebook or script").click()
    dialog = page.locator(".jp-Dialog")
    dialog.get_by_text("circle.ipynb").click()
    dialog.locator(".jp-mod-accept").click()
    expect(editor.get_by_label("Title", exact=True)).to_have_value("Circle")
    expect(editor.get_by_text("Choose a Runtime that has Python")).to_be_visible()
    assert ids(editor, "Inputs") == ["radius"]
    editor.get_by_label("Runtime", exact=True).fill(stack.images["python"])
    editor.get_by_role("button", name="Save", exact=True).click()
    expect(status(editor)).to_contain_text("Saved, revision 1")
    found = stored(bob, "Circle")
    job = bob.execute(found["id"], radius=3.5).json()["jobID"]
    assert bob.wait(job)["status"] == "successful"
    assert "3.5" in bob.log(job)
