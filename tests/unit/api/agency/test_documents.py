"""Records to the documents of CC-Agency."""

from __future__ import annotations

import pytest

from ccp_jupyter.hub_service.api.agency import documents
from ccp_jupyter.hub_service.controller.base import Live, NodeStatus
from ccp_jupyter.hub_service.engines.base import NodeInfo
from ccp_jupyter.model.experiment import BatchState
from ccp_jupyter.model.infrastructure import Gpu, Node
from ccp_jupyter.model.node_record import NodeState
from ccp_jupyter.model.states import Outcome, Phase, Status, TaskState
from tests.unit.api.agency.records import BEGIN, ID, at, attempt, experiment, task, whole

LAUNCHED = {Phase.LAUNCH: 1.0}
DEPLOYED = {Phase.LAUNCH: 1.0, Phase.DEPLOY: 2.0}
BATCH = ID[:-1] + "2"
RESULT = {"state": "failed", "command": ["grep"]}


def changes(*args, **members):
    """Return state, seconds and node of each entry of a history."""
    return [
        (entry["state"].value, round(entry["time"] - BEGIN.timestamp(), 3), entry["node"])
        for entry in documents.history(task(*args, **members))
    ]


def test_a_batch_that_waits():
    assert changes() == [("registered", 0, None)]


def test_a_batch_on_its_way():
    assert changes(TaskState.RUNNING, attempt(1, None, LAUNCHED)) == [
        ("registered", 0, None),
        ("scheduled", 1, "node1"),
    ]
    assert changes(TaskState.RUNNING, attempt(1, None, DEPLOYED))[2:] == [
        ("processing", 2, "node1"),
    ]


@pytest.mark.parametrize(
    ("state", "outcome", "word"),
    [
        (TaskState.SUCCESSFUL, Outcome.SUCCESSFUL, "succeeded"),
        (TaskState.FAILED, Outcome.FAILED, "failed"),
        (TaskState.FAILED, Outcome.PLATFORM, "failed"),
        (TaskState.DISMISSED, Outcome.DISMISSED, "cancelled"),
    ],
)
def test_an_end(state, outcome, word):
    ended = attempt(1, outcome, whole(1), reason="why", result=RESULT)
    assert changes(state, ended) == [
        ("registered", 0, None),
        ("scheduled", 1, "node1"),
        ("processing", 2, "node1"),
        (word, 5, "node1"),
    ]
    *others, last = documents.history(task(state, ended))
    assert (last["debugInfo"], last["ccagent"]) == ("why", RESULT)
    assert all(each["debugInfo"] is None and each["ccagent"] is None for each in others)
    item = documents.batch_item(task(state, ended))
    assert (item["state"], item["node"]) == (word, "node1")


def test_the_outcome_is_not_told_before_the_state_is():
    """While it is decided and not yet written, the batch is still processing."""
    deciding = attempt(1, Outcome.SUCCESSFUL, whole(1))
    item = documents.batch_item(task(TaskState.RUNNING, deciding))
    assert item["state"] == "processing"
    assert item["history"][-1]["state"] == "processing"


def test_an_end_before_the_container():
    times = {Phase.LAUNCH: 1.0, Phase.DESTROY: 1.5, Phase.ENDED: 2.0}
    assert changes(TaskState.FAILED, attempt(1, Outcome.FAILED, times))[1:] == [
        ("scheduled", 1, "node1"),
        ("failed", 1.5, "node1"),
    ]


def test_a_node_that_nobody_can_reach_any_more():
    times = {Phase.LAUNCH: 1.0, Phase.DEPLOY: 2.0, Phase.ENDED: 9.0}
    lost = attempt(1, Outcome.PLATFORM, times, reason="Node node1 is no longer configured")
    assert changes(TaskState.QUEUED, lost)[-1] == ("registered", 9, None)
    entries = list(documents.history(task(TaskState.QUEUED, lost)))
    assert entries[-1]["debugInfo"] == "Node node1 is no longer configured"
    assert documents.batch_item(task(TaskState.QUEUED, lost))["node"] is None


def test_a_retry():
    first = attempt(1, Outcome.FAILED, whole(1), reason="exit code 1", result=RESULT)
    second = attempt(2, Outcome.SUCCESSFUL, whole(10))
    assert changes(TaskState.SUCCESSFUL, first, second) == [
        ("registered", 0, None),
        ("scheduled", 1, "node1"),
        ("processing", 2, "node1"),
        ("registered", 5, None),
        ("scheduled", 10, "node2"),
        ("processing", 11, "node2"),
        ("succeeded", 14, "node2"),
    ]
    entries = list(documents.history(task(TaskState.SUCCESSFUL, first, second)))
    assert (entries[3]["debugInfo"], entries[3]["ccagent"]) == ("exit code 1", RESULT)
    item = documents.batch(experiment(), task(TaskState.SUCCESSFUL, first, second))
    assert (item["node"], item["attempts"]) == ("node2", 2)


def test_cancelled_while_it_waits():
    assert changes(TaskState.DISMISSED, ended=at(7)) == [
        ("registered", 0, None),
        ("cancelled", 7, None),
    ]
    first = attempt(1, Outcome.PLATFORM, whole(1), reason="engine gone")
    assert changes(TaskState.DISMISSED, first, ended=at(9))[3:] == [
        ("registered", 5, None),
        ("cancelled", 9, None),
    ]
    assert documents.batch_item(task(TaskState.DISMISSED, first, ended=at(9)))["node"] is None


def test_failed_without_an_attempt():
    entries = list(documents.history(task(TaskState.FAILED, ended=at(3), reason="no GPU")))
    assert [each["state"] for each in entries] == ["registered", "failed"]
    assert entries[-1]["debugInfo"] == "no GPU"
    assert entries[-1]["time"] == at(3).timestamp()


def test_failed_while_it_waits_for_another_attempt():
    first = attempt(1, Outcome.PLATFORM, whole(1), reason="engine gone")
    entries = list(
        documents.history(task(TaskState.FAILED, first, ended=at(8), reason="secrets lost"))
    )
    assert [(e["state"], e["node"], e["debugInfo"]) for e in entries[3:]] == [
        ("registered", None, "engine gone"),
        ("failed", None, "secrets lost"),
    ]


def test_an_end_without_time_has_the_last_known():
    assert changes(TaskState.DISMISSED)[-1] == ("cancelled", 0, None)


def test_a_batch_in_a_list_has_the_members_of_cc_agency():
    assert documents.batch_item(task()) == {
        "_id": BATCH,
        "experimentId": ID,
        "batchesListIndex": 1,
        "username": "alice",
        "registrationTime": BEGIN.timestamp(),
        "state": "registered",
        "node": None,
        "history": [{"state": "registered", "time": BEGIN.timestamp(), "node": None}],
    }


def test_a_batch_in_full_has_the_members_of_cc_agency():
    ended = attempt(1, Outcome.SUCCESSFUL, whole(1), result={"state": "succeeded"})
    found = documents.batch(experiment(), task(TaskState.SUCCESSFUL, ended, to_notify=True))
    history = found.pop("history")
    assert found == {
        "_id": BATCH,
        "experimentId": ID,
        "batchesListIndex": 1,
        "username": "alice",
        "registrationTime": BEGIN.timestamp(),
        "state": "succeeded",
        "node": "node1",
        "attempts": 1,
        "mount": False,
        "usedGPUs": None,
        "usedSpecifiedStdout": True,
        "usedSpecifiedStderr": False,
        "cliStdout": "hits.txt",
        "cliStderr": "x.stderr",
        "protectedKeysVoided": False,
        "notificationsSent": False,
        "inputs": {"term": "QUERY"},
        "outputs": {},
    }
    assert set(history[0]) == {"state", "time", "node", "debugInfo", "ccagent"}


def test_what_is_told_of_secrets_and_hooks_once_all_is_over():
    over = experiment(Status.SUCCESSFUL)
    found = documents.batch(over, task(TaskState.DISMISSED))
    assert found["protectedKeysVoided"] is True
    assert found["notificationsSent"] is True
    assert documents.batch(over, task())["notificationsSent"] is False


@pytest.mark.parametrize(
    ("value", "mount"),
    [
        ({"class": "Directory", "connector": {"command": "c", "access": "k", "mount": True}}, True),
        ([{"class": "Directory", "connector": {"mount": True}}, "x"], True),
        ({"class": "Directory", "connector": {"mount": False}}, False),
        ({"class": "Directory", "connector": "k"}, False),
        ("mount", False),
    ],
)
def test_mounts(value, mount):
    record = task()
    assert record.batch is not None
    record.batch.inputs["data"] = value
    assert documents.batch(experiment(), record)["mount"] is mount


def test_gpus_have_the_numbers_that_they_had():
    running = attempt(1, None, DEPLOYED, gpus=["0", "GPU-7f", "²"])
    found = documents.batch(experiment(), task(TaskState.RUNNING, running))
    assert found["usedGPUs"] == [0, "GPU-7f", "²"]


def test_an_experiment():
    found = documents.experiment(experiment(), BatchState.PROCESSING, Live("Execute", 40))
    assert found == {
        "_id": ID,
        "username": "alice",
        "registrationTime": BEGIN.timestamp(),
        "state": "processing",
        "redVersion": "8",
        "cli": {"cwlVersion": "v1.0", "class": "CommandLineTool", "stdout": "hits.txt"},
        "container": {"engine": "docker", "settings": {"image": {"url": "x"}, "ram": 256}},
        "execution": {"engine": "ccagency", "settings": {"batchConcurrencyLimit": 8}},
        "doc": "what it is",
        "protectedKeysVoided": False,
        "message": "Execute",
        "progress": 40,
        "batches": 2,
        "after": ["6b0206930123456788000000"],
        "changes": ["redVersion: 8 became 9"],
    }
    assert (
        documents.experiment(experiment(Status.FAILED), BatchState.FAILED)["message"] == "Running"
    )


R, S, P = BatchState.REGISTERED, BatchState.SCHEDULED, BatchState.PROCESSING
OK, BAD, NO = BatchState.SUCCEEDED, BatchState.FAILED, BatchState.CANCELLED


@pytest.mark.parametrize(
    ("status", "counts", "state"),
    [
        (Status.ACCEPTED, {R: 5}, R),
        (Status.RUNNING, {R: 5}, R),
        (Status.RUNNING, {R: 4, S: 1}, S),
        (Status.RUNNING, {S: 5}, S),
        (Status.RUNNING, {R: 3, S: 1, P: 1}, P),
        (Status.RUNNING, {R: 4, OK: 1}, P),
        (Status.RUNNING, {R: 4, BAD: 1}, P),
        (Status.RUNNING, {S: 4, NO: 1}, P),
        (Status.SUCCESSFUL, {}, OK),
        (Status.FAILED, {OK: 1, BAD: 1}, BAD),
        (Status.DISMISSED, {NO: 2}, NO),
    ],
)
def test_where_an_experiment_stands(status, counts, state):
    assert documents.experiment_state(status, counts) is state


def test_a_summary_names_all_states():
    found = documents.experiment_summary(experiment(), {R: 1, P: 1})
    assert found["state"] == "processing"
    assert found["batches"] == {
        "registered": 1,
        "scheduled": 0,
        "processing": 1,
        "succeeded": 0,
        "failed": 0,
        "cancelled": 0,
    }


def node_status(online: bool, reason: str = "", info: NodeInfo | None = None) -> NodeStatus:
    return NodeStatus(
        id="node1",
        infrastructure_id="local",
        state=NodeState.ONLINE if online else NodeState.OFFLINE,
        reason=reason,
        since=BEGIN,
        node=Node(id="node1", base_url="unix:///run/docker.sock"),
        added=False,
        info=info,
        running=1,
        slots=4,
        gpus=(Gpu(id="0", vram=8192),),
    )


def test_a_node():
    info = NodeInfo("20.10", 16 * 2**30 + 5, 4, 3)
    found = documents.node(node_status(True, info=info), [(BATCH, 256), (None, 512)], False)
    assert found == {
        "nodeName": "node1",
        "state": "online",
        "ram": 16384,
        "cpus": 4,
        "gpus": [{"id": 0, "vram": 8192, "vendor": "nvidia"}],
        "history": [{"state": "online", "time": BEGIN.timestamp(), "debugInfo": None}],
        "currentBatches": [{"batchId": BATCH, "ram": 256}, {"batchId": None, "ram": 512}],
    }


def test_only_administrators_see_why_a_node_is_away():
    away = node_status(False, "tcp://10.0.0.7:2376 refused")
    shown = documents.node(away, [], False)
    assert (shown["state"], shown["ram"], shown["cpus"]) == ("offline", None, None)
    assert "10.0.0.7" not in str(shown)
    assert "10.0.0.7" in documents.node(away, [], True)["history"][0]["debugInfo"]


def test_a_method_is_no_experiment():
    record = experiment(experiment=None)
    with pytest.raises(ValueError, match="Method"):
        documents.experiment(record, R)
    with pytest.raises(ValueError, match="no batch"):
        documents.batch(record, task())
