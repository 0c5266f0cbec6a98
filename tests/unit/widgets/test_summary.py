"""What a saved notebook shows in place of a widget."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from ccp_jupyter.widgets import (
    ExecutionDisplay,
    ExecutionForm,
    ExecutionMonitor,
    MethodEditor,
    MethodList,
    summary,
)
from ccp_jupyter.widgets.widget import CcpWidget
from tests.unit.client.peer import TOKEN, Peer, answer, running

HOSTILE = "<script>alert(1)</script>"
METHOD = {
    "id": "m1",
    "title": f"Method {HOSTILE}",
    "version": "1.0.0",
    "metadata": [{"role": "category", "title": "Tables"}],
    "inputs": {
        "word": {"title": "Word", "schema": {"type": "string"}},
        "key": {"title": "Key", "schema": {"type": "string", "format": "secret"}},
    },
}
EXECUTION = {"jobID": "e1", "status": "running", "title": HOSTILE, "message": HOSTILE}


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    monkeypatch.setattr(summary, "patience", summary._Patience())
    with running() as peer:
        monkeypatch.setenv("CCP_SERVICE_URL", peer.url)
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", TOKEN)
        yield peer


def shown(widget: CcpWidget) -> str:
    bundle = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"].startswith(type(widget).__name__)
    html = str(bundle["text/html"])
    assert "<script" not in html
    assert "href" not in html
    return html


def test_the_method_list_shows_methods(peer: Peer) -> None:
    other = {"id": "m2", "title": "Another"}
    peer.on("GET", "processes", answer({"processes": [METHOD, other], "links": []}))
    html = shown(MethodList(search="word", category="Tables"))
    assert "Method &lt;script&gt;" in html
    assert "Another" not in html
    assert peer.seen[-1].query["q"] == "word"


def test_the_form_shows_inputs_and_no_secrets(peer: Peer) -> None:
    peer.on("GET", "processes/m1", answer(METHOD))
    html = shown(ExecutionForm(method="m1", inputs={"word": HOSTILE, "key": "hunter2"}))
    assert "&lt;script&gt;" in html
    assert "(secret)" in html
    assert "hunter2" not in html


def test_the_monitor_shows_executions(peer: Peer) -> None:
    many = [{**EXECUTION, "jobID": f"e{n}"} for n in range(21)]
    peer.on("GET", "jobs", answer({"jobs": many, "links": []}))
    html = shown(ExecutionMonitor(status="running"))
    assert "e19" in html
    assert "e20" not in html
    assert "and more" in html
    assert peer.seen[-1].query["status"] == "running"


def test_one_execution(peer: Peer) -> None:
    peer.on("GET", "jobs/e1", answer(EXECUTION))
    assert "running" in shown(ExecutionDisplay(execution_id="e1"))


def test_the_editor_shows_what_is_typed(peer: Peer) -> None:
    assert "Method &lt;script&gt;" in shown(MethodEditor(document=METHOD))
    assert not peer.seen


@pytest.mark.parametrize(
    "widget",
    [
        MethodList(search=HOSTILE),
        MethodEditor(method=HOSTILE),
        ExecutionForm(method=HOSTILE, inputs={"key": "hunter2"}),
        ExecutionMonitor(filter=HOSTILE),
        ExecutionDisplay(execution_id=HOSTILE),
    ],
)
def test_without_a_service_the_traits_are_told(
    widget: CcpWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CCP_SERVICE_URL", raising=False)
    html = shown(widget)
    assert "&lt;script&gt;" in html
    assert "hunter2" not in html


def test_a_refusal_is_no_error(peer: Peer) -> None:
    peer.on("GET", "jobs/e1", answer({"title": "No"}, 404))
    assert "e1" in shown(ExecutionDisplay(execution_id="e1"))


def test_a_service_that_does_not_answer_delays_once(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summary, "LONGEST", 0.5)
    peer.on("GET", "jobs/e1", answer({"title": "Wait"}, 503))
    for _ in range(3):
        assert "e1" in shown(ExecutionDisplay(execution_id="e1"))
    before = len(peer.seen)
    begin = time.monotonic()
    shown(ExecutionDisplay(execution_id="e1"))
    assert time.monotonic() - begin < 0.4
    assert len(peer.seen) == before


def test_a_document_that_is_no_method_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CCP_SERVICE_URL", raising=False)
    odd = {"title": ["<b>"], "inputs": "none", "metadata": 3, "keywords": 7}
    assert not re.search("<b>", shown(MethodEditor(document=odd)))
