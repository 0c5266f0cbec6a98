"""Traits of the widgets, as Python and as the browser see them."""

from __future__ import annotations

import doctest
import importlib
import json
import pkgutil
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import traitlets

import ccp_jupyter
from ccp_jupyter import widgets
from ccp_jupyter.client.method import Method
from ccp_jupyter.client.record import Record
from ccp_jupyter.widgets import (
    ExecutionDisplay,
    ExecutionForm,
    ExecutionMonitor,
    MethodEditor,
    MethodList,
)
from ccp_jupyter.widgets.widget import CcpWidget

ROOT = Path(ccp_jupyter.__file__).parents[1]
ALL: list[type[CcpWidget]] = [getattr(widgets, name) for name in widgets.__all__]
KEYS = {
    MethodList: {"selected", "search", "category"},
    MethodEditor: {"method", "document"},
    ExecutionForm: {"method", "inputs", "outputs", "from_", "execution_id"},
    ExecutionMonitor: {"execution_id", "status", "filter"},
    ExecutionDisplay: {"execution_id"},
}


@pytest.fixture(autouse=True)
def _no_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CCP_SERVICE_URL", raising=False)


@pytest.mark.parametrize("widget", ALL)
def test_the_browser_gets_selection_and_nothing_else(widget: type[CcpWidget]) -> None:
    state = widget().get_state()
    ours = {key for key in state if not key.startswith("_")}
    assert ours - {"layout", "tabbable", "tooltip", "view"} == KEYS[widget]


@pytest.mark.parametrize("widget", ALL)
def test_the_browser_finds_our_classes(widget: type[CcpWidget]) -> None:
    state = widget().get_state()
    assert state["_model_name"] == "CcpModel"
    assert state["_view_name"] == "CcpView"
    package = json.loads((ROOT / "labextension/package.json").read_text())
    assert package["version"] == ccp_jupyter.__version__
    assert state["_model_module"] == state["_view_module"] == package["name"]
    assert state["_model_module_version"] == f"^{package['version']}"


@pytest.mark.parametrize("widget", ALL)
def test_each_view_exists(widget: type[CcpWidget]) -> None:
    views = (ROOT / "labextension/src/views/index.ts").read_text()
    names = re.findall(r"import (\w+) from", views)
    assert widget().view in names
    with pytest.raises(traitlets.TraitError):
        widget(view="other")


def test_a_method_or_an_execution_stands_for_its_id() -> None:
    method = Method({"id": "m1", "title": "One"})
    execution = Record({"jobID": "e1", "status": "running"})
    form = ExecutionForm(method=method, from_=execution)
    assert (form.method, form.from_) == ("m1", "e1")
    form.method = "m2"
    assert form.method == "m2"
    with pytest.raises(traitlets.TraitError):
        form.method = 3


def test_what_the_browser_sends_is_observed() -> None:
    form = ExecutionForm(method="m1")
    seen: list[str] = []
    form.observe(lambda change: seen.append(change["new"]), "execution_id")
    # The browser's messages may be handled in any thread (subshells).
    with ThreadPoolExecutor() as pool:
        pool.submit(form.set_state, {"execution_id": "e1", "inputs": {"a": [1, 2]}}).result()
    assert seen == ["e1"]
    assert form.inputs == {"a": [1, 2]}


def test_nothing_given_is_told_apart_from_empty() -> None:
    assert ExecutionForm().outputs is None
    assert ExecutionForm(outputs=[]).outputs == []
    assert ExecutionForm().inputs is None
    assert MethodEditor().document is None


def test_repr_is_short_and_shows_no_inputs() -> None:
    form = ExecutionForm(method="m1", inputs={"password": "hunter2"})
    assert repr(form) == "ExecutionForm(method='m1')"
    assert repr(MethodList()) == "MethodList()"


def test_examples_in_docstrings() -> None:
    names = [each.name for each in pkgutil.iter_modules(widgets.__path__)]
    results = [
        doctest.testmod(importlib.import_module(f"{widgets.__name__}.{name}")) for name in names
    ]
    assert sum(each.attempted for each in results) > 10
    assert not sum(each.failed for each in results)
