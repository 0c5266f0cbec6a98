"""What is said of an Execution that waits."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from ccp_jupyter.hub_service.api.documents import status_info
from ccp_jupyter.hub_service.controller.base import Live
from ccp_jupyter.hub_service.controller.progress import Progress, ordinal
from ccp_jupyter.hub_service.controller.queue import Outlook
from ccp_jupyter.hub_service.controller.runs import Runs
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.resources import GpuWish
from ccp_jupyter.model.states import Status

NOON = datetime(2026, 11, 22, 14, 4, 30, tzinfo=UTC)


def execution(**members):
    return Execution(
        id="e",
        owner="alice",
        method_id="m",
        method={},
        request={},
        inputs={},
        infrastructure_id="lab",
        limits=Limits(memory=2**30, cpus=2),
        image="x:1",
        message="Accepted",
        **members,
    )


def live(outlook, *, waits_for=(), queued=12):
    queue: Any = SimpleNamespace(forecast=lambda _: outlook, lengths=lambda: {"lab": queued})
    dependencies: Any = SimpleNamespace(waiting_for=lambda _: list(waits_for))
    return Progress(Runs(), queue, dependencies).live(execution())


def test_position_reason_and_start():
    found = live(Outlook(2, NOON, "needs 1 GPU: none of 3 Nodes has one free"))
    assert found == Live(
        "Waiting: 3rd of 12 in the queue; needs 1 GPU: none of 3 Nodes has one free;"
        " begins at about 14:05 UTC",
        0,
        3,
        NOON.replace(minute=5, second=0),
    )


def test_a_reason_that_names_the_time_is_not_told_twice():
    found = live(Outlook(0, NOON, "needs 1 GPU: node2 will have one at about {start}"))
    assert found.message == (
        "Waiting: 1st of 12 in the queue; needs 1 GPU: node2 will have one at about 14:05 UTC"
    )


def test_nobody_can_tell_when():
    found = live(Outlook(4, None, "no Node of lab is online"), queued=3)
    assert found == Live("Waiting: 5th of 5 in the queue; no Node of lab is online", 0, 5)


def test_other_waits_come_first():
    assert live(Outlook(0, None, "x"), waits_for=["a"]) == Live("Waiting for Execution a", 0)
    assert live(None) == Live("Accepted", 0)


@pytest.mark.parametrize(
    ("number", "text"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (112, "112th"), (121, "121st")],
)
def test_ordinals(number, text):
    assert ordinal(number) == text


def test_the_status_document_has_members_of_its_own_for_it():
    waiting = Live("Waiting", 0, 3, NOON)
    found = json.loads(json.dumps(status_info(execution(), "https://x/", waiting)))
    assert (found["position"], found["estimatedStart"]) == (3, "2026-11-22T14:04:30.000Z")
    begun = status_info(execution(status=Status.RUNNING), "https://x/", Live("Deploy", 15))
    assert begun.keys() & {"position", "estimatedStart"} == set()


def test_the_status_document_says_what_its_containers_get():
    wishes = [GpuWish(vram=8192), GpuWish(id="0"), GpuWish()]
    found = status_info(execution(gpus=wishes, priority=5), "https://x/")
    assert found["priority"] == 5
    assert found["resources"] == {
        "cpus": 2,
        "memory": 2**30,
        "disk": 0,
        "pids": 512,
        "gpus": [{"vram": 8192}, {"id": "0"}, {}],
        "maxTime": 3600,
    }
