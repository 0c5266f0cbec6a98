"""Executions that begin only after others were successful."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable

from ccp_jupyter.hub_service.store.base import Store
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.states import Status, is_final


class Dependencies:
    """Who waits for whom; in memory, made again from the store at each start.

    Parameters
    ----------
    store : Store
        Has the Executions.
    begin : callable
        Awaited with the id of an Execution that need not wait any more.
    give_up : callable
        Awaited with the id of an Execution that can never begin, and why.
    """

    def __init__(
        self,
        store: Store,
        begin: Callable[[str], Awaitable[None]],
        give_up: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self._store = store
        self._begin = begin
        self._give_up = give_up
        # Execution -> those that wait for it; and the other way round.
        self._followers: dict[str, set[str]] = defaultdict(set)
        self._open: dict[str, set[str]] = {}

    async def wait(self, execution: Execution) -> bool:
        """Tell whether an Execution has to wait; from then on it is begun or given up by itself."""
        if not execution.after:
            return False
        # Registered before looking, so that no end in between is missed.
        self._open[execution.id] = set(execution.after)
        for name in execution.after:
            self._followers[name].add(execution.id)
        for name in execution.after:
            found = await self._store.get_execution(name)
            if found is None or is_final(found.status):
                await self._look(execution.id, name, found)
        return True

    def waiting_for(self, execution_id: str) -> list[str]:
        """Return the Executions that one still waits for."""
        return sorted(self._open.get(execution_id, ()))

    async def ended(self, execution: Execution) -> None:
        """Take note of an Execution that has its final status."""
        for name in self._open.pop(execution.id, ()):
            self._followers[name].discard(execution.id)
        for follower in list(self._followers.get(execution.id, ())):
            await self._look(follower, execution.id, execution)
        self._followers.pop(execution.id, None)

    async def _look(self, follower: str, name: str, execution: Execution | None) -> None:
        waiting = self._open.get(follower)
        if waiting is None or name not in waiting:
            return
        if execution is None or execution.status is not Status.SUCCESSFUL:
            how = "was deleted" if execution is None else f"ended as {execution.status}"
            del self._open[follower]
            await self._give_up(
                follower, f"Execution {name}, which must be successful first, {how}"
            )
            return
        waiting.discard(name)
        if not waiting:
            del self._open[follower]
            await self._begin(follower)
