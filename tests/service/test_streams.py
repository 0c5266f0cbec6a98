"""Events: lists that wait, streams that resume, the feed of a user."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tests.jobs import WAIT, method
from tests.service.conftest import CheckedCaller
from tests.service.documents import check_error

SSE = {"Accept": "text/event-stream"}


def messages(answer: httpx.Response) -> Iterator[dict[str, str]]:
    """Yield the events of a stream; comments have the name ``:``."""
    found: dict[str, str] = {}
    for line in answer.iter_lines():
        if line.startswith(":"):
            yield {"event": ":", "data": line[1:]}
        elif line:
            name, _, value = line.partition(": ")
            found[name] = value
        elif found:
            if "data" in found:
                yield found
            found = {}


def all_of(caller: CheckedCaller, job: str, **headers: str) -> list[dict[str, Any]]:
    """Return the events of a job's stream, which must end by itself."""
    with caller.http.stream("GET", f"jobs/{job}/events", headers={**SSE, **headers}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream"
        found = list(messages(answer))
    for each in found:
        assert each["id"] == str(json.loads(each["data"])["seq"])
        assert each["event"] == json.loads(each["data"])["kind"]
    return [json.loads(each["data"]) for each in found]


@pytest.fixture(scope="module", autouse=True)
def revoked(stack, callers, shell) -> Iterator[tuple[threading.Event, CheckedCaller]]:
    """A stream whose token is revoked; noticed within a minute, so it begins before the tests."""
    job = callers["alice"].start(method(shell, "sleep 600"))
    with stack.hub() as hub, ThreadPoolExecutor(1) as pool:
        made = hub.call("POST", "/users/alice/tokens", {"note": "short"})
        caller = CheckedCaller(stack.service_url, made["token"])
        begun, ended = threading.Event(), threading.Event()

        def read() -> None:
            with caller.http.stream("GET", f"jobs/{job}/events", headers=SSE) as answer:
                for _ in messages(answer):
                    begun.set()
            ended.set()

        reading = pool.submit(read)
        assert begun.wait(30)
        hub.call("DELETE", f"/users/alice/tokens/{made['id']}")
        yield ended, caller
        reading.result()
        caller.close()
    callers["alice"].http.delete(f"jobs/{job}")


def test_a_stream_has_all_events_and_ends_with_the_last_status(alice, finished):
    streamed = all_of(alice, finished.job)
    assert [each["seq"] for each in streamed] == list(range(1, len(streamed) + 1))
    assert streamed[-1]["kind"] == "status"
    assert streamed[-1]["status"] == "successful"
    assert streamed == alice.events(finished.job)[: len(streamed)]


def test_a_stream_resumes_after_any_number(alice, finished):
    whole = all_of(alice, finished.job)
    for number in range(1, len(whole)):
        assert all_of(alice, finished.job, **{"Last-Event-ID": str(number)}) == whole[number:]
    last = alice.events(finished.job)[-1]["seq"]
    for over in (last, last + 1000):
        answer = alice.http.get(
            f"jobs/{finished.job}/events", headers={**SSE, "Last-Event-ID": str(over)}
        )
        assert answer.status_code == 204, "a browser must not come back"
    by_query = alice.http.get(f"jobs/{finished.job}/events?after={len(whole) - 1}", headers=SSE)
    assert f"id: {len(whole)}\n" in by_query.text
    both = all_of(alice, finished.job, **{"Last-Event-ID": "2"})
    assert both[0]["seq"] == 3


def test_what_comes_after_the_end_is_not_waited_for(alice, sleeping):
    """An Attempt ends after its Execution was dismissed, and says so."""
    alice.http.delete(f"jobs/{sleeping}?finished=keep")
    end = all_of(alice, sleeping)[-1]
    assert end["status"] == "dismissed"
    deadline = time.monotonic() + WAIT
    later: list[dict[str, Any]] = []
    while not later or later[-1].get("phase") != "ended":
        assert time.monotonic() < deadline, later
        time.sleep(0.1)
        later = alice.events(sleeping)[end["seq"] :]
    assert all_of(alice, sleeping, **{"Last-Event-ID": str(end["seq"])}) == later


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "9" * 30, "x" * 500])
def test_numbers_that_are_none(alice, finished, value):
    for headers in (SSE, {}):
        answer = alice.http.get(
            f"jobs/{finished.job}/events", headers={**headers, "Last-Event-ID": value}
        )
        check_error(answer, 400)


def test_events_arrive_while_they_happen(alice, shell):
    script = "for i in 1 2 3 4 5; do echo line $i; sleep 0.8; done"
    job = alice.start(method(shell, script))
    delays = []
    with alice.http.stream("GET", f"jobs/{job}/events", headers=SSE) as answer:
        for each in messages(answer):
            event = json.loads(each["data"])
            if event["kind"] == "log":
                delays.append(time.time() - _seconds(event["at"]))
    assert len(delays) >= 3, "one event for each line, or for a few"
    assert max(delays) < 2.5  # the first would have 4 s if they came at the end


def _seconds(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


def test_silent_streams_say_that_they_live(alice, sleeping):
    with alice.http.stream("GET", f"jobs/{sleeping}/events", headers=SSE) as answer:
        begin = time.monotonic()
        for each in messages(answer):
            if each["event"] == ":":
                assert each["data"] == "keepalive"
                break
        assert 10 < time.monotonic() - begin < 25


def test_a_stream_of_a_removed_job_ends(alice, sleeping):
    with alice.http.stream("GET", f"jobs/{sleeping}/events", headers=SSE) as answer:
        stream = messages(answer)
        assert json.loads(next(stream)["data"])["seq"] == 1
        alice.http.delete(f"jobs/{sleeping}")
        alice.wait(sleeping)
        alice.http.delete(f"jobs/{sleeping}")
        assert list(stream), "what was missing comes before the end"


def test_lists(alice, finished):
    place = f"jobs/{finished.job}/events"
    whole = alice.http.get(place).json()["events"]
    assert len(whole) > 5
    for after in (0, 3, len(whole)):
        got = alice.http.get(place, params={"after": after}).json()["events"]
        assert got == whole[after:]
    assert alice.http.get(place, params={"limit": 2, "after": 1}).json()["events"] == whole[1:3]
    begin = time.monotonic()
    waited = alice.http.get(place, params={"after": len(whole), "wait": 20}).json()["events"]
    assert waited == []
    assert time.monotonic() - begin < 5, "nothing more comes, so nothing is waited for"


def test_a_list_waits_for_news(alice, sleeping):
    place = f"jobs/{sleeping}/events"
    last = alice.events(sleeping)[-1]["seq"]
    begin = time.monotonic()
    assert alice.http.get(place, params={"after": last, "wait": 1.5}).json()["events"] == []
    assert 1.4 < time.monotonic() - begin < 10
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(alice.http.get, place, params={"after": last, "wait": 20})
        time.sleep(0.5)
        begin = time.monotonic()
        alice.http.delete(f"jobs/{sleeping}")
        events = waiting.result().json()["events"]
    assert events[0]["seq"] == last + 1
    assert time.monotonic() - begin < 10


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "limit=0", "limit=1001", "wait=21", "wait=-1", "wait=x"]
)
def test_parameters_that_do_not_fit(alice, finished, query):
    assert alice.http.get(f"jobs/{finished.job}/events?{query}").status_code == 400


def test_the_feed_has_the_events_of_all_own_executions(alice, bob, shell):
    document = method(shell, "echo hello", metadata=[{"role": "visibility", "title": "public"}])
    alice.deploy(document)
    with alice.http.stream("GET", "events", headers=SSE) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        foreign = bob.execute(document["id"]).json()["jobID"]
        jobs = {alice.execute(document["id"]).json()["jobID"] for _ in range(2)}
        ended: set[str] = set()
        cursor = ""
        for each in messages(answer):
            if each["event"] == ":":
                continue
            event = json.loads(each["data"])
            assert event["execution_id"] != foreign
            if event.get("status") == "successful":
                ended.add(event["execution_id"])
            cursor = each["id"]
            if ended >= jobs:
                break
    bob.wait(foreign)
    later = alice.execute(document["id"]).json()["jobID"]
    alice.wait(later)
    with alice.http.stream("GET", "events", headers={**SSE, "Last-Event-ID": cursor}) as answer:
        seen = set()
        for each in messages(answer):
            event = json.loads(each["data"])
            if event.get("execution_id") == later:
                seen.add(event["seq"])
                if event.get("status") == "successful":
                    break
        assert seen == set(range(1, max(seen) + 1)), "nothing of what was missed is missing"


def test_a_feed_that_cannot_resume_says_so(alice):
    with alice.http.stream("GET", "events", params={"after": "0123456789abcdef-5"}) as answer:
        first = next(m for m in messages(answer) if m["event"] != ":")
    assert first["event"] == "reset"
    assert first["id"]


def test_streams_of_one_user_are_bounded_and_freed(bob, stack):
    def opened(pool: ExitStack) -> int:
        answer = pool.enter_context(bob.http.stream("GET", "events"))
        if answer.status_code == 429:
            answer.read()
        return int(answer.status_code)

    for _ in range(2):
        with ExitStack() as pool:
            statuses = [opened(pool) for _ in range(22)]
            assert statuses == [200] * 20 + [429] * 2
        deadline = time.monotonic() + 20
        while True:
            with ExitStack() as pool:
                if opened(pool) == 200:
                    break
            assert time.monotonic() < deadline, "closed streams still count"
            time.sleep(0.2)
        time.sleep(0.5)


def test_a_stream_ends_when_its_token_is_revoked(revoked):
    ended, caller = revoked
    assert ended.wait(100)
    check_error(caller.http.get("jobs"), 401)
