"""What must not be left half done."""

from __future__ import annotations

import asyncio
import gc

import pytest

from ccp_jupyter.hub_service.controller.waiting import whole


@pytest.mark.parametrize("times", [1, 2])
async def test_what_fails_after_its_waiter_was_cancelled_is_no_news(times, caplog):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await go_on.wait()
        raise ConnectionError("gone")

    waiter = asyncio.create_task(whole(work()))
    await begun.wait()
    for _ in range(times):
        waiter.cancel()
        await asyncio.sleep(0)
    if times == 2:  # the second cancels the waiting for the rest
        with pytest.raises(asyncio.CancelledError):
            await waiter
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    del waiter
    await asyncio.sleep(0)
    gc.collect()
    await asyncio.sleep(0)
    assert caplog.records == []


async def test_what_fails_while_it_is_waited_for_is_told():
    async def work() -> None:
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError, match="gone"):
        await whole(work())
