"""Notification hooks: other programs hear of ended batches, at least once.

The body is CC-Agency's. A Task remembers in the store that hooks have still to be told, until all
of them have said yes, so that no end is lost when the service or a hook is down.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from ccp_jupyter.hub_service.controller.signing import SIGNATURE, signature
from ccp_jupyter.hub_service.store.base import Conflict, Store
from ccp_jupyter.model.execution import Task
from ccp_jupyter.model.experiment import batch_id

_log = logging.getLogger(__name__)

_TIMEOUT: Final = 10.0
_MOST_AT_ONCE: Final = 1000
_GATHER: Final = 0.1  # seconds in which ends are gathered for one call
_LONGEST_DELAY: Final = 300.0
_TRIES: Final = 300  # about a day


class Hook(BaseModel):
    """Who is told of ended batches."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(pattern=r"^https?://.+", description="where to POST")
    username: str | None = Field(None, description="for Basic authentication")
    password: SecretStr | None = Field(None, description="its password")
    secret: SecretStr | None = Field(None, description="key of the signature")


class Hooks:
    """Tells all hooks of ended batches; each hook at its own pace.

    Parameters
    ----------
    hooks : sequence of Hook
        May be empty.
    store : Store
        Where Tasks remember what is still to be told.
    is_running : callable
        Whether somebody else may still save this Task.
    """

    def __init__(
        self, hooks: tuple[Hook, ...], store: Store, is_running: Callable[[Task], bool]
    ) -> None:
        self._queues: list[tuple[Hook, asyncio.Queue[_Note]]] = [
            (hook, asyncio.Queue()) for hook in hooks
        ]
        self._store = store
        self._is_running = is_running

    def workers(self) -> list[Callable[[], Coroutine[Any, Any, None]]]:
        """Return one endless worker for each hook."""
        return [lambda h=hook, q=queue: self._work(h, q) for hook, queue in self._queues]  # type: ignore[misc]

    def tell(self, task: Task) -> None:
        """Have the hooks told of an ended Task."""
        note = _Note(task, len(self._queues))
        for _, queue in self._queues:
            queue.put_nowait(note)

    async def _work(self, hook: Hook, queue: asyncio.Queue[_Note]) -> None:
        async with httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False, auth=_auth(hook)) as client:
            while True:
                notes = [await queue.get()]
                await asyncio.sleep(_GATHER)
                while not queue.empty() and len(notes) < _MOST_AT_ONCE:
                    notes.append(queue.get_nowait())
                await self._send(client, hook, notes)
                for note in notes:
                    note.left -= 1
                    if not note.left:
                        await self._settle(note.task)

    async def _send(self, client: httpx.AsyncClient, hook: Hook, notes: list[_Note]) -> None:
        batches = [
            {
                "batchId": batch_id(note.task.execution_id, note.task.index),
                "state": note.task.batch_state.value,
            }
            for note in notes
        ]
        body = json.dumps({"batches": batches}).encode()
        delay = 1.0
        for _ in range(_TRIES):
            try:
                answer = await client.post(hook.url, content=body, headers=_headers(hook, body))
                if answer.is_success:
                    return
                reason = f"it answers {answer.status_code}"
            except httpx.HTTPError as error:
                reason = str(error) or type(error).__name__
            _log.warning("hook %s: %s; again in %g s", hook.url, reason, delay)
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_DELAY)
        _log.error("hook %s: given up: %d batches are not told", hook.url, len(notes))

    async def _settle(self, task: Task) -> None:
        """Note in the store that all hooks know."""
        while True:
            if self._is_running(task):  # and saves it when it has cleaned up
                await asyncio.sleep(0.2)
                continue
            latest = await self._store.get_task(task.execution_id, task.index)
            if latest is None or not latest.to_notify:
                return
            latest.to_notify = False
            try:
                await self._store.save_task(latest)
            except Conflict:
                continue
            return


class _Note:
    def __init__(self, task: Task, left: int) -> None:
        self.task = task
        self.left = left


def _headers(hook: Hook, body: bytes) -> dict[str, str]:
    headers = {"Content-Type": "application/json"}
    if hook.secret is not None:
        headers[SIGNATURE] = signature(hook.secret.get_secret_value(), body)
    return headers


def _auth(hook: Hook) -> tuple[str, str] | None:
    if hook.username is None or hook.password is None:
        return None
    return hook.username, hook.password.get_secret_value()
