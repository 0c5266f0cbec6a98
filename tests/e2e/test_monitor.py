"""Execution monitor and one Execution's view in JupyterLab: every control once."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from ccp_jupyter.client import Client
from tests.e2e.lab import log_in, open_view, violations
from tests.jobs import method
from tests.stack.stack import Stack

_DRAG = """el => {
  const dataTransfer = new DataTransfer();
  el.dispatchEvent(new DragEvent('dragstart', {bubbles: true, dataTransfer}));
  return dataTransfer.getData('application/x-ccp-execution');
}"""
_GOOD = r"""echo "first line of {{ word }}"; echo "a warning" >&2
mkdir -p /ccp_data/sub
printf 'name,value\nZürich,1\n' > /ccp_data/table.csv
echo '{"member": 17}' > /ccp_data/sub/data.json"""
_SLOW = "for i in $(seq 100); do echo line $i; sleep 0.5; done"
_BAD = "echo 'no such column' >&2; exit 3"


class Runs:
    """Executions of bob's: two that go well with different inputs, one that fails."""

    def __init__(self, stack: Stack, client: Client) -> None:
        self.mark = uuid.uuid4().hex[:8]
        self._image, self._client = stack.images["shell"], client
        good = self._deploy("Good", _GOOD, inputs={"word": {}})
        self.slow = self._deploy("Slow", _SLOW)
        bad = self._deploy("Bad", _BAD)
        self.good = [client.run(good, word=word) for word in ("one", "two")]
        self.bad = client.run(bad)
        for each in (*self.good, self.bad):
            each.wait(120, progress=False, check=False)

    def start(self, replicas: int = 1) -> str:
        """Run what takes long; returns its id."""
        return self._client.run(self.slow, replicas=replicas).id

    def _deploy(self, name: str, script: str, **more: object) -> str:
        document = method(self._image, script.splitlines(), title=f"{name} {self.mark}", **more)  # type: ignore[arg-type]
        self._client.deploy(document)
        return str(document["id"])


@pytest.fixture(scope="module")
def runs(stack: Stack) -> Iterator[Runs]:
    """Run them once for all tests."""
    with Client(url=stack.service_url, token=stack.users["bob"]) as client:
        yield Runs(stack, client)


@pytest.fixture
def lab(stack: Stack, page: Page) -> Page:
    """Bob's JupyterLab, with a layout of its own."""
    target = f"%2Fworkspaces%2F{uuid.uuid4().hex[:8]}"
    log_in(page, stack.hub_url, "bob", str(stack.document["password"]), target)
    return page


def _row(view: Locator, execution_id: str) -> Locator:
    return view.locator(f'[data-execution="{execution_id}"]')


def _expand(view: Locator, execution_id: str) -> Locator:
    row = _row(view, execution_id)
    row.locator(".ccp-MonitorItem-line").click()
    row.get_by_role("group", name="Actions of this Execution").wait_for()
    return row


def _choose(page: Page, row: Locator, entry: str) -> None:
    row.get_by_role("button", name="More", exact=True).click()
    page.locator(".lm-Menu-item", has_text=entry).click()


def test_monitor_lists_searches_filters_and_cancels(lab: Page, runs: Runs) -> None:
    slow = runs.start(replicas=2)
    view = open_view(lab, "monitor", filter=runs.mark)
    running = _row(view, slow)
    running.wait_for()
    tree = view.get_by_role("tree")
    assert tree.get_by_role("treeitem").first.inner_text().startswith(f"Slow {runs.mark}")
    expect(view.get_by_text("2 successful")).to_be_attached()
    # Counts of one state
    view.get_by_label("Show only").select_option("failed")
    expect(_row(view, runs.bad.id)).to_be_visible()
    expect(_row(view, runs.good[0].id)).to_have_count(0)
    view.get_by_label("Show only").select_option("")
    view.get_by_role("button", name="Collapse all").click()
    expect(running).to_have_count(0)
    view.get_by_role("button", name="Expand all").click()
    # By keyboard: to the first item, open and shut it
    tree.get_by_role("treeitem").first.focus()
    lab.keyboard.press("ArrowDown")
    expect(tree.get_by_role("treeitem").nth(1)).to_be_focused()
    lab.keyboard.press("ArrowRight")
    for text in ("1.0.0", "Local docker", "node-", "shell:1", "2 replicas"):
        expect(running.locator(".ccp-Expanded")).to_contain_text(text)
    assert violations(lab, "#test-monitor") == []
    running.get_by_role("group").get_by_role("button", name="Cancel").click()
    expect(running.locator(".ccp-Status").first).to_have_text("dismissed")
    assert running.evaluate(_DRAG.replace("el.", "el.firstChild.")) == slow
    view.get_by_role("button", name="Refresh").click()
    view.get_by_label("Search Executions").fill(f"{runs.mark} {runs.bad.id}")
    expect(tree.get_by_role("treeitem")).to_have_count(2)
    _expand(view, runs.bad.id)
    expect(_row(view, runs.bad.id)).to_contain_text("exit code 3")


def test_monitor_files_out_and_in(lab: Page, runs: Runs, stack: Stack, tmp_path: Path) -> None:
    view = open_view(lab, "monitor", filter=runs.mark)
    one = runs.good[0].id
    row = _expand(view, one)
    row.get_by_role("group").get_by_role("button", name="Fetch to workspace").click()
    row.get_by_text("In the workspace: CCP/executions/").wait_for()
    lab.locator(".jp-DirListing-itemText", has_text="table.csv").wait_for()
    with lab.expect_download() as download:
        row.get_by_role("link", name="Download outputs").click()
    assert download.value.path().read_bytes()[:2] == b"PK"
    with lab.expect_download() as download:
        row.get_by_role("link", name="PROV-XML").click()
    assert b"prov:" in download.value.path().read_bytes()
    expect(row.get_by_role("link", name="RO-Crate")).to_be_visible()
    with lab.expect_download() as download:
        _choose(lab, row, "Download everything")
    everything = tmp_path / "execution.zip"
    download.value.save_as(everything)
    _choose(lab, row, "Archive")
    lab.get_by_text("Archived: CCP/executions/").first.wait_for()
    # In again: from the computer, the archive, and a link
    view.locator("input[type=file]").set_input_files(everything)
    result = view.locator(".ccp-Imported li")
    expect(result).to_contain_text("Imported")
    result.get_by_role("button", name="Show").click()
    expect(view.locator(".ccp-Expanded")).to_be_visible()
    view.get_by_role("tab", name="Archived").click()
    view.get_by_label("Search Executions").fill(runs.mark)
    view.get_by_role("button", name="Import Good").click()
    expect(result).to_contain_text("Imported")
    with Client(url=stack.service_url, token=stack.users["bob"]) as client:
        link = client.sharing.make_link(client.execution(one), days=1)
    view.get_by_role("button", name="Import from a link").click()
    view.get_by_label("Link to an Execution").fill(link["url"])
    view.get_by_role("button", name="Import", exact=True).click()
    expect(result).to_contain_text("Imported")
    assert violations(lab, "#test-monitor") == []
    view.get_by_role("tab", name="Shared with me").click()
    view.get_by_text("Nobody shares").or_(view.get_by_role("tree")).first.wait_for()


def test_monitor_several_and_again(lab: Page, runs: Runs) -> None:
    view = open_view(lab, "monitor", filter=runs.mark)
    row = _expand(view, runs.good[1].id)
    row.get_by_role("group").get_by_role("button", name="Code…").click()
    lab.get_by_role("dialog").get_by_role("tab", name="Julia").click()
    lab.keyboard.press("Escape")
    row.get_by_role("group").get_by_role("button", name="Share…").click()
    lab.get_by_role("dialog").get_by_text("With a link").wait_for()
    lab.keyboard.press("Escape")
    _choose(lab, row, "Verify")
    shown = lab.locator(".ccp-ExecutionDisplay:visible")
    expect(shown).to_contain_text("Verified: the same outputs came out.", timeout=60_000)
    again = lab.evaluate("window.jupyterapp.shell.currentWidget.id").removeprefix("ccp-execution-")
    lab.evaluate("window.jupyterapp.shell.activateById('test-monitor')")
    row.get_by_role("group").get_by_role("button", name="Run with changes…").click()
    lab.locator(".ccp-ExecutionForm:visible").get_by_text("two").or_(
        lab.locator(".ccp-ExecutionForm:visible input")
    ).first.wait_for()
    lab.evaluate("window.jupyterapp.shell.activateById('test-monitor')")
    for each in (again, runs.good[1].id):
        _row(view, each).get_by_role("checkbox").check()
    chosen = view.get_by_role("group", name="Selected Executions")
    expect(chosen).to_contain_text("2 selected")
    chosen.get_by_role("button", name="Compare").click()
    expect(shown.locator(".ccp-Differences")).to_contain_text("Output files the same")
    lab.evaluate("window.jupyterapp.shell.activateById('test-monitor')")
    _row(view, runs.good[1].id).get_by_role("checkbox").uncheck()
    chosen.get_by_role("button", name="Delete ended (1)").click()
    lab.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(_row(view, again)).to_have_count(0)


def test_execution_live_log(lab: Page, runs: Runs) -> None:
    slow = runs.start(replicas=2)
    view = open_view(lab, "execution", execution_id=slow, title="Slow")
    log = view.get_by_role("log")
    log.get_by_text("line 3", exact=True).first.wait_for()
    view.get_by_label("Which of them").select_option("2")
    view.get_by_label("Search the log").fill("LINE 2")
    expect(view.locator(".ccp-Log-hits")).to_contain_text("1 of")
    view.get_by_label("Search the log").press("Enter")
    view.get_by_label("Wrap").uncheck()
    view.get_by_label("Follow").check()
    view.get_by_label("Stream").select_option("stderr")
    view.get_by_text("No line is in this stream.").wait_for()
    view.get_by_label("Stream").select_option("")
    view.get_by_text("Replicas: 2 Execute").click()
    expect(view.get_by_role("region", name="Replicas")).to_contain_text("node-")
    view.get_by_role("button", name="Cancel").click()
    expect(view.locator(".ccp-Status")).to_have_text("dismissed")
    with lab.expect_download() as download:
        view.get_by_role("link", name="Download the whole log").click()
    assert "line 3" in download.value.path().read_text()
    assert violations(lab, "#test-execution") == []


def test_execution_outputs_and_all_tabs(lab: Page, runs: Runs) -> None:
    view = open_view(lab, "execution", execution_id=runs.good[0].id, title="Good")
    view.get_by_role("treeitem", name="table.csv").click()
    expect(view.get_by_role("region", name="Table", exact=True)).to_contain_text("Zürich")
    assert violations(lab, "#test-execution") == []
    view.get_by_role("treeitem", name="data.json").click()
    expect(view.get_by_role("region", name="Preview of sub/data.json")).to_contain_text("17")
    for tab, text in (
        ("Inputs", "word"),
        ("Provenance", "wasGeneratedBy"),
        ("Compare", "Compare with"),
        ("Details", "at most"),
        ("Log", "first line of one"),
    ):
        view.get_by_role("tab", name=tab).click()
        expect(view.get_by_role("tabpanel")).to_contain_text(text)
        assert violations(lab, "#test-execution") == []
    failed = open_view(lab, "execution", execution_id=runs.bad.id, title="Bad")
    expect(failed.locator(".ccp-Why")).to_contain_text("no such column")
