"""The Attempts under way in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ccp_jupyter.hub_service.controller.attempt import AttemptRun
from ccp_jupyter.model.states import Outcome

_LOOK_AGAIN: Final = 0.02  # seconds
_NONE: Final[Mapping[int, AttemptRun]] = MappingProxyType({})


class Runs:
    """Attempts under way, by Execution and Task; a Task has one at a time."""

    def __init__(self) -> None:
        self._runs: dict[str, dict[int, AttemptRun]] = {}
        self._drives: dict[AttemptRun, asyncio.Task[None]] = {}
        # Tasks whose Attempt is being written down: why it shall end at once, if it shall.
        self._expected: dict[tuple[str, int], str | None] = {}

    def expect(self, execution_id: str, index: int) -> None:
        """Note that an Attempt of a Task is about to be added, or else `forget`ten."""
        self._expected[execution_id, index] = None

    def forget(self, execution_id: str, index: int) -> None:
        """Note that no Attempt will be added."""
        self._expected.pop((execution_id, index), None)

    def add(self, run: AttemptRun, drive: asyncio.Task[None]) -> None:
        """Note an Attempt and what drives it."""
        task = run.task
        self._runs.setdefault(task.execution_id, {})[task.index] = run
        self._drives[run] = drive
        reason = self._expected.pop((task.execution_id, task.index), None)
        if reason is not None:
            run.stop(Outcome.DISMISSED, reason)

    def drop(self, run: AttemptRun) -> None:
        """Forget an Attempt that has ended."""
        self._drives.pop(run, None)
        runs = self._runs.get(run.task.execution_id, {})
        if runs.get(run.task.index) is run:
            del runs[run.task.index]
            if not runs:
                del self._runs[run.task.execution_id]

    def abandon(self, node_id: str) -> None:
        """Leave the Attempts on a Node as they are, and forget them."""
        for run in self.on(node_id):
            run.abandon()
            self._drives[run].cancel()
            self.drop(run)

    def has(self, execution_id: str, index: int) -> bool:
        """Tell whether an Attempt of a Task is under way, or about to be."""
        key = (execution_id, index)
        return self.get(execution_id, index) is not None or key in self._expected

    def get(self, execution_id: str, index: int) -> AttemptRun | None:
        """Return the Attempt under way of a Task."""
        return self.of(execution_id).get(index)

    def of(self, execution_id: str) -> Mapping[int, AttemptRun]:
        """Return the Attempts under way of an Execution, by index of the Task."""
        return self._runs.get(execution_id, _NONE)

    def on(self, node_id: str) -> list[AttemptRun]:
        """Return the Attempts under way on a Node."""
        return [run for run in self._drives if run.agent.id == node_id]

    def dismiss(self, execution_id: str, index: int, reason: str) -> bool:
        """End the Attempt of a Task, also one that is just being written down.

        Returns
        -------
        bool
            Whether there is one.
        """
        if (run := self.get(execution_id, index)) is not None:
            run.stop(Outcome.DISMISSED, reason)
            return True
        if (execution_id, index) in self._expected:
            self._expected[execution_id, index] = reason
            return True
        return False

    async def over(self, execution_id: str) -> None:
        """Return when no Attempt of an Execution is under way, nor about to be."""
        while True:
            if runs := self.of(execution_id):
                await asyncio.wait([self._drives[run] for run in runs.values()])
            elif not any(name == execution_id for name, _ in self._expected):
                return
            await asyncio.sleep(_LOOK_AGAIN)
