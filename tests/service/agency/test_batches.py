"""Batches: documents, lists, cancel, streams, logs; and lists that are long."""

from __future__ import annotations

import time

import pytest

from tests.jobs import nothing_left
from tests.service.agency.conftest import WAIT, said

UNKNOWN = "6b0206930123456789000001"
ITEM = {
    "_id",
    "username",
    "registrationTime",
    "state",
    "experimentId",
    "node",
    "batchesListIndex",
    "history",
}
DOCUMENT = ITEM | {
    "attempts",
    "mount",
    "usedGPUs",
    "usedSpecifiedStdout",
    "usedSpecifiedStderr",
    "cliStdout",
    "cliStderr",
    "protectedKeysVoided",
    "notificationsSent",
    "inputs",
    "outputs",
}


def test_a_document(ann, done):
    first, second = ann.batches(done)
    found = ann.get(f"batches/{second}")
    assert set(found) == DOCUMENT
    assert (found["_id"], found["experimentId"]) == (second, done)
    assert (found["batchesListIndex"], found["attempts"]) == (1, 1)
    assert found["state"] == "succeeded"
    assert found["node"] in ("node-1", "node-2")
    assert found["usedSpecifiedStdout"] is True
    assert found["usedSpecifiedStderr"] is False
    assert found["cliStdout"] == "words.txt"
    assert found["cliStderr"].endswith(".stderr")
    assert found["protectedKeysVoided"] is True
    assert found["inputs"] == {"script": "echo two; seq 100000"}
    states = [each["state"] for each in found["history"]]
    assert states == ["registered", "scheduled", "processing", "succeeded"]
    times = [each["time"] for each in found["history"]]
    assert times == sorted(times)
    assert times[0] == found["registrationTime"]
    assert found["history"][-1]["ccagent"]["process"]["returnCode"] == 0
    assert first != second


def test_why_a_batch_failed(ann, bad):
    (batch,) = ann.batches(bad)
    last = ann.get(f"batches/{batch}")["history"][-1]
    assert "broken" in last["debugInfo"]
    assert last["ccagent"]["process"]["returnCode"] == 3
    assert last["ccagent"]["state"] == "failed"


def test_the_list(ann, ben, boss, done, bad):
    found = ann.get("batches")
    assert all(set(each) == ITEM for each in found)
    mine = [each for each in found if each["experimentId"] == done]
    assert [each["batchesListIndex"] for each in mine] == [0, 1]
    assert all(set(h) == {"node", "state", "time"} for h in mine[0]["history"])
    times = [each["registrationTime"] for each in found]
    assert times == sorted(times, reverse=True)
    assert ann.get("batches/count") == {"count": len(found)}
    assert ben.get("batches", experimentId=done) == []
    assert ben.get("batches", username="alice") == []
    assert len(boss.get("batches", experimentId=done)) == 2
    assert boss.get("batches", username="alice", experimentId=done) == mine
    assert boss.get("batches", username="bob", experimentId=done) == []


def test_filters(ann, done, bad):
    def ids(**query: object) -> set[str]:
        return {each["_id"] for each in ann.get("batches", **query)}

    good, (wrong,) = set(ann.batches(done)), ann.batches(bad)
    assert good <= ids(state="succeeded")
    assert wrong not in ids(state="succeeded")
    assert ids(state="failed", experimentId=bad) == {wrong}
    assert ids(state="failed", experimentId=done) == set()
    node = ann.get(f"batches/{wrong}")["node"]
    assert wrong in ids(node=node)
    assert ids(node="none") == set()
    assert ann.get("batches/count", experimentId=done, state="succeeded") == {"count": 2}
    assert ann.get("batches/count", state="nonsense") == {"count": 0}
    said(ann.http.get("batches?state=nonsense"), 400, "Bad Request")
    for path in ("batches", "batches/count"):
        said(ann.http.get(f"{path}?experimentId=x"), 400, "Bad Request")
        assert ann.http.get(f"{path}?experimentId={UNKNOWN[:-1]}0").json() in ([], {"count": 0})


def test_by_time(ann, done):
    at = ann.get(f"experiments/{done}")["registrationTime"]
    query = {"experimentId": done}
    for count in (lambda **q: len(ann.get("batches", **query, **q)),):
        assert count(since=f"{at:.3f}", until=f"{at:.3f}") == 2
        assert count(since=f"{at + 0.001:.3f}") == 0
        assert count(until=f"{at - 0.001:.3f}") == 0
    assert ann.get("batches/count", **query, since=f"{at:.3f}")["count"] == 2
    assert ann.get("batches/count", **query, until=f"{at - 0.001:.3f}")["count"] == 0


@pytest.mark.parametrize("path", ["", "/stdout", "/stderr", "/log"])
def test_ids_that_are_none_and_foreign_ones(ann, ben, done, path):
    batch = ann.batches(done)[0]
    said(ann.http.get(f"batches/xyz{path}"), 400, "Bad Request")
    unknown = said(ann.http.get(f"batches/{UNKNOWN}{path}"), 404, "Not Found")
    foreign = said(ben.http.get(f"batches/{batch}{path}"), 404, "Not Found")
    assert foreign.replace(batch, UNKNOWN) == unknown
    said(ann.http.get(f"batches/{done}{path}"), 404, "Not Found")  # an Experiment is no batch
    said(ann.http.get(f"batches/{batch[:-1]}9{path}"), 404, "Not Found")


def test_streams_of_a_success_are_those_that_were_named(ann, boss, done):
    first, second = ann.batches(done)
    answer = ann.http.get(f"batches/{first}/stdout")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text == "one\n"
    numbers = "".join(f"{n}\n" for n in range(1, 100_001))
    assert ann.http.get(f"batches/{second}/stdout").text == "two\n" + numbers
    assert boss.http.get(f"batches/{first}/stdout").text == "one\n"
    said(ann.http.get(f"batches/{first}/stderr"), 404, "Not Found")
    said(ann.http.get(f"batches/{first}/stdin"), 400, "Bad Request")
    said(ann.http.get(f"batches/{first}/result.json"), 400, "Bad Request")


def test_streams_of_a_failure_are_always_there(ann, bad):
    (batch,) = ann.batches(bad)
    assert ann.http.get(f"batches/{batch}/stdout").text == "out\n"
    assert ann.http.get(f"batches/{batch}/stderr").text == "broken\n"


def test_streams_while_another_batch_runs(ann):
    experiment = ann.submit(ann.red("echo quick", "sleep 600", stdout="o.txt"))
    first, second = ann.batches(experiment)
    deadline = time.monotonic() + WAIT
    while ann.get(f"batches/{first}")["state"] != "succeeded":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert ann.get(f"experiments/{experiment}/state")["state"] == "processing"
    assert ann.http.get(f"batches/{first}/stdout").text == "quick\n"
    said(ann.http.get(f"batches/{second}/stdout"), 404, "Not Found")
    ann.http.delete(f"batches/{second}")
    ann.wait(experiment)
    assert ann.http.get(f"batches/{first}/stdout").text == "quick\n"


def test_cancel_one_of_two(ann, ben, stack, asleep):
    first, second = ann.batches(asleep)
    said(ben.http.delete(f"batches/{first}"), 404, "Not Found")
    answer = ann.http.delete(f"batches/{first}")
    assert answer.status_code == 200
    assert set(answer.json()) == DOCUMENT
    deadline = time.monotonic() + WAIT
    while (found := ann.get(f"batches/{first}"))["state"] != "cancelled":
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    assert found["history"][-1]["state"] == "cancelled"
    assert ann.get(f"batches/{second}")["state"] == "processing"
    assert ann.http.delete(f"batches/{first}").json()["state"] == "cancelled"
    ann.http.delete(f"batches/{second}")
    assert ann.wait(asleep) == "cancelled"
    nothing_left(stack, asleep)


def test_a_finished_one_is_not_changed_by_cancel(ann, done):
    batch = ann.batches(done)[0]
    before = ann.get(f"batches/{batch}")
    answer = ann.http.delete(f"batches/{batch}")
    assert (answer.status_code, answer.json()) == (200, before)


def test_the_log_of_one_batch(ann, done):
    first, second = ann.batches(done)
    assert "one\n" in ann.http.get(f"batches/{first}/log").text
    assert "two\n" not in ann.http.get(f"batches/{first}/log").text
    assert "two\n" in ann.http.get(f"batches/{second}/log?stream=stdout").text


def test_the_log_of_a_batch_has_all_its_attempts(ann):
    experiment = ann.submit(ann.red("echo try; exit 1"))
    (batch,) = ann.batches(experiment)
    live = ann.http.get(f"batches/{batch}/log?follow=1&stream=stdout").text
    assert ann.get(f"batches/{batch}")["attempts"] == 2
    assert live.count("try\n") == 2
    assert ann.http.get(f"batches/{batch}/log?stream=stdout").text == live
    assert ann.http.get(f"batches/{batch}/log?stream=stdout&follow=1").text == live


def test_the_log_of_one_batch_is_followed_to_its_end(ann, asleep):
    first, _ = ann.batches(asleep)
    with ann.http.stream("GET", f"batches/{first}/log?follow=1") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "asleep"
        ann.http.delete(f"batches/{first}")
        assert not [line for line in lines if line == "asleep"]


def test_a_long_list_comes_whole_and_in_order(ann, asleep):
    """More than the pages in which it is read; they wait, so that nothing runs."""
    count = 1203
    waiting = ann.submit(ann.red(*["true"] * count), f"after={asleep}")
    found = ann.get("batches", experimentId=waiting)
    assert [each["batchesListIndex"] for each in found] == list(range(count))
    assert len({each["_id"] for each in found}) == count
    assert {each["state"] for each in found} == {"registered"}
    part = ann.http.get(f"batches?experimentId={waiting}&skip=400&limit=700")
    assert part.json() == found[400:1100]
    assert part.headers["x-total-count"] == str(count)
    assert "skip=1100" in part.links["next"]["url"]
    assert "skip=0" in part.links["prev"]["url"]
    ann.http.delete(f"experiments/{waiting}")
    assert ann.wait(waiting) == "cancelled"
    deadline = time.monotonic() + WAIT
    while ann.get("batches/count", experimentId=waiting, state="cancelled")["count"] < count:
        assert time.monotonic() < deadline
        time.sleep(0.2)
