"""How every store lists Executions."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest

from ccp_jupyter.hub_service.store.base import ExecutionQuery, Store
from ccp_jupyter.model.states import Status
from tests.contract.store_data import (
    FINAL,
    add_all,
    an_execution,
    at,
    ids,
)


@pytest.mark.parametrize("order", ["abc", "cba", "bca"])
async def test_newest_first_and_ties_by_id(store: Store, order: str) -> None:
    for name in order:
        await add_all(store, an_execution(name), an_execution(f"late-{name}", created=at(0.001)))
    expected = ["late-a", "late-b", "late-c", "a", "b", "c"]
    assert await ids(store) == expected
    assert await ids(store, owner="alice") == expected
    assert await ids(store, statuses=(Status.ACCEPTED, Status.RUNNING)) == expected
    assert await ids(store, method_ids=("m1", "m2")) == expected
    opened = [execution.id for execution in await store.open_executions()]
    assert opened == ["a", "b", "c", "late-a", "late-b", "late-c"]


async def test_pages_join_without_gap_or_overlap(store: Store) -> None:
    for number in (3, 0, 4, 1, 2):
        await add_all(store, an_execution(f"e{number}"))
    seen: list[str] = []
    offset: int | None = 0
    sizes = []
    while offset is not None:
        page = await store.list_executions(ExecutionQuery(limit=2, offset=offset))
        seen += [execution.id for execution in page.items]
        sizes.append(len(page.items))
        offset = page.next_offset
    assert seen == ["e0", "e1", "e2", "e3", "e4"]
    assert sizes == [2, 2, 1]
    whole = await store.list_executions(ExecutionQuery(limit=5))
    assert (len(whole.items), whole.next_offset) == (5, None)
    beyond = await store.list_executions(ExecutionQuery(offset=2**50))
    assert (beyond.items, beyond.next_offset) == ([], None)


@pytest.mark.parametrize(("limit", "offset"), [(0, 0), (-1, 0), (10, -1), (2**64, 0), (1, 2**64)])
async def test_impossible_page_is_refused(store: Store, limit: int, offset: int) -> None:
    with pytest.raises(ValueError, match=r"limit|offset"):
        await store.list_executions(ExecutionQuery(limit=limit, offset=offset))


async def test_filters_alone_and_together(store: Store) -> None:
    statuses = list(Status)
    everything = [
        an_execution(
            f"e{number:02}",
            owner="ab"[number % 2],
            method_id=f"m{number % 3}",
            status=statuses[number % 5],
            created=at(number // 4),
        )
        for number in range(60)
    ]
    await add_all(store, *everything)
    many = tuple(f"m{number}" for number in range(2, 40))
    for owner in (None, "a", "c"):
        for methods in ((), ("m1",), ("m0", "m2", "m0"), ("none",), many):
            for wanted in ((), (Status.FAILED,), (Status.ACCEPTED, Status.FAILED), FINAL):
                expected = sorted(
                    (
                        execution
                        for execution in everything
                        if owner in (None, execution.owner)
                        and (not methods or execution.method_id in methods)
                        and (not wanted or execution.status in wanted)
                    ),
                    key=lambda execution: (-execution.created.timestamp(), execution.id),
                )
                members = {"owner": owner, "method_ids": methods, "statuses": wanted}
                assert await ids(store, **members) == [e.id for e in expected], members
                part = await ids(store, **members, limit=3, offset=2)
                assert part == [e.id for e in expected[2:5]], members


async def test_created_between_both_ends_included(store: Store) -> None:
    await add_all(store, *(an_execution(f"e{n}", created=at(n / 1000)) for n in range(5)))
    assert await ids(store, created_from=at(0.001), created_to=at(0.003)) == ["e3", "e2", "e1"]
    assert await ids(store, created_from=at(0.004)) == ["e4"]
    assert await ids(store, created_to=at(0)) == ["e0"]
    assert await ids(store, created_from=at(0.003), created_to=at(0.001)) == []
    finer = timedelta(microseconds=1)
    assert await ids(store, created_from=at(0.003) + finer) == ["e4"]
    assert await ids(store, created_to=at(0.001) - finer) == ["e0"]


async def test_duration_filter(store: Store) -> None:
    await add_all(
        store,
        an_execution("waiting"),
        an_execution("refused", finished=at(9), status=Status.FAILED),
        an_execution("one", started=at(1), finished=at(2), status=Status.SUCCESSFUL),
        an_execution("odd", started=at(1), finished=at(2.001), status=Status.SUCCESSFUL),
        an_execution("running", started=at(5), status=Status.RUNNING),
    )

    async def lasting(**members: Any) -> set[str]:
        return set(await ids(store, **members))

    assert await lasting(min_duration=0, at=at(10)) == {"one", "odd", "running"}
    assert await lasting(min_duration=1, max_duration=1, at=at(10)) == {"one"}
    assert await lasting(min_duration=1.001, max_duration=1.001, at=at(10)) == {"odd"}
    assert await lasting(min_duration=1.0001, at=at(10)) == {"odd", "running"}
    assert await lasting(max_duration=4.999, at=at(10)) == {"one", "odd"}
    assert await lasting(max_duration=5, at=at(10)) == {"one", "odd", "running"}
    assert await lasting(min_duration=6, at=at(11)) == {"running"}
    assert await lasting(min_duration=0, at=at(4)) == {"one", "odd"}
    # Nobody said when "now" is, so nobody knows how long the running one has lasted.
    assert await lasting(min_duration=0) == {"one", "odd"}
    assert await lasting(max_duration=math.inf, at=at(10)) == {"one", "odd", "running"}
    assert await lasting(min_duration=math.inf, at=at(10)) == set()


async def test_duration_filter_with_others_and_pages(store: Store) -> None:
    for number in range(6):
        await add_all(
            store,
            an_execution(f"e{number}", started=at(0), finished=at(number), owner="ab"[number % 2]),
        )
    assert await ids(store, owner="b", min_duration=2) == ["e3", "e5"]
    assert await ids(store, min_duration=2, limit=2, offset=1) == ["e3", "e4"]


async def test_list_follows_saves(store: Store) -> None:
    kept = await store.add_execution(an_execution("e1"), [])
    assert await ids(store, statuses=(Status.ACCEPTED,)) == ["e1"]
    await store.save_execution(
        kept.model_copy(
            update={"status": Status.RUNNING, "started": at(1), "finished": at(3), "owner": "bob"}
        )
    )
    assert await ids(store, statuses=(Status.ACCEPTED,)) == []
    assert await ids(store, statuses=(Status.RUNNING,), owner="bob", min_duration=2) == ["e1"]
    assert await ids(store, owner="alice") == []
