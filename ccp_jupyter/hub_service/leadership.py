"""Which of several service processes drives: a lease in the store, and a fence around what it does.

docs/decisions/009-leases.md says why, and what each bound is for.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, Final, NoReturn, TypeVar, cast

from ccp_jupyter.hub_service.controller.nodes.instance import Instance
from ccp_jupyter.hub_service.store.base import Lease, Store

_log = logging.getLogger(__name__)

LEASE: Final = "service"
TTL: Final = 8.0
"""Seconds after its last renewal that a lease runs out, on the store's clock."""
MARGIN: Final = 1.0
"""Seconds before that, on its own clock, at which a driver stops: clocks differ in their pace."""
RENEWAL: Final = 2.0
"""Seconds between two renewals."""
_TRY: Final = 0.5  # seconds between two tries to get a lease, or to renew one after an error
_ANSWER: Final = 2.5  # seconds that the store has to answer
_LAST_WORDS: Final = 1.0  # seconds after its end in which a write of a process may still arrive
_WATCH: Final = 0.25  # seconds between two looks at the fence
EXIT_FENCED: Final = 75
"""Exit code of a process that may drive no longer: EX_TEMPFAIL, start it again."""

T = TypeVar("T")


def clock() -> float:
    """Return seconds that go on while this machine sleeps, and that nobody sets."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def end_at_once(reason: str) -> NoReturn:
    """End this process with `EXIT_FENCED`; nothing else of it happens, in whatever thread."""
    # In a thread of its own: whoever reads the log may have stopped reading.
    told = threading.Thread(target=_log.critical, args=("ending at once: %s", reason), daemon=True)
    told.start()
    told.join(0.2)
    os._exit(EXIT_FENCED)


class Fence:
    """Ends the process when its right to act has run out. Every thread may ask.

    Parameters
    ----------
    now : callable
        Seconds.
    end : callable
        Called with the reason; does not return.
    """

    def __init__(
        self, now: Callable[[], float] = clock, end: Callable[[str], NoReturn] = end_at_once
    ) -> None:
        self._now = now
        self._end = end
        self._until = float("inf")

    def extend(self, until: float) -> None:
        """Allow acting until then; also the first time."""
        self._until = until

    def check(self) -> None:
        """Return if this process may act; otherwise end it."""
        if self._now() >= self._until:
            self._end("the lease was not renewed in time")

    def watch(self) -> None:
        """Begin to check by itself, also while the event loop is stuck."""
        threading.Thread(target=self._watch, name="fence", daemon=True).start()

    def _watch(self) -> None:
        while True:
            time.sleep(_WATCH)
            self.check()


class _Fenced:
    """Looks at the fence before every call of a part; see `fenced`."""

    def __init__(self, part: object, check: Callable[[], None]) -> None:
        self._part = part
        self._check = check

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        if not callable(found):
            return found

        @wraps(found)
        def checked(*args: Any, **kwargs: Any) -> Any:
            self._check()
            return found(*args, **kwargs)

        setattr(self, name, checked)
        return checked


def fenced(part: T, fence: Fence) -> T:
    """Return a stand-in for a part (a store, an engine) whose methods ask the fence first."""
    return cast("T", _Fenced(part, fence.check))


class Leadership:
    """One process's part in who drives.

    Parameters
    ----------
    store : Store
        All processes have the same.
    address : str
        Where the others reach this one, such as ``http://10.0.0.7:8091``.

    Attributes
    ----------
    holder : str
        Names this run of this process, so that others can tell whether it has ended.
    fence : Fence
        Open until the lease was won for the first time.
    """

    def __init__(self, store: Store, address: str, fence: Fence | None = None) -> None:
        self._store = store
        self._address = address
        self.holder = json.dumps(Instance.new().labels)
        self.fence = fence or Fence()
        self._driver: Lease | None = None
        self._news = asyncio.Condition()
        self._reachable = True

    @property
    def driver(self) -> Lease | None:
        """Who drives, as far as this process knows; None when it knows of nobody."""
        return self._driver

    async def win(self) -> None:
        """Wait until this process has the lease. From then on `keep` must run."""
        while True:
            begin = clock()
            lease = await self._take()
            if lease is not None and lease.holder == self.holder:
                self.fence.extend(begin + TTL - MARGIN)
                self.fence.watch()
                _log.info("this process drives now: term %d", lease.term)
                await self.note(lease)
                return
            if lease is not None:
                await self.note(lease)
                await self._bury(lease)
            await asyncio.sleep(_TRY)

    async def keep(self) -> NoReturn:
        """Renew the lease for ever. When somebody else has it, end the process."""
        pause = RENEWAL
        while True:
            await asyncio.sleep(pause)
            begin = clock()
            lease = await self._take()
            if lease is not None and lease.holder != self.holder:
                end_at_once(f"another drives, {_instance(lease).words}, term {lease.term}")
            if lease is not None:
                self.fence.extend(begin + TTL - MARGIN)
            pause = RENEWAL if lease is not None else _TRY

    async def give(self) -> None:
        """Give the lease back, so that another takes it at once; errors only go to the log."""
        try:
            async with asyncio.timeout(_ANSWER):
                await self._store.give_lease(LEASE, self.holder)
        except Exception as error:
            _log.warning("the lease could not be given back, it runs out: %s", error)

    async def _bury(self, lease: Lease) -> None:
        """End the lease of a process of this machine that is no more."""
        holder = _instance(lease)
        if not holder.is_dead():
            return
        _log.warning("the service %s has ended without giving its lease back", holder.words)
        await asyncio.sleep(_LAST_WORDS)
        try:
            async with asyncio.timeout(_ANSWER):
                await self._store.give_lease(LEASE, lease.holder)
        except Exception as error:
            _log.warning("its lease has to run out: %s", error)

    async def other_than(self, known: Lease | None, seconds: float) -> Lease | None:
        """Wait until somebody else than `known` drives; None when the time is over before."""

        def found() -> bool:
            return self._driver is not None and (known is None or self._driver.term != known.term)

        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(found)
                return self._driver
        return None

    async def _take(self) -> Lease | None:
        """Try to take or renew the lease; returns who has it, or None when the store is away."""
        try:
            async with asyncio.timeout(_ANSWER):
                lease = await self._store.take_lease(LEASE, self.holder, self._address, TTL)
        except Exception as error:  # whatever it is: the lease was not renewed
            if self._reachable:
                reason = str(error) or type(error).__name__
                _log.error("the store does not answer, trying on: %s", reason)
            self._reachable = False
            return None
        if not self._reachable:
            _log.info("the store answers again")
        self._reachable = True
        return lease

    async def note(self, lease: Lease) -> None:
        """Take note of who drives."""
        if self._driver is not None and self._driver.term == lease.term:
            return
        if lease.holder != self.holder:
            words = _instance(lease).words
            _log.info("another drives, %s, at %s, term %d", words, lease.address, lease.term)
        async with self._news:
            self._driver = lease
            self._news.notify_all()


def _instance(lease: Lease) -> Instance:
    """Return which process has a lease; the database may say anything."""
    try:
        labels = json.loads(lease.holder)
        return Instance.read({str(name): str(value) for name, value in labels.items()})
    except (ValueError, AttributeError):
        return Instance.read({})
