"""Experiments: documents, lists, state, cancel, events, logs."""

from __future__ import annotations

import json
import threading
import time

import pytest

from ccp_jupyter.hub_service import old_ids
from tests.jobs import nothing_left
from tests.service.agency.conftest import said

UNKNOWN = "6b0206930123456789000000"


def test_a_document(ann, done):
    found = ann.get(f"experiments/{done}")
    assert found["_id"] == done
    assert found["username"] == "alice"
    assert abs(found["registrationTime"] - time.time()) < 600
    assert found["redVersion"] == "9"
    assert found["cli"]["stdout"] == "words.txt"
    assert found["container"]["settings"]["ram"] == 256
    assert found["protectedKeysVoided"] is True
    assert found["state"] == "succeeded"
    assert found["batches"] == 2


def test_the_order_of_inputs_is_kept(ann):
    document = ann.red("true")
    names = ["z", "a", "m", "b"]
    for name in names:
        document["cli"]["inputs"][name] = {"type": "string?", "inputBinding": {}}
    experiment = ann.submit(document)
    ann.http.delete(f"experiments/{experiment}")
    found = json.loads(ann.http.get(f"experiments/{experiment}").text)
    assert list(found["cli"]["inputs"]) == ["script", *names]


@pytest.mark.parametrize("path", ["", "/state", "/events", "/log"])
def test_ids_that_are_none_and_foreign_ones(ann, ben, boss, done, path):
    said(ann.http.get(f"experiments/xyz{path}"), 400, "Bad Request")
    said(ann.http.get(f"experiments/{UNKNOWN.upper()}G{path}"), 400, "Bad Request")
    unknown = said(ann.http.get(f"experiments/{UNKNOWN}{path}"), 404, "Not Found")
    foreign = said(ben.http.get(f"experiments/{done}{path}"), 404, "Not Found")
    assert foreign.replace(done, UNKNOWN) == unknown
    assert boss.http.get(f"experiments/{done}{path}").status_code == 200


def test_ids_of_cc_agency_lead_to_what_was_taken_over(ann, ben, stack, done):
    batch = ann.batches(done)[1]
    old, old_batch = "5b0206930123456789abcdef", "5b0206930123456789abcdf0"
    path = stack.data_dir / old_ids.FILE
    path.write_bytes(old_ids.ids_text({old: done, old_batch: batch}))
    try:
        assert ann.get(f"experiments/{old}")["_id"] == done
        assert ann.get(f"batches/{old_batch}")["_id"] == batch
        assert len(ann.get("batches", experimentId=old)) == 2
        assert ann.get("batches/count", experimentId=old) == {"count": 2}
        assert ann.http.get(f"batches/{old_batch}/stdout").text.startswith("two")
        assert ann.http.get(f"experiments/{old}/log").status_code == 200
        said(ben.http.get(f"experiments/{old}"), 404, "Not Found")
        said(ben.http.get(f"batches/{old_batch}"), 404, "Not Found")
        said(ann.http.get(f"batches/{old}"), 404, "Not Found")
    finally:
        path.unlink()


def test_others_can_cancel_nothing(ben, asleep):
    said(ben.http.delete(f"experiments/{asleep}"), 404, "Not Found")


def test_the_list(ann, ben, boss, done, bad):
    found = ann.get("experiments")
    times = [each["registrationTime"] for each in found]
    assert times == sorted(times, reverse=True)
    assert {done, bad} <= {each["_id"] for each in found}
    assert all(set(e) == {"_id", "username", "registrationTime", "state"} for e in found)
    states = {each["_id"]: each["state"] for each in found}
    assert (states[done], states[bad]) == ("succeeded", "failed")
    assert ann.get("experiments", ascending="1") == found[::-1]
    assert ann.get("experiments/count") == {"count": len(found)}
    assert not [each for each in ben.get("experiments") if each["_id"] in (done, bad)]
    assert ben.get("experiments", username="alice") == []
    assert ben.get("experiments/count", username="alice") == {"count": 0}
    assert ann.get("experiments", username="alice") == found
    assert boss.get("experiments", username="alice") == found
    assert {done, bad} <= {each["_id"] for each in boss.get("experiments")}
    assert boss.get("experiments", username="nobody") == []


def test_pages(ann, done, bad):
    whole = ann.get("experiments")
    seen, path = [], "experiments?limit=1"
    for _ in whole:
        answer = ann.http.get(path)
        assert answer.headers["x-total-count"] == str(len(whole))
        seen += answer.json()
        if "next" in answer.links:
            path = answer.links["next"]["url"]
    assert seen == whole
    assert "next" not in answer.links
    back = ann.http.get(answer.links["prev"]["url"]).json()
    assert back == [whole[-2]]
    assert ann.get("experiments", skip=1, limit=1) == whole[1:2]
    assert ann.get("experiments", skip=len(whole) + 5) == []
    assert ann.get("experiments", limit=10**30) == whole
    filtered = ann.http.get("experiments?limit=1&ascending=yes&username=alice")
    assert "ascending=yes" in filtered.links["next"]["url"]
    assert "username=alice" in filtered.links["next"]["url"]
    assert "link" not in ann.http.get("experiments").headers


def test_queries_as_lenient_as_the_original(ann, done):
    whole = ann.get("experiments")
    for query in ("skip=x", "limit=", "limit=1.5", "foo=bar", "ascending=no", "ascending=0"):
        assert ann.http.get(f"experiments?{query}").json() == whole, query
    assert ann.http.get("experiments?limit=1&limit=2").json() == whole[:1]
    for query in ("limit=0", "limit=-1", "skip=-1"):
        said(ann.http.get(f"experiments?{query}"), 400, "Bad Request")


def test_by_time(ann, done):
    at = ann.get(f"experiments/{done}")["registrationTime"]

    def ids(**query: object) -> list[str]:
        return [each["_id"] for each in ann.get("experiments", **query)]

    assert done in ids(since=f"{at:.3f}", until=f"{at:.3f}")
    assert done not in ids(since=f"{at + 0.001:.3f}")
    assert done not in ids(until=f"{at - 0.001:.3f}")
    assert ids(since=int(at) + 10**6) == []
    assert ann.get("experiments/count", until=1)["count"] == 0
    for wrong in ("x", "-1", "1e5", "nan", "9" * 12, "2026-11-22"):
        said(ann.http.get("experiments", params={"since": wrong}), 400, "Bad Request")


def test_a_method_is_no_experiment(ann, finished):
    """Executions of Methods are no part of the agency."""
    said(ann.http.get(f"experiments/{finished.job}"), 400, "Bad Request")
    assert finished.job not in ann.http.get("experiments").text
    assert finished.job not in ann.http.get("batches").text


def test_an_experiment_is_a_job(callers, done):
    found = callers["alice"].status(done)
    assert found["status"] == "successful"
    assert (found["processID"], found["replicas"]) == ("red", 2)


def test_cancel(ann, stack, asleep):
    assert ann.get(f"experiments/{asleep}/state")["batches"]["processing"] == 2
    answer = ann.http.delete(f"experiments/{asleep}")
    assert answer.status_code == 200
    assert answer.json()["_id"] == asleep
    assert ann.wait(asleep) == "cancelled"
    nothing_left(stack, asleep)
    assert ann.http.delete(f"experiments/{asleep}").json()["state"] == "cancelled"
    for batch in ann.batches(asleep):
        last = ann.get(f"batches/{batch}")["history"][-1]
        assert last["state"] == "cancelled"


def test_a_finished_one_is_not_changed_by_cancel(ann, done):
    before = ann.get(f"experiments/{done}")
    assert ann.http.delete(f"experiments/{done}").json() == before
    assert ann.get(f"experiments/{done}") == before


def test_state(ann, asleep, done, bad):
    found = ann.get(f"experiments/{asleep}/state")
    assert found["experimentId"] == asleep
    assert found["state"] == "processing"
    assert 0 <= found["progress"] < 100
    counts = ann.get(f"experiments/{done}/state")["batches"]
    assert counts.pop("succeeded") == 2
    assert set(counts.values()) == {0}
    assert "broken" in ann.get(f"experiments/{bad}/state")["message"]


def test_events(ann, done):
    events = ann.get(f"experiments/{done}/events", limit=1000)["events"]
    assert [each["seq"] for each in events] == list(range(1, len(events) + 1))
    statuses = [e for e in events if e["kind"] == "status"]
    assert statuses[-1]["status"] == "successful"
    assert {e["task"] for e in events if e["kind"] == "phase"} == {1, 2}
    rest = ann.get(f"experiments/{done}/events", after=len(events) - 1)["events"]
    assert rest == events[-1:]
    with ann.http.stream(
        "GET", f"experiments/{done}/events", headers={"Accept": "text/event-stream"}
    ) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        text = answer.read().decode()
    assert text.count("\nid: ") == statuses[-1]["seq"], "a stream ends with the final status"


def test_a_stream_by_basic_or_a_session_ends_with_the_experiment(ann, asleep):
    access = ann.http.post("login").json()["access_token"]
    heard: list[str] = []

    def listen() -> None:
        headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {access}"}
        with (
            ann.client(headers=headers) as client,
            client.stream("GET", f"experiments/{asleep}/events") as answer,
        ):
            heard.extend(answer.iter_text())

    listener = threading.Thread(target=listen)
    listener.start()
    time.sleep(0.5)
    ann.http.delete(f"experiments/{asleep}")
    listener.join(30)
    assert not listener.is_alive()
    assert "dismissed" in "".join(heard)


def test_the_log(ann, done):
    answer = ann.http.get(f"experiments/{done}/log", params={"stream": "stdout"})
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "one\n" in answer.text
    assert "two\n" in answer.text
    assert "hidden" not in answer.text
    assert "hidden" in ann.http.get(f"experiments/{done}/log").text
    assert ann.http.get(f"experiments/{done}/log?follow=1&stream=stdout").text == answer.text
    said(ann.http.get(f"experiments/{done}/log?stream=stdin"), 400, "Bad Request")


def test_a_log_is_followed_to_the_end(ann):
    experiment = ann.submit(ann.red("for i in 1 2 3 4; do echo line $i; sleep 0.5; done"))
    begin = time.monotonic()
    with ann.http.stream("GET", f"experiments/{experiment}/log?follow=true") as answer:
        arrived = [
            (line, time.monotonic() - begin) for line in answer.iter_lines() if "line" in line
        ]
    assert [line for line, _ in arrived] == [f"line {i}" for i in (1, 2, 3, 4)]
    assert arrived[-1][1] - arrived[0][1] > 1, "they came while it ran, not at the end"
    assert ann.get(f"experiments/{experiment}/state")["state"] == "succeeded"
