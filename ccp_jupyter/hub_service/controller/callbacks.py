"""Callbacks: those whom a request names hear how its Execution goes, at least once.

What has to be sent stands in the store, in the Execution itself, so that it is changed together
with the status that it tells of. Here is only the way from there to the receivers: each host has
a lane of its own, so that a slow one delays nobody else.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final, Protocol
from urllib.parse import urlsplit

from ccp_jupyter.hub_service.controller.jobs import Jobs
from ccp_jupyter.hub_service.controller.records import Records
from ccp_jupyter.hub_service.controller.settings import Settings
from ccp_jupyter.hub_service.controller.signing import callback_headers
from ccp_jupyter.hub_service.outgoing import AddressRefused, Answered, Outgoing, OutgoingError
from ccp_jupyter.hub_service.outgoing_urls import shown_url
from ccp_jupyter.model.callbacks import Callback, CallbackState
from ccp_jupyter.model.errors import InvalidDocument, Problem
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.states import Status, Target, is_final
from ccp_jupyter.model.times import now

_log = logging.getLogger(__name__)

_PER_HOST: Final = 2
_AT_ONCE: Final = 256
_AFTER_A_FAULT: Final = 60.0  # seconds
_LONGEST_RETRY_AFTER: Final = 86_400.0


class Documents(Protocol):
    """Makes what is sent."""

    async def status(self, execution: Execution) -> bytes:
        """Return the status document of an Execution, as JSON."""

    async def results(self, execution: Execution) -> bytes:
        """Return the results of a successful Execution, as JSON of bounded size."""


@dataclass(frozen=True, slots=True)
class Means:
    """What is needed to send callbacks."""

    documents: Documents
    key: Callable[[str], str]
    """Gives the key with which a user's callbacks are signed; blocks."""


@dataclass(slots=True)
class _Lane:
    """What waits for one host, and how much of it is being sent."""

    waiting: deque[str] = field(default_factory=deque)
    busy: int = 0


class CallbackSender:
    """Sends what is due, in order for each Execution.

    Parameters
    ----------
    records : Records
        Where Executions remember what is still to be sent.
    outgoing : Outgoing
        Goes to no private address that is not allowed.
    means : Means or None
        Documents and keys; None: nothing is sent.
    settings : Settings
        Times.
    jobs : Jobs
        Where the work runs.
    """

    def __init__(
        self,
        records: Records,
        outgoing: Outgoing,
        means: Means | None,
        settings: Settings,
        jobs: Jobs,
    ) -> None:
        self._records = records
        self._outgoing = outgoing
        self._means = means
        self._settings = settings
        self._jobs = jobs
        self._news = asyncio.Event()
        self._times: list[tuple[float, str, str]] = []  # when, Execution, host
        self._known: dict[str, float] = {}
        self._sending: set[str] = set()
        self._lanes: dict[str, _Lane] = {}
        self._room = asyncio.Semaphore(_AT_ONCE)

    def check(self, callbacks: list[Callback]) -> None:
        """Refuse receivers to which it would never go, as far as that can be told now.

        Names are looked up when it goes there, each time anew.

        Raises
        ------
        ccp_jupyter.model.errors.InvalidDocument
        """
        problems = [
            Problem(f"subscriber.{each.kind}Uri", reason, shown_url(each.uri))
            for each in callbacks
            if (reason := self._outgoing.refusal(each.uri))
        ]
        if problems:
            raise InvalidDocument(problems)

    def note(self, execution: Execution) -> None:
        """Take care of an Execution that has a callback due."""
        callback = _next(execution)
        if callback is None or self._means is None or execution.id in self._sending:
            return  # who sends one of its callbacks looks for the next one too
        at = callback.next_try or now()
        self._schedule(execution.id, _host(callback.uri), at.timestamp())

    def _schedule(self, execution_id: str, host: str, at: float) -> None:
        if self._known.get(execution_id) != at:
            self._known[execution_id] = at
            heapq.heappush(self._times, (at, execution_id, host))
            self._news.set()

    async def run(self) -> None:
        """Send what becomes due, until cancelled."""
        while True:
            self._news.clear()
            delay = self._start_due()
            try:
                async with asyncio.timeout(delay):
                    await self._news.wait()
            except TimeoutError:
                continue

    def _start_due(self) -> float | None:
        """Put what is due into its lane; returns seconds until there is more, None: nothing."""
        current = now().timestamp()
        while self._times:
            at, execution_id, host = self._times[0]
            if at > current:
                return at - current
            heapq.heappop(self._times)
            # Another time may have been set since, which then stands in the heap too.
            if self._known.get(execution_id) == at:
                del self._known[execution_id]
                self._put(host, execution_id)
        return None

    def _put(self, host: str, execution_id: str) -> None:
        lane = self._lanes.setdefault(host, _Lane())
        lane.waiting.append(execution_id)
        if lane.busy < _PER_HOST:
            lane.busy += 1
            self._jobs.spawn(self._work(host, lane))

    async def _work(self, host: str, lane: _Lane) -> None:
        """Send what waits in a lane."""
        while lane.waiting:
            async with self._room:
                execution_id = lane.waiting.popleft() if lane.waiting else None
                if execution_id is not None and execution_id not in self._sending:
                    await self._look_after(execution_id, host)
        lane.busy -= 1
        if not lane.busy and self._lanes.get(host) is lane:
            del self._lanes[host]

    async def _look_after(self, execution_id: str, host: str) -> None:
        store = self._records.store
        self._sending.add(execution_id)
        try:
            execution = await store.get_execution(execution_id)
            callback = execution and _next(execution)
            if self._means and execution and callback and (callback.next_try or now()) <= now():
                await self._send(execution, callback, self._means)
            self._sending.discard(execution_id)
            # Read again, and only now: what became due until here was left to this look.
            if (execution := await store.get_execution(execution_id)) is not None:
                self.note(execution)
        except Exception:
            _log.exception("callbacks of Execution %s: later", execution_id)
            self._schedule(execution_id, host, now().timestamp() + _AFTER_A_FAULT)
        finally:
            self._sending.discard(execution_id)

    async def _send(self, execution: Execution, callback: Callback, means: Means) -> None:
        """Try to send a callback, and write down what came of it."""
        try:
            result = _judged(await self._post(execution, callback, means))
        except AddressRefused as error:
            result = _Result(f"refused: {error.reason}", for_good=True)
        except OutgoingError as error:
            result = _Result(error.reason)
        except Exception:
            _log.exception("callback %s of Execution %s", callback.kind, execution.id)
            result = _Result("the service could not make what it has to send")
        if result.problem:
            _log.warning(
                "callback %s of Execution %s: %s", callback.kind, execution.id, result.problem
            )

        def change(latest: Execution) -> bool:
            found = next((each for each in latest.callbacks if each.kind == callback.kind), None)
            if found is None or not found.is_due or latest.target is Target.DELETED:
                return False
            result.write(found, is_final(latest.status), self._settings)
            return True

        await self._records.change_execution(execution.id, change)

    async def _post(self, execution: Execution, callback: Callback, means: Means) -> Answered:
        documents = means.documents
        make = documents.results if callback.kind == "success" else documents.status
        body = await make(_as_told(execution, callback))
        key = await asyncio.to_thread(means.key, execution.owner)
        headers = {
            "Content-Type": "application/json",
            **callback_headers(
                key, f"{execution.id}.{callback.kind}", int(now().timestamp()), body
            ),
        }
        return await self._outgoing.post(
            callback.uri, body, headers, self._settings.callback_timeout
        )


@dataclass(frozen=True, slots=True)
class _Result:
    """What came of one try."""

    problem: str = ""
    for_good: bool = False
    retry_after: float = 0.0

    def write(self, callback: Callback, ended: bool, settings: Settings) -> None:
        """Write it into a callback; `ended`: whether its Execution has."""
        current = now()
        callback.tries += 1
        callback.problem = self.problem
        callback.next_try = None
        if not self.problem:
            callback.state, callback.delivered = CallbackState.DELIVERED, current
            return
        if ended and callback.kind == "inProgress":
            callback.state = CallbackState.GIVEN_UP
            callback.problem += "; not tried again, because the Execution has ended"
            return
        last = (callback.since or current) + timedelta(seconds=settings.callback_patience)
        delay = max(_delay(callback.tries, settings), self.retry_after)
        if self.for_good or current >= last or current + timedelta(seconds=self.retry_after) > last:
            callback.state = CallbackState.GIVEN_UP
            return
        callback.next_try = min(current + timedelta(seconds=delay), last)


def _judged(answer: Answered) -> _Result:
    if 200 <= answer.status < 300:
        return _Result()
    problem = f"the receiver answers {answer.status}"
    if 300 <= answer.status < 400:
        problem += "; redirects are not followed"
    return _Result(
        problem, answer.status == HTTPStatus.GONE, retry_seconds(answer.retry_after, now())
    )


def retry_seconds(header: str, at: datetime) -> float:
    """Return the seconds that a header ``Retry-After`` asks for; 0 when it asks for nothing.

    Parameters
    ----------
    header : str
        Seconds, or a date as HTTP writes it (RFC 9110, section 10.2.3).
    at : datetime
        Now.
    """
    if header.isascii() and header.isdecimal() and len(header) < 10:
        return min(float(header), _LONGEST_RETRY_AFTER)
    try:
        seconds = (parsedate_to_datetime(header) - at).total_seconds()
    except (ValueError, TypeError):  # no date, or one without a zone
        return 0.0
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER)


def _delay(tries: int, settings: Settings) -> float:
    """Return how long to wait after so many tries: growing, and never the same for many at once."""
    longest = min(
        settings.callback_delay * 2.0 ** min(tries - 1, 30), settings.longest_callback_delay
    )
    return longest * random.uniform(0.5, 1.0)  # noqa: S311  (spreads load, keeps no secret)


def _next(execution: Execution) -> Callback | None:
    """Return the callback to send next; those of one Execution stand in the order of sending."""
    if execution.target is Target.DELETED:
        return None
    return next((callback for callback in execution.callbacks if callback.is_due), None)


def _as_told(execution: Execution, callback: Callback) -> Execution:
    """Return the Execution as it was when what a callback tells of happened."""
    if callback.kind != "inProgress" or not is_final(execution.status):
        return execution
    return execution.model_copy(
        update={
            "status": Status.RUNNING,
            "message": "Running",
            "progress": 0,
            "finished": None,
            "output_size": None,
            "updated": execution.started or execution.updated,
        }
    )


def again(execution: Execution) -> bool:
    """Have callbacks that were given up sent again; False when there are none."""
    if execution.target is Target.DELETED:
        return False
    given_up = [each for each in execution.callbacks if each.state is CallbackState.GIVEN_UP]
    for callback in given_up:
        callback.state, callback.tries = CallbackState.DUE, 0
        callback.since, callback.next_try = now(), None
    return bool(given_up)


def _host(uri: str) -> str:
    return (urlsplit(uri).hostname or "").lower()
