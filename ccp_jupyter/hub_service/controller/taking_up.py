"""Takes up what the store has: after a start, and when a Node comes back."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ccp_jupyter.hub_service.controller.container import Mark, mark_of
from ccp_jupyter.hub_service.controller.dependencies import Dependencies
from ccp_jupyter.hub_service.controller.dispatch import Dispatch
from ccp_jupyter.hub_service.controller.jobs import Jobs
from ccp_jupyter.hub_service.controller.judgement import Ended
from ccp_jupyter.hub_service.controller.nodes.agent import NodeAgent
from ccp_jupyter.hub_service.controller.parts import Parts
from ccp_jupyter.hub_service.controller.progress import Progress
from ccp_jupyter.hub_service.controller.queue import TaskQueue
from ccp_jupyter.hub_service.controller.records import current
from ccp_jupyter.hub_service.controller.retry import decide
from ccp_jupyter.hub_service.controller.runs import Runs
from ccp_jupyter.hub_service.controller.stopping import Stopping
from ccp_jupyter.hub_service.engines.base import ContainerInfo, EngineError, NodeUnreachable
from ccp_jupyter.model.execution import Execution, PhaseTime, Task
from ccp_jupyter.model.states import Outcome, Phase, Status, Target, TaskState, is_final
from ccp_jupyter.model.times import now

_log = logging.getLogger(__name__)

_EXECUTIONS: Final = 50  # read at a time
_TASKS: Final = 500  # read at a time


@dataclass(frozen=True, slots=True)
class Duties:
    """What is done with work that is taken up."""

    conclude: Callable[[str], Coroutine[Any, Any, None]]
    """Gives an Execution its final status, if its Tasks allow it."""
    remove: Callable[[str], Coroutine[Any, Any, None]]
    """Forgets an Execution."""
    outcome_known: Callable[[Task], Coroutine[Any, Any, None]]
    """Hears of a Task whose Attempt has its outcome."""
    tell: Callable[[Execution], None]
    """Sends the callbacks of an Execution that are due."""
    begin_inside: Callable[[Execution], None]
    """Runs an Execution of a built-in process, from its beginning."""


class TakingUp:
    """Brings what the store says under way.

    Parameters
    ----------
    parts : Parts
        What Attempts work with.
    agents : mapping
        Node id to agent.
    runs, queue, jobs, stopping, dispatch, dependencies, progress
        The other parts of the lifecycle.
    duties : Duties
        What is done with the rest.
    """

    def __init__(
        self,
        parts: Parts,
        agents: Mapping[str, NodeAgent],
        runs: Runs,
        queue: TaskQueue,
        jobs: Jobs,
        stopping: Stopping,
        dispatch: Dispatch,
        dependencies: Dependencies,
        progress: Progress,
        duties: Duties,
    ) -> None:
        self._parts = parts
        self._records = parts.records
        self._store = parts.records.store
        self._agents = agents
        self._runs = runs
        self._queue = queue
        self._jobs = jobs
        self._stopping = stopping
        self._dispatch = dispatch
        self._dependencies = dependencies
        self._progress = progress
        self._duties = duties

    async def everything(self) -> None:
        """Take up all open Executions; what final ones have left over follows by itself."""
        begun = now()
        opened: set[str] = set()
        last = None
        # Page by page: a process does not give back the memory that many would take at once.
        while page := await self._store.open_executions(last, _EXECUTIONS):
            tasks: dict[str, list[Task]] = defaultdict(list)
            for task in await self._store.open_tasks(execution_ids=[each.id for each in page]):
                tasks[task.execution_id].append(task)
            for execution in page:
                opened.add(execution.id)
                if execution.has_callbacks_due:
                    self._duties.tell(execution)
                await self._take_up_all(execution, tasks[execution.id])
            last = page[-1]
        self._jobs.spawn(self._left_over(opened, begun))

    async def node_came_back(self, agent: NodeAgent, containers: list[ContainerInfo]) -> None:
        """Take up Attempts that nobody drives, remove containers of none, end what is over."""
        over = await self._take_up_on(agent)
        stuck: set[str] = set()
        for container in containers:
            mark = mark_of(container)
            run = mark and self._runs.get(mark.execution_id, mark.index)
            if run and mark and current(run.task).number == mark.attempt and run.agent is agent:
                continue
            _log.info("node %s: removing container %s, nobody's", agent.id, container.name)
            try:
                await agent.engine.remove(container.id)
            except NodeUnreachable:
                raise
            except EngineError as error:
                _log.warning("%s stays on node %s for now: %s", container.name, agent.id, error)
                if mark is not None:
                    stuck.add(mark.name)
                    execution = await self._store.get_execution(mark.execution_id)
                    task = await self._store.get_task(mark.execution_id, mark.index)
                    self._dispatch.clear(agent, mark, execution, task)
        for mark in over:
            if mark.name not in stuck:
                await self._dispatch.end_attempt(mark)

    async def _take_up_on(self, agent: NodeAgent) -> list[Mark]:
        """Take up Attempts that were let go of; return those of which only the end is missing."""
        over: list[Mark] = []
        after = None
        while page := await self._store.open_tasks(node=agent.id, after=after, limit=_TASKS):
            for task in page:
                attempt = current(task)
                if self._runs.has(task.execution_id, task.index) or attempt.phase is Phase.ENDED:
                    continue
                if attempt.outcome is not None:
                    over.append(Mark(task.execution_id, task.index, attempt.number, ""))
                elif (found := await self._store.get_execution(task.execution_id)) is not None:
                    await self._take_up(found, task)
            after = page[-1]
        return over

    async def _take_up_all(self, execution: Execution, tasks: list[Task]) -> None:
        open_ = not is_final(execution.status) and execution.target is Target.FINISHED
        if execution.built_in and open_:
            self._duties.begin_inside(execution)
            return
        undecided = len(tasks) == execution.replicas and not any(is_final(t.state) for t in tasks)
        waits = (
            execution.status is Status.ACCEPTED
            and execution.target is Target.FINISHED
            and await self._dependencies.wait(execution)
        )
        if not is_final(execution.status) and len(tasks) < execution.replicas:
            left = {task.index for task in tasks if not is_final(task.state)}
            self._progress.resume(execution, left)
        for task in [] if waits else tasks:
            await self._take_up(execution, task)
        if execution.target is Target.DELETED:
            self._jobs.spawn(self._duties.remove(execution.id))
        elif is_final(execution.status):
            self._jobs.spawn(self._end(execution))
        elif not undecided:
            self._jobs.spawn(self._duties.conclude(execution.id))

    async def _end(self, execution: Execution) -> None:
        """Do what belongs to the end of an Execution; a crash came in between."""
        await self._records.tell_end(execution)
        await self._duties.conclude(execution.id)

    async def _left_over(self, opened: set[str], begun: datetime) -> None:
        """Take up what is left of Executions that had their final status at the start.

        Parameters
        ----------
        opened : set of str
            Ids of those that had not.
        begun : datetime
            Of the start: later ones are taken care of by those who made them.
        """
        after, execution = None, None
        while page := await self._store.open_tasks(after=after, limit=_TASKS):
            for task in page:
                if task.created >= begun:
                    return
                if task.execution_id in opened:
                    continue
                if execution is None or execution.id != task.execution_id:
                    execution = await self._store.get_execution(task.execution_id)
                # One that is not final, and was not open, has been begun since: it is under way.
                if execution is not None and is_final(execution.status):
                    await self._take_up(execution, task)
            after = page[-1]

    async def _take_up(self, execution: Execution, task: Task) -> None:
        attempt = task.attempt
        self._stopping.tell_hooks(task)
        if is_final(task.state) and (attempt is None or attempt.phase is Phase.ENDED):
            return
        if task.state is TaskState.QUEUED and (attempt is None or attempt.outcome is not None):
            # What its last Attempt has left on a Node is removed before that Node gets anything.
            if is_final(execution.status):
                await self._stopping.end_queued(task, TaskState.DISMISSED, execution.message)
            else:
                self._queue.add(execution, task)
        elif attempt is not None and (agent := self._agents.get(attempt.node)) is not None:
            if execution.status is Status.ACCEPTED:  # a crash came between the two writes
                execution = await self._dispatch.set_running(execution.id) or execution
            self._queue.hold(execution, task, agent)
            run = self._dispatch.begin(execution, task, agent, resumed=True)
            if is_final(execution.status):
                run.stop(Outcome.DISMISSED, execution.message)
        elif attempt is not None:
            await self._node_unknown(execution, task)

    async def _node_unknown(self, execution: Execution, task: Task) -> None:
        """End an Attempt whose Node there is no more."""
        attempt = current(task)
        if attempt.outcome is None:
            ended = Ended(Outcome.PLATFORM, f"Node {attempt.node} is no longer there")
            decide(execution, task, ended, self._parts.settings, bool(self._parts.hooks))
        attempt.phase = Phase.ENDED  # whatever it was: there is nothing to destroy it with
        attempt.phases.append(PhaseTime(phase=Phase.ENDED, at=now()))
        task = await self._records.save(task)
        if is_final(task.state):
            self._jobs.spawn(self._duties.outcome_known(task))
        elif is_final(execution.status):
            await self._stopping.end_queued(task, TaskState.DISMISSED, execution.message)
        else:
            self._queue.add(execution, task)
