"""What every store does with Executions that are shared, reused, or only ``created``."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ccp_jupyter.hub_service.store.base import (
    Conflict,
    Duplicate,
    ExecutionQuery,
    Store,
    Usage,
)
from ccp_jupyter.model.callbacks import Callback, CallbackState
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.origin import Origin
from ccp_jupyter.model.sharing import Sharing, Viewer
from ccp_jupyter.model.states import Status, is_final
from tests.contract.store_data import (
    START,
    a_task,
    add_all,
    an_execution,
    at,
    exact,
    ids,
)
from tests.contract.stores import Place
from tests.contract.test_store_batches import an_experiment

ADMIN = Viewer(name="root", admin=True)
ODD_NAMES = (
    "bob",
    "Bob",
    "bob ",
    "bob\0",
    "bob\0x",
    "b%",
    "bøb",
    "bo\u0308b",
    "user bob",
    "",
    "$in",
)


def shared(
    execution_id: str, *users: str, contexts: tuple[str, ...] = (), **members: Any
) -> Execution:
    """Return an Execution of alice that is shared with some by name and in Contexts."""
    sharing = Sharing(
        users=list(users), contexts=list(contexts), public=members.pop("public", False)
    )
    return an_execution(execution_id, sharing=sharing, **members)


async def seen(store: Store, viewer: Viewer, **members: Any) -> list[str]:
    query = ExecutionQuery(shared_with=viewer, **{"limit": 100, **members})
    found = await ids(store, shared_with=viewer, **members)
    if "limit" not in members and "offset" not in members:
        assert await store.count_executions(query) == len(found)
    return found


# -- Shared


async def test_what_others_share_is_listed_newest_first_each_once(store: Store) -> None:
    await add_all(
        store,
        shared("d", "bob", "bob", contexts=("lab", "team"), created=at(1)),
        shared("a", contexts=("team", "team"), created=at(1)),
        shared("c", "zoe", created=at(3)),
        shared("b", "zoe", "bob", created=at(2), status=Status.CREATED),
        shared("own", "bob", contexts=("lab",), owner="bob", created=at(9)),
        shared("public", public=True, created=at(9)),
        shared("private", created=at(9)),
        an_experiment("x", sharing=Sharing(contexts=["lab"]), created=at(0), owner="zoe"),
    )
    bob = Viewer(name="bob", groups=frozenset({"lab", "team", "none"}))
    assert await seen(store, bob) == ["b", "a", "d", "x"]
    assert await seen(store, Viewer(name="bob")) == ["b", "d"]
    zoe = Viewer(name="zoe", groups=frozenset({"lab"}))
    assert await seen(store, zoe) == ["own", "c", "b", "d"]
    assert await seen(store, bob, owner="zoe") == ["x"]
    assert await seen(store, bob, owner="bob") == []
    assert await seen(store, Viewer(name="alice", groups=frozenset({"lab"}))) == ["own", "x"]
    # Not for being an administrator.
    assert await seen(store, ADMIN) == []
    assert [await seen(store, bob, limit=2, offset=n) for n in (0, 2, 4)] == [
        ["b", "a"],
        ["d", "x"],
        [],
    ]
    page = await store.list_executions(ExecutionQuery(shared_with=bob, limit=2, offset=1))
    assert page.next_offset == 3
    page = await store.list_executions(ExecutionQuery(shared_with=bob, limit=2, offset=2))
    assert page.next_offset is None


async def test_a_list_of_what_is_shared_has_no_other_filters(store: Store) -> None:
    given: list[dict[str, Any]] = [
        {"experiments": False},
        {"method_ids": ("m1",)},
        {"statuses": (Status.CREATED,)},
        {"created_from": START},
        {"created_to": START},
        {"min_duration": 0.0},
        {"max_duration": 1.0},
        {"at": START},
        {"ascending": True},
    ]
    for members in given:
        query = ExecutionQuery(shared_with=Viewer(name="bob"), **members)
        name = next(iter(members))
        with pytest.raises(ValueError, match=f"shared_with: not together with {name}"):
            await store.list_executions(query)
        with pytest.raises(ValueError, match=f"shared_with: not together with {name}"):
            await store.count_executions(query)


async def test_sharing_follows_saves_and_ends_with_the_execution(store: Store) -> None:
    bob = Viewer(name="bob", groups=frozenset({"lab"}))
    kept = await store.add_execution(shared("e1"), [a_task()])
    for users, contexts, visible in (
        (["bob"], [], True),
        (["zoe"], [], False),
        ([], ["lab"], True),
        (["bob"], ["lab"], True),
        ([], [], False),
        (["bob"], ["lab"], True),
    ):
        change = {"sharing": Sharing(users=users, contexts=contexts)}
        kept = await store.save_execution(kept.model_copy(update=change))
        assert await seen(store, bob) == (["e1"] if visible else [])
    # Of several saves the last one counts, whoever had the sharing.
    kept = await store.save_execution(kept.model_copy(update={"owner": "bob"}))
    assert await seen(store, bob) == []
    with pytest.raises(Conflict):
        await store.save_execution(shared("e1", "zoe", version=1))
    assert await seen(store, Viewer(name="zoe")) == []
    assert await seen(store, Viewer(name="zoe", groups=frozenset({"lab"}))) == ["e1"]
    await store.remove_execution("e1")
    assert await seen(store, Viewer(name="zoe", groups=frozenset({"lab"}))) == []
    await store.add_execution(shared("e1"), [])
    assert await seen(store, Viewer(name="zoe", groups=frozenset({"lab"}))) == []


async def test_odd_names_are_themselves_only(store: Store) -> None:
    for number, name in enumerate(ODD_NAMES):
        await store.add_execution(shared(f"u{number}", name, reuse_key="k", **DONE), [])
        context = shared(f"g{number}", contexts=(name,), reuse_key="k", **DONE)
        await store.add_execution(context, [])
    for number, name in enumerate(ODD_NAMES):
        by_name, in_group = Viewer(name=name), Viewer(name="x", groups=frozenset({name}))
        assert await seen(store, by_name) == [f"u{number}"], name
        assert await seen(store, in_group) == [f"g{number}"], name
        assert [e.id for e in await store.find_reusable("k", by_name)] == [f"u{number}"], name
        assert [e.id for e in await store.find_reusable("k", in_group)] == [f"g{number}"], name


async def test_somebody_in_very_many_contexts(store: Store) -> None:
    for number in range(5):
        contexts = tuple(f"g{n}" for n in range(number * 30, number * 30 + 90))
        await store.add_execution(shared(f"e{number}", contexts=contexts, created=at(number)), [])
    for count in (99, 100, 101, 190, 250, 1200):
        crowd = Viewer(name="x", groups=frozenset(f"g{n}" for n in range(89, 89 + count)))
        assert await seen(store, crowd) == ["e4", "e3", "e2", "e1", "e0"], count
        assert await seen(store, crowd, limit=2, offset=2) == ["e2", "e1"], count


# -- Reused


DONE: dict[str, Any] = {"status": Status.SUCCESSFUL, "output_size": 1}


async def test_the_newest_that_one_may_see_is_reused(store: Store) -> None:
    await add_all(
        store,
        shared("old", reuse_key="k", created=at(1), **DONE),
        shared("b", reuse_key="k", created=at(5), **DONE),
        shared("a", reuse_key="k", created=at(5), **DONE),
        shared("other", reuse_key="K", created=at(9), **DONE),
        shared("none", created=at(9), **DONE),
        shared("bobs", owner="bob", reuse_key="k", created=at(8), **DONE),
        shared("public", owner="bob", public=True, reuse_key="k", created=at(3), **DONE),
        shared("named", "alice", "al", owner="bob", reuse_key="k", created=at(2), **DONE),
        shared("lab", contexts=("lab",), owner="bob", reuse_key="k", created=at(4), **DONE),
    )
    for status in Status:
        if status is not Status.SUCCESSFUL:
            await store.add_execution(shared(status, reuse_key="k", status=status), [])

    async def found(viewer: Viewer, key: str = "k", limit: int = 10) -> list[str]:
        return [each.id for each in await store.find_reusable(key, viewer, limit)]

    alice = Viewer(name="alice")
    assert await found(alice) == ["a", "b", "public", "named", "old"]
    assert await found(alice, limit=2) == ["a", "b"]
    assert await found(Viewer(name="zoe", groups=frozenset({"lab"}))) == ["lab", "public"]
    assert await found(ADMIN) == ["bobs", "a", "b", "lab", "public", "named", "old"]
    assert await found(alice, "K") == ["other"]
    for key in ("", "k ", "none", "k\0", "%"):
        assert await found(ADMIN, key) == []
    for limit in (0, -1, 2**64):
        with pytest.raises(ValueError, match="limit"):
            await store.find_reusable("k", alice, limit)


async def test_what_becomes_successful_can_be_reused(store: Store) -> None:
    alice = Viewer(name="alice")
    kept = await store.add_execution(an_execution("e1", reuse_key="k"), [])
    assert await store.find_reusable("k", alice) == []
    kept = await store.save_execution(kept.model_copy(update={"status": Status.SUCCESSFUL}))
    assert await store.find_reusable("k", alice) == [kept]
    kept = await store.save_execution(kept.model_copy(update={"reuse_key": ""}))
    assert await store.find_reusable("k", alice) == []
    assert await store.find_reusable("", alice) == []


# -- Created


async def test_a_created_one_is_kept_counted_and_begun(store: Store, place: Place) -> None:
    given = an_execution(
        "e1",
        status=Status.CREATED,
        idempotency_key="k",
        origin=Origin(kind="repeat", id="e0", at=START),
        callbacks=[Callback(kind="success", uri="https://example.org/ä")],
    )
    kept = await store.add_execution(given, [])
    assert await store.open_executions() == []
    assert await ids(store, statuses=(Status.CREATED,)) == ["e1"]
    assert await ids(store, owner="alice", statuses=(Status.CREATED, Status.FAILED)) == ["e1"]
    assert await ids(store, statuses=(Status.ACCEPTED,)) == []
    assert await ids(store, method_ids=("m1",)) == ["e1"]
    assert await store.usage("alice", "local") == Usage(1, 0)
    tasks = [a_task(index=index) for index in range(1, 41)]
    begun = kept.model_copy(update={"status": Status.ACCEPTED, "replicas": 40, "owner": "bob"})
    begun = await store.begin_execution(begun, tasks)
    assert begun.version == 2
    for _ in range(2):
        assert exact(await store.get_execution("e1")) == exact(begun)
        assert await store.open_executions() == [begun]
        assert [(t.index, t.version) for t in await store.list_tasks("e1")] == [
            (index, 1) for index in range(1, 41)
        ]
        assert len(await store.open_tasks()) == 40
        assert await ids(store, statuses=(Status.CREATED,)) == []
        assert await store.find_execution("bob", "k") == begun
        assert await store.usage("alice", "local") == Usage(0, 0)
        assert await store.usage("bob", "local") == Usage(1, 0)
        await store.close()
        store = await place.open()
    await store.close()


async def test_what_cannot_begin_stays_as_it_is(store: Store) -> None:
    kept = await store.add_execution(an_execution("e1", status=Status.CREATED), [])
    other = await store.add_execution(an_execution("e2", idempotency_key="k"), [a_task("e2")])
    begun = kept.model_copy(update={"status": Status.ACCEPTED})
    for version in (0, 2):
        with pytest.raises(Conflict, match="e1"):
            await store.begin_execution(begun.model_copy(update={"version": version}), [a_task()])
    with pytest.raises(Conflict, match="e3"):
        await store.begin_execution(an_execution("e3", version=1), [a_task("e3")])
    with pytest.raises(Duplicate, match="e1"):
        await store.begin_execution(begun, [a_task(), a_task(index=2), a_task()])
    taken = begun.model_copy(update={"idempotency_key": "k"})
    with pytest.raises(Duplicate, match="e1"):
        await store.begin_execution(taken, [a_task()])
    for stranger in (a_task("e2", 2), a_task("e1", created=at(1))):
        with pytest.raises(ValueError, match=stranger.id):
            await store.begin_execution(begun, [stranger])
    assert await store.get_execution("e1") == kept
    assert await store.list_tasks("e1") == []
    assert await store.list_tasks("e2") == [a_task("e2", version=1)]
    assert await store.get_execution("e3") is None
    assert await store.open_executions() == [other]
    assert await store.usage("alice", "local") == Usage(2, 0)
    assert (await store.begin_execution(begun, [a_task()])).version == 2


async def test_of_many_that_begin_it_one_does(store: Store) -> None:
    kept = await store.add_execution(an_execution("e1", status=Status.CREATED), [])
    begun = kept.model_copy(update={"status": Status.ACCEPTED})
    results = await asyncio.gather(
        *(store.begin_execution(begun, [a_task(), a_task(index=2)]) for _ in range(8)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Execution) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 7
    assert [task.index for task in await store.list_tasks("e1")] == [1, 2]


@pytest.mark.parametrize("status", [each for each in Status if is_final(each)])
async def test_while_it_is_ending_it_is_open(store: Store, status: Status) -> None:
    kept = await store.add_execution(an_execution("e1", status=status, ending=True), [])
    assert await store.open_executions() == [kept]
    await store.save_execution(kept.model_copy(update={"ending": False}))
    assert await store.open_executions() == []


@pytest.mark.parametrize("status", Status)
async def test_with_callbacks_due_it_is_open(store: Store, status: Status) -> None:
    for state in CallbackState:
        callbacks = [
            Callback(kind="inProgress", uri="https://example.org", state=CallbackState.DELIVERED),
            Callback(kind="success", uri="https://example.org", state=state),
        ]
        kept = await store.add_execution(an_execution(state, status=status), [])
        await store.save_execution(kept.model_copy(update={"callbacks": callbacks}))
    found = {execution.id for execution in await store.open_executions()}
    if status in (Status.ACCEPTED, Status.RUNNING):
        assert found == set(CallbackState)
    else:
        assert found == {"due"}
