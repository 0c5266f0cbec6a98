"""OGC application packages as Methods."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.method import LARGEST, Method
from ccp_jupyter.model.packages.findings import WorkflowNotFound
from ccp_jupyter.model.packages.package import OGC, method_of

UNIT: dict[str, Any] = {
    "type": "docker",
    "image": "busybox",
    "config": {"cpuMin": 0.5, "jobTimeout": 60},
}
SCRIPTS = {"parameters": [{"name": "execute-script", "value": ["echo {{ x }}"]}]}
PROCESS: dict[str, Any] = {
    "id": "say",
    "title": "Say",
    "version": "1.2.0",
    "inputs": {"x": {"schema": {"type": "string"}}},
    "additionalParameters": SCRIPTS,
}
TOOL = {
    "cwlVersion": "v1.1",
    "class": "CommandLineTool",
    "id": "tool",
    "hints": {"DockerRequirement": {"dockerPull": "busybox"}},
    "baseCommand": "echo",
    "inputs": {"x": {"type": "string", "inputBinding": {}}},
    "outputs": {"out": "stdout"},
}


def deployed(unit: Any = UNIT, process: Any = PROCESS, **options: Any) -> Method:
    package = {"processDescription": process, "executionUnit": unit}
    return method_of(OGC, json.dumps(package), "local", **options)


@pytest.mark.parametrize("process", [PROCESS, {"process": PROCESS}])
@pytest.mark.parametrize("unit", [UNIT, [UNIT], [{"type": "other"}, {**UNIT, "type": "oci"}]])
def test_an_image_with_a_description(unit, process):
    method = deployed(unit, process)
    assert (method.id, method.title, method.version) == ("say", "Say", "1.2.0")
    image = method.inputs["ccpimage"].schema_
    assert (image.default, image.read_only) == ("busybox", True)
    assert method.script("execute-script") == ["echo {{ x }}"]
    assert method.resources.cpus.least == 0.5
    assert method.resources.max_time == 60
    assert method.infrastructure_ids == ["local"]


def test_a_description_may_offer_images_and_name_an_infrastructure():
    choice = {"ccpimage": {"schema": {"type": "string", "enum": ["busybox", "alpine"]}}}
    links = [{"rel": "compatibleWith", "href": "infrastructures/other"}]
    method = deployed(
        process={**PROCESS, "inputs": {**PROCESS["inputs"], **choice}, "links": links}
    )
    assert method.inputs["ccpimage"].schema_.enum == ("busybox", "alpine")
    assert not method.inputs["ccpimage"].schema_.read_only
    assert method.infrastructure_ids == ["other"]
    assert deployed(method_id="another").id == "another"


@pytest.mark.parametrize(
    "unit",
    [
        {"value": TOOL, "mediaType": "application/cwl+json"},
        {"value": json.dumps(TOOL), "mediaType": "application/cwl; charset=utf-8"},
        {"unit": TOOL},
        [TOOL],
    ],
)
def test_a_tool_in_a_package(unit):
    told = {"title": "Told", "inputs": {"x": {"title": "What", "schema": {"type": "number"}}}}
    method = deployed(unit, told)
    assert (method.id, method.title) == ("tool", "Told")
    assert method.inputs["x"].title == "What"
    assert method.inputs["x"].schema_.type == "string"  # the tool knows what it takes
    with pytest.raises(WorkflowNotFound):
        deployed(unit, workflow="none")


@pytest.mark.parametrize(
    ("package", "member"),
    [
        ([], ""),
        ({}, "executionUnit"),
        ({"executionUnit": UNIT, "other": 1}, "other"),
        ({"executionUnit": []}, "executionUnit"),
        ({"executionUnit": 5}, "executionUnit"),
        ({"executionUnit": [UNIT | {"image": ""}]}, "executionUnit[0].image"),
        ({"executionUnit": UNIT | {"type": "lxd"}}, "executionUnit.type"),
        ({"executionUnit": UNIT | {"deployment": "moon"}}, "executionUnit.deployment"),
        ({"executionUnit": UNIT | {"command": ["x"]}}, "executionUnit.command"),
        ({"executionUnit": {"href": "http://x/y.cwl"}}, "executionUnit.href"),
        ({"executionUnit": {"value": 5}}, "executionUnit.value"),
        ({"executionUnit": {"value": {}, "mediaType": "a/b"}}, "executionUnit.mediaType"),
        ({"executionUnit": UNIT}, "processDescription.additionalParameters"),
        ({"executionUnit": UNIT, "processDescription": 5}, "processDescription"),
        (
            {"executionUnit": UNIT | {"config": {"cpus": 1}}, "processDescription": PROCESS},
            "executionUnit.config.cpus",
        ),
        (
            {"executionUnit": UNIT | {"config": 7}, "processDescription": PROCESS},
            "executionUnit.config",
        ),
        (
            {"executionUnit": UNIT, "processDescription": PROCESS | {"version": "new"}},
            "processDescription.version",
        ),
    ],
)
def test_what_is_refused_is_named(package, member):
    with pytest.raises(InvalidDocument) as caught:
        method_of(OGC, json.dumps(package), "local")
    assert member in [problem.member for problem in caught.value.problems]


@pytest.mark.parametrize("text", ["", "[", '{"a": 1, "a": 2}', "[" * 5000, "x" * (LARGEST + 1)])
def test_what_is_no_document(text):
    for media_type in (OGC, "application/cwl"):
        with pytest.raises(InvalidDocument):
            method_of(media_type, text, "local")


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["processDescription", "executionUnit", "config", "inputs", "value", "image"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["process", "type", "id", "ccpimage"]), inner)
        ),
        max_leaves=8,
    ),
)
def test_nothing_but_a_refusal_or_a_method(name, value):
    package: dict[str, Any] = {"processDescription": dict(PROCESS), "executionUnit": dict(UNIT)}
    holder = {"inputs": "processDescription", "config": "executionUnit"}.get(name, "executionUnit")
    target = package if name in package else package[holder]
    target[name] = value
    try:
        method_of(OGC, json.dumps(package), "local")
    except InvalidDocument as error:
        assert error.problems
