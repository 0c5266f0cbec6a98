"""Random work on every store, in step with the plainest store that could be right."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from ccp_jupyter.hub_service.store.base import (
    BatchQuery,
    Conflict,
    Duplicate,
    ExecutionQuery,
    Usage,
)
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.experiment import Batch, BatchState, Experiment
from ccp_jupyter.model.sharing import Sharing, Viewer
from ccp_jupyter.model.states import Status, Target, TaskState, is_final
from tests.contract.store_data import a_task, an_execution, at, exact
from tests.contract.stores import PLACES

T = TypeVar("T")

IDS = st.sampled_from(["a", "b", "c", "d", "é"])
EXPERIMENT = Experiment(red_version="9", cli={}, container={})
SHARING = st.builds(
    Sharing,
    public=st.just(False) | st.booleans(),
    users=st.lists(st.sampled_from(["alice", "bob"]), max_size=2),
    contexts=st.lists(st.sampled_from(["lab", "bob"]), max_size=2),
)
OWNERS = st.sampled_from(["alice", "bob"])
# What a request may bring: no lone surrogates, no infinity, integers within 64 bits.
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


class Machine(RuleBasedStateMachine):
    """Adds, saves, removes; after each step everything is asked and compared."""

    kind: str

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.place = PLACES[self.kind](Path(self.folder.name))
        self.store = self.run(self.place.open())
        self.executions: dict[str, Execution] = {}
        self.tasks: dict[str, list[Task]] = {}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.run(self.place.check())
        self.run(self.place.remove())
        self.run(self.loop.shutdown_default_executor())
        self.loop.close()
        self.folder.cleanup()

    @rule(
        name=IDS,
        owner=OWNERS,
        sharing=SHARING,
        key=st.none() | st.sampled_from(["k", "l"]),
        age=st.integers(0, 2),
        document=JSON,
        count=st.integers(0, 2),
        kind=st.booleans(),
    )
    def add(
        self,
        name: str,
        owner: str,
        key: str | None,
        age: int,
        document: object,
        count: int,
        kind: bool,
        sharing: Sharing,
    ) -> None:
        more: dict[str, Any] = (
            {"experiment": EXPERIMENT, "method_id": ""} if kind else {"request": {"x": document}}
        )
        execution = an_execution(
            name, owner=owner, idempotency_key=key, created=at(age), sharing=sharing, **more
        )
        batch = Batch(inputs={"x": document}) if kind else None
        tasks = [
            a_task(name, index, owner=owner, created=at(age), batch=batch)
            for index in range(1, count + 1)
        ]
        taken = name in self.executions or any(
            key is not None and (other.owner, other.idempotency_key) == (owner, key)
            for other in self.executions.values()
        )
        if taken:
            with pytest.raises(Duplicate):
                self.run(self.store.add_execution(execution, tasks))
            return
        self.executions[name] = execution.model_copy(update={"version": 1})
        self.tasks[name] = [task.model_copy(update={"version": 1}) for task in tasks]
        assert self.run(self.store.add_execution(execution, tasks)) == self.executions[name]

    @rule(
        name=IDS,
        status=st.sampled_from(Status),
        goal=st.sampled_from(Target),
        size=st.none() | st.integers(0, 2**40),
        behind=st.integers(0, 1),
        sharing=SHARING,
        begin=st.booleans(),
    )
    def save(
        self,
        name: str,
        status: Status,
        goal: Target,
        size: int | None,
        behind: int,
        sharing: Sharing,
        begin: bool,
    ) -> None:
        present = self.executions.get(name)
        changed = (present or an_execution(name)).model_copy(
            update={
                "status": status,
                "target": goal,
                "output_size": size,
                "sharing": sharing,
                "reuse_key": "k" if size else "",
                "version": (present.version if present else 1) - behind,
            }
        )
        if present is None or behind:
            with pytest.raises(Conflict):
                self.run(self.store.save_execution(changed))
            with pytest.raises(Conflict):
                self.run(self.store.begin_execution(changed, []))
            return
        expected = changed.model_copy(update={"version": changed.version + 1})
        if begin:
            task = a_task(name, owner=changed.owner, created=changed.created)
            if self.tasks[name]:
                with pytest.raises(Duplicate):
                    self.run(self.store.begin_execution(changed, [task]))
                return
            self.tasks[name] = [task.model_copy(update={"version": 1})]
            assert self.run(self.store.begin_execution(changed, [task])) == expected
        else:
            assert self.run(self.store.save_execution(changed)) == expected
        self.executions[name] = expected

    @rule(name=IDS, index=st.integers(1, 2), state=st.sampled_from(TaskState))
    def save_task(self, name: str, index: int, state: TaskState) -> None:
        tasks = self.tasks.get(name, [])
        if index > len(tasks):
            with pytest.raises(Conflict):
                self.run(self.store.save_task(a_task(name, index, version=1)))
            return
        changed = tasks[index - 1].model_copy(update={"state": state})
        tasks[index - 1] = changed.model_copy(update={"version": changed.version + 1})
        assert self.run(self.store.save_task(changed)) == tasks[index - 1]

    @rule(name=IDS)
    def remove(self, name: str) -> None:
        self.executions.pop(name, None)
        self.tasks.pop(name, None)
        self.run(self.store.remove_execution(name))

    @rule()
    def restart(self) -> None:
        self.run(self.store.close())
        self.store = self.run(self.place.open())

    @rule(
        owner=st.none() | OWNERS,
        statuses=st.sets(st.sampled_from(Status), max_size=2),
        methods=st.sampled_from([(), ("m1",), ("m1", "m2"), ("m2",)]),
        kind=st.none() | st.booleans(),
        ascending=st.booleans(),
        limit=st.integers(1, 3),
        offset=st.integers(0, 3),
    )
    def list_some(
        self,
        owner: str | None,
        statuses: set[Status],
        methods: tuple[str, ...],
        kind: bool | None,
        ascending: bool,
        limit: int,
        offset: int,
    ) -> None:
        query = ExecutionQuery(
            owner=owner,
            experiments=kind,
            method_ids=methods,
            statuses=tuple(statuses),
            ascending=ascending,
            limit=limit,
            offset=offset,
        )
        wanted = [
            execution
            for execution in self.newest_first()
            if owner in (None, execution.owner)
            and (not statuses or execution.status in statuses)
            and (not methods or execution.method_id in methods)
            and kind in (None, execution.experiment is not None)
        ]
        wanted = wanted[::-1] if ascending else wanted
        assert self.run(self.store.count_executions(query)) == len(wanted)
        page = self.run(self.store.list_executions(query))
        assert page.items == wanted[offset : offset + limit]
        assert page.next_offset == (offset + limit if len(wanted) > offset + limit else None)

    @rule(
        owner=st.none() | OWNERS,
        name=st.none() | IDS,
        states=st.sets(st.sampled_from(BatchState), max_size=2),
        limit=st.integers(1, 3),
        offset=st.integers(0, 2),
    )
    def list_batches(
        self, owner: str | None, name: str | None, states: set[BatchState], limit: int, offset: int
    ) -> None:
        query = BatchQuery(owner, name, states=tuple(states), limit=limit, offset=offset)
        wanted = [
            task
            for execution in self.newest_first()
            for task in self.tasks[execution.id]
            if task.batch is not None
            and owner in (None, task.owner)
            and name in (None, task.execution_id)
            and (not states or task.batch_state in states)
        ]
        page = self.run(self.store.list_batches(query))
        assert page.items == wanted[offset : offset + limit]
        assert page.next_offset == (offset + limit if len(wanted) > offset + limit else None)
        assert self.run(self.store.count_batches(query)) == len(wanted)

    @rule(
        viewer=st.sampled_from(
            [Viewer(name="alice", groups=frozenset({"lab"})), Viewer(name="bob")]
        )
    )
    def list_shared(self, viewer: Viewer) -> None:
        seen = [e for e in self.newest_first() if viewer.may_see(e)]
        others = [e for e in seen if e.owner != viewer.name and shared(e, viewer)]
        query = ExecutionQuery(shared_with=viewer)
        assert self.run(self.store.list_executions(query)).items == others
        assert self.run(self.store.count_executions(query)) == len(others)
        same = [e for e in seen if e.reuse_key and e.status is Status.SUCCESSFUL]
        assert self.run(self.store.find_reusable("k", viewer)) == same

    def newest_first(self) -> list[Execution]:
        return sorted(self.executions.values(), key=lambda e: (-e.created.timestamp(), e.id))

    @invariant()
    def everything_is_as_expected(self) -> None:
        self.run(self.compare())

    async def compare(self) -> None:
        for name in ("a", "b", "c", "d", "é"):
            found = await self.store.get_execution(name)
            assert found == self.executions.get(name)
            assert found is None or exact(found) == exact(self.executions[name])
            assert await self.store.list_tasks(name) == self.tasks.get(name, [])
        oldest_first = sorted(self.executions.values(), key=lambda e: (e.created, e.id))
        assert await self.store.open_executions() == [
            e
            for e in oldest_first
            if not (is_final(e.status) or e.status is Status.CREATED) or e.target is Target.DELETED
        ]
        assert await self.store.open_tasks() == [
            task for e in oldest_first for task in self.tasks[e.id] if not is_final(task.state)
        ]
        for owner in ("alice", "bob"):
            theirs = [e for e in self.executions.values() if e.owner == owner]
            size = sum(e.output_size or 0 for e in theirs)
            assert await self.store.usage(owner, "local") == Usage(len(theirs), size)


def shared(execution: Execution, viewer: Viewer) -> bool:
    """Tell whether an Execution is shared with somebody by name, or in one of their Contexts."""
    sharing = execution.sharing
    return viewer.name in sharing.users or not viewer.groups.isdisjoint(sharing.contexts)


def test_random_work(place_kind: str) -> None:
    machine = type("Machine", (Machine,), {"kind": place_kind})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=8,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
