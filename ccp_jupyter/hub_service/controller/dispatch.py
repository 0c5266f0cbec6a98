"""From the queue to Nodes: gives Tasks their Attempts, and drives these to their end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final

from ccp_jupyter.hub_service.controller.attempt import AttemptRun
from ccp_jupyter.hub_service.controller.container import Mark
from ccp_jupyter.hub_service.controller.jobs import Jobs
from ccp_jupyter.hub_service.controller.nodes.agent import NodeAgent, NodeLost
from ccp_jupyter.hub_service.controller.parts import Parts
from ccp_jupyter.hub_service.controller.queue import TaskQueue
from ccp_jupyter.hub_service.controller.runs import Runs
from ccp_jupyter.hub_service.controller.stopping import Stopping
from ccp_jupyter.hub_service.engines.base import EngineError
from ccp_jupyter.hub_service.scheduler.base import Placement, Request
from ccp_jupyter.hub_service.store.base import Conflict
from ccp_jupyter.model.execution import Attempt, Execution, PhaseTime, Task
from ccp_jupyter.model.states import Outcome, Phase, Status, TaskState, changed, is_final
from ccp_jupyter.model.times import now

_log = logging.getLogger(__name__)

_LONGEST_BEGIN: Final = 1.0  # seconds for which one Attempt keeps the next from beginning
_AGAIN: Final = 2.0  # seconds until what failed in an unexpected way is tried again
_LONGEST_CLEAR: Final = 60.0  # seconds between two tries to remove a container


class Dispatch:
    """Places Tasks and drives their Attempts.

    Parameters
    ----------
    parts : Parts
        What Attempts work with.
    agents : mapping
        Node id to agent; Nodes come and go.
    runs, queue, jobs, stopping
        Attempts under way, Tasks that wait, background work, and who ends Tasks.
    outcome_known : callable
        Awaited with each Task whose Attempt has its outcome.
    """

    def __init__(
        self,
        parts: Parts,
        agents: Mapping[str, NodeAgent],
        runs: Runs,
        queue: TaskQueue,
        jobs: Jobs,
        stopping: Stopping,
        outcome_known: Callable[[Task], Awaitable[None]],
    ) -> None:
        self._parts = parts
        self._records = parts.records
        self._store = parts.records.store
        self._agents = agents
        self._runs = runs
        self._queue = queue
        self._jobs = jobs
        self._stopping = stopping
        self._outcome_known = outcome_known

    async def run(self) -> None:
        """Place Tasks, for ever."""
        while True:
            await self._queue.wait()
            for request, why in self._queue.impossible():
                self._jobs.spawn(self._fail_impossible(request, why))
            for placement in self._queue.place():
                self._jobs.spawn(self._begin_placed(placement))

    def begin(
        self, execution: Execution, task: Task, agent: NodeAgent, resumed: bool = False
    ) -> AttemptRun:
        """Drive the latest Attempt of a Task, whose room is held."""
        run = AttemptRun(self._parts, agent, execution, task, self._outcome_known, resumed)
        self._runs.add(run, self._jobs.spawn(self._drive(execution, run)))
        return run

    def clear(
        self, agent: NodeAgent, mark: Mark, execution: Execution | None, task: Task | None
    ) -> None:
        """Remove a container that its engine would not remove, as soon as it does.

        Until then it holds its room, if it is known what that is.
        """
        if execution is not None and task is not None:
            self._queue.hold_container(mark, execution, task, agent)
        self._jobs.spawn(self._clear(agent, mark))

    async def end_attempt(self, mark: Mark) -> None:
        """Note that the container of a Task's latest Attempt, which has its outcome, is gone."""
        while True:
            task = await self._store.get_task(mark.execution_id, mark.index)
            attempt = None if task is None else task.attempt
            if task is None or attempt is None or attempt.number != mark.attempt:
                return
            if attempt.phase is not Phase.DESTROY:
                return
            with suppress(Conflict):
                await self._records.enter(task.owner, task, Phase.ENDED)
                return

    async def leave(self, agent: NodeAgent, reason: str, patience: float) -> None:
        """Give up all Attempts on a Node that goes away; returns when they have ended.

        Parameters
        ----------
        agent : NodeAgent
            It accepts no Tasks any more.
        reason : str
            In words for the user.
        patience : float
            Seconds in which their containers are removed, if the Node answers.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while self._queue.load(agent).tasks:
                    for run in self._runs.on(agent.id):
                        run.stop(Outcome.PLATFORM, reason)
                    await asyncio.sleep(0.05)

    async def _fail_impossible(self, request: Request, why: str) -> None:
        task = await self._task(request)
        if task is not None and task.state is TaskState.QUEUED:
            task = await self._stopping.end_queued(task, TaskState.FAILED, why)
            if is_final(task.state):
                await self._outcome_known(task)

    async def _begin_placed(self, placement: Placement) -> None:
        request, agent = placement.request, self._agents.get(placement.node_id)
        if agent is None or agent.retired:  # removed since
            await self._place_again(request)
            return
        async with agent.beginning:
            try:
                run = await self._begin_new(placement, agent)
            except Exception:
                _log.exception("%s: it could not be begun, trying again", request.task_id)
                self._jobs.spawn(self._take_up_again(request.task_id, agent))
                return
            if run is not None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LONGEST_BEGIN):
                        await run.begun.wait()

    async def _place_again(self, request: Request) -> None:
        self._queue.release(request.task_id)
        task = await self._task(request)
        if task is not None and task.state is TaskState.QUEUED:
            execution = await self._store.get_execution(task.execution_id)
            if execution is not None:
                self._queue.add(execution, task)

    async def _begin_new(self, placement: Placement, agent: NodeAgent) -> AttemptRun | None:
        """Write down a new Attempt and begin it; None when its Task waits no more.

        Three calls of the store: the Task as it is now (its version guards the next call), the
        Attempt before anything happens on the Node, and the Execution only after that, so that
        whoever ends it either finds the Attempt or is seen here.  The first Task's makes one more:
        it sets the Execution running.
        """
        name, index = _parsed(placement.request.task_id)
        # From here on a request to end the Task reaches the Attempt.
        self._runs.expect(name, index)
        try:
            task = await self._write_attempt(placement, agent)
            execution = None if task is None else await self.set_running(name)
            if task is None or execution is None:
                self._queue.release(placement.request.task_id)
                return None
            run = self.begin(execution, task, agent)
        finally:
            self._runs.forget(name, index)
        if is_final(execution.status):
            run.stop(Outcome.DISMISSED, "its Execution has ended")
        await self._records.tell_phase(execution.owner, task)
        return run

    async def _write_attempt(self, placement: Placement, agent: NodeAgent) -> Task | None:
        while True:
            task = await self._task(placement.request)
            if task is None or task.state is not TaskState.QUEUED:
                return None
            task.state = changed(task.state, TaskState.RUNNING)
            task.attempts.append(
                Attempt(
                    number=len(task.attempts) + 1,
                    node=agent.id,
                    phases=[PhaseTime(phase=Phase.LAUNCH, at=now())],
                    gpus=list(placement.gpus),
                )
            )
            with suppress(Conflict):  # such as with the note that its last container is gone
                return await self._records.save(task)

    async def set_running(self, execution_id: str) -> Execution | None:
        """Note that an Execution has begun, unless that is known; returns it as it is then."""
        return await self._records.change_execution(execution_id, _set_running)

    async def _drive(self, execution: Execution, run: AttemptRun) -> None:
        try:
            gone = await run.run()
        except Exception:
            _log.exception("%s: driving it failed, taking it up again", run.mark.name)
            self._runs.drop(run)
            await self._take_up_again(run.task.id, run.agent)
            return
        # Not in a `finally`: when the service stops, the Attempt is still under way.
        self._runs.drop(run)
        # Its room is another's from here on, unless the container keeps it.
        self._queue.release(run.task.id)
        if not gone:
            self.clear(run.agent, run.mark, execution, run.task)
        if run.task.state is TaskState.QUEUED:
            await self._queue_again(run.task)

    async def _take_up_again(self, task_id: str, agent: NodeAgent) -> None:
        """Go on with a Task from where the store says that it is; its room is still held."""
        name, index = _parsed(task_id)
        self._runs.expect(name, index)
        try:
            task, execution = await self._look_again(name, index)
            attempt = None if task is None else task.attempt
            here = attempt is not None and attempt.node == agent.id
            if task and execution and attempt and here and attempt.phase is not Phase.ENDED:
                run = self.begin(execution, task, agent, resumed=True)
                if is_final(execution.status):
                    run.stop(Outcome.DISMISSED, "its Execution has ended")
                return
            self._queue.release(task_id)
            if task is not None and task.state is TaskState.QUEUED:
                await self._queue_again(task)
        finally:
            self._runs.forget(name, index)

    async def _look_again(
        self, execution_id: str, index: int
    ) -> tuple[Task | None, Execution | None]:
        while True:
            await asyncio.sleep(_AGAIN)
            try:
                task = await self._store.get_task(execution_id, index)
                if task is not None and task.state is TaskState.RUNNING:
                    return task, await self.set_running(execution_id)
                return task, await self._store.get_execution(execution_id)
            except Exception as error:
                # The store may be what failed before, and be back some time.
                _log.warning("%s.%d: not taken up yet: %s", execution_id, index, error)

    async def _queue_again(self, task: Task) -> None:
        latest = await self._store.get_execution(task.execution_id)
        if latest is not None and is_final(latest.status):
            reason = "its Execution has ended"
            await self._stopping.end_queued(task, TaskState.DISMISSED, reason)
        elif latest is not None:
            self._queue.add(latest, task)

    async def _clear(self, agent: NodeAgent, mark: Mark) -> None:
        delay = 1.0
        try:
            while not agent.retired:
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LONGEST_CLEAR)
                with suppress(NodeLost, EngineError):
                    await agent.call(lambda: agent.engine.remove(mark.name))
                    _log.info("%s: removed from node %s at last", mark.name, agent.id)
                    break
        finally:
            self._queue.release(mark.name)
        await self.end_attempt(mark)

    async def _task(self, request: Request) -> Task | None:
        return await self._store.get_task(*_parsed(request.task_id))


def _parsed(task_id: str) -> tuple[str, int]:
    """Return Execution and index of a Task."""
    name, _, index = task_id.rpartition(".")
    return name, int(index)


def _set_running(execution: Execution) -> bool:
    if execution.status is not Status.ACCEPTED:
        return False
    execution.status = changed(execution.status, Status.RUNNING)
    execution.message = "Running"
    execution.started = now()
    return True
