"""The controller's face towards the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from ccp_jupyter.hub_service.builtin.base import BuiltIns, Produced
from ccp_jupyter.hub_service.engines.base import NodeInfo
from ccp_jupyter.model.callbacks import Callback
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.infrastructure import Gpu, Infrastructure, Limits, Node
from ccp_jupyter.model.node_record import NodeState
from ccp_jupyter.model.origin import Origin
from ccp_jupyter.model.resources import GpuWish
from ccp_jupyter.model.stored_method import StoredMethod


class NotExecutable(Exception):
    """None of the Method's Infrastructures is known here; the text says which it asks for."""


class LimitReached(Exception):
    """The user keeps as much as the Infrastructure allows; the text says what to do."""


class KeyReused(Exception):
    """The idempotency key came before, with another request."""


class ServiceFull(Exception):
    """The service's disk has no room for one more."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One execute request."""

    owner: str
    claims: dict[str, Any]
    """The hub's user model without any token."""
    method: StoredMethod
    body: object
    """The decoded JSON body, unchecked."""
    idempotency_key: str | None = None
    origin: Origin | None = None
    """What it repeats."""
    hold: bool = False
    """Whether it shall only be kept, with status ``created``, until `Controller.begin`."""
    returns: Literal["", "minimal", "representation"] = ""
    """Whether its results shall be links or values, as its ``Prefer`` header says."""
    reuse: bool = False
    """Whether the outputs of an equal Execution may be taken over instead of running it."""
    groups: frozenset[str] = frozenset()
    """Contexts of the owner: Executions shared there may be reused."""
    base_url: str = ""
    """Address of the service as its owner sees it, with a slash at the end; for callbacks."""


@dataclass(frozen=True, slots=True)
class DryRun:
    """What would happen with a request."""

    infrastructure_id: str
    image: str
    replicas: int
    limits: Limits
    """Of each Task."""
    gpus: list[GpuWish]
    priority: int
    nodes: tuple[str, ...]
    """Nodes that could ever run it, by id; none: it would wait until there is one."""
    message: str
    """Whether it would begin at once, or for what it would wait, in plain words."""
    position: int | None
    """In the queue, from 1, about; None: it would begin at once."""
    start: datetime | None
    """When it would begin, about; None: nobody can tell."""
    image_on: tuple[str, ...]
    """Nodes of these that have the image already."""
    reusable: str | None
    """Id of an Execution whose outputs would be taken over if that is asked for."""


class NotBegun(Exception):
    """Only what has status ``created`` can be changed or begun; the text says what it is."""


@dataclass(frozen=True, slots=True)
class Imported:
    """An Execution from a file, checked, with all that belongs to it."""

    execution: Execution
    """Final, with a new id, of the importing user."""
    tasks: list[Task]
    files: Path
    """A folder on the disk of `Folders`, laid out as `Folders.folder`, with its journal; it is
    moved."""


@dataclass(frozen=True, slots=True)
class ExperimentSubmission:
    """One RED document."""

    owner: str
    claims: dict[str, Any]
    """The hub's user model without any token."""
    document: object
    """Decoded JSON, unchecked."""
    disable_retry: bool = False
    disable_connector_validation: bool = False
    use_vault: bool = False
    """Whether variables without a value are filled from the owner's personal secrets."""
    after: tuple[str, ...] = ()
    """Ids of the owner's Executions that must be successful first."""
    idempotency_key: str | None = None
    callbacks: tuple[Callback, ...] = ()
    """Who shall hear how it goes."""
    base_url: str = ""
    """As in `Submission`."""


class UnknownDependency(Exception):
    """An Execution to wait for does not exist, or belongs to somebody else.

    Parameters
    ----------
    rule : str
        What is wrong, in words for the user.
    """

    def __init__(self, rule: str) -> None:
        super().__init__(f"after: {rule}")
        self.rule = rule


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """A Node as the controller sees it now."""

    id: str
    infrastructure_id: str
    state: NodeState
    reason: str
    """Why it is in this state; empty when it is online."""
    since: datetime
    """When it came into this state."""
    node: Node
    """How it is reached; not for users."""
    added: bool
    """Whether it was added at run time; else the configuration has it."""
    info: NodeInfo | None
    running: int
    """Tasks of this service on it."""
    slots: int
    """Tasks that it takes at a time; 0 until it was online once."""
    gpus: tuple[Gpu, ...] = ()
    memory: int = 0
    """Bytes to hand out; 0 until it was online once."""
    used_memory: int = 0
    """Bytes handed out to Tasks of this service."""
    cpus: float = 0.0
    """Cores to hand out."""
    used_cpus: float = 0.0
    used_gpus: tuple[str, ...] = ()
    outside: int = 0
    """Running containers of others."""
    outside_memory: int = 0
    """Bytes of `memory` that these hold: neither free nor handed out."""
    draining: bool = False
    """Whether an administrator lets nothing new begin there, also while it is offline."""

    @property
    def online(self) -> bool:
        """Whether the engine answers."""
        return self.state is not NodeState.OFFLINE


@dataclass(frozen=True, slots=True)
class NodeCheck:
    """One thing that was looked at on a Node."""

    name: str
    """``reach``, ``certificate``, ``version``, ``clock``, ``image``, ``disk``, ``network``."""
    ok: bool
    message: str
    """What was found; when it is not ok, what to do, in plain words."""


@dataclass(frozen=True, slots=True)
class Live:
    """How an Execution stands at this moment."""

    message: str
    progress: int
    """0 to 100."""
    position: int | None = None
    """Of its first waiting Task in the queue, from 1, about; None: none waits for a place, or
    others of it are under way."""
    start: datetime | None = None
    """When that begins, about, to the minute; None: nobody can tell."""


class UnknownNode(Exception):
    """There is no such Node, or no such Infrastructure; the text says which."""


class NodeRefused(Exception):
    """A Node cannot be added, changed or removed; the text says why."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """An image that an Infrastructure can run."""

    reference: str
    nodes: tuple[str, ...]
    """Nodes that have it already; elsewhere it is pulled first."""
    source: str
    """``configured``, ``registry`` or ``node``."""


class Controller(Protocol):
    """What requests ask of the controller. Each call is durable when it returns."""

    infrastructures: Mapping[str, Infrastructure]
    built_ins: BuiltIns
    """Processes that the service has itself, by id; `submit` and `call` take them."""

    async def call(self, submission: Submission) -> dict[str, Produced]:
        """Run a built-in process while the caller waits, and keep nothing of it.

        Returns
        -------
        dict of str to Produced
            By output id.

        Raises
        ------
        ccp_jupyter.model.errors.InvalidDocument
            The body breaks rules.
        ccp_jupyter.hub_service.builtin.base.Failed
        """

    async def ended(self, execution_id: str, seconds: float) -> Execution | None:
        """Wait until an Execution has ended, at most some seconds; returns it as it is then.

        None when there is none.
        """

    async def submit(self, submission: Submission) -> Execution:
        """Check a request completely, keep it, start work on it.

        One of the built-in process ``red`` makes an Experiment, as `submit_experiment` does.

        The same idempotency key with the same request returns the Execution it made before.

        Raises
        ------
        ccp_jupyter.model.errors.InvalidDocument
            The body breaks rules; nothing was stored.
        NotExecutable, LimitReached, KeyReused, ServiceFull
            Nothing was stored.
        """

    async def dry_run(self, submission: Submission) -> DryRun:
        """Check a request as `submit` does, and tell what would happen; keep nothing.

        Raises
        ------
        As `submit`.
        """

    async def update(self, execution_id: str, submission: Submission) -> Execution | None:
        """Give an Execution that is only ``created`` another request; None when unknown.

        Raises
        ------
        As `submit`; and `NotBegun`.
        """

    async def begin(self, execution_id: str) -> Execution | None:
        """Start an Execution that is only ``created``; None when unknown.

        Raises
        ------
        NotBegun
            It has another status.
        NotExecutable, LimitReached, ServiceFull
            It stays as it is.
        """

    async def keep_import(self, imported: Imported) -> Execution:
        """Keep an Execution that ran elsewhere.

        Raises
        ------
        LimitReached, ServiceFull
            Nothing was stored.
        """

    async def submit_experiment(self, submission: ExperimentSubmission) -> Execution:
        """Check a RED document completely, keep it with all its batches, start work on it.

        The same idempotency key with the same document returns the Execution it made before.

        Raises
        ------
        ccp_jupyter.model.errors.InvalidDocument
            The document breaks rules; nothing was stored.
        UnknownDependency, NotExecutable, LimitReached, KeyReused, ServiceFull
            Nothing was stored.
        """

    async def cancel_batch(self, execution_id: str, index: int) -> Task | None:
        """End one batch that is not final; returns it as it is then, None when unknown."""

    async def dismiss(self, execution_id: str) -> Execution | None:
        """End an Execution that is not final; returns it as it is then, None when unknown."""

    async def retry_callbacks(self, execution_id: str) -> Execution | None:
        """Have the callbacks of an Execution that were given up sent again; None when unknown."""

    async def remove(self, execution_id: str) -> None:
        """Forget an Execution with all its files; ends it first. No error when unknown."""

    def nodes(self, infrastructure_id: str) -> list[NodeStatus]:
        """Return the Nodes of an Infrastructure, by id; empty when it is unknown."""

    def queued(self) -> dict[str, int]:
        """Return how many Tasks wait for a place, by Infrastructure."""

    async def add_node(self, infrastructure_id: str, node: Node, by: str) -> NodeStatus:
        """Take a Node into an Infrastructure; it is kept, also when it does not answer yet.

        Raises
        ------
        UnknownNode
            There is no such Infrastructure.
        NodeRefused
            The id is used.
        """

    async def drain_node(self, node_id: str, draining: bool, reason: str, by: str) -> NodeStatus:
        """Let nothing new begin on a Node, or let it work again.  Raises `UnknownNode`."""

    async def remove_node(self, node_id: str, force: bool, by: str) -> None:
        """Forget a Node that was added.

        Raises
        ------
        UnknownNode
            There is none.
        NodeRefused
            The configuration has it; or Tasks run there and `force` is not given, with which
            their Attempts are given up.
        """

    async def check_node(self, node_id: str) -> list[NodeCheck]:
        """Look at everything that a Node needs, now.  Raises `UnknownNode`."""

    async def runtimes(self, infrastructure_id: str) -> list[Runtime]:
        """Return the images that are configured, listed by registries, or on Nodes."""

    def running(self, node_id: str) -> list[Task]:
        """Return the Tasks of this service that are on a Node."""

    def live(self, execution: Execution) -> Live | None:
        """Return how an Execution stands at this moment; None when it is final."""
