"""What requests ask of the controller (`base.Controller`), and its parts put together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from ccp_jupyter.hub_service.builtin.base import BuiltIns, Produced
from ccp_jupyter.hub_service.builtin.red import RED
from ccp_jupyter.hub_service.controller.admission import Admission
from ccp_jupyter.hub_service.controller.base import (
    DryRun,
    ExperimentSubmission,
    Imported,
    Live,
    NodeCheck,
    NodeRefused,
    NodeStatus,
    Runtime,
    Submission,
)
from ccp_jupyter.hub_service.controller.batch import BatchWork
from ccp_jupyter.hub_service.controller.callbacks import Means, again
from ccp_jupyter.hub_service.controller.dry_run import DryRunner
from ccp_jupyter.hub_service.controller.experiments import Builder, document_digest
from ccp_jupyter.hub_service.controller.hooks import Hook
from ccp_jupyter.hub_service.controller.imports import came, keep
from ccp_jupyter.hub_service.controller.lifecycle import Lifecycle
from ccp_jupyter.hub_service.controller.logins import Logins, patient
from ccp_jupyter.hub_service.controller.nodes.agent import Callbacks, NodeAgent, Service
from ccp_jupyter.hub_service.controller.nodes.images import PrivateImages
from ccp_jupyter.hub_service.controller.nodes.instance import Instance
from ccp_jupyter.hub_service.controller.nodes.registry import NodeRegistry
from ccp_jupyter.hub_service.controller.nodes.status import status_of
from ccp_jupyter.hub_service.controller.parts import Parts
from ccp_jupyter.hub_service.controller.records import Records, finish
from ccp_jupyter.hub_service.controller.red_process import asked_for, members_of_request
from ccp_jupyter.hub_service.controller.replica import ReplicaWork
from ccp_jupyter.hub_service.controller.reuse import Reuse
from ccp_jupyter.hub_service.controller.runtimes import list_runtimes
from ccp_jupyter.hub_service.controller.settings import Settings
from ccp_jupyter.hub_service.controller.stage import Stager
from ccp_jupyter.hub_service.controller.submission import (
    check_usage,
)
from ccp_jupyter.hub_service.engines.base import Engine
from ccp_jupyter.hub_service.events.base import EventLog
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.outgoing import Outgoing
from ccp_jupyter.hub_service.store.base import ExecutionQuery, Store
from ccp_jupyter.hub_service.vault.base import Vault
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.infrastructure import Infrastructure, Node
from ccp_jupyter.model.states import Status, Target, changed, is_final
from ccp_jupyter.model.times import now

_log = logging.getLogger(__name__)

_VAULT_PATIENCE: Final = 5.0  # seconds
_PURGE_INTERVAL: Final = 600.0
_LEAVE_PATIENCE: Final = 15.0  # seconds for the containers on a Node that is removed
_IDLE: Final = tuple(status for status in Status if is_final(status) or status is Status.CREATED)


class ServiceController:
    """The controller of one service process.

    Parameters
    ----------
    infrastructures : mapping
        By id; Node ids are unique over all of them.
    make_engine : callable
        Makes the way to a Node; closed by `stop`, or when the Node is removed.
    store, events, vault, folders, outgoing
        The other parts; they stay open.
    service_id : str
        Tells this service's containers from those of others on the same engines.
    settings : Settings
        Times and counts.
    hooks : tuple of Hook
        Who is told of ended batches.
    experiments_on : str
        Id of the Infrastructure that runs Experiments; default: the first.
    public_url : str
        Where containers reach this service; for `check_node`.
    built_ins : mapping, optional
        Processes that the service has itself, by id.
    means : Means, optional
        For callbacks; without it nobody is told.
    """

    def __init__(
        self,
        infrastructures: Mapping[str, Infrastructure],
        make_engine: Callable[[Node], Engine],
        store: Store,
        events: EventLog,
        vault: Vault,
        folders: Folders,
        outgoing: Outgoing,
        service_id: str,
        settings: Settings | None = None,
        hooks: tuple[Hook, ...] = (),
        experiments_on: str = "",
        public_url: str = "",
        means: Means | None = None,
        built_ins: BuiltIns | None = None,
    ) -> None:
        self.infrastructures = infrastructures
        self.built_ins: BuiltIns = built_ins or {}
        self._settings = settings or Settings()
        self._store = store
        self._vault = vault
        self._folders = folders
        self._records = Records(store, events)
        self._make_engine = make_engine
        self._public_url = public_url
        parts = Parts(
            service_id,
            self._records,
            vault,
            folders,
            ReplicaWork(Stager(folders, outgoing)),
            BatchWork(),
            Logins(vault),
            outgoing,
            self._settings,
            hooks,
            means=means,
            built_ins=self.built_ins,
        )
        self._service = Service(
            service_id,
            Instance.new(),
            self._settings,
            PrivateImages(self._settings.private_images),
        )
        first = experiments_on or next(iter(infrastructures))
        self._builder = Builder(store, vault, infrastructures[first])
        self._agents = NodeRegistry(infrastructures, store, self._make_agent, self._node_gone)
        self._lifecycle = Lifecycle(parts, self._agents)
        agents, lifecycle = self._agents.of, self._lifecycle
        reuse = Reuse(store, folders, agents, self._settings.reuse)
        self._admission = Admission(
            infrastructures, self._records, vault, folders, lifecycle, reuse
        )
        self._dry_runs = DryRunner(
            self._admission, self._builder, store, vault, agents, lifecycle.queue, reuse
        )

    async def start(self) -> None:
        """Take up the work that the store has."""
        # Before any request comes in: what belongs to a submission under way is no orphan.
        await asyncio.to_thread(self._folders.sweep)
        await self._remove_unkept()
        if orphans := self._lifecycle.spawn(self._forget_orphans()):
            await asyncio.wait((orphans,), timeout=_VAULT_PATIENCE)
        await self._agents.load()
        await self._lifecycle.start()
        self._agents.run()
        if self._settings.keep_for:
            self._lifecycle.spawn(self._purge())

    async def stop(self) -> None:
        """Stop working; containers go on and are adopted by the next start."""
        await asyncio.gather(self._agents.stop(), self._lifecycle.stop())
        await self._agents.close()

    async def submit(self, submission: Submission) -> Execution:
        """See `base.Controller`."""
        if (experiment := self._experiment(submission)) is None:
            return await self._admission.submit(submission)
        with members_of_request():
            return await self.submit_experiment(experiment)

    async def dry_run(self, submission: Submission) -> DryRun:
        """See `base.Controller`."""
        if (experiment := self._experiment(submission)) is None:
            return await self._dry_runs.run(submission)
        with members_of_request():
            return await self._dry_runs.run_experiment(experiment)

    def _experiment(self, submission: Submission) -> ExperimentSubmission | None:
        """Return what a request of the process ``red`` asks for; None: it is of another."""
        process = self.built_ins.get(submission.method.id)
        if process is None or process.id != RED:
            return None
        experiment = asked_for(process.method, submission)
        self._lifecycle.callbacks.check(list(experiment.callbacks))
        return experiment

    async def update(self, execution_id: str, submission: Submission) -> Execution | None:
        """See `base.Controller`."""
        return await self._admission.update(execution_id, submission)

    async def begin(self, execution_id: str) -> Execution | None:
        """See `base.Controller`."""
        return await self._admission.begin(execution_id)

    async def call(self, submission: Submission) -> dict[str, Produced]:
        """See `base.Controller`."""
        return await self._lifecycle.inside.call(submission)

    async def ended(self, execution_id: str, seconds: float) -> Execution | None:
        """See `base.Controller`."""
        return await self._records.wait_for_end(execution_id, seconds)

    async def keep_import(self, imported: Imported) -> Execution:
        """See `base.Controller`."""
        infrastructure = self.infrastructures[imported.execution.infrastructure_id]
        return await keep(imported, infrastructure, self._records, self._folders)

    async def submit_experiment(self, submission: ExperimentSubmission) -> Execution:
        """See `base.Controller`."""
        owner, key = submission.owner, submission.idempotency_key
        earlier = await self._admission.earlier(owner, key, lambda: document_digest(submission))
        if earlier is not None:
            return earlier
        infrastructure = self._builder.infrastructure
        check_usage(await self._store.usage(owner, infrastructure.id), infrastructure)
        built = await self._builder.build(submission)
        return await self._admission.keep(built.execution, built.tasks, {}, built.secrets)

    async def cancel_batch(self, execution_id: str, index: int) -> Task | None:
        """See `base.Controller`."""
        return await self._lifecycle.stop_task(execution_id, index, "cancelled on request")

    async def dismiss(self, execution_id: str) -> Execution | None:
        """See `base.Controller`."""

        def change(execution: Execution) -> bool:
            if is_final(execution.status):
                return False
            execution.target = changed(execution.target, Target.DISMISSED)
            return finish(execution, Status.DISMISSED, "Dismissed on request")

        execution = await self._records.change_execution(execution_id, change)
        if execution is not None and execution.target is Target.DISMISSED:
            self._lifecycle.spawn(self._after_dismiss(execution))
        return execution

    async def retry_callbacks(self, execution_id: str) -> Execution | None:
        """See `base.Controller`."""
        return await self._records.change_execution(execution_id, again)

    async def remove(self, execution_id: str) -> None:
        """See `base.Controller`."""

        def change(execution: Execution) -> bool:
            if execution.target is Target.DELETED:
                return False
            execution.target = changed(execution.target, Target.DELETED)
            finish(execution, Status.DISMISSED, "Deleted on request")
            return True

        if await self._records.change_execution(execution_id, change) is not None:
            self._lifecycle.spawn(self._lifecycle.remove(execution_id))

    def nodes(self, infrastructure_id: str) -> list[NodeStatus]:
        """See `base.Controller`."""
        return [self._status(agent) for agent in self._agents.of(infrastructure_id)]

    def _status(self, agent: NodeAgent) -> NodeStatus:
        return status_of(agent, self._lifecycle.queue.load(agent))

    async def add_node(self, infrastructure_id: str, node: Node, by: str) -> NodeStatus:
        """See `base.Controller`."""
        return self._status(await self._agents.add(infrastructure_id, node, by))

    async def drain_node(self, node_id: str, draining: bool, reason: str, by: str) -> NodeStatus:
        """See `base.Controller`."""
        return self._status(await self._agents.drain(node_id, draining, reason, by))

    async def remove_node(self, node_id: str, force: bool, by: str) -> None:
        """See `base.Controller`."""
        agent = self._agents.get(node_id)
        if agent is not None and not force and (tasks := self._lifecycle.queue.load(agent).tasks):
            raise NodeRefused(
                f"{tasks} Tasks run on Node {node_id}; drain it and wait until they have ended, or"
                " remove it with `force`, which gives up their Attempts"
            )
        agent = await self._agents.forget(node_id, by)
        if agent is not None:
            reason = f"Node {node_id} was removed"
            agent.drain(reason)
            await self._lifecycle.leave(agent, reason, _LEAVE_PATIENCE if agent.online else 0.0)
            agent.retire(reason)
            await self._lifecycle.leave(agent, reason, _LEAVE_PATIENCE)
            await self._agents.drop(agent)

    async def check_node(self, node_id: str) -> list[NodeCheck]:
        """See `base.Controller`."""
        # Not at the top: reading certificates takes 8 MB, and this is asked for rarely.
        from ccp_jupyter.hub_service.controller.nodes.check import check_node

        return await check_node(self._agents.find(node_id), self._public_url)

    async def runtimes(self, infrastructure_id: str) -> list[Runtime]:
        """See `base.Controller`."""
        infrastructure = self.infrastructures.get(infrastructure_id)
        if infrastructure is None:
            return []
        return await list_runtimes(infrastructure, self._agents.of(infrastructure_id))

    def queued(self) -> dict[str, int]:
        """See `base.Controller`."""
        return dict.fromkeys(self.infrastructures, 0) | self._lifecycle.queue.lengths()

    def running(self, node_id: str) -> list[Task]:
        """See `base.Controller`."""
        return self._lifecycle.running(node_id)

    def live(self, execution: Execution) -> Live | None:
        """See `base.Controller`."""
        return self._lifecycle.live(execution)

    def _make_agent(self, infrastructure: Infrastructure, node: Node, added: bool) -> NodeAgent:
        lifecycle, queue = self._lifecycle, self._lifecycle.queue
        tell = Callbacks(
            came_back=lifecycle.node_came_back,
            changed=queue.node_changed,
            displaced=lifecycle.abandon,
            elsewhere=self._is_elsewhere,
            load=lambda agent: queue.load(agent).tasks,
        )
        return NodeAgent(infrastructure, node, self._make_engine(node), self._service, tell, added)

    def _node_gone(self, agent: NodeAgent) -> None:
        self._lifecycle.queue.node_gone(agent)

    def _is_elsewhere(self, agent: NodeAgent) -> bool:
        """Tell whether another Node could do the work of this one."""
        others = self._agents.of(agent.infrastructure.id)
        return any(other.accepts for other in others if other is not agent)

    async def _remove_unkept(self) -> None:
        """Delete folders that were made for Executions which then were not kept."""
        for execution_id in await asyncio.to_thread(self._folders.begun):
            if await self._store.get_execution(execution_id) is None:
                _log.info("removing what came with a submission that was cut off: %s", execution_id)
                await asyncio.to_thread(self._folders.remove, execution_id)
            else:
                await asyncio.to_thread(self._folders.keep, execution_id)

    async def _forget_orphans(self) -> None:
        """Delete secrets that came for Executions which then were not kept, or have ended."""
        for execution_id in await patient(self._vault.executions):
            found = await self._store.get_execution(execution_id)
            if found is None or is_final(found.status):
                await patient(lambda name=execution_id: self._vault.forget(name))  # type: ignore[misc]

    async def _after_dismiss(self, execution: Execution) -> None:
        await self._lifecycle.stop_tasks(execution.id, "dismissed on request")
        await self._lifecycle.conclusion.conclude(execution.id)

    async def _purge(self) -> None:
        """Remove what has ended, or was never begun, and is older than it is kept."""
        while True:
            before = now() - timedelta(seconds=self._settings.keep_for)
            offset: int | None = 0
            while offset is not None:
                query = ExecutionQuery(statuses=_IDLE, created_to=before, limit=1000, offset=offset)
                page = await self._store.list_executions(query)
                for execution in page.items:
                    if came(execution) < before:
                        await self._remove_old(execution)
                offset = page.next_offset
            await asyncio.sleep(_PURGE_INTERVAL)

    async def _remove_old(self, execution: Execution) -> None:
        _log.info("removing Execution %s: it is older than they are kept", execution.id)
        await self.remove(execution.id)
