"""The Execution form in JupyterLab: every control once, and what is kept."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from ccp_jupyter.client import Client
from tests.e2e.lab import log_in, open_view, violations
from tests.jobs import method
from tests.stack.stack import Stack

_USER = "carol"
_SCRIPT = """mkdir -p /ccp_data/output
cat {{ table }} {{ script }} > /ccp_data/output/answer.txt
echo {{ name }} {{ count }} {{ words }} {{ tags }} {{ key }}"""
_DROP = """(el, [kind, value]) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.setData(kind, value);
  for (const type of ['dragover', 'drop'])
    el.dispatchEvent(new DragEvent(type, {bubbles: true, cancelable: true, dataTransfer}));
}"""
_RED = """redVersion: "9"  # a comment that stays
cli:
  cwlVersion: "v1.0"
  class: CommandLineTool
  baseCommand: [echo]
  inputs:
    word: {type: string, inputBinding: {position: 0}}
  outputs: {}
container: {engine: docker, settings: {image: {url: IMAGE}, ram: 256}}
inputs: {word: old}
outputs: {}
execution: {engine: ccagency, settings: {}}
"""


def _input(title: str, least: int = 0, most: object = 1, **schema: object) -> dict[str, Any]:
    return {
        "title": title,
        "minOccurs": least,
        "maxOccurs": most,
        "schema": {"type": "string", **schema},
    }


@pytest.fixture
def document(stack: Stack) -> Iterator[dict[str, Any]]:
    """A Method of carol's with an input of each kind."""
    made = method(stack.images["shell"], _SCRIPT, title=f"Controls {uuid.uuid4().hex[:8]}")
    made["inputs"] |= {
        "name": _input("Name", 1, minLength=2),
        "story": _input("Story", maxLength=2000),
        "count": _input("Count", 1, type="integer", minimum=1, maximum=10, default=3),
        "verbose": _input("Verbose", type="boolean", default=True),
        "day": _input("Day", format="date"),
        "moment": _input("Moment", format="dateTime"),
        "table": _input("Table", 1, format="file", contentEncoding="base64"),
        "files": _input("Files", 0, 3, format="remotefile"),
        "site": _input("Site", format="url"),
        "area": _input("Area", format="geo"),
        "key": _input("Key", format="secret"),
        "color": _input("Colour", 1, enum=["red", "green"], default="green"),
        "size": _input("Size", enum=["S", "M", "L"]),
        "tags": _input("Tags", 0, 3, enum=["a", "b", "c"]),
        "script": _input("Script", format="code", default="echo"),
        "options": _input("Options", type="object"),
        "words": _input("Words", 0, 5),
        "fixed": _input("Endpoint", readOnly=True, default="https://example.org"),
        "ccpmaxtime": _input("Time limit", type="integer", minimum=1, default=60),
        "ccpreplicas": _input("Replicas", type="integer", minimum=1, default=1),
        "ccpnote": _input("Note"),
    }
    made["outputs"] = {
        name: {
            "title": title,
            "schema": {"type": "string"},
            "metadata": [{"role": "file", "title": name, "href": href}],
        }
        for name, title, href in (
            ("answer", "Answer", "/ccp_data/output/answer.txt"),
            ("stderr", "Standard error", "/std_err"),
        )
    }
    with Client(url=stack.service_url, token=stack.users[_USER]) as client:
        client.deploy(made)
    yield made
    headers = {"Authorization": f"token {stack.users[_USER]}"}
    httpx.delete(f"{stack.service_url}processes/{made['id']}", headers=headers).raise_for_status()


@pytest.fixture
def lab(stack: Stack, page: Page) -> Page:
    """A JupyterLab with a layout of its own, and two files in the workspace."""
    (stack.home(_USER) / "mine.csv").write_text("a,b\n1,2\n")
    name = f"%2Fworkspaces%2F{uuid.uuid4().hex[:8]}"
    log_in(page, stack.hub_url, _USER, str(stack.document["password"]), name)
    return page


def _field(view: Locator, name: str) -> Locator:
    return view.locator(f'[data-field="{name}"]')


def _fill(view: Locator) -> None:
    """Use each control once."""
    _field(view, "name").locator("input").fill("Ada")
    _field(view, "story").locator("textarea").fill("first\nsecond")
    _field(view, "count").get_by_role("spinbutton").fill("11")
    expect(_field(view, "count")).to_contain_text("Must be at most 10")
    _field(view, "count").get_by_role("spinbutton").fill("4")
    _field(view, "verbose").get_by_role("checkbox").uncheck()
    _field(view, "day").locator("input").fill("2026-11-22")
    _field(view, "moment").locator("input").fill("2026-11-22T10:00:00")
    _field(view, "site").locator("input").fill("https://example.org/")
    for side, value in (("West", "6"), ("South", "50"), ("East", "7"), ("North", "51")):
        _field(view, "area").get_by_label(side).fill(value)
    expect(_field(view, "area").locator("textarea")).to_have_value(
        json.dumps(
            {"type": "Polygon", "coordinates": [[[6, 50], [7, 50], [7, 51], [6, 51], [6, 50]]]},
            separators=(",", ":"),
        )
    )
    _field(view, "key").locator("input").fill("hidden-word")
    _field(view, "color").get_by_label("red").check()
    _field(view, "size").get_by_role("combobox").select_option("M")
    _field(view, "tags").get_by_label("a", exact=True).check()
    _field(view, "tags").get_by_label("c", exact=True).check()
    expect(_field(view, "script").locator(".cm-content")).to_have_text("echo")
    _field(view, "options").locator(".cm-content").fill('{"deep": [1]}')
    expect(_field(view, "options").locator(".cm-content")).to_have_text('{"deep": [1]}')
    words = _field(view, "words")
    words.get_by_role("textbox").fill("one")
    for number, word in enumerate(("two", "three"), 1):
        words.get_by_role("button", name="Add a value").click()
        words.get_by_role("textbox").nth(number).fill(word)
    words.get_by_role("button", name="Move value 3 up").click()
    words.get_by_role("button", name="Remove value 1").click()
    expect(words.get_by_role("textbox").first).to_have_value("three")


def _files(view: Locator, page: Page) -> None:
    """Choose one in the workspace, upload two and give a link."""
    _field(view, "table").get_by_role("button", name="Workspace").click()
    dialog = page.locator(".jp-Dialog")
    dialog.locator(".jp-DirListing-item", has_text="mine.csv").click()
    dialog.locator(".jp-mod-accept").click()
    expect(_field(view, "table")).to_contain_text("mine.csv")
    more = _field(view, "files")
    files: list[FilePayload] = [
        {"name": f"{name}.txt", "mimeType": "text/plain", "buffer": b"x"} for name in ("one", "two")
    ]
    more.locator("input[type=file]").set_input_files(files)
    more.get_by_role("button", name="Move value 2 up").click()
    more.get_by_role("button", name="Link").click()
    more.get_by_role("textbox").fill("ftp://example.org")
    expect(more).to_contain_text("Must begin with http")
    more.get_by_role("button", name="Remove").last.click()


def test_every_control_is_sent_and_kept(stack: Stack, lab: Page, document: dict[str, Any]) -> None:
    view = open_view(lab, "form", method=document["id"])
    expect(_field(view, "fixed")).to_contain_text("https://example.org")
    view.get_by_role("button", name="Run", exact=True).click()
    expect(_field(view, "name")).to_contain_text("Needed")
    _fill(view)
    _files(view, lab)
    expect(view).to_contain_text("It would begin at once")
    view.locator("summary").press("Enter")
    expect(_field(view, "ccpnote")).to_be_visible()
    _field(view, "ccpmaxtime").get_by_role("spinbutton").fill("50")
    _field(view, "ccpnote").locator("textarea").fill("from the form")
    view.get_by_label("Standard error").uncheck()
    view.get_by_label("Put into the workspace").select_option("outputs")
    expect(view).to_contain_text("It would begin at once")
    view.get_by_role("button", name="Check").click()
    expect(lab.get_by_text("The service would take it").first).to_be_visible()
    assert violations(lab, "#test-form") == []

    view.get_by_role("button", name="Link…").press("Enter")
    address = lab.get_by_label("In JupyterLab", exact=True).input_value()
    linked = json.loads(parse_qs(urlsplit(address).query)["ccp-form"][0])
    assert linked["inputs"]["words"] == ["three", "two"]
    assert "hidden-word" not in address
    lab.get_by_role("button", name="Close").click()
    view.get_by_role("button", name="Code…").press("Enter")
    tabs = lab.get_by_role("tab", name="Bash")
    tabs.click()
    expect(tabs).to_have_attribute("aria-selected", "true")
    lab.get_by_role("button", name="Close").first.click()

    view.get_by_role("button", name="Run", exact=True).dblclick()
    with Client(url=stack.service_url, token=stack.users[_USER]) as client:
        expect(lab.locator('[id^="ccp-execution-"]').first).to_be_visible()
        mine = [each for each in client.executions() if each.title == document["title"]]
        assert len(mine) == 1
        execution = mine[0].wait()
    _check_again(lab, document, execution.id)


def _check_again(lab: Page, document: dict[str, Any], execution: str) -> None:
    """Fill another form in from the Execution, by a drop, and run it with its files."""
    again = open_view(lab, "form", method=document["id"])
    again.locator(".ccp-ExecutionForm").evaluate(_DROP, ["application/x-ccp-execution", execution])
    expect(again).to_contain_text("Filled in from")
    expect(_field(again, "words").get_by_role("textbox").first).to_have_value("three")
    expect(_field(again, "table")).to_contain_text("from the earlier Execution")
    expect(_field(again, "key").locator("input")).to_have_value("")
    again.get_by_role("button", name="Clear").click()
    lab.locator(".jp-Dialog").get_by_role("button", name="Clear").click()
    expect(_field(again, "words").get_by_role("textbox").first).to_have_value("")


def test_a_method_is_chosen_and_red_is_handed_in(
    stack: Stack, lab: Page, document: dict[str, Any]
) -> None:
    view = open_view(lab, "form")
    view.get_by_role("searchbox").fill(document["title"])
    view.get_by_role("treeitem").get_by_text(document["title"]).click()
    expect(_field(view, "name")).to_be_visible()
    view.get_by_role("button", name="Another Method").click()
    view.locator(".ccp-ExecutionForm").evaluate(_DROP, ["application/x-ccp-method", document["id"]])
    expect(_field(view, "name")).to_be_visible()

    red = open_view(
        lab, "form", red=_RED.replace("IMAGE", stack.images["red"]), title="grep.red.yml"
    )
    _field(red, "word").locator("input").fill("new")
    expect(red.locator(".cm-content")).to_contain_text("a comment that stays")
    expect(red.locator(".cm-content")).to_contain_text("word: new")
    red.get_by_role("button", name="Run", exact=True).click()
    expect(lab.locator('[id^="ccp-execution-"]').first).to_be_visible()
