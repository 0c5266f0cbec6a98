"""A user's live feed: cursors, resets, and what it holds on to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from ccp_jupyter.hub_service.events.base import FeedItem
from ccp_jupyter.hub_service.events.log import FileEventLog
from ccp_jupyter.hub_service.folder import Folders
from tests.unit.events.samples import E1, E2, log_event


async def take(feed: AsyncIterator[FeedItem], count: int) -> list[FeedItem]:
    return [await asyncio.wait_for(anext(feed), 10) for _ in range(count)]


def numbers(items: list[FeedItem]) -> list[int | None]:
    """Return the events' numbers, None for a reset."""
    return [item.event.seq if item.event else None for item in items]


async def fill(log: FileEventLog, owner: str, count: int, execution_id: str = E1) -> None:
    for _ in range(count):
        await log.append(owner, log_event(execution_id=execution_id))


async def silent(feed: AsyncIterator[FeedItem]) -> bool:
    waiting = asyncio.ensure_future(anext(feed))
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    waiting.cancel()
    await asyncio.wait([waiting])
    return not done


async def test_without_a_cursor_only_what_comes_after_the_call(log: FileEventLog) -> None:
    await fill(log, "alice", 3)
    feed = log.feed("alice")
    await fill(log, "alice", 2)
    assert numbers(await take(feed, 2)) == [4, 5]
    assert await silent(feed)


async def test_everybody_gets_their_own_only(log: FileEventLog) -> None:
    alice, bob = log.feed("alice"), log.feed("bob")
    await fill(log, "alice", 2, E1)
    await fill(log, "bob", 1, E2)
    assert [i.event.execution_id for i in await take(alice, 2) if i.event] == [E1, E1]
    assert [i.event.execution_id for i in await take(bob, 1) if i.event] == [E2]
    assert await silent(alice)
    assert await silent(bob)


async def test_a_cursor_brings_what_was_missed(log: FileEventLog) -> None:
    feed = log.feed("alice")
    await fill(log, "alice", 2)
    cursor = (await take(feed, 2))[-1].cursor
    await feed.aclose()
    await fill(log, "bob", 3, E2)
    await fill(log, "alice", 3)
    again = log.feed("alice", cursor)
    assert numbers(await take(again, 3)) == [3, 4, 5]
    await fill(log, "alice", 1)
    assert numbers(await take(again, 1)) == [6]


async def test_a_cursor_that_is_too_old_gives_a_reset(log: FileEventLog) -> None:
    feed = log.feed("alice")
    await fill(log, "alice", 1)
    old = (await take(feed, 1))[0].cursor
    await feed.aclose()
    await fill(log, "alice", 51)
    again = log.feed("alice", old)
    (reset,) = await take(again, 1)
    assert reset.event is None
    assert await silent(again), "only live items follow"
    again = log.feed("alice", reset.cursor)
    await fill(log, "alice", 1)
    assert numbers(await take(again, 1)) == [53], "one continues from a reset's cursor"


async def test_a_cursor_of_a_user_of_whom_nothing_is_left(log: FileEventLog) -> None:
    feed = log.feed("alice")
    await fill(log, "alice", 2)
    old = (await take(feed, 1))[0].cursor
    await feed.aclose()
    await fill(log, "bob", 60, E2)
    assert numbers(await take(log.feed("alice", old), 1)) == [None]


async def test_the_oldest_cursor_that_still_works(log: FileEventLog) -> None:
    feed = log.feed("alice")
    await fill(log, "alice", 1)
    cursor = (await take(feed, 1))[0].cursor
    await fill(log, "alice", 50)
    assert numbers(await take(log.feed("alice", cursor), 50)) == list(range(2, 52))


@pytest.mark.parametrize(
    "cursor", ["", "-", "x", "0123456789abcdef-1", "0123456789abcdef-", "é-1", "1" * 10_000]
)
async def test_a_cursor_of_another_epoch_or_none_at_all(log: FileEventLog, cursor: str) -> None:
    await fill(log, "alice", 3)
    feed = log.feed("alice", cursor)
    assert numbers(await take(feed, 1)) == [None]
    await fill(log, "alice", 1)
    assert numbers(await take(feed, 1)) == [4]


async def test_a_cursor_from_the_future_is_unknown(log: FileEventLog) -> None:
    feed = log.feed("alice")
    await fill(log, "alice", 1)
    epoch, _, number = (await take(feed, 1))[0].cursor.partition("-")
    assert numbers(await take(log.feed("alice", f"{epoch}-{int(number) + 1}"), 1)) == [None]


async def test_a_restart_is_another_epoch(folders: Folders) -> None:
    first = FileEventLog(folders)
    feed = first.feed("alice")
    await fill(first, "alice", 1)
    cursor = (await take(feed, 1))[0].cursor
    await first.close()
    second = FileEventLog(folders)
    assert numbers(await take(second.feed("alice", cursor), 1)) == [None]
    await second.close()


async def test_what_others_do_costs_an_idle_reader_nothing(log: FileEventLog) -> None:
    feed = log.feed("alice")
    await fill(log, "alice", 1)
    await take(feed, 1)
    await fill(log, "bob", 200, E2)
    await fill(log, "alice", 1)
    assert numbers(await take(feed, 1)) == [2], "no reset: nothing of alice's was dropped"


async def test_a_reader_that_falls_behind_gets_a_reset_then_live_items(log: FileEventLog) -> None:
    feed = log.feed("alice")
    await fill(log, "alice", 1)
    await take(feed, 1)
    await fill(log, "alice", 200)
    assert numbers(await take(feed, 1)) == [None]
    await fill(log, "alice", 2)
    assert numbers(await take(feed, 2)) == [202, 203]


async def test_the_ring_is_bounded_in_bytes_too(folders: Folders) -> None:
    log = FileEventLog(folders, feed_size=10_000)
    feed = log.feed("alice")
    await fill(log, "alice", 1)
    cursor = (await take(feed, 1))[0].cursor
    for _ in range(40):
        await log.append("alice", log_event("x" * 1_000_000))
    assert log._feed._bytes <= 16 * 2**20
    assert numbers(await take(log.feed("alice", cursor), 1)) == [None]
    await log.close()


async def test_nothing_stays_of_readers_that_left(log: FileEventLog) -> None:
    for n in range(100):
        feed = log.feed(f"user{n}", "gone")
        await take(feed, 1)
        await feed.aclose()
    assert log._feed._boxes == {}
    await fill(log, "alice", 1)
    await fill(log, "bob", 50, E2)
    assert set(log._feed._boxes) == {"bob"}


async def test_an_idle_feed_does_not_poll(log: FileEventLog) -> None:
    feeds = [log.feed("alice") for _ in range(20)]
    waiting = [asyncio.ensure_future(anext(feed)) for feed in feeds]
    await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    assert list(loop._scheduled) == [], "no timers"  # type: ignore[attr-defined]
    await asyncio.sleep(0)
    assert list(loop._ready) == [], "nothing runs"  # type: ignore[attr-defined]
    await fill(log, "alice", 1)
    items = await asyncio.wait_for(asyncio.gather(*waiting), 10)
    assert numbers(list(items)) == [1] * 20


def test_a_feed_of_no_size_is_refused(folders: Folders) -> None:
    with pytest.raises(ValueError, match="feed_size"):
        FileEventLog(folders, feed_size=0)
