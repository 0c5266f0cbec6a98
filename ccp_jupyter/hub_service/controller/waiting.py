"""Waiting with a bound, and for what must not be left half done."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

from ccp_jupyter.hub_service.controller.judgement import Ended
from ccp_jupyter.model.states import Outcome

T = TypeVar("T")


async def whole(work: Coroutine[Any, Any, T]) -> T:
    """Await something that must not be left half done, even when the waiter is cancelled."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        # Before waiting, which may be cancelled too, when the service stops.
        task.add_done_callback(_hear)
        await asyncio.wait((task,))
        raise


def _hear(task: asyncio.Task[Any]) -> None:
    """Take an error that nobody is left to hear of; asyncio would complain of that."""
    if not task.cancelled():
        task.exception()


@contextlib.asynccontextmanager
async def limit(seconds: float, phase: str, elapsed: float = 0.0) -> AsyncIterator[None]:
    """End the Attempt as failed when the body takes longer."""
    try:
        async with asyncio.timeout(max(seconds - elapsed, 0.0)):
            yield
    except TimeoutError as error:
        raise Ended(
            Outcome.FAILED, f"{phase}: expired, it took longer than {seconds:g} seconds"
        ) from error
