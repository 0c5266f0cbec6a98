"""From the queue to the end: places Tasks, drives their Attempts, takes up work after a crash."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Coroutine, Mapping
from typing import Any, Final

from ccp_jupyter.hub_service.controller.attempt import AttemptRun, Parts
from ccp_jupyter.hub_service.controller.conclusion import Conclusion
from ccp_jupyter.hub_service.controller.container import mark_of
from ccp_jupyter.hub_service.controller.nodes import NodeAgent
from ccp_jupyter.hub_service.controller.records import current
from ccp_jupyter.hub_service.engines.base import ContainerInfo, Credentials
from ccp_jupyter.hub_service.scheduler.scheduler import Place, Request, Scheduler
from ccp_jupyter.hub_service.store.base import Conflict
from ccp_jupyter.model.execution import Attempt, Execution, PhaseTime, Task
from ccp_jupyter.model.states import (
    Outcome,
    Phase,
    Status,
    Target,
    TaskState,
    changed,
    is_final,
)
from ccp_jupyter.model.times import now

_log = logging.getLogger(__name__)

_PAGE: Final = 50  # Executions read at a time at the start
# How far a replica has come when its Attempt is in a phase, for the progress of an Execution.
_SHARE: Final = {
    Phase.LAUNCH: 0.05,
    Phase.DEPLOY: 0.15,
    Phase.EXECUTE: 0.4,
    Phase.FETCH: 0.9,
    Phase.DESTROY: 1.0,
    Phase.ENDED: 1.0,
}


class Lifecycle:
    """Everything that runs by itself.

    Parameters
    ----------
    parts : Parts
        What Attempts work with.
    agents : mapping
        Node id to agent.
    """

    def __init__(self, parts: Parts, agents: Mapping[str, NodeAgent]) -> None:
        self._parts = parts
        self._records = parts.records
        self._store = parts.records.store
        self._agents = agents
        self._scheduler = Scheduler()
        self._wake = asyncio.Event()
        self._runs: dict[str, dict[int, AttemptRun]] = defaultdict(dict)
        self._drives: dict[str, set[asyncio.Task[None]]] = defaultdict(set)
        self._done: dict[str, set[int]] = defaultdict(set)
        self.conclusion = Conclusion(parts, self.stop_tasks)
        self._jobs: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Take up all work that the store has, then run until `stop`."""
        tasks: dict[str, list[Task]] = defaultdict(list)
        for task in await self._store.open_tasks():
            tasks[task.execution_id].append(task)
        last = None
        # Page by page: a process does not give back the memory that many would take at once.
        while page := await self._store.open_executions(last, _PAGE):
            for execution in page:
                await self._take_up_all(execution, tasks.pop(execution.id, []))
            last = page[-1]
        for execution_id, left in tasks.items():  # their Executions are final
            if (found := await self._store.get_execution(execution_id)) is not None:
                for task in left:
                    await self._take_up(found, task)
        for agent in self._agents.values():
            self.spawn(agent.run())
        self.spawn(self._dispatch())

    async def stop(self) -> None:
        """Leave everything as it is; containers go on and are adopted by the next start."""
        for job in self._jobs:
            job.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something in the background until `stop`; its errors go to the log."""
        job = asyncio.create_task(work)
        self._jobs.add(job)
        job.add_done_callback(self._job_done)
        return job

    def enqueue(self, execution: Execution, task: Task) -> None:
        """Put a Task into the queue; after a failed Attempt it waits a little."""
        delay, last = 0.0, task.attempt
        if last is not None:
            delay = self._parts.settings.retry_delay * 2 ** (last.number - 1)
        request = self._request(execution, task)
        self._scheduler.add(
            Request(
                request.task_id,
                request.infrastructure_id,
                request.owner,
                request.image,
                request.memory,
                avoid=None if last is None else last.node,
                not_before=asyncio.get_running_loop().time() + delay if delay else 0.0,
            )
        )
        self._wake.set()

    async def stop_tasks(self, execution_id: str, reason: str) -> None:
        """End all Tasks of an Execution that have no outcome yet."""
        for task in await self._store.list_tasks(execution_id):
            run = self._runs.get(execution_id, {}).get(task.index)
            if run is not None:
                run.stop(Outcome.DISMISSED, reason)
            elif task.state is TaskState.QUEUED:
                self._scheduler.release(task.id)
                task.state = changed(task.state, TaskState.DISMISSED)
                try:
                    await self._records.save(task)
                except Conflict:
                    # It was placed in this moment; the one who placed it looks again.
                    continue
        self._wake.set()

    async def remove(self, execution_id: str) -> None:
        """Forget an Execution for good, once its Attempts have ended."""
        await self.stop_tasks(execution_id, "deleted on request")
        if drives := self._drives.get(execution_id):
            await asyncio.wait(drives)
        execution = await self._store.get_execution(execution_id)
        if execution is not None:
            await self.conclusion.forget_secrets(execution)
        await self._records.events.remove(execution_id)
        await asyncio.to_thread(self._parts.folders.remove, execution_id)
        await self._store.remove_execution(execution_id)

    def live(self, execution: Execution) -> tuple[str, int] | None:
        """Return message and progress at this moment, for an Execution that is not final."""
        if is_final(execution.status):
            return None
        runs = self._runs.get(execution.id)
        done = len(self._done.get(execution.id, ()))
        if not runs:
            why = self._scheduler.why_waiting(f"{execution.id}.1")
            return (f"Waiting: {why}" if why else execution.message), execution.progress
        phases = {index: current(run.task).phase for index, run in runs.items()}
        waiting = [r.agent for r in runs.values() if not r.agent.online]
        if waiting:
            agent = waiting[0]
            return f"Waiting for Node {agent.id}: {agent.reason}", execution.progress
        share = done + sum(
            _SHARE[phase] for i, phase in phases.items() if i not in self._done[execution.id]
        )
        progress = min(99, round(100 * share / execution.replicas))
        phase = min(phases.values(), key=list(Phase).index).capitalize()
        if execution.replicas == 1:
            return phase, progress
        return f"{phase}: {done} of {execution.replicas} replicas finished", progress

    def running_on(self, node_id: str) -> int:
        """Return how many Attempts of this service are on a Node."""
        return sum(run.agent.id == node_id for runs in self._runs.values() for run in runs.values())

    def node_changed(self, agent: NodeAgent) -> None:
        """Tell the scheduler how a Node is now."""
        self._scheduler.set_place(
            Place(
                node_id=agent.id,
                infrastructure_id=agent.infrastructure.id,
                slots=agent.slots,
                memory=agent.memory,
                images=set(agent.images),
                online=agent.online,
                reason=agent.reason,
            )
        )
        self._wake.set()

    async def node_came_back(self, agent: NodeAgent, containers: list[ContainerInfo]) -> None:
        """Destroy containers that belong to no live Attempt, and end Attempts left behind."""
        for container in containers:
            mark = mark_of(container)
            run = mark and self._runs.get(mark.execution_id, {}).get(mark.index)
            if run and mark and current(run.task).number == mark.attempt and run.agent is agent:
                continue
            _log.info("node %s: removing container %s, nobody's", agent.id, container.name)
            await agent.engine.remove(container.id)
        for task in await self._store.open_tasks():
            attempt = task.attempt
            if attempt is None or attempt.node != agent.id or attempt.phase is not Phase.DESTROY:
                continue
            execution = await self._store.get_execution(task.execution_id)
            runs = self._runs.get(task.execution_id, {})
            if execution is not None and task.index not in runs:
                self._begin(execution, task, agent, resumed=True)

    def _job_done(self, job: asyncio.Task[None]) -> None:
        self._jobs.discard(job)
        if not job.cancelled() and (error := job.exception()) is not None:
            _log.error("background work failed", exc_info=error)

    async def _take_up_all(self, execution: Execution, tasks: list[Task]) -> None:
        undecided = len(tasks) == execution.replicas and not any(is_final(t.state) for t in tasks)
        for task in tasks:
            await self._take_up(execution, task)
        if execution.target is Target.DELETED:
            self.spawn(self.remove(execution.id))
        elif not undecided:
            self.spawn(self.conclusion.conclude(execution.id))

    async def _take_up(self, execution: Execution, task: Task) -> None:
        attempt = task.attempt
        if task.state is TaskState.QUEUED and (attempt is None or attempt.outcome is not None):
            if is_final(execution.status):
                task.state = changed(task.state, TaskState.DISMISSED)
                await self._records.save(task)
            else:
                self.enqueue(execution, task)
        elif attempt is not None and (agent := self._agents.get(attempt.node)) is not None:
            self._scheduler.hold(self._request(execution, task), agent.id)
            run = self._begin(execution, task, agent, resumed=True)
            if is_final(execution.status):
                run.stop(Outcome.DISMISSED, execution.message)
        elif attempt is not None and attempt.outcome is None:
            await self._node_unknown(execution, task)

    async def _node_unknown(self, execution: Execution, task: Task) -> None:
        """Give up an Attempt whose Node the configuration no longer names."""
        attempt = current(task)
        attempt.outcome = Outcome.PLATFORM
        attempt.reason = f"Node {attempt.node} is no longer configured"
        attempt.phase = Phase.ENDED
        attempt.phases.append(PhaseTime(phase=Phase.ENDED, at=now()))
        task.state = changed(task.state, TaskState.QUEUED)
        task = await self._records.save(task)
        self.enqueue(execution, task)

    async def _dispatch(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due = self._scheduler.next_due()
            timeout = None if due is None else max(due - clock(), 0.05)
            try:
                async with asyncio.timeout(timeout):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            for request, node_id in self._scheduler.place(clock()):
                self.spawn(self._begin_new(request, self._agents[node_id]))

    async def _begin_new(self, request: Request, agent: NodeAgent) -> None:
        execution_id, _, index = request.task_id.rpartition(".")
        task = await self._store.get_task(execution_id, int(index))
        execution = await self._records.change_execution(execution_id, _set_running)
        if execution is None or task is None or is_final(execution.status):
            self._scheduler.release(request.task_id)
            if task is not None and task.state is TaskState.QUEUED:
                task.state = changed(task.state, TaskState.DISMISSED)
                await self._records.save(task)
            return
        task.state = changed(task.state, TaskState.RUNNING)
        task.attempts.append(
            Attempt(
                number=len(task.attempts) + 1,
                node=agent.id,
                phases=[PhaseTime(phase=Phase.LAUNCH, at=now())],
            )
        )
        try:
            task = await self._records.save(task)
        except Conflict:
            self._scheduler.release(request.task_id)
            return
        run = self._begin(execution, task, agent)
        await self._records.tell_phase(execution.owner, task)
        latest = await self._store.get_execution(execution_id)
        if latest is None or is_final(latest.status):
            run.stop(Outcome.DISMISSED, "dismissed")

    def _begin(
        self, execution: Execution, task: Task, agent: NodeAgent, resumed: bool = False
    ) -> AttemptRun:
        run = AttemptRun(
            self._parts,
            agent,
            execution,
            task,
            _credentials(execution.image, agent),
            self._outcome_known,
            resumed,
        )
        self._runs[execution.id][task.index] = run
        drives = self._drives[execution.id]
        drive = self.spawn(self._drive(execution, run))
        drives.add(drive)
        drive.add_done_callback(drives.discard)
        return run

    async def _drive(self, execution: Execution, run: AttemptRun) -> None:
        task = run.task
        await run.run()
        # Not in a `finally`: when the service stops, the Attempt is still under way.
        runs = self._runs[execution.id]
        runs.pop(task.index, None)
        self._scheduler.release(task.id)
        if not runs:
            self._runs.pop(execution.id, None)
            self._drives.pop(execution.id, None)
            self._done.pop(execution.id, None)
        if run.task.state is TaskState.QUEUED:
            await self._queue_again(execution, run.task)
        self._wake.set()

    async def _queue_again(self, execution: Execution, task: Task) -> None:
        latest = await self._store.get_execution(execution.id)
        if latest is None:
            return
        if is_final(latest.status):
            task.state = changed(task.state, TaskState.DISMISSED)
            await self._records.save(task)
        else:
            self.enqueue(latest, task)

    async def _outcome_known(self, task: Task) -> None:
        if is_final(task.state):
            self._done[task.execution_id].add(task.index)
            await self.conclusion.conclude(task.execution_id)

    @staticmethod
    def _request(execution: Execution, task: Task) -> Request:
        return Request(
            task_id=task.id,
            infrastructure_id=execution.infrastructure_id,
            owner=execution.owner,
            image=execution.image,
            memory=int(execution.limits.memory),
        )


def _set_running(execution: Execution) -> bool:
    if execution.status is not Status.ACCEPTED:
        return False
    execution.status = changed(execution.status, Status.RUNNING)
    execution.message = "Running"
    execution.started = now()
    return True


def _credentials(image: str, agent: NodeAgent) -> Credentials | None:
    """Return the login for an image's registry, when the Infrastructure has one."""
    for registry in agent.infrastructure.registries:
        if image.startswith(f"{registry.host}/") and registry.username and registry.password:
            return Credentials(registry.username, registry.password)
    return None
