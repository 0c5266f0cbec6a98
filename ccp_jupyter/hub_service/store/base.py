"""The store's interface, in domain words.

Every implementation passes the contract suite in ``tests/contract/test_store.py``. Rules: one
record is written atomically; a save is a compare-and-set on ``version``; every list has a total
order; what comes back equals what went in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.states import Status
from ccp_jupyter.model.stored_method import StoredMethod, Viewer

T = TypeVar("T")


class Duplicate(Exception):
    """There is one with this id (or, for an Execution, with this owner and idempotency key)."""


class Conflict(Exception):
    """Somebody else saved or removed the record since it was read; nothing was changed."""


class StoreFull(Exception):
    """The disk under the store has no room left; nothing was changed."""


class StoreUnusable(Exception):
    """The store cannot be opened, or broke while it was open; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Part of a list."""

    items: list[T]
    next_offset: int | None
    """Where the next page begins; None on the last."""


@dataclass(frozen=True, slots=True)
class ExecutionQuery:
    """Which Executions to list, newest first, ties broken by id. Empty members do not filter."""

    owner: str | None = None
    method_ids: tuple[str, ...] = ()
    statuses: tuple[Status, ...] = ()
    created_from: datetime | None = None
    created_to: datetime | None = None
    min_duration: float | None = None
    """Seconds from ``started`` to ``finished``, or to `at` while running."""
    max_duration: float | None = None
    at: datetime | None = None
    limit: int = 10
    offset: int = 0


@dataclass(frozen=True, slots=True)
class MethodQuery:
    """Which Methods to list, by title ignoring case, then id. Empty members do not filter."""

    viewer: Viewer = field(default_factory=lambda: Viewer(name=""))
    search: str = ""
    """Text looked for in title, description and keywords, ignoring case."""
    limit: int = 100
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """What one user keeps on one Infrastructure."""

    executions: int
    bytes: int


class Store(Protocol):
    """Methods, Executions and Tasks."""

    async def add_method(self, method: StoredMethod) -> StoredMethod:
        """Keep a new Method (at version 1).  Raises `Duplicate`."""

    async def get_method(self, method_id: str) -> StoredMethod | None:
        """Return the Method, or None."""

    async def save_method(self, method: StoredMethod) -> StoredMethod:
        """Replace a Method; returns it with its next version.  Raises `Conflict`."""

    async def remove_method(self, method_id: str) -> None:
        """Forget a Method; no error when there is none."""

    async def list_methods(self, query: MethodQuery) -> Page[StoredMethod]:
        """Return the Methods that the query's viewer may see."""

    async def add_execution(self, execution: Execution, tasks: list[Task]) -> Execution:
        """Keep a new Execution with all its Tasks, or nothing (each at version 1).

        Durable when it returns.  Raises `Duplicate`.
        """

    async def get_execution(self, execution_id: str) -> Execution | None:
        """Return the Execution, or None."""

    async def find_execution(self, owner: str, idempotency_key: str) -> Execution | None:
        """Return the Execution that this owner submitted with this key, or None."""

    async def save_execution(self, execution: Execution) -> Execution:
        """Replace an Execution; returns it with its next version.  Raises `Conflict`."""

    async def remove_execution(self, execution_id: str) -> None:
        """Forget an Execution and its Tasks; no error when there is none."""

    async def list_executions(self, query: ExecutionQuery) -> Page[Execution]:
        """Return Executions, newest first."""

    async def open_executions(
        self, after: Execution | None = None, limit: int | None = None
    ) -> list[Execution]:
        """Return, oldest first, all that the controller has work with.

        That is: status not final, or target ``deleted``. With `after` (which need not be there any
        more) only those that come after it, with `limit` at most so many.
        """

    async def usage(self, owner: str, infrastructure_id: str) -> Usage:
        """Return how much a user keeps on an Infrastructure, in constant time."""

    async def get_task(self, execution_id: str, index: int) -> Task | None:
        """Return the Task, or None."""

    async def list_tasks(self, execution_id: str) -> list[Task]:
        """Return the Tasks of an Execution by index."""

    async def open_tasks(self) -> list[Task]:
        """Return, by Execution age and index, the Tasks with work left.

        That is: state not final, or the latest Attempt's phase is not ``ended``.
        """

    async def save_task(self, task: Task) -> Task:
        """Replace a Task; returns it with its next version.  Raises `Conflict`."""

    async def close(self) -> None:
        """Let go of files and connections."""
