"""Blocking work on one Node, awaited: threads that end when nobody waits for them."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Generic, TypeVar

from docker.errors import APIError

from ccp_jupyter.hub_service.engines._docker_errors import translated
from ccp_jupyter.hub_service.engines._docker_transport import Call, Client
from ccp_jupyter.hub_service.engines._ssh_tunnel import SshTunnel
from ccp_jupyter.hub_service.engines.base import NodeUnreachable
from ccp_jupyter.model.infrastructure import Node

T = TypeVar("T")

_CALLS = 16
_TRANSFERS = 4  # of each kind
# Items of a stream that wait for their reader before the engine has to wait too.
_MOST_WAITING = 256


class Threads:
    """Runs functions of a `Client` in threads, and tells a hung engine from a slow one.

    Every piece of work has a thread while it runs, at most 16 short calls, 4 uploads, 4 downloads
    and 4 pulls at a time; streams are as many as there are readers. When the engine has given no
    sign for half of `timeout`, it is asked for one on another connection; if there is none within
    the other half, all who wait get `NodeUnreachable`.

    Parameters
    ----------
    node : Node
    timeout : float
        Seconds.
    """

    def __init__(self, node: Node, timeout: float) -> None:
        self.node = node
        self.timeout = timeout
        self.calls = asyncio.Semaphore(_CALLS)
        self.uploads = asyncio.Semaphore(_TRANSFERS)
        self.downloads = asyncio.Semaphore(_TRANSFERS)
        self.pulls = asyncio.Semaphore(_TRANSFERS)
        self._tunnel = SshTunnel(node, timeout) if node.base_url.startswith("ssh://") else None
        self._client: Client | None = None
        self._client_lock = threading.Lock()
        self._active: dict[Call, threading.Thread] = {}
        self._idle = asyncio.Event()
        self._sign: asyncio.Task[bool] | None = None
        self._failures = 0
        self._closed = False

    async def run(
        self,
        work: Callable[[Client, Call], T],
        lane: asyncio.Semaphore,
        *,
        subject: str = "",
        limit: float | None = None,
    ) -> T:
        """Do something in a thread.

        Parameters
        ----------
        work : callable
            Gets the client and its own `Call`.
        lane : asyncio.Semaphore
            `calls`, `uploads`, `downloads` or `pulls`.
        subject : str
            Image or container, for errors.
        limit : float, optional
            Seconds from when it began until it is broken off though the engine is alive.

        Raises
        ------
        EngineError
        """
        failures = self._failures
        async with lane:
            if failures != self._failures:
                raise self._unreachable("it did not answer others who came before")
            return await self._run(work, subject, limit)

    async def run_now(self, work: Callable[[Client, Call], T], limit: float) -> T:
        """Do something in a thread without waiting for others; break off after `limit` seconds."""
        call, done = self._start(work, "")
        try:
            async with asyncio.timeout(limit):
                return await done
        except TimeoutError:
            raise self._unreachable(f"no answer within {limit:g} s") from None
        finally:
            _give_up(call, done)

    async def stream(
        self, work: Callable[[Client, Call], Iterator[list[T]]], subject: str = ""
    ) -> AsyncIterator[T]:
        """Yield the items of the lists that `work` yields in a thread."""
        mailbox: _Mailbox[T] = _Mailbox()

        def pump(client: Client, call: Call) -> None:
            for batch in work(client, call):
                if not mailbox.put(batch, call):
                    return

        call, done = self._start(pump, subject)
        done.add_done_callback(mailbox.wake)
        try:
            while not done.done() or mailbox.items:
                for item in await mailbox.take():
                    yield item
            done.result()
        finally:
            _give_up(call, done)

    async def close(self) -> None:
        """Break off all work and wait until its threads have ended."""
        self._closed = True
        threads = list(self._active.values())
        for call in list(self._active):
            call.abort()
        if self._tunnel is not None:
            await asyncio.to_thread(self._tunnel.close)
        if threads:
            await self._idle.wait()
        for thread in threads:
            thread.join()
        if self._client is not None:
            self._client.close()

    async def _run(self, work: Callable[[Client, Call], T], subject: str, limit: float | None) -> T:
        call, done = self._start(work, subject)
        end = math.inf if limit is None else time.monotonic() + limit
        try:
            while True:
                pause = min(self.timeout / 2, max(0, end - time.monotonic()))
                finished, _ = await asyncio.wait({done}, timeout=pause)
                if finished:
                    return done.result()
                now = time.monotonic()
                if now >= end:
                    raise self._unreachable(f"no result within {limit:g} s")
                if now - call.touched > self.timeout * 0.4 and not await self._gives_sign():
                    self._failures += 1
                    raise self._unreachable(f"no answer within {self.timeout:g} s")
        finally:
            _give_up(call, done)

    async def _gives_sign(self) -> bool:
        if self._sign is None or self._sign.done():
            self._sign = asyncio.create_task(self._ping())
        return await asyncio.shield(self._sign)

    async def _ping(self) -> bool:
        try:
            await self.run_now(lambda client, _: client.ping(), self.timeout / 2)
        except NodeUnreachable:
            return False
        return True

    def _start(
        self, work: Callable[[Client, Call], T], subject: str
    ) -> tuple[Call, asyncio.Future[T]]:
        if self._closed:
            raise self._unreachable("its connection was closed")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        call = Call()

        def finish(result: Any, error: BaseException | None) -> None:
            self._ended(call)
            if done.cancelled():
                return
            if error is None:
                done.set_result(result)
            else:
                done.set_exception(error)

        def body() -> None:
            result, error = None, None
            with call:
                try:
                    result = work(self._connected(), call)
                except Exception as raised:
                    error = self._translated(raised, subject, call)
            try:
                loop.call_soon_threadsafe(finish, result, error)
            except RuntimeError:
                # The loop was closed without `close`; there is nobody to tell.
                self._active.pop(call, None)

        thread = threading.Thread(target=body, name=f"engine-{self.node.id}", daemon=True)
        self._active[call] = thread
        self._idle.clear()
        thread.start()
        return call, done

    def _ended(self, call: Call) -> None:
        self._active.pop(call, None)
        if not self._active:
            self._idle.set()

    def _connected(self) -> Client:
        with self._client_lock:
            if self._client is None:
                try:
                    dial = None if self._tunnel is None else self._tunnel.connect
                    self._client = Client(self.node, self.timeout, dial)
                except APIError as error:
                    text = str(error.explanation or error)
                    raise self._unreachable(f"it speaks another protocol: {text}") from error
            return self._client

    def _translated(self, error: Exception, subject: str, call: Call) -> Exception:
        known = translated(error, self.node.id, subject)
        if isinstance(known, NodeUnreachable) and not call.aborted:
            # When it comes back, it may be another version.
            with self._client_lock:
                self._client = None
            if self._tunnel and (words := self._tunnel.complaint(call.begun)):
                return self._unreachable(words)
        return known

    def _unreachable(self, why: str) -> NodeUnreachable:
        return NodeUnreachable(f"node {self.node.id} does not work: {why}")


class _Mailbox(Generic[T]):
    """Hands items from a thread to the loop, many at once when they come fast."""

    def __init__(self) -> None:
        self.items: list[T] = []
        self._loop = asyncio.get_running_loop()
        self._ready = asyncio.Event()
        self._room = threading.Condition()

    def put(self, batch: list[T], call: Call) -> bool:
        """In the thread: add items, wait for room before; False when nobody wants them."""
        with self._room:
            while len(self.items) >= _MOST_WAITING and not call.aborted:
                self._room.wait(0.2)
            if call.aborted:
                return False
            if batch and not self.items:
                self._loop.call_soon_threadsafe(self._ready.set)
            self.items += batch
        return True

    async def take(self) -> list[T]:
        """In the loop: wait for items, or `wake`, and return what is there."""
        await self._ready.wait()
        with self._room:
            items, self.items = self.items, []
            self._ready.clear()
            self._room.notify()
        return items

    def wake(self, _: object) -> None:
        """In the loop: no more items will come."""
        self._ready.set()


def _give_up(call: Call, done: asyncio.Future[Any]) -> None:
    """End a call, if it has not ended; its result, if there is one, is known already."""
    if not done.done():
        call.abort()
        done.cancel()
    elif not done.cancelled():
        done.exception()
