"""What is said of an Execution at this moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Set
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from ccp_jupyter.hub_service.controller.base import Live
from ccp_jupyter.hub_service.controller.dependencies import Dependencies
from ccp_jupyter.hub_service.controller.queue import TaskQueue
from ccp_jupyter.hub_service.controller.records import current
from ccp_jupyter.hub_service.controller.runs import Runs
from ccp_jupyter.model.execution import Execution, Task, task_id
from ccp_jupyter.model.states import Phase, is_final

# How far a replica has come when its Attempt is in a phase, for the progress of an Execution.
_SHARE: Final = {
    Phase.LAUNCH: 0.05,
    Phase.DEPLOY: 0.15,
    Phase.EXECUTE: 0.4,
    Phase.FETCH: 0.9,
    Phase.DESTROY: 1.0,
    Phase.ENDED: 1.0,
}


class Progress:
    """Knows how far Executions have come.

    Parameters
    ----------
    runs, queue, dependencies
        Attempts under way, Tasks that wait for room, Executions that wait for others.
    """

    def __init__(self, runs: Runs, queue: TaskQueue, dependencies: Dependencies) -> None:
        self._runs = runs
        self._queue = queue
        self._dependencies = dependencies
        self._done: dict[str, set[int]] = defaultdict(set)

    def note(self, task: Task) -> None:
        """Note that a Task has its final state."""
        self._done[task.execution_id].add(task.index)

    def resume(self, execution: Execution, left: Set[int]) -> None:
        """Note, after a start, which Tasks have no final state yet; by index."""
        self._done[execution.id] = set(range(1, execution.replicas + 1)) - left

    async def forget(self, execution: Execution) -> None:
        """Forget an Execution that has ended."""
        self._done.pop(execution.id, None)

    def live(self, execution: Execution) -> Live | None:
        """Return how an Execution stands at this moment; None when it is final."""
        if is_final(execution.status):
            return None
        runs = self._runs.of(execution.id)
        done: Set[int] = self._done.get(execution.id, frozenset())
        if others := self._dependencies.waiting_for(execution.id):
            return Live(f"Waiting for Execution {', '.join(others)}", 0)
        if not runs:
            return self._waiting(execution, done)
        phases = {index: current(run.task).phase for index, run in runs.items()}
        waiting = [r.agent for r in runs.values() if not r.agent.online]
        if waiting:
            agent = waiting[0]
            return Live(f"Waiting for Node {agent.id}: {agent.reason}", execution.progress)
        share = len(done) + sum(_SHARE[phase] for i, phase in phases.items() if i not in done)
        progress = min(99, round(100 * share / execution.replicas))
        phase = min(phases.values(), key=list(Phase).index).capitalize()
        if execution.replicas == 1:
            return Live(phase, progress)
        what = "replicas" if execution.experiment is None else "batches"
        return Live(f"{phase}: {len(done)} of {execution.replicas} {what} finished", progress)

    def _waiting(self, execution: Execution, done: Set[int]) -> Live:
        left = (i for i in range(1, execution.replicas + 1) if i not in done)
        outlook = self._queue.forecast(task_id(execution.id, next(left, 1)))
        if outlook is None:
            return Live(execution.message, execution.progress)
        position = outlook.ahead + 1
        queued = max(position, self._queue.lengths().get(execution.infrastructure_id, 0))
        start = None if outlook.start is None else to_the_minute(outlook.start)
        reason = replace(outlook, start=start).text
        message = f"Waiting: {ordinal(position)} of {queued} in the queue; {reason}"
        if start is not None and "{start}" not in outlook.reason:
            message += f"; begins at about {start:%H:%M} UTC"
        return Live(message, execution.progress, position, start)


def ordinal(number: int) -> str:
    """Return a number as in ``1st``, ``2nd``, ``3rd``, ``11th``."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"


def to_the_minute(moment: datetime) -> datetime:
    """Return the next full minute."""
    # Nobody can tell more exactly, and answers that stay the same are made once.
    rounded = moment.astimezone(UTC).replace(second=0, microsecond=0)
    return rounded if rounded == moment else rounded + timedelta(minutes=1)
