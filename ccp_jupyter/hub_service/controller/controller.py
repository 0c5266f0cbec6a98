"""What requests ask of the controller (`base.Controller`), and its parts put together."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Final

from ccp_jupyter.hub_service.controller.attempt import Parts
from ccp_jupyter.hub_service.controller.base import (
    KeyReused,
    NodeStatus,
    Runtime,
    ServiceFull,
    Submission,
)
from ccp_jupyter.hub_service.controller.container import service_label
from ccp_jupyter.hub_service.controller.lifecycle import Lifecycle
from ccp_jupyter.hub_service.controller.nodes import NodeAgent
from ccp_jupyter.hub_service.controller.records import Records, finish
from ccp_jupyter.hub_service.controller.runtimes import list_runtimes
from ccp_jupyter.hub_service.controller.settings import Settings
from ccp_jupyter.hub_service.controller.stage import Stager
from ccp_jupyter.hub_service.controller.submission import (
    build,
    check_usage,
    choose_infrastructure,
    request_digest,
    write_files,
)
from ccp_jupyter.hub_service.engines.base import Engine
from ccp_jupyter.hub_service.events.base import EventLog
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.outgoing import Outgoing
from ccp_jupyter.hub_service.store.base import Duplicate, ExecutionQuery, Store, StoreFull
from ccp_jupyter.hub_service.vault.base import Vault
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.infrastructure import Infrastructure
from ccp_jupyter.model.method import Method, parse_method
from ccp_jupyter.model.request import check_request
from ccp_jupyter.model.states import Status, Target, changed, is_final
from ccp_jupyter.model.stored_method import StoredMethod
from ccp_jupyter.model.times import now

_log = logging.getLogger(__name__)

_PURGE_INTERVAL: Final = 600.0
_FINAL: Final = tuple(status for status in Status if is_final(status))


class ServiceController:
    """The controller of one service process.

    Parameters
    ----------
    infrastructures : mapping
        By id; Node ids are unique over all of them.
    engines : mapping
        Node id to engine; closed by `stop`.
    store, events, vault, folders, outgoing
        The other parts; they stay open.
    service_id : str
        Tells this service's containers from those of others on the same engines.
    settings : Settings
        Times and counts.
    """

    def __init__(
        self,
        infrastructures: Mapping[str, Infrastructure],
        engines: Mapping[str, Engine],
        store: Store,
        events: EventLog,
        vault: Vault,
        folders: Folders,
        outgoing: Outgoing,
        service_id: str,
        settings: Settings | None = None,
    ) -> None:
        self.infrastructures = infrastructures
        self._settings = settings or Settings()
        self._store = store
        self._vault = vault
        self._folders = folders
        self._records = Records(store, events)
        self._agents: dict[str, NodeAgent] = {}
        parts = Parts(
            service_id,
            self._records,
            vault,
            folders,
            Stager(folders, outgoing),
            self._settings,
        )
        self._lifecycle = Lifecycle(parts, self._agents)
        for infrastructure in infrastructures.values():
            for node in infrastructure.nodes:
                agent = NodeAgent(
                    infrastructure,
                    node,
                    engines[node.id],
                    service_label(service_id),
                    self._settings,
                    self._lifecycle.node_came_back,
                    self._lifecycle.node_changed,
                )
                agent.elsewhere = lambda agent=agent: self._others_online(agent)  # type: ignore[misc]
                self._agents[node.id] = agent
                self._lifecycle.node_changed(agent)

    async def start(self) -> None:
        """Take up the work that the store has."""
        await self._lifecycle.start()
        if self._settings.keep_for:
            self._lifecycle.spawn(self._purge())

    async def stop(self) -> None:
        """Stop working; containers go on and are adopted by the next start."""
        await self._lifecycle.stop()
        await asyncio.gather(*(agent.close() for agent in self._agents.values()))

    async def submit(self, submission: Submission) -> Execution:
        """See `base.Controller`."""
        if (earlier := await self._earlier(submission)) is not None:
            return earlier
        method = _parsed(submission.method)
        infrastructure = choose_infrastructure(method, self.infrastructures)
        request = check_request(method, submission.body, infrastructure.limits)
        check_usage(await self._store.usage(submission.owner, infrastructure.id), infrastructure)
        execution, tasks, files = build(submission, method, request, infrastructure)
        try:
            if files:
                folder = self._folders.folder(execution.id)
                await asyncio.to_thread(write_files, folder, files)
            if request.secrets:
                await self._vault.put(execution.id, request.secrets)
            execution = await self._store.add_execution(execution, tasks)
        except BaseException as error:
            await self._undo(execution, bool(request.secrets))
            if isinstance(error, Duplicate) and (earlier := await self._earlier(submission)):
                return earlier  # the same request came twice at the same time
            if isinstance(error, StoreFull) or getattr(error, "errno", None) == errno.ENOSPC:
                raise ServiceFull("The service's disk is full; tell its admin") from error
            raise
        # Stored: from here on it is the service's duty, so that no error may reach the caller.
        self._lifecycle.spawn(self._records.tell_status(execution))
        for task in tasks:
            self._lifecycle.enqueue(execution, task)
        return execution

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
        return [
            NodeStatus(
                id=agent.id,
                infrastructure_id=infrastructure_id,
                online=agent.online,
                reason=agent.reason,
                since=agent.since,
                info=agent.info,
                running=self._lifecycle.running_on(agent.id),
                slots=agent.slots,
            )
            for agent in sorted(self._agents.values(), key=lambda agent: agent.id)
            if agent.infrastructure.id == infrastructure_id
        ]

    async def runtimes(self, infrastructure_id: str) -> list[Runtime]:
        """See `base.Controller`."""
        infrastructure = self.infrastructures.get(infrastructure_id)
        if infrastructure is None:
            return []
        agents = [a for a in self._agents.values() if a.infrastructure is infrastructure]
        return await list_runtimes(infrastructure, agents)

    def live(self, execution: Execution) -> tuple[str, int] | None:
        """See `base.Controller`."""
        return self._lifecycle.live(execution)

    def _others_online(self, agent: NodeAgent) -> bool:
        return any(
            other.online
            for other in self._agents.values()
            if other is not agent and other.infrastructure is agent.infrastructure
        )

    async def _earlier(self, submission: Submission) -> Execution | None:
        if submission.idempotency_key is None:
            return None
        found = await self._store.find_execution(submission.owner, submission.idempotency_key)
        if found is not None and found.request_digest != request_digest(submission):
            raise KeyReused(
                f"Idempotency-Key {submission.idempotency_key} came before with another request,"
                f" for Execution {found.id}; use a new key"
            )
        return found

    async def _undo(self, execution: Execution, has_secrets: bool) -> None:
        await asyncio.to_thread(self._folders.remove, execution.id)
        if has_secrets:
            await self._vault.forget(execution.id)

    async def _after_dismiss(self, execution: Execution) -> None:
        await self._lifecycle.stop_tasks(execution.id, "dismissed on request")
        await self._lifecycle.conclusion.forget_secrets(execution)

    async def _purge(self) -> None:
        """Remove Executions that ended longer ago than they are kept."""
        while True:
            query = ExecutionQuery(
                statuses=_FINAL,
                created_to=now() - timedelta(seconds=self._settings.keep_for),
                limit=1000,
            )
            for execution in (await self._store.list_executions(query)).items:
                _log.info("removing Execution %s: it is older than they are kept", execution.id)
                await self.remove(execution.id)
            await asyncio.sleep(_PURGE_INTERVAL)


def _parsed(method: StoredMethod) -> Method:
    return _parse_version(_ById(method))


class _ById:
    """A stored Method that equals every other copy of the same version: a key for the cache."""

    def __init__(self, method: StoredMethod) -> None:
        self.method = method
        self._key = (method.id, method.version, method.updated)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@lru_cache(maxsize=256)
def _parse_version(method: _ById) -> Method:
    return parse_method(method.method.document)
