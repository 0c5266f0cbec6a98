"""Everything that runs by itself, put together: placing, driving, stopping, taking up again."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, Final

from ccp_jupyter.hub_service.controller.base import Live
from ccp_jupyter.hub_service.controller.callbacks import CallbackSender
from ccp_jupyter.hub_service.controller.conclusion import Conclusion
from ccp_jupyter.hub_service.controller.dependencies import Dependencies
from ccp_jupyter.hub_service.controller.dispatch import Dispatch
from ccp_jupyter.hub_service.controller.hooks import Hooks
from ccp_jupyter.hub_service.controller.inside import Inside
from ccp_jupyter.hub_service.controller.jobs import Jobs
from ccp_jupyter.hub_service.controller.nodes.agent import NodeAgent
from ccp_jupyter.hub_service.controller.parts import Parts
from ccp_jupyter.hub_service.controller.progress import Progress
from ccp_jupyter.hub_service.controller.queue import TaskQueue
from ccp_jupyter.hub_service.controller.records import finish
from ccp_jupyter.hub_service.controller.runs import Runs
from ccp_jupyter.hub_service.controller.stopping import Stopping
from ccp_jupyter.hub_service.controller.taking_up import Duties, TakingUp
from ccp_jupyter.hub_service.engines.base import ContainerInfo
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.states import Status, TaskState, is_final

_LONGEST_STOP: Final = 15.0  # seconds that a request to cancel waits for its effect


class Lifecycle:
    """Moves Executions to their end.

    Parameters
    ----------
    parts : Parts
        What Attempts work with.
    agents : mapping
        Node id to agent; Nodes come and go.
    """

    def __init__(self, parts: Parts, agents: Mapping[str, NodeAgent]) -> None:
        self._parts = parts
        self._records = parts.records
        self._store = parts.records.store
        self._jobs = Jobs()
        self._runs = Runs()
        self.queue = TaskQueue(parts.settings)
        self.hooks = Hooks(parts.hooks, self._store, self._is_running)
        self.inside = Inside(parts.built_ins, parts.records, parts.folders, self._jobs.spawn)
        self.callbacks = CallbackSender(
            parts.records, parts.outgoing, parts.means, parts.settings, self._jobs
        )
        self._stopping = Stopping(parts, self._runs, self.queue, self.hooks)
        self.conclusion = Conclusion(parts, self._stopping.stop_all)
        self._dependencies = Dependencies(self._store, self._begin_execution, self._give_up)
        self._progress = Progress(self._runs, self.queue, self._dependencies)
        self._dispatch = Dispatch(
            parts,
            agents,
            self._runs,
            self.queue,
            self._jobs,
            self._stopping,
            self._outcome_known,
        )
        duties = Duties(
            self.conclusion.conclude,
            self.remove,
            self._outcome_known,
            self.callbacks.note,
            self.inside.begin,
        )
        self._taking_up = TakingUp(
            parts,
            agents,
            self._runs,
            self.queue,
            self._jobs,
            self._stopping,
            self._dispatch,
            self._dependencies,
            self._progress,
            duties,
        )
        parts.records.ended.extend((self._dependencies.ended, self._progress.forget))
        parts.records.due.append(self.callbacks.note)

    async def start(self) -> None:
        """Take up all work that the store has, then run until `stop`."""
        await self._taking_up.everything()
        self.spawn(self._dispatch.run())
        self.spawn(self.callbacks.run())
        for work in self.hooks.workers():
            self.spawn(work())

    async def stop(self) -> None:
        """Leave everything as it is; containers go on and are adopted by the next start."""
        await self._jobs.stop()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something in the background until `stop`; its errors go to the log."""
        return self._jobs.spawn(work)

    async def begin(self, execution: Execution, tasks: list[Task]) -> None:
        """Queue the Tasks of a new Execution, unless it follows others that have not ended."""
        if execution.built_in:
            self.inside.begin(execution)
        elif not await self._dependencies.wait(execution):
            for task in tasks:
                self.queue.add(execution, task)

    async def stop_tasks(self, execution_id: str, reason: str) -> None:
        """End all Tasks of an Execution that have no outcome yet."""
        await self._stopping.stop_all(execution_id, reason)

    async def stop_task(self, execution_id: str, index: int, reason: str) -> Task | None:
        """End one Task that has no outcome yet; returns it as it is then, None when unknown."""
        task = await self._stopping.stop_one(execution_id, index, reason, _LONGEST_STOP)
        if task is not None and is_final(task.state):
            await self.conclusion.conclude(execution_id)
        return task

    def running(self, node_id: str) -> list[Task]:
        """Return the Tasks whose Attempts are on a Node."""
        return [run.task for run in self._runs.on(node_id)]

    async def leave(self, agent: NodeAgent, reason: str, patience: float) -> None:
        """Give up all Attempts on a Node that goes away; see `Dispatch.leave`."""
        await self._dispatch.leave(agent, reason, patience)

    def abandon(self, agent: NodeAgent) -> None:
        """Let go of the Attempts on a Node that another service has taken, without a word.

        They are taken up again when the Node comes back.
        """
        self._runs.abandon(agent.id)

    async def node_came_back(self, agent: NodeAgent, containers: list[ContainerInfo]) -> None:
        """Put a Node in order, of which these are our containers, before it gets any Task."""
        await self._taking_up.node_came_back(agent, containers)

    async def remove(self, execution_id: str) -> None:
        """Forget an Execution for good, once its Attempts have ended."""
        await self.stop_tasks(execution_id, "deleted on request")
        await self._runs.over(execution_id)
        execution = await self._store.get_execution(execution_id)
        if execution is not None:
            await self.conclusion.forget_secrets(execution)
        await self._records.events.remove(execution_id)
        await asyncio.to_thread(self._parts.folders.remove, execution_id)
        await self._store.remove_execution(execution_id)

    def live(self, execution: Execution) -> Live | None:
        """Return how an Execution stands at this moment; None when it is final."""
        return self._progress.live(execution)

    def _is_running(self, task: Task) -> bool:
        return self._runs.has(task.execution_id, task.index)

    async def _begin_execution(self, execution_id: str) -> None:
        execution = await self._store.get_execution(execution_id)
        if execution is None or is_final(execution.status):
            return
        for task in await self._store.list_tasks(execution_id):
            if task.state is TaskState.QUEUED:
                self.queue.add(execution, task)

    async def _give_up(self, execution_id: str, reason: str) -> None:
        await self._records.change_execution(
            execution_id, lambda found: finish(found, Status.FAILED, reason)
        )
        await self.stop_tasks(execution_id, reason)
        await self.conclusion.conclude(execution_id)

    async def _outcome_known(self, task: Task) -> None:
        if is_final(task.state):
            self._progress.note(task)
            self._stopping.tell_hooks(task)
            await self.conclusion.conclude(task.execution_id)
