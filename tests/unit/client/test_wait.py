"""Waiting: events once and in order, through cuts, restarts, buffering proxies and garbage."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from typing import Any

import pytest

from ccp_jupyter.client import (
    AsyncClient,
    ExecutionFailed,
    NotFound,
    NotLoggedIn,
    ServiceError,
    WaitTimeout,
)
from ccp_jupyter.client import follow as follow_module
from ccp_jupyter.client.follow import Away, Follower, parse_event
from tests.unit.client.peer import (
    TOKEN,
    Peer,
    answer,
    by_accept,
    cut,
    done,
    event,
    journal,
    silent,
    sse,
    status,
)

EVENTS = "jobs/j1/events"
JOB = "jobs/j1"
ALL = [event(1, "phase"), event(2), event(3), event(4), done(5)]


async def numbers(execution) -> list[int]:
    async with asyncio.timeout(20):
        items = [item async for item in execution.follow()]
    return [item.seq for item in items if item is not None and not isinstance(item, Away)]


@pytest.fixture
async def execution(peer, client):
    peer.on("GET", JOB, answer(status("running")))
    return await client.execution("j1")


async def test_straight(peer, execution):
    peer.on("GET", EVENTS, sse(ALL))
    peer.on("GET", JOB, answer(status("successful")))
    assert await execution.wait(progress=False) is execution
    assert execution.status == "successful"
    assert execution.progress == 100


async def test_cut_in_the_middle_goes_on_after_the_last_number(peer, execution):
    peer.on("GET", EVENTS, sse(ALL[:2], "cut"), journal(ALL[:2]), sse(ALL[2:]))
    assert await numbers(execution) == [1, 2, 3, 4, 5]
    streams = [s for s in peer.requests("GET", EVENTS) if "event-stream" in s.headers["Accept"]]
    assert [s.query["after"] for s in streams] == ["0", "2"]
    assert streams[1].headers["Last-Event-ID"] == "2"


async def test_repeated_events_are_dropped(peer, execution):
    peer.on("GET", EVENTS, sse([*ALL[:3], *ALL[:3], *ALL[3:]]))
    assert await numbers(execution) == [1, 2, 3, 4, 5]


async def test_events_that_were_missed_while_cut_off(peer, execution):
    peer.on("GET", EVENTS, cut(), journal(ALL))
    assert await numbers(execution) == [1, 2, 3, 4, 5]


async def test_gap_is_asked_for_again(peer, execution):
    peer.on("GET", EVENTS, sse([ALL[0], ALL[3]]), journal(ALL))
    assert await numbers(execution) == [1, 2, 3, 4, 5]


async def test_gap_in_the_journal_itself_does_not_stop(peer, execution):
    lost = [ALL[0], ALL[3], ALL[4]]
    peer.on("GET", EVENTS, sse(lost[:2]), journal(lost))
    assert await numbers(execution) == [1, 4, 5]


async def test_restart_of_the_service(peer: Peer, execution):
    peer.on("GET", EVENTS, sse(ALL[:2], "hang"), by_accept(sse(ALL[2:]), journal(ALL[:2])))
    found, away = [], 0
    async with asyncio.timeout(30):
        async for item in execution.follow():
            if isinstance(item, Away):
                away += 1
                if away == 2:
                    peer.start()
            elif item is not None:
                found.append(item.seq)
                if item.seq == 2:
                    await asyncio.to_thread(peer.stop)
    assert found == [1, 2, 3, 4, 5]
    assert away >= 2


async def test_proxy_says_503_meanwhile(peer, execution):
    away = answer(b"<h1>Service Unavailable</h1>", 503)
    peer.on("GET", EVENTS, away, away, away, journal(ALL))
    assert await numbers(execution) == [1, 2, 3, 4, 5]


async def test_proxy_that_holds_streams_back(peer, execution, monkeypatch):
    """Not a byte arrives, so long polling takes over."""
    monkeypatch.setattr(follow_module, "SILENCE", 0.3)
    peer.on("GET", EVENTS, by_accept(silent(), journal(ALL)))
    assert await numbers(execution) == [1, 2, 3, 4, 5]


async def test_polling_asks_the_service_to_wait(peer, execution, monkeypatch):
    monkeypatch.setattr(follow_module, "SILENCE", 0.2)
    known: list[dict[str, Any]] = [ALL[0]]

    async def listed(handler):
        if "wait" in handler.request.arguments:
            known[:] = ALL
        await journal(known)(handler)

    peer.on("GET", EVENTS, by_accept(silent(), listed))
    assert await numbers(execution) == [1, 2, 3, 4, 5]
    polls = [s for s in peer.requests("GET", EVENTS) if "wait" in s.query]
    assert 1 <= float(polls[0].query["wait"]) <= 20


@pytest.mark.parametrize(
    "stream", [answer(b"<html>"), answer([]), answer({}, 406), answer({}, 429)]
)
async def test_no_streams_here(peer, execution, stream):
    peer.on("GET", EVENTS, by_accept(stream, journal(ALL)))
    assert await numbers(execution) == [1, 2, 3, 4, 5]


async def test_streams_that_bring_nothing(peer, execution, monkeypatch):
    monkeypatch.setattr(follow_module, "delays", lambda *_: iter([0.01] * 1000))
    left = [journal([])] * 8

    async def listed(handler):
        await (left.pop() if left else journal(ALL))(handler)

    peer.on("GET", EVENTS, by_accept(sse([]), listed))
    assert await numbers(execution) == [1, 2, 3, 4, 5]


async def test_garbage_in_the_stream(peer, execution):
    async def garbage(handler):
        handler.set_header("Content-Type", "text/event-stream")
        handler.finish("data: {not json\n\n")

    peer.on("GET", EVENTS, by_accept(garbage, journal(ALL)))
    assert await numbers(execution) == [1, 2, 3, 4, 5]


async def test_garbage_everywhere_is_an_error(peer, execution):
    peer.on("GET", EVENTS, answer({"events": [{"no": "number"}]}))
    with pytest.raises(ServiceError, match="without a number"):
        await execution.wait(progress=False)


async def test_endless_line_is_an_error_of_the_stream(peer, execution, monkeypatch):
    monkeypatch.setattr("ccp_jupyter.client.sse.LARGEST_MESSAGE", 1000)

    async def endless(handler):
        handler.set_header("Content-Type", "text/event-stream")
        for _ in range(1000):
            handler.write("x" * 100)
            await handler.flush()

    peer.on("GET", EVENTS, by_accept(endless, journal(ALL)))
    assert await numbers(execution) == [1, 2, 3, 4, 5]


async def test_ends_by_the_status_when_the_journal_is_lost(peer, execution):
    peer.on("GET", EVENTS, by_accept(sse(ALL[:2], "cut"), journal([])))
    peer.on("GET", JOB, answer(status("successful")))
    assert await numbers(execution) == [1, 2]


async def test_ended_long_ago(peer, execution, monkeypatch):
    monkeypatch.setattr(follow_module, "delays", lambda _: itertools.repeat(60.0))
    peer.on("GET", EVENTS, by_accept(answer(b"", 204), journal([])))
    peer.on("GET", JOB, answer(status("successful")))
    begun = time.monotonic()
    await execution.wait(progress=False)
    assert time.monotonic() - begun < 30, "no pause before what is known is told"


async def test_kinds_of_a_newer_service_are_passed_over(peer, execution):
    newer = {"seq": 3, "kind": "weather", "execution_id": "j1", "temperature": 21}
    peer.on("GET", EVENTS, sse([*ALL[:2], newer, *ALL[3:]]))
    assert await numbers(execution) == [1, 2, 4, 5]


async def test_second_wait_goes_on_where_the_first_ended(peer, execution):
    peer.on("GET", EVENTS, sse(ALL[:3], "hang"), sse(ALL[3:]))
    with pytest.raises(WaitTimeout, match="goes on"):
        await execution.wait(timeout=1, progress=False)
    peer.on("GET", JOB, answer(status("successful")))
    await execution.wait(progress=False)
    assert [s.query["after"] for s in peer.requests("GET", EVENTS)] == ["0", "3"]


async def test_failed_with_the_end_of_its_log(peer, execution):
    lines = [event(n, lines=[f"line {n}"]) for n in range(1, 50)]
    peer.on("GET", EVENTS, sse([*lines, done(50, "failed")]))
    peer.on("GET", JOB, answer(status("failed", message="exit code 3")))
    with pytest.raises(ExecutionFailed) as caught:
        await execution.wait(progress=False)
    assert "exit code 3" in str(caught.value)
    assert caught.value.log_tail.splitlines() == [f"line {n}" for n in range(30, 50)]
    assert (caught.value.status, caught.value.execution_id) == ("failed", "j1")


async def test_failed_without_check(peer, execution):
    peer.on("GET", EVENTS, sse([done(1, "failed")]))
    peer.on("GET", JOB, answer(status("failed")))
    assert (await execution.wait(progress=False, check=False)).status == "failed"


async def test_tail_is_asked_for_when_nothing_was_seen(peer, execution):
    peer.on("GET", EVENTS, sse([done(1, "failed")]))
    peer.on("GET", JOB, answer(status("failed")))
    peer.on("GET", JOB + "/log", answer(b"first\nlast\n"))
    with pytest.raises(ExecutionFailed, match="last"):
        await execution.wait(progress=False)


@pytest.mark.parametrize(("code", "kind"), [(404, NotFound), (401, NotLoggedIn)])
async def test_what_trying_again_cannot_help(peer, execution, code, kind):
    peer.on("GET", EVENTS, answer({"detail": "no"}, code))
    begun = time.monotonic()
    with pytest.raises(kind):
        await execution.wait(progress=False)
    assert time.monotonic() - begun < 3


async def test_timeout_while_the_service_is_away(peer, execution):
    peer.on("GET", EVENTS, sse(ALL[:1], "hang"))
    await asyncio.to_thread(peer.stop)
    async with AsyncClient(peer.url, TOKEN, timeout=1) as other:
        execution._transport = other._transport
        with pytest.raises(WaitTimeout, match="running after 1 s"):
            await execution.wait(timeout=1, progress=False)
    peer.start()


async def test_cancelled_wait_lets_go(peer, execution):
    peer.on("GET", EVENTS, sse(ALL[:1], "hang"))
    waiting = asyncio.ensure_future(execution.wait(progress=False))
    await asyncio.sleep(0.5)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert [t for t in asyncio.all_tasks() if t is not asyncio.current_task()] == []


@pytest.mark.parametrize("document", [None, [], 3, {}, {"seq": 0}, {"seq": "1"}, {"seq": None}])
def test_events_without_a_number(document):
    with pytest.raises(ServiceError, match="without a number"):
        parse_event(document)


async def test_all_events_by_pages(peer, execution, monkeypatch):
    monkeypatch.setattr(follow_module, "PAGE", 2)

    async def paged(handler):
        after, limit = (int(handler.get_argument(name)) for name in ("after", "limit"))
        handler.finish(json.dumps({"events": ALL[after : after + limit]}))

    peer.on("GET", EVENTS, paged)
    assert [each.seq for each in await execution.events()] == [1, 2, 3, 4, 5]
    assert [each.seq for each in await execution.events(after=3)] == [4, 5]


async def test_events_of_a_service_that_ignores_after(peer, execution):
    peer.on("GET", EVENTS, answer({"events": ALL}))
    with pytest.raises(ServiceError, match="not asked for"):
        await execution.events()


async def test_follower_counts_what_it_has(peer, client):
    peer.on("GET", EVENTS, sse(ALL))
    follower = Follower(client._transport, "j1", after=3)
    found = [each async for each in follower.events() if not isinstance(each, Away)]
    assert [each.seq for each in found] == [4, 5]
    assert (follower.last, follower.ended) == (5, True)
