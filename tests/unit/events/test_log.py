"""Appending, following and feeding."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import tracemalloc
from contextlib import aclosing
from pathlib import Path

import pytest

from ccp_jupyter.hub_service.events.log import FileEventLog, JournalFull
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.model.events import Event, LogEvent
from ccp_jupyter.model.states import Status
from tests.unit.events.samples import E1, E2, log_event, phase_event, status_event
from tests.unit.events.test_journal import file_size_limit


def texts(events: list[Event]) -> list[str]:
    return [event.lines[0] for event in events if isinstance(event, LogEvent)]


def open_journals() -> list[str]:
    found = []
    for entry in os.scandir("/proc/self/fd"):
        try:
            found.append(str(Path(entry.path).readlink()))
        except FileNotFoundError:
            continue
    return [name for name in found if name.endswith("events.jsonl")]


async def appended(log: FileEventLog, count: int, execution_id: str = E1) -> list[Event]:
    return list(
        await asyncio.gather(
            *(log.append("alice", log_event(str(n), execution_id)) for n in range(1, count + 1))
        )
    )


async def follow_until(log: FileEventLog, last: int, after: int = 0) -> list[int]:
    found = []
    async with aclosing(log.follow(E1, after)) as events:
        async for event in events:
            found.append(event.seq)
            if event.seq >= last:
                break
    return found


async def test_numbers_are_given_in_order_without_gaps(log: FileEventLog) -> None:
    given = status_event()
    first = await log.append("alice", given)
    assert (first.seq, given.seq) == (1, 0)
    assert (await log.append("alice", phase_event())).seq == 2
    assert (await log.append("bob", log_event(execution_id=E2))).seq == 1
    assert (await log.append("alice", status_event(Status.FAILED))).seq == 3
    assert [event.seq for event in await log.read(E1)] == [1, 2, 3]
    assert (await log.read(E1))[0] == first


async def test_concurrent_appends_keep_their_order(log: FileEventLog) -> None:
    both = await asyncio.gather(appended(log, 1000), appended(log, 1000, E2))
    for events in both:
        assert [event.seq for event in events] == list(range(1, 1001))
        assert texts(events) == [str(n) for n in range(1, 1001)]
    assert await log.read(E1, limit=2000) == both[0]
    assert await log.read(E2, after=990) == both[1][990:]


async def test_numbering_continues_after_a_restart(folders: Folders) -> None:
    for start in (0, 3, 6):
        log = FileEventLog(folders)
        events = await appended(log, 3)
        assert [event.seq for event in events] == [start + 1, start + 2, start + 3]
        await log.close()


async def test_more_executions_than_open_files(log: FileEventLog) -> None:
    ids = [f"{n:032x}" for n in range(700)]
    for expected in (1, 2):
        events = await asyncio.gather(*(log.append("a", log_event(execution_id=i)) for i in ids))
        assert {event.seq for event in events} == {expected}
    assert 0 < len(await asyncio.to_thread(open_journals)) <= 256


async def test_a_cancelled_append_disturbs_nobody(log: FileEventLog) -> None:
    tasks = [asyncio.create_task(log.append("a", log_event(str(n)))) for n in range(10)]
    await asyncio.sleep(0)
    tasks[3].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [event.seq for event in await log.read(E1)] == list(range(1, 11))
    assert (await log.append("a", log_event())).seq == 11


async def test_text_that_is_not_unicode_is_refused_and_nothing_else(log: FileEventLog) -> None:
    with pytest.raises(ValueError, match="surrogate"):
        await log.append("alice", log_event("\ud800"))
    assert (await log.append("alice", log_event())).seq == 1


async def test_follow_gives_past_and_live_events_once(log: FileEventLog) -> None:
    await appended(log, 20)
    follower = asyncio.create_task(follow_until(log, 60, after=5))
    for _ in range(40):
        await log.append("alice", log_event())
        await asyncio.sleep(0)
    assert await asyncio.wait_for(follower, 10) == list(range(6, 61))


async def test_follow_beyond_the_end_waits_for_that_number(log: FileEventLog) -> None:
    await appended(log, 5)
    follower = asyncio.create_task(follow_until(log, 9, after=8))
    await asyncio.sleep(0.05)
    await appended(log, 5)
    assert await asyncio.wait_for(follower, 10) == [9]


async def test_two_hundred_followers_and_a_writer(log: FileEventLog) -> None:
    await appended(log, 30)
    followers = [asyncio.create_task(follow_until(log, 500, after=n % 40)) for n in range(200)]
    for _ in range(47):
        await appended(log, 10)
    found = await asyncio.wait_for(asyncio.gather(*followers), 60)
    for n, numbers in enumerate(found):
        assert numbers == list(range(n % 40 + 1, 501))
    assert log._channels == {}


async def test_a_slow_follower_delays_nobody_and_holds_nothing(log: FileEventLog) -> None:
    text = "x" * 10_000
    slow = log.follow(E1)
    await log.append("alice", log_event(text))
    assert (await anext(slow)).seq == 1
    await log.append("alice", log_event(text))
    assert (await anext(slow)).seq == 2
    fast = asyncio.create_task(follow_until(log, 3000))
    gc.collect()
    tracemalloc.start()
    for _ in range(2998):
        await log.append("bob", log_event(text))
    assert await asyncio.wait_for(fast, 10) == list(range(1, 3001))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # 30 MB went by; the feed keeps 50 events, the channel half a MiB.
    assert held < 5_000_000
    rest = [(await anext(slow)).seq for _ in range(2998)]
    assert rest == list(range(3, 3001))
    await slow.aclose()


async def test_closing_a_follower_is_quiet_and_leaves_nothing(log: FileEventLog) -> None:
    await appended(log, 3)
    follower = log.follow(E1)
    await anext(follower)
    await follower.aclose()
    assert log._channels == {}
    waiting = asyncio.create_task(follow_until(log, 100))
    await asyncio.sleep(0.05)
    assert E1 in log._channels
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert log._channels == {}


async def test_remove_forgets_and_ends_followers(log: FileEventLog, folders: Folders) -> None:
    await appended(log, 3)
    await appended(log, 2, E2)
    feed = log.feed("alice", None)
    followers = [asyncio.create_task(follow_until(log, 100)) for _ in range(3)]
    await asyncio.sleep(0.05)
    late = asyncio.gather(*(log.append("alice", log_event("late")) for _ in range(5)))
    await asyncio.sleep(0)
    await asyncio.wait_for(log.remove(E1), 10)
    await late
    for numbers in await asyncio.wait_for(asyncio.gather(*followers), 10):
        assert numbers == list(range(1, len(numbers) + 1))
    assert not folders.journal(E1).exists()
    assert await log.read(E1) == []
    assert (await log.append("alice", log_event("new", E2))).seq == 3
    item = await asyncio.wait_for(anext(feed), 10)
    assert item.event is not None
    assert item.event.execution_id == E2, "events of removed Executions are left out"
    await feed.aclose()
    assert (await log.append("alice", log_event())).seq == 1
    await log.remove("ff" * 16)


async def test_remove_after_the_folder_is_gone(log: FileEventLog, folders: Folders) -> None:
    await log.append("alice", status_event(Status.SUCCESSFUL))
    folders.remove(E1)
    await log.remove(E1)
    assert (await log.append("alice", log_event())).seq == 1


async def test_close_ends_everything_and_refuses_more(folders: Folders) -> None:
    log = FileEventLog(folders)
    pending = asyncio.gather(*(log.append("a", status_event(Status.FAILED)) for _ in range(300)))
    follower = asyncio.create_task(follow_until(log, 10**6))

    async def drain() -> int:
        return len([item async for item in log.feed("a")])

    feeder = asyncio.create_task(drain())
    await asyncio.sleep(0)
    await log.close()
    await log.close()
    assert [event.seq for event in await pending] == list(range(1, 301))
    numbers = await asyncio.wait_for(follower, 10)
    assert numbers == list(range(1, len(numbers) + 1))
    assert await asyncio.wait_for(feeder, 10) <= 300
    with pytest.raises(RuntimeError, match="closed"):
        await log.append("a", log_event())
    with pytest.raises(RuntimeError, match="closed"):
        await log.remove(E1)
    assert [event.seq async for event in log.follow(E1)] == []


async def test_a_full_disk_is_reported_and_over_when_there_is_room(
    log: FileEventLog, folders: Folders
) -> None:
    await appended(log, 3)
    size = folders.journal(E1).stat().st_size
    feed = log.feed("alice")
    with file_size_limit(size + 50):
        with pytest.raises(JournalFull, match=r"no room on the disk.*events\.jsonl"):
            await log.append("alice", log_event("lost"))
        with pytest.raises(JournalFull):
            await log.append("alice", status_event(Status.FAILED))
        assert [event.seq for event in await log.read(E1)] == [1, 2, 3]
        assert (await log.append("bob", phase_event(E2))).seq == 1, "others have room"
    assert (await log.append("alice", log_event("kept"))).seq == 4
    assert texts(await log.read(E1)) == ["1", "2", "3", "kept"]
    item = await asyncio.wait_for(anext(feed), 10)
    assert item.event is not None
    assert item.event.seq == 4
    await feed.aclose()


async def test_other_errors_of_the_disk_reach_the_caller(
    log: FileEventLog, folders: Folders
) -> None:
    path = folders.journal(E1)
    path.mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        await log.append("alice", log_event())
    with pytest.raises(OSError, match=r"events\.jsonl"):
        await log.remove(E1)
    path.rmdir()
    assert (await log.append("alice", log_event())).seq == 1


async def test_final_states_are_synced_to_the_disk(
    log: FileEventLog, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def recording(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", recording)
    for event in (log_event(), phase_event(), status_event(Status.RUNNING)):
        await log.append("alice", event)
    assert synced == []
    await log.append("alice", status_event(Status.DISMISSED))
    journal = folders.journal(E1)
    assert synced == [str(journal), str(journal.parent), str(journal.parent.parent)]


async def test_a_slow_disk_delays_only_who_needs_it(
    log: FileEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    monkeypatch.setattr(os, "fsync", lambda _: release.wait(30))
    final = asyncio.create_task(log.append("alice", status_event(Status.FAILED)))
    try:
        async with asyncio.timeout(20):
            for _ in range(50):
                await log.append("bob", log_event(execution_id=E2))
            assert (await log.append("alice", log_event())).seq == 2
        assert not final.done()
    finally:
        release.set()
    assert (await final).seq == 1


async def test_a_disk_that_hangs_does_not_block_the_event_loop(
    log: FileEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    await appended(log, 3)
    release = threading.Event()
    write = os.write

    def hanging(descriptor: int, data: bytes) -> int:
        if str(Path(f"/proc/self/fd/{descriptor}").readlink()).endswith("events.jsonl"):
            release.wait(30)
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", hanging)
    waiting = asyncio.create_task(appended(log, 100, E2))
    try:
        async with asyncio.timeout(20):
            # Readers do not wait for the writer either.
            assert [event.seq for event in await log.read(E1)] == [1, 2, 3]
            assert await follow_until(log, 3) == [1, 2, 3]
        assert not waiting.done()
    finally:
        release.set()
    assert len(await waiting) == 100
