"""The event loop that all blocking clients of a process share, in a thread of its own.

So they work where the caller's thread has a running loop already, as in notebooks.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from ccp_jupyter.client.transport import close_all

T = TypeVar("T")
_LONGEST_CLEANUP = 10.0


class _Loop:
    """An event loop that runs in a thread for as long as the process lives."""

    _instance: _Loop | None = None
    _guard = threading.Lock()

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ccp", daemon=True)
        self._thread.start()

    @classmethod
    def get(cls) -> _Loop:
        """Return the loop of this process; a forked child gets one of its own."""
        with cls._guard:
            if cls._instance is None or cls._instance.pid != os.getpid():
                cls._instance = cls()
                atexit.register(cls._instance.close)
            return cls._instance

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end; an interrupt of the caller cancels it."""
        done = threading.Event()

        async def watched() -> T:
            try:
                return await work
            finally:
                done.set()

        future = asyncio.run_coroutine_threadsafe(watched(), self._loop)
        try:
            return future.result()
        except BaseException:
            if not future.done():  # the caller was interrupted, by Ctrl-C or another signal
                future.cancel()
                # Whatever it holds (locks, files, connections) is let go before we return.
                done.wait(_LONGEST_CLEANUP)
            raise

    def close(self) -> None:
        """End the thread."""
        if self.pid == os.getpid() and self._thread.is_alive():
            with suppress(TimeoutError):
                asyncio.run_coroutine_threadsafe(close_all(), self._loop).result(2)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)
            if not self._thread.is_alive():
                self._loop.close()


def complete(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on that loop; an interrupt of the caller cancels it."""
    return _Loop.get().run(work)
