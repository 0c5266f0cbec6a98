"""What decides whether two Executions must have the same outputs."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccp_jupyter.model.execution import IN_SERVICE, Execution
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.method import parse_method
from ccp_jupyter.model.resources import GpuWish
from ccp_jupyter.model.reuse import reuse_key
from ccp_jupyter.model.values import FileValue, LinkValue, PlainValue, SecretValue
from tests.jobs import method

IMAGE = "docker.io/library/busybox@sha256:" + "a" * 64


def an_execution(script: str = "echo {{ word }}", **members: Any) -> Execution:
    document = parse_method(
        method("busybox", script, inputs={"word": {}, "ccpnote": {"minOccurs": 0}})
    ).document()
    given: dict[str, Any] = {
        "id": "e1",
        "owner": "alice",
        "method_id": document["id"],
        "method": document,
        "request": {"inputs": {"word": "one"}},
        "inputs": {
            "ccpimage": [PlainValue(value="busybox")],
            "word": [PlainValue(value="one")],
            "table": [FileValue(path="inputs/table", size=3, sha256="b" * 64)],
        },
        "infrastructure_id": "lab",
        "limits": Limits(),
        "image": "busybox",
    }
    return Execution(**{**given, **members})


def key(**members: Any) -> str:
    return reuse_key(an_execution(**members), IMAGE)


def changed(member: str, value: Any) -> dict[str, Any]:
    """Return the Method with another member, and with one of its inputs."""
    return {**an_execution().method, member: value}


def with_input(name: str, value: Any) -> dict[str, Any]:
    return {**an_execution().inputs, name: [value]}


SAME: dict[str, dict[str, Any]] = {
    "other id": {"id": "e2"},
    "other owner": {"owner": "bob"},
    "other title": {"method": changed("title", "Another")},
    "other version": {"method": changed("version", "9.9.9")},
    "other id of the Method": {"method": changed("id", "clone"), "method_id": "clone"},
    "other limits": {"limits": Limits(max_time=5)},
    "other note": {"inputs": with_input("ccpnote", PlainValue(value="mine"))},
    "other maximum time": {"inputs": with_input("ccpmaxtime", PlainValue(value=7))},
    "the image named otherwise": {
        "image": "busybox:1",
        "inputs": with_input("ccpimage", PlainValue(value="busybox:1")),
    },
    "the file named otherwise": {
        "inputs": with_input("table", FileValue(path="inputs/t", size=3, sha256="b" * 64))
    },
    "other priority": {"priority": 7},
}
OTHER: dict[str, dict[str, Any]] = {
    "other word": {"inputs": with_input("word", PlainValue(value="two"))},
    "number for text": {"inputs": with_input("word", PlainValue(value=1))},
    "other file": {
        "inputs": with_input("table", FileValue(path="inputs/table", size=3, sha256="c" * 64))
    },
    "value for a file": {"inputs": with_input("table", PlainValue(value="b" * 64))},
    "no word": {"inputs": {k: v for k, v in an_execution().inputs.items() if k != "word"}},
    "more replicas": {"replicas": 2},
    "gpu": {"gpus": [GpuWish(vram=4)]},
    "other Infrastructure": {"infrastructure_id": "other"},
    "other Context": {"context": "physics"},
}
UNKNOWN: dict[str, dict[str, Any]] = {
    "link": {"inputs": with_input("table", LinkValue(href="https://example.org/t"))},
    "secret": {"inputs": with_input("word", SecretValue())},
    "built-in": {"infrastructure_id": IN_SERVICE},
    "stdout": {"method": changed("outputs", {"stdout": {}})},
    "a stream of another name": {
        "method": changed("outputs", {"x": {"metadata": [{"role": "file", "href": "/std_err"}]}})
    },
}


@pytest.mark.parametrize("case", SAME)
def test_what_does_not_decide(case):
    assert key(**SAME[case]) == key() != ""


def test_the_script_does_decide():
    assert len({key(), key(script="echo '{{ word }}'"), key(script="")}) == 3


@pytest.mark.parametrize("case", OTHER)
def test_what_decides(case):
    assert key(**OTHER[case]) not in (key(), "")


def test_the_image_decides_and_must_be_known():
    assert reuse_key(an_execution(), IMAGE.replace("a", "d")) not in (key(), "")
    assert reuse_key(an_execution(), None) == reuse_key(an_execution(), "") == ""


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_cannot_be_reused(case):
    assert key(**UNKNOWN[case]) == ""


def test_a_stream_that_is_not_asked_for_does_no_harm():
    outputs = {"stdout": {}, "file": {"metadata": [{"role": "file", "href": "/ccp_data/x"}]}}
    some = {"method": changed("outputs", outputs), "request": {"outputs": {"file": {}}}}
    assert key(**some)
    bound = {"stdout": {"metadata": [{"role": "file", "href": "/ccp_data/stdout"}]}}
    assert key(method=changed("outputs", bound))


def test_control_inputs_count_where_scripts_use_them():
    def noted(note: str, script: str) -> str:
        inputs = with_input("ccpnote", PlainValue(value=note))
        return key(script=script, inputs=inputs)

    assert noted("a", "true") == noted("b", "true")
    assert noted("a", "echo {{ ccpnote }}") != noted("b", "echo {{ ccpnote }}")


def test_scripts_that_use_the_id_of_their_execution():
    assert key(script="touch /ccp_data/$ccptaskname") == ""
    assert key(script="touch /ccp_data/{{ ccptaskname }}") == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@given(one=JSON, two=JSON)
@settings(max_examples=60, deadline=None)
def test_equal_values_and_only_these_have_equal_keys(one, two):
    keys = [key(inputs=with_input("word", PlainValue(value=v))) for v in (one, copy.copy(one), two)]
    assert keys[0] == keys[1]
    same = json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)
    assert (keys[0] == keys[2]) is same
