"""The Method list in JupyterLab: every control once, wide and narrow."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from ccp_jupyter.client import Client
from tests.e2e.lab import log_in, open_view, violations
from tests.jobs import method
from tests.stack.stack import Stack

_DRAG = """el => {
  const dataTransfer = new DataTransfer();
  el.dispatchEvent(new DragEvent('dragstart', {bubbles: true, dataTransfer}));
  return dataTransfer.getData('application/x-ccp-method');
}"""


class Deployed:
    """Methods of alice's in categories of their own, so that other tests' do not count."""

    def __init__(self, stack: Stack) -> None:
        self.mark = uuid.uuid4().hex[:8]
        self.category, self.other = f"First {self.mark}", f"Second {self.mark}"
        self.documents = [
            self._document(stack, "Alpha", "1.9.0", [self.category], "local-docker"),
            self._document(stack, "Beta", "1.10.0", [self.category, self.other], "local-docker"),
            self._document(stack, "Gamma", "1.0.0", [self.category], "gone"),
        ]

    def title(self, number: int) -> str:
        return str(self.documents[number]["title"])

    def _document(
        self, stack: Stack, title: str, version: str, categories: list[str], place: str
    ) -> dict[str, Any]:
        document = method(
            stack.images["shell"],
            "true",
            title=f"{title} {self.mark}",
            version=version,
            description=f"What {title} does",
            keywords=[f"tag-{title}"],
        )
        document["metadata"] = [{"role": "category", "title": each} for each in categories]
        href = f"infrastructures/{place}"
        document["links"] = [{"rel": "compatibleWith", "title": place, "href": href}]
        return document


@pytest.fixture
def deployed(stack: Stack) -> Iterator[Deployed]:
    """Three Methods of alice's; one of them has no Infrastructure here."""
    made = Deployed(stack)
    with Client(url=stack.service_url, token=stack.users["alice"]) as client:
        for document in made.documents:
            client.deploy(document)
        yield made
        headers = {"Authorization": f"token {stack.users['alice']}"}
        for each in client.methods(made.mark):
            address = f"{stack.service_url}processes/{each.id}"
            httpx.delete(address, headers=headers).raise_for_status()


def _titles(view: Locator) -> list[str]:
    return [each.split("\n")[0] for each in view.get_by_role("treeitem").all_inner_texts()]


def _log_in(stack: Stack, page: Page) -> None:
    name = f"/workspaces/{uuid.uuid4().hex[:8]}"
    log_in(page, stack.hub_url, "alice", str(stack.document["password"]), name.replace("/", "%2F"))


def test_search_groups_filters_and_order(stack: Stack, page: Page, deployed: Deployed) -> None:
    _log_in(stack, page)
    view = open_view(page, "methods", search=deployed.mark)
    first, other = deployed.category, deployed.other
    alpha, beta, gamma = (deployed.title(number) for number in range(3))
    view.get_by_text("3 of").wait_for()
    assert _titles(view) == [first, alpha, beta, gamma, other, beta]
    expect(view.get_by_text("2 of 3 can run")).to_be_visible()
    row = view.get_by_role("treeitem", name=gamma)
    for text in ("1.0.0", "alice", "What Gamma does", "tag-Gamma", "gone"):
        expect(row).to_contain_text(text)
    expect(row.get_by_label("Run…")).to_have_count(0)
    view.get_by_label("Category").select_option(other)
    expect(view.get_by_role("treeitem")).to_have_count(2)
    view.get_by_label("Category").select_option("")
    view.get_by_label("Author").select_option("alice")
    view.get_by_label("Order").select_option("version")
    expect(view.get_by_role("treeitem").nth(1)).to_contain_text(beta)
    view.get_by_label("Search Methods").fill(f"{deployed.mark} tag-gamma")
    expect(view.get_by_role("treeitem")).to_have_count(2)
    view.get_by_label("Search Methods").fill("")
    heading = view.get_by_role("treeitem", name=re.compile(f"^{first}"))
    heading.focus()
    page.keyboard.press("ArrowLeft")
    expect(heading).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowRight")
    expect(heading).to_have_attribute("aria-expanded", "true")
    view.get_by_role("treeitem", name=alpha).click()
    assert violations(page, "#test-methods") == []
    # The same in a sidebar: the rest is in a menu.
    page.evaluate("window.jupyterapp.shell.activateById('ccp-side-methods')")
    side = page.locator("#ccp-side-methods")
    side.get_by_label("Search Methods").fill(deployed.mark)
    side.get_by_label("Filter and sort").click()
    expect(side.get_by_label("Order")).to_be_visible()
    side.get_by_label(f"More for {json.dumps(alpha)}").click()
    labels = page.locator(".lm-Menu .lm-Menu-itemLabel").all_inner_texts()
    assert [each for each in labels if each] == [
        *("Run…", "Edit", "Clone", "Download", "Archive to workspace", "Share…", "Delete")
    ]
    page.keyboard.press("Escape")
    assert violations(page, "#ccp-side-methods") == []


def test_what_is_done_with_one_method(stack: Stack, page: Page, deployed: Deployed) -> None:
    _log_in(stack, page)
    view = open_view(page, "methods", search=deployed.mark, category=deployed.category)
    alpha = deployed.title(0)
    row = view.get_by_role("treeitem", name=alpha)
    row.hover()
    with page.expect_download() as download:
        row.get_by_label("Download").click()
    assert download.value.suggested_filename == f"{alpha}-1.9.0.json"
    with page.expect_download() as download:
        view.get_by_label(f"Download all of {json.dumps(deployed.category)}").click()
    assert download.value.suggested_filename == f"{deployed.category}.zip"
    row.hover()
    row.get_by_label("Archive to workspace").click()
    page.get_by_text(f"CCP/methods/{alpha}-1.9.0.json").wait_for()
    assert (stack.home("alice") / "CCP/methods" / f"{alpha}-1.9.0.json").exists()
    dragged = row.locator("[draggable]").element_handle()
    assert page.evaluate(_DRAG, dragged) == deployed.documents[0]["id"]
    row.focus()
    page.keyboard.press("Enter")
    page.locator(".ccp-ExecutionForm").wait_for()
    open_view(page, "methods")
    row.hover()
    row.get_by_label("Edit").click()
    page.locator(".ccp-MethodEditor").first.wait_for()
    open_view(page, "methods")
    row.hover()
    row.get_by_label("Clone").click()
    expect(page.locator(".ccp-MethodEditor")).to_have_count(2)
    open_view(page, "methods")
    expect(row).to_have_count(2)
    row.first.hover()
    row.first.get_by_label("Delete").click()
    page.locator(".jp-Dialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(1)
    view.get_by_label("New Method").click()
    expect(page.locator(".ccp-MethodEditor")).to_have_count(3)


def test_imports_and_what_to_do_with_ids_that_exist(
    stack: Stack, page: Page, deployed: Deployed, tmp_path: Path
) -> None:
    _log_in(stack, page)
    view = open_view(page, "methods", search=deployed.mark, category=deployed.category)
    changed = {**deployed.documents[0], "description": "Changed"}
    file = tmp_path / "method.json"
    file.write_text(json.dumps(changed))
    view.get_by_label("Files with Methods").set_input_files(file)
    question = page.get_by_role("dialog")
    question.get_by_text("yours, and differs").wait_for()
    assert violations(page, "dialog") == []
    question.get_by_role("button", name="Import as copies").click()
    view.get_by_text("1 imported").wait_for()
    expect(view.get_by_role("treeitem", name="Changed")).to_have_count(1)
    view.get_by_label("Close the report").click()
    view.get_by_label("Files with Methods").set_input_files(file)
    question.get_by_role("button", name="Replace mine").click()
    view.get_by_text("1 replaced").wait_for()
    expect(view.get_by_role("treeitem", name="Changed")).to_have_count(2)
    file.write_text('{"id": "x y", "inputs": 1}')
    view.get_by_label("Files with Methods").set_input_files(file)
    view.get_by_role("alert").first.wait_for()
    view.get_by_label("Close the report").click()
    # From a link of this service, and from the archive in the workspace.
    with Client(url=stack.service_url, token=stack.users["alice"]) as client:
        target = f"processes/{deployed.documents[1]['id']}"
        link = client.sharing.make_link(target)
    view.get_by_label("Import from a link").click()
    view.get_by_label("Shareable link").fill(link["url"])
    view.get_by_role("button", name="Import", exact=True).click()
    view.get_by_text("1 here already").wait_for()
    view.get_by_label("Close the report").click()
    beta = view.get_by_role("treeitem", name=deployed.title(1))
    beta.hover()
    beta.get_by_label("Archive to workspace").click()
    page.get_by_text(f"CCP/methods/{deployed.title(1)}").wait_for()
    view.get_by_label("Import from the workspace").click()
    entry = question.get_by_role("listitem").filter(has_text=deployed.title(1))
    entry.get_by_role("button", name="Import").click()
    view.get_by_text("1 here already").wait_for()


def test_sharing_with_people_and_by_links(stack: Stack, page: Page, deployed: Deployed) -> None:
    _log_in(stack, page)
    view = open_view(page, "methods", search=deployed.mark, category=deployed.category)
    row = view.get_by_role("treeitem", name=deployed.title(0))
    row.click()
    row.get_by_label("Share…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Contexts and people that I name").check()
    dialog.get_by_role("combobox", name="People").fill("bob")
    page.keyboard.press("Enter")
    dialog.get_by_role("combobox", name="Contexts").fill("physics")
    dialog.get_by_role("button", name="Add").first.click()
    page.keyboard.press("Escape")
    expect(dialog.get_by_text("not saved")).to_have_count(2)
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog.get_by_text("not saved")).to_have_count(0)
    assert violations(page, "dialog") == []
    with Client(url=stack.service_url, token=stack.users["bob"]) as client:
        assert [each.title for each in client.methods(deployed.mark)] == [deployed.title(0)]
    dialog.get_by_label("Works for").select_option("7")
    dialog.get_by_label("Leads to").select_option("fixed")
    dialog.get_by_role("button", name="Make a link").click()
    address = dialog.get_by_label("Address of the link")
    assert "/shared/" in address.input_value()
    expect(dialog.get_by_text("revision 1")).to_be_visible()
    dialog.get_by_label("Copy the link").click()
    dialog.get_by_role("button", name="Revoke").click()
    dialog.get_by_role("button", name="Revoke it now").click()
    expect(address).to_have_count(0)
    dialog.get_by_label("Only me").check()
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog.get_by_text("not saved")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert page.evaluate("document.activeElement.title") == "Share…"
