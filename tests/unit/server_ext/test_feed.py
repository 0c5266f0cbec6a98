"""Events on the server's bus: each once, in order, through everything."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from ccp_jupyter.server_ext import feed as module
from tests.unit.client.peer import Behaviour, Handler, answer, cut, done, event, journal, status
from tests.unit.server_ext.conftest import until

ALL = [event(1, "phase"), event(2), event(3), event(4), done(5)]


@pytest.fixture(autouse=True)
def no_long_pauses(monkeypatch):
    monkeypatch.setattr(module, "delays", lambda *_: iter([0.1] * 10_000))


def fed(*items: tuple[str, dict[str, Any]] | str, then: str = "hang") -> Behaviour:
    """A feed: (cursor, event), or the cursor of a reset."""

    async def behave(handler: Handler) -> None:
        handler.set_header("Content-Type", "text/event-stream")
        handler.write("retry: 2000\n\n")
        for item in items:
            if isinstance(item, str):
                handler.write(f"id: {item}\nevent: reset\ndata: {{}}\n\n")
            else:
                cursor, document = item
                kind = document["kind"]
                data = json.dumps(document)
                handler.write(f"id: {cursor}\nevent: {kind}\ndata: {data}\n\n")
        await handler.flush()
        if then == "hang":
            await asyncio.sleep(3600)
        handler.cut()

    return behave


def numbers(heard) -> list[int]:
    return [data["seq"] for kind, data in heard if kind == "execution"]


def states(heard) -> list[tuple[str, bool]]:
    return [(d["state"], d["resynced"]) for kind, d in heard if kind == "connection"]


@pytest.fixture
def feed_of(peer, request):
    """Plan the feed; the server, which starts before the test does, waits for the plan."""
    planned = threading.Event()

    async def wait(handler: Handler) -> None:
        while not planned.is_set():
            await asyncio.sleep(0.01)
        await peer.next("GET", "/ccp/events")(handler)

    peer.on("GET", "events", wait)
    heard = request.getfixturevalue("heard")

    def plan(*behaviours: Behaviour):
        peer.on("GET", "events", *behaviours)
        planned.set()
        return heard

    return plan


async def test_events_are_passed_on(feed_of):
    heard = feed_of(fed(*[(f"e-{each['seq']}", each) for each in ALL]))
    await until(lambda: len(numbers(heard)) == 5)
    assert numbers(heard) == [1, 2, 3, 4, 5]
    logs = [data for _, data in heard if data.get("kind") == "log"]
    assert logs[0]["lines"] == ["line 2"]
    assert states(heard) == [("connected", False)]


async def test_cut_stream_goes_on_by_its_cursor(feed_of, peer):
    heard = feed_of(
        fed(("e-1", ALL[0]), ("e-2", ALL[1]), then="cut"),
        fed(*[(f"e-{each['seq']}", each) for each in ALL[1:]]),
    )
    await until(lambda: len(numbers(heard)) >= 5)
    assert numbers(heard) == [1, 2, 3, 4, 5]
    assert peer.requests("GET", "events")[1].headers["Last-Event-ID"] == "e-2"
    # Back within a moment: nobody was troubled.
    assert states(heard) == [("connected", False)]


async def test_reset_reads_what_is_missing(feed_of, peer):
    peer.on("GET", "jobs", answer({"jobs": [status("running")]}))
    peer.on("GET", "jobs/j1/events", journal(ALL))
    heard = feed_of(fed(("e-1", ALL[0]), then="cut"), fed("f-9"))
    await until(lambda: len(numbers(heard)) >= 5)
    assert numbers(heard) == [1, 2, 3, 4, 5]
    await until(lambda: len(states(heard)) == 2)
    assert states(heard) == [("connected", False), ("connected", True)]
    assert peer.requests("GET", "jobs/j1/events")[0].query["after"] == "1"


async def test_execution_that_began_meanwhile(feed_of, peer):
    """Nothing was ever heard, so there is no cursor: the list of Executions tells."""
    from ccp_jupyter.model.times import iso, now

    peer.on("GET", "jobs", answer({"jobs": [status("running", created=iso(now()))]}))
    peer.on("GET", "jobs/j1/events", journal(ALL))
    heard = feed_of(fed(then="cut"), fed())
    await until(lambda: len(numbers(heard)) >= 5)
    assert numbers(heard) == [1, 2, 3, 4, 5]


async def test_old_executions_are_not_told_again(feed_of, peer):
    peer.on("GET", "jobs", answer({"jobs": [status("running", created="2020-01-01T00:00:00Z")]}))
    peer.on("GET", "jobs/j1/events", journal(ALL))
    heard = feed_of(fed(then="cut"), fed("f-1"))
    await until(lambda: ("connected", True) in states(heard))
    assert numbers(heard) == []


async def test_gap_is_filled(feed_of, peer):
    peer.on("GET", "jobs/j1/events", journal(ALL[:4]))
    heard = feed_of(fed(("e-1", ALL[0]), ("e-2", ALL[4])))
    await until(lambda: len(numbers(heard)) >= 5)
    assert numbers(heard) == [1, 2, 3, 4, 5]


async def test_removed_execution_is_forgotten(feed_of, peer):
    peer.on("GET", "jobs/j1/events", answer({"detail": "gone"}, 404))
    other = [{**each, "execution_id": "j2"} for each in ALL[:1]]
    heard = feed_of(fed(("e-1", ALL[0]), then="cut"), fed("f-1", ("f-2", other[0])))
    await until(lambda: len(numbers(heard)) == 2)
    assert [d["execution_id"] for k, d in heard if k == "execution"] == ["j1", "j2"]


async def test_stale_and_connected_again(feed_of, peer):
    away = answer({"detail": "restarting"}, 503)
    heard = feed_of(fed(("e-1", ALL[0]), then="cut"), away, away, away, fed(("e-2", ALL[1])))
    await until(lambda: len(numbers(heard)) == 2)
    assert states(heard) == [("connected", False), ("stale", False), ("connected", False)]
    (reason,) = [d["reason"] for k, d in heard if d.get("state") == "stale"]
    assert reason == "restarting"


async def test_never_there(feed_of, call):
    heard = feed_of(cut())
    await until(lambda: states(heard) == [("stale", False)])
    _, document = await call("GET", "status")
    assert document["connected"] is False
    assert "cannot be reached" in document["reason"]


async def test_token_that_is_not_accepted(feed_of):
    heard = feed_of(answer({"detail": "who are you?"}, 401))
    await until(lambda: states(heard) == [("stale", False)])
    await asyncio.sleep(0.5)
    assert states(heard) == [("stale", False)]


async def test_garbage_does_not_end_the_feed(feed_of):
    async def garbage(handler: Handler) -> None:
        handler.set_header("Content-Type", "text/event-stream")
        for data in (
            "{",
            "[]",
            "3",
            '{"seq": 1}',
            '{"seq": "x", "execution_id": "j1"}',
            "[" * 9000,
        ):
            handler.write(f"id: g\nevent: log\ndata: {data}\n\n")
        handler.write(f"id: e-1\nevent: log\ndata: {json.dumps(ALL[1])}\n\n")
        await handler.flush()
        await asyncio.sleep(3600)

    heard = feed_of(garbage)
    await until(lambda: numbers(heard) == [2])


async def test_event_that_the_schema_refuses(feed_of):
    strange = {**ALL[1], "lines": "not a list"}
    heard = feed_of(fed(("e-1", strange), ("e-2", ALL[2])))
    await until(lambda: numbers(heard) == [3])


async def test_kinds_of_a_newer_service_pass(feed_of):
    newer = {"seq": 1, "kind": "weather", "execution_id": "j1", "temperature": 21}
    heard = feed_of(fed(("e-1", newer)))
    await until(lambda: numbers(heard) == [1])
    assert heard[-1][1]["temperature"] == 21


async def test_browser_hears_it_on_its_web_socket(feed_of, jp_ws_fetch):
    socket = await jp_ws_fetch("api", "events", "subscribe")
    feed_of(fed(("e-1", ALL[1])))
    while True:
        message = json.loads(await asyncio.wait_for(socket.read_message(), 10))
        if message.get("schema_id") == "urn:ccp:events:execution:v1" or "seq" in message:
            break
    assert message["lines"] == ["line 2"]
    socket.close()
