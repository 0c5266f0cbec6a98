"""The store's interface, in domain words.

Every implementation passes the contract suite in ``tests/contract/test_store.py``. Rules: one
record is written atomically; a save is a compare-and-set on ``version``; every list has a total
order; what comes back equals what went in.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Generic, Protocol, TypeVar

from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.experiment import BatchState
from ccp_jupyter.model.node_record import NodeRecord
from ccp_jupyter.model.share_link import ShareLink
from ccp_jupyter.model.sharing import Viewer
from ccp_jupyter.model.states import Status
from ccp_jupyter.model.stored_method import Revision, StoredMethod

T = TypeVar("T")

LONGEST_LEASE: Final = 86_400.0
"""Seconds."""


class Duplicate(Exception):
    """There is one with this id (or, for an Execution, with this owner and idempotency key)."""


class Conflict(Exception):
    """Somebody else saved or removed the record since it was read; nothing was changed."""


class StoreFull(Exception):
    """The disk under the store has no room left; nothing was changed."""


class StoreAway(Exception):
    """The store does not answer now; it will again, and nothing was changed."""


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
    shared_with: Viewer | None = None
    """Only those of others that are shared with them by name, or in one of their Contexts; those
    that are public are not listed. With none of the filters below but `limit` and `offset`."""
    experiments: bool | None = None
    """True: Experiments only; False: Executions of Methods only."""
    method_ids: tuple[str, ...] = ()
    """Experiments have the empty one."""
    statuses: tuple[Status, ...] = ()
    created_from: datetime | None = None
    created_to: datetime | None = None
    min_duration: float | None = None
    """Seconds from ``started`` to ``finished``, or to `at` while running."""
    max_duration: float | None = None
    at: datetime | None = None
    ascending: bool = False
    """Oldest first, exactly the reverse."""
    limit: int = 10
    offset: int = 0


@dataclass(frozen=True, slots=True)
class BatchQuery:
    """Which Tasks of Experiments to list: newest Experiment first, in it by index.

    Empty members do not filter.
    """

    owner: str | None = None
    execution_id: str | None = None
    node: str | None = None
    """Node of the latest Attempt."""
    states: tuple[BatchState, ...] = ()
    created_from: datetime | None = None
    created_to: datetime | None = None
    """Both bounds are included."""
    ascending: bool = False
    """Oldest Experiment first."""
    limit: int = 100
    offset: int = 0


@dataclass(frozen=True, slots=True)
class MethodQuery:
    """Which Methods to list, by title ignoring case, then id. Empty members do not filter."""

    viewer: Viewer = field(default_factory=lambda: Viewer(name=""))
    search: str = ""
    """Text looked for in title, description and keywords, ignoring case."""
    category: str | None = None
    """Only those listed under it; empty: those under none."""
    owner: str | None = None
    limit: int = 100
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Category:
    """A category of Methods."""

    title: str
    """Empty for Methods under none."""
    methods: int
    """How many the viewer may see."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one user keeps on one Infrastructure."""

    executions: int
    bytes: int


@dataclass(frozen=True, slots=True)
class UserUsage:
    """What one user keeps on one Infrastructure, with their names."""

    owner: str
    infrastructure_id: str
    executions: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one process to do something alone, for a while."""

    name: str
    holder: str
    """Of whoever has it; unique to one run of a process."""
    address: str
    """Where the holder is reached by its fellows; any text."""
    term: int
    """Counts holders: greater than that of any holder before."""
    until: datetime
    """On the store's own clock; renew well before."""


class Store(Protocol):
    """Methods, Executions and Tasks; also Nodes added at run time, and leases."""

    async def add_method(self, method: StoredMethod) -> StoredMethod:
        """Keep a new Method (at version 1).  Raises `Duplicate`."""

    async def get_method(self, method_id: str) -> StoredMethod | None:
        """Return the Method, or None."""

    async def save_method(self, method: StoredMethod) -> StoredMethod:
        """Replace a Method; returns it with its next version.  Raises `Conflict`.

        When its revision is another one, the Method as it was stays there as an older revision.
        """

    async def remove_method(self, method_id: str) -> None:
        """Forget a Method with all its revisions; no error when there is none."""

    async def list_methods(self, query: MethodQuery) -> Page[StoredMethod]:
        """Return the Methods that the query's viewer may see."""

    async def list_categories(self, viewer: Viewer) -> list[Category]:
        """Return the categories of the Methods that somebody may see, by title ignoring case."""

    async def get_revision(self, method_id: str, revision: int) -> StoredMethod | None:
        """Return a Method as it was at a revision, the present one included, or None."""

    async def list_revisions(
        self, method_id: str, limit: int = 100, offset: int = 0
    ) -> Page[Revision]:
        """Return the revisions of a Method, newest first; empty when there is no such Method."""

    async def add_link(self, link: ShareLink) -> ShareLink:
        """Keep a new link (at version 1).  Raises `Duplicate`."""

    async def get_link(self, link_id: str) -> ShareLink | None:
        """Return the link, or None."""

    async def save_link(self, link: ShareLink) -> ShareLink:
        """Replace a link; returns it with its next version.  Raises `Conflict`."""

    async def list_links(
        self, owner: str, target: str | None = None, limit: int = 100, offset: int = 0
    ) -> Page[ShareLink]:
        """Return the links that somebody made, newest first; with `target` those to it."""

    async def remove_link(self, link_id: str) -> None:
        """Forget a link; no error when there is none."""

    async def remove_expired_links(self, before: datetime) -> int:
        """Forget the links that expired before a time; returns how many."""

    async def add_execution(self, execution: Execution, tasks: list[Task]) -> Execution:
        """Keep a new Execution with all its Tasks, or nothing (each at version 1).

        One whose status is ``created`` has no Tasks yet; see `begin_execution`.

        Tasks have the ``created`` of their Execution, batches also its owner.  Durable when it
        returns.  Raises `Duplicate`.
        """

    async def get_execution(self, execution_id: str) -> Execution | None:
        """Return the Execution, or None."""

    async def find_execution(self, owner: str, idempotency_key: str) -> Execution | None:
        """Return the Execution that this owner submitted with this key, or None."""

    async def save_execution(self, execution: Execution) -> Execution:
        """Replace an Execution; returns it with its next version.  Raises `Conflict`."""

    async def begin_execution(self, execution: Execution, tasks: list[Task]) -> Execution:
        """Save an Execution and keep its first Tasks (at version 1), both or nothing.

        Returns it with its next version.  Raises `Conflict`.
        """

    async def find_reusable(
        self, reuse_key: str, viewer: Viewer, limit: int = 10
    ) -> list[Execution]:
        """Return the newest successful Executions with this key that somebody may see."""

    async def remove_execution(self, execution_id: str) -> None:
        """Forget an Execution and its Tasks; no error when there is none."""

    async def list_executions(self, query: ExecutionQuery) -> Page[Execution]:
        """Return Executions, newest first."""

    async def count_executions(self, query: ExecutionQuery) -> int:
        """Return how many Executions there are, whatever the query's limit and offset."""

    async def list_batches(self, query: BatchQuery) -> Page[Task]:
        """Return Tasks of Experiments."""

    async def count_batches(self, query: BatchQuery) -> int:
        """Return how many Tasks of Experiments there are, whatever limit and offset."""

    async def open_executions(
        self, after: Execution | None = None, limit: int | None = None
    ) -> list[Execution]:
        """Return, oldest first, all that the controller has work with.

        That is: status neither final nor ``created``, or target ``deleted``, or callbacks due, or
        `Execution.ending`. With
        `after` (which need not be there any more) only those that come after it, with `limit` at
        most so many.
        """

    async def usage(self, owner: str, infrastructure_id: str) -> Usage:
        """Return how much a user keeps on an Infrastructure, in constant time."""

    async def list_usage(self) -> list[UserUsage]:
        """Return what everybody keeps, by owner and Infrastructure; nobody who keeps nothing."""

    async def get_task(self, execution_id: str, index: int) -> Task | None:
        """Return the Task, or None."""

    async def list_tasks(self, execution_id: str) -> list[Task]:
        """Return the Tasks of an Execution by index."""

    async def open_tasks(
        self,
        *,
        execution_ids: Collection[str] | None = None,
        node: str | None = None,
        after: Task | None = None,
        limit: int | None = None,
    ) -> list[Task]:
        """Return, by Execution age and index, the Tasks with work left.

        That is: state not final, the latest Attempt's phase is not ``ended``, or hooks have to
        be told. With `execution_ids` only those of these Executions, with `node` only those whose
        latest Attempt is there, with `after` (which need not be there any more) only those that
        come after it, with `limit` at most so many.
        """

    async def save_task(self, task: Task) -> Task:
        """Replace a Task; returns it with its next version.  Raises `Conflict`."""

    async def list_nodes(self) -> list[NodeRecord]:
        """Return what is kept of Nodes, by id."""

    async def save_node(self, record: NodeRecord) -> NodeRecord:
        """Keep or replace what is known of a Node; returns it with its next version.

        Raises `Duplicate` when it is new (version 0) and there is one, `Conflict` when its version
        is not the stored one.
        """

    async def remove_node(self, node_id: str) -> None:
        """Forget what is kept of a Node; no error when there is nothing."""

    async def take_lease(self, name: str, holder: str, address: str, seconds: float) -> Lease:
        """Take or renew a lease if it is free, run out, or held by `holder` already.

        Returns the lease as it is afterwards: the caller has it if `Lease.holder` is the caller.
        Of several who try at a time one gets it. A renewal keeps the term; taking it after it has
        run out, or was given back, begins a new one, also for the same holder.

        Raises
        ------
        ValueError
            The time is not above 0, or longer than `LONGEST_LEASE`.
        """

    async def find_lease(self, name: str) -> Lease | None:
        """Return a lease that has not run out, or None."""

    async def give_lease(self, name: str, holder: str) -> None:
        """Give a lease back before its time; no effect when `holder` does not have it."""

    async def walk_methods(self, after: str | None, limit: int) -> list[StoredMethod]:
        """Return Methods by id, those after one id, at most so many."""

    async def walk_links(self, after: str | None, limit: int) -> list[ShareLink]:
        """Return links by id, those after one id, at most so many."""

    async def walk_executions(self, after: str | None, limit: int) -> list[Execution]:
        """Return Executions by id, those after one id, at most so many."""

    async def restore(
        self,
        record: StoredMethod | Execution | NodeRecord | ShareLink,
        tasks: list[Task] | None = None,
        revisions: list[StoredMethod] | None = None,
    ) -> None:
        """Keep a record as another store had it, with its version.

        An Execution with its Tasks, a Method with its older revisions.

        Raises `Duplicate`.
        """

    async def close(self) -> None:
        """Let go of files and connections."""
