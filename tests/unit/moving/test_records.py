"""Documents of a CC-Agency database become records, whatever is in them."""

from __future__ import annotations

import copy
import random
from datetime import UTC, datetime

import pytest
from bson import Binary, Decimal128, Int64, ObjectId
from hypothesis import given, settings
from hypothesis import strategies as st

from ccp_jupyter.hub_service.moving.history import LONGEST_REASON, UNFINISHED, course
from ccp_jupyter.hub_service.moving.records import new_id, origin, records
from ccp_jupyter.hub_service.moving.values import Damaged, moment, plain, without_secrets
from ccp_jupyter.hub_service.store.documents import encoded, execution_open, task_open
from ccp_jupyter.model.experiment import batch_id, batch_name, is_id
from ccp_jupyter.model.states import Outcome, Phase, TaskState, is_final
from tests.contract.moving.agency_data import (
    FAILED_TWICE,
    SUCCEEDED,
    agent,
    batch_5,
    batch_9,
    entry,
    experiment_5,
    experiment_9,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = "24552dc7-c8d2-43fc-a89c-1622214dd346"

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(max_size=20),
    st.just(""),
    st.lists(st.one_of(st.none(), st.text(max_size=5), st.integers(-3, 3)), max_size=3),
    st.dictionaries(st.text(max_size=5), st.one_of(st.none(), st.text(max_size=5)), max_size=3),
    st.sampled_from(
        [
            ObjectId("6b020693de9d9ad6bd385cd0"),
            Int64(2**62),
            Decimal128("1.5"),
            Binary(b"\x00\xff"),
            datetime(2020, 1, 1),
            "registered",
            "succeeded",
        ]
    ),
)


def places(value, path=()):
    """Return the path of every member and item of a document."""
    found = [path] if path else []
    members = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, child in members:
        found += places(child, (*path, key))
    return found


def damaged(document, path, value):
    """Return a copy with one member replaced, or left out when the value is ``...``."""
    made = copy.deepcopy(document)
    at = made
    for step in path[:-1]:
        at = at[step]
    if value is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return made


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_damage_gets_through_or_breaks_it(data):
    old = data.draw(st.booleans())
    experiment = experiment_5() if old else experiment_9()
    batches = (
        [batch_5(experiment, "cancelled"), batch_5(experiment, "processing")]
        if old
        else [
            batch_9(experiment, 0, "failed", history=copy.deepcopy(FAILED_TWICE)),
            batch_9(experiment, 1, "succeeded", history=copy.deepcopy(SUCCEEDED)),
        ]
    )
    documents = [experiment, *batches]
    for _ in range(data.draw(st.integers(1, 3))):
        number = data.draw(st.integers(0, 2))
        found = [p for p in places(documents[number]) if p != ("_id",)]
        path = data.draw(st.sampled_from(found))
        value = data.draw(st.one_of(st.just(...), ODD))
        documents[number] = damaged(documents[number], path, value)
    try:
        made = records(documents[0], documents[1:], {}, "agency")
    except Damaged as error:
        assert str(error)
        return
    assert is_final(made.execution.status)
    assert not execution_open(made.execution)
    assert made.execution.replicas == len(made.tasks)
    assert {task.index for task in made.tasks} <= {1, 2}
    text, kept = encoded(made.execution, 1)  # the store's own check that nothing is lost
    assert "PLANTED" not in text
    assert origin(kept) == str(documents[0]["_id"])
    for task in made.tasks:
        assert not task_open(task)
        text, _ = encoded(task, 1)
        assert "PLANTED" not in text


def test_indexes_that_are_missing_or_doubled_are_given_anew():
    experiment = experiment_9()
    places_ = [1, 1, None, 99, 0]
    batches = [batch_9(experiment, n, "succeeded") for n in places_]  # type: ignore[arg-type]
    made = records(experiment, batches, {}, "agency")
    assert [task.index for task in made.tasks] == [1, 2, 3, 4, 5]
    new = [made.ids[str(each["_id"])] for each in batches]
    assert new == [batch_id(made.execution.id, index) for index in (2, 3, 4, 5, 1)]


def test_new_ids():
    old = "6b020693de9d9ad6bd385cd1"
    assert new_id(old) == new_id(old)
    assert new_id(old) != new_id("6b020693de9d9ad6bd385cd2")
    assert is_id(new_id(old))
    assert new_id(old).startswith("6b020693")
    name = batch_name(batch_id(new_id(old), 7))
    assert name is not None
    assert name.execution_id == new_id(old)
    assert new_id("6b020693de9d9ad6bd000000") == "6b020693de9d9ad6bd000000"


@pytest.mark.parametrize(
    ("gpus", "wanted"),
    [
        ([{"min_vram": 2048}], [2048]),
        ([{"minVram": 1024}, {"minVram": 512}], [1024, 512]),
        ({"count": 2}, [0, 0]),
        ({"vendor": "nvidia", "count": 1}, [0]),
        ({"vendor": "nvidia", "devices": [{"vramMin": 300}, {}]}, [300, 0]),
        ({"vendor": "nvidia", "devices": []}, []),
        ({"count": -1}, []),
        ({"count": 10**9}, [0] * 1000),
        (None, []),
        ("all", []),
        ([None, {"vramMin": "x"}], [0, 0]),
    ],
)
def test_gpus_of_all_versions(gpus, wanted):
    experiment = experiment_9()
    experiment["container"]["settings"]["gpus"] = gpus
    made = records(experiment, [batch_9(experiment, 0, "succeeded")], {}, "agency")
    assert made.execution.experiment is not None
    assert [wish.vram for wish in made.execution.gpus] == wanted
    assert ("gpus" in made.execution.experiment.container["settings"]) == bool(wanted)


def test_mounts_need_fuse():
    experiment = experiment_9()
    connector = {"command": "red-connector-ssh", "access": KEY, "mount": True}
    inputs = {"dirs": [{"class": "Directory", "connector": connector}]}
    made = records(experiment, [batch_9(experiment, 0, "succeeded", inputs=inputs)], {}, "agency")
    assert made.execution.experiment is not None
    assert made.execution.experiment.fuse


def test_secrets_stay_behind():
    connector = {"access": KEY, "password": "s", "_x": "s", "privateKey": "s", "command": "c"}
    assert without_secrets({"connector": connector}) == {
        "connector": {"access": KEY, "command": "c"}
    }
    for given_ in ({"url": "s"}, "https://u:s@x", ["s"], 5, None):
        assert without_secrets({"access": given_, "auth": given_}) == {"access": "", "auth": ""}


@pytest.mark.parametrize(
    "value", [None, True, "1", float("nan"), float("inf"), -1, 2**80, 253402300800, []]
)
def test_times_that_are_none(value):
    assert moment(value) is None


def test_times():
    assert moment(0) == datetime(1970, 1, 1, tzinfo=UTC)
    found = moment(1795294867.7324772)
    assert found is not None
    assert found.microsecond % 1000 == 0
    assert found.timestamp() == pytest.approx(1795294867.732)


def test_values_become_json():
    value = {"a": Int64(5), "b": float("inf"), "c": ObjectId("6b020693de9d9ad6bd385cd0")}
    assert plain(value) == {"a": 5, "b": "inf", "c": "6b020693de9d9ad6bd385cd0"}
    assert type(plain(Int64(5))) is int
    assert plain([b"xy", "a\0b", datetime(2020, 1, 1)]) == [
        "(2 bytes)",
        "a\ufffdb",
        "2020-01-01T00:00:00.000Z",
    ]


def went(state, *history, **more):
    return course({"state": state, "history": list(history), **more}, NOW)


def test_a_failure_of_the_platform_is_told_from_one_of_the_command():
    for result, outcome in ((None, Outcome.PLATFORM), (agent("failed", 1), Outcome.FAILED)):
        found = went(
            "succeeded",
            entry("scheduled", 1, "a"),
            entry("registered", 2, debugInfo="x", ccagent=result),
            entry("scheduled", 3, "b"),
            entry("processing", 4, "b"),
            entry("succeeded", 5, "b"),
        )
        assert [each.outcome for each in found.attempts] == [outcome, Outcome.SUCCESSFUL]
        assert found.attempts[0].reason == "x"
        assert [each.node for each in found.attempts] == ["a", "b"]


def test_cancelled_without_an_entry():
    found = went("cancelled", entry("scheduled", 1, "a"), entry("processing", 2, "a"))
    assert found.state is TaskState.DISMISSED
    assert found.finished
    assert found.attempts[0].outcome is Outcome.DISMISSED
    assert found.attempts[0].reason is None
    assert found.attempts[0].phase is Phase.ENDED


@pytest.mark.parametrize("state", ["registered", "scheduled", "processing", "new", None, 7, []])
def test_not_finished(state):
    found = went(state, entry("registered", 0))
    assert found.state is TaskState.DISMISSED
    assert not found.finished
    assert found.reason == UNFINISHED


def test_scheduled_twice_without_an_end():
    found = went(
        "failed",
        entry("scheduled", 1, "a"),
        entry("scheduled", 2, "b"),
        entry("failed", 3, "b", debugInfo="x"),
    )
    assert [each.outcome for each in found.attempts] == [Outcome.PLATFORM, Outcome.FAILED]


def test_failed_before_it_was_placed():
    found = went("failed", entry("registered", 0), entry("failed", 1, debugInfo="no node fits"))
    assert found.attempts == []
    assert found.reason == "no node fits"


@pytest.mark.parametrize(
    ("used", "kept"),
    [([0, "GPU-1"], ["0", "GPU-1"]), (True, []), (5, []), ("all", []), (None, []), ([None], [])],
)
def test_used_gpus(used, kept):
    assert went("succeeded", *SUCCEEDED, usedGPUs=used).attempts[0].gpus == kept


def test_of_a_long_text_the_end_is_kept():
    text = "".join(random.Random(1).choices("abc", k=100_000))
    found = went("failed", entry("scheduled", 1, "a"), entry("failed", 2, "a", debugInfo=text))
    reason = found.attempts[0].reason
    assert reason is not None
    assert len(reason) == LONGEST_REASON
    assert reason.endswith(text[-1000:])
