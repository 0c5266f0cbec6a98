"""Who drives: leases of a real store, and the fence around what a driver does."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NoReturn, cast

import pytest

from ccp_jupyter.hub_service import leadership as module
from ccp_jupyter.hub_service.leadership import (
    EXIT_FENCED,
    LEASE,
    MARGIN,
    RENEWAL,
    TTL,
    Fence,
    Leadership,
    fenced,
)
from ccp_jupyter.hub_service.store.base import Lease, Store
from ccp_jupyter.hub_service.store.sqlite import SqliteStore


class Ended(BaseException):
    """Stands for the end of the process."""


def end(reason: str) -> NoReturn:
    raise Ended(reason)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(tmp_path / "store.sqlite")
    yield store
    await store.close()


def leadership(store: object, number: int = 1) -> Leadership:
    """Return the leadership of one of several processes; its fence never ends this one."""
    return Leadership(cast("Store", store), f"http://10.0.0.{number}:1", Fence(lambda: 0.0))


class Broken:
    """A store that does not answer."""

    async def take_lease(self, *_: object) -> Lease:
        raise ConnectionError("the database is away")

    async def give_lease(self, *_: object) -> None:
        raise ConnectionError("the database is away")


def test_times_fit_together() -> None:
    # Two renewals may fail, and what has lost the store ends before another can begin.
    assert 3 * RENEWAL <= TTL - MARGIN
    assert MARGIN > 0


async def test_one_of_two_drives_and_the_other_knows_where(store: SqliteStore) -> None:
    first, second = leadership(store, 1), leadership(store, 2)
    await first.win()
    waiting = asyncio.create_task(second.win())
    known = await second.other_than(None, 30)
    assert known is not None
    assert known.holder == first.holder
    assert known.address == "http://10.0.0.1:1"
    assert not waiting.done()
    await first.give()
    await asyncio.wait_for(waiting, 30)
    assert second.driver is not None
    assert second.driver.holder == second.holder
    assert second.driver.term > known.term


async def test_a_renewed_lease_stays(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RENEWAL", 0.02)
    driver = leadership(store)
    await driver.win()
    before = await store.find_lease(LEASE)
    keeping = asyncio.create_task(driver.keep())
    while (lease := await store.find_lease(LEASE)) is None or lease == before:
        await asyncio.sleep(0.02)
    assert before is not None
    assert lease.until > before.until
    assert lease.term == before.term
    keeping.cancel()


async def test_who_finds_another_driving_ends(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RENEWAL", 0.02)
    monkeypatch.setattr(module, "end_at_once", end)
    driver = leadership(store)
    await driver.win()
    await store.give_lease(LEASE, driver.holder)
    await store.take_lease(LEASE, "somebody", "http://10.0.0.2:1", 60)
    with pytest.raises(Ended, match=r"another drives, .* term 2"):
        await driver.keep()


_HOLDER = """
import asyncio, sys
from pathlib import Path
from ccp_jupyter.hub_service.leadership import Leadership
from ccp_jupyter.hub_service.store.sqlite import SqliteStore
async def main():
    store = await SqliteStore.open(Path(sys.argv[1]))
    leadership = Leadership(store, "http://10.0.0.2:1")
    await store.take_lease("service", leadership.holder, "http://10.0.0.2:1", 3600)
    await store.close()
    print("has it", flush=True)
    sys.stdin.read()
asyncio.run(main())
"""


async def test_the_lease_of_a_dead_process_of_this_machine_needs_not_run_out(
    tmp_path: Path,
) -> None:
    path = tmp_path / "store.sqlite"
    with subprocess.Popen(  # noqa: ASYNC220 - quickly started, and read a line of
        [sys.executable, "-c", _HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "has it\n"
        store = await SqliteStore.open(path)
        following = leadership(store)
        winning = asyncio.create_task(following.win())
        known = await following.other_than(None, 30)
        assert known is not None
        with pytest.raises(TimeoutError):  # it lives, and the lease is its own for an hour
            await asyncio.wait_for(asyncio.shield(winning), 2)
        holder.kill()
    await asyncio.wait_for(winning, 30)
    assert following.driver is not None
    assert following.driver.term > known.term
    await store.close()


@pytest.mark.parametrize("holder", ["somebody", "{}", "[1]", '{"ccp.pid": {"a": 1}}', "null", ""])
async def test_a_holder_that_says_nothing_is_taken_for_living(
    store: SqliteStore, holder: str
) -> None:
    await store.take_lease(LEASE, holder, "http://10.0.0.2:1", 60)
    waiting = leadership(store)
    winning = asyncio.create_task(waiting.win())
    known = await waiting.other_than(None, 30)
    assert known is not None
    await asyncio.sleep(0)
    assert not winning.done()
    winning.cancel()
    assert await store.find_lease(LEASE) == known


async def test_without_a_store_nobody_wins_and_nobody_fails() -> None:
    waiting = leadership(Broken())
    winning = asyncio.create_task(waiting.win())
    assert await waiting.other_than(None, 0.2) is None
    await waiting.give()
    assert not winning.done()
    winning.cancel()


async def test_waiting_for_another_than_the_one_known(store: SqliteStore) -> None:
    stand_by = leadership(store)
    lease = await store.take_lease(LEASE, "a", "http://10.0.0.2:1", 60)
    await stand_by.note(lease)
    assert await stand_by.other_than(None, 0) == lease
    waiting = asyncio.create_task(stand_by.other_than(lease, 60))
    await asyncio.sleep(0)
    await store.give_lease(LEASE, "a")
    following = await store.take_lease(LEASE, "b", "http://10.0.0.3:1", 60)
    await stand_by.note(following)
    assert await waiting == following


def test_a_fence_opens_and_closes() -> None:
    now = 100.0
    fence = Fence(lambda: now, end)
    fence.check()  # nobody else may act as long as no lease was won
    fence.extend(107)
    fence.check()
    now = 106.9
    fence.check()
    now = 107
    with pytest.raises(Ended, match="not renewed in time"):
        fence.check()


def test_every_call_of_a_fenced_part_is_checked() -> None:
    class Part:
        size = 3

        def __init__(self) -> None:
            self.calls: list[object] = []

        def act(self, what: str, *, twice: bool = False) -> int:
            self.calls.append((what, twice))
            return len(self.calls)

    now = 0.0
    fence = Fence(lambda: now, end)
    fence.extend(10)
    part = Part()
    guarded = fenced(part, fence)
    assert guarded.act("a") == 1
    assert guarded.act("b", twice=True) == 2
    assert guarded.size == 3
    now = 10
    with pytest.raises(Ended):
        guarded.act("c")
    assert part.calls == [("a", False), ("b", True)]
    with pytest.raises(AttributeError):
        guarded.nothing  # type: ignore[attr-defined]  # noqa: B018


_STUCK = """
import time
from ccp_jupyter.hub_service.leadership import Fence, clock
fence = Fence()
fence.extend(clock() + 0.5)
fence.watch()
print("stuck", flush=True)
try:
    while True:
        time.sleep(60)  # as an event loop that is blocked
finally:
    print("never")
"""


def test_a_process_that_is_stuck_is_ended_by_its_fence() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _STUCK], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == EXIT_FENCED
    assert done.stdout == "stuck\n"
    assert "the lease was not renewed in time" in done.stderr
