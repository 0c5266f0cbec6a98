"""What every store does with links."""

from __future__ import annotations

from typing import Any

import pytest

from ccp_jupyter.hub_service.store.base import Conflict, Duplicate, Store
from tests.contract.store_data import a_link, at, exact
from tests.contract.stores import Place


async def linked(store: Store, owner: str, *target: Any, **part: Any) -> list[str]:
    return [each.id for each in (await store.list_links(owner, *target, **part)).items]


async def test_links_are_kept_saved_and_removed(store: Store, place: Place) -> None:
    given = a_link("ä\0", kind="execution", target="e1", revision=3, expires=at(0.000_001))
    kept = await store.add_link(given)
    assert exact(kept) == exact(given.model_copy(update={"version": 1}))
    used = await store.save_link(kept.model_copy(update={"uses": 7}))
    assert (used.version, used.uses) == (2, 7)
    for version in (0, 1, 3):
        with pytest.raises(Conflict, match="link ä"):
            await store.save_link(used.model_copy(update={"version": version, "uses": 0}))
    with pytest.raises(Conflict, match="link none"):
        await store.save_link(a_link("none", version=1))
    with pytest.raises(Duplicate, match="link ä"):
        await store.add_link(a_link("ä\0", owner="bob"))
    for _ in range(2):
        assert exact(await store.get_link("ä\0")) == exact(used)
        assert await store.get_link("ä") is None
        assert await linked(store, "alice", "e1") == ["ä\0"]
        assert await linked(store, "bob") == []
        await store.close()
        store = await place.open()
    moved = await store.save_link(used.model_copy(update={"owner": "bob", "target": "e2"}))
    assert await linked(store, "alice") == []
    assert await linked(store, "bob", "e2") == ["ä\0"]
    await store.remove_link("ä")
    assert await store.get_link("ä\0") == moved
    await store.remove_link("ä\0")
    await store.remove_link("ä\0")
    assert await store.get_link("ä\0") is None
    assert (await store.add_link(given)).version == 1
    await store.close()


async def test_links_are_listed_newest_first(store: Store) -> None:
    for name, owner, target, age in (
        ("b", "alice", "m1", 1),
        ("a", "alice", "m2", 1),
        ("d", "alice", "m1", 3),
        ("c", "alice", "m1\0", 2),
        ("e", "bob", "m1", 9),
    ):
        await store.add_link(a_link(name, owner=owner, target=target, created=at(age)))
    assert await linked(store, "alice") == ["d", "c", "a", "b"]
    assert await linked(store, "alice", "m1") == ["d", "b"]
    assert await linked(store, "alice", "") == []
    assert await linked(store, "alice\0") == []
    parts = [await linked(store, "alice", limit=3, offset=offset) for offset in (0, 3, 4)]
    assert parts == [["d", "c", "a"], ["b"], []]
    assert (await store.list_links("alice", limit=3)).next_offset == 3
    assert (await store.list_links("alice", "m1", 2)).next_offset is None
    for limit, offset in ((0, 0), (1, -1), (2**64, 0)):
        with pytest.raises(ValueError, match=r"limit|offset"):
            await store.list_links("alice", None, limit, offset)
    assert [each.id for each in await store.walk_links(None, 3)] == ["a", "b", "c"]
    assert [each.id for each in await store.walk_links("c", 3)] == ["d", "e"]


async def test_only_expired_links_go(store: Store) -> None:
    for name, expires in (("a", 1), ("b", 2), ("c", 2.001), ("d", 2.000_4), ("e", 3)):
        await store.add_link(a_link(name, expires=at(expires)))
    assert await store.remove_expired_links(at(0)) == 0
    assert await store.remove_expired_links(at(1)) == 0
    assert await store.remove_expired_links(at(2)) == 1
    # Times are compared in whole milliseconds: what expired within this one is still there.
    assert await store.remove_expired_links(at(2.000_6)) == 0
    assert await linked(store, "alice") == ["b", "c", "d", "e"]
    assert await store.remove_expired_links(at(2.002)) == 3
    assert await linked(store, "alice") == ["e"]
    with pytest.raises(ValueError, match="time zone"):
        await store.remove_expired_links(at(9).replace(tzinfo=None))
    with pytest.raises(ValueError, match="time zone"):
        await store.add_link(a_link("f", expires=at(9).replace(tzinfo=None)))


async def test_links_are_restored_as_they_were(store: Store) -> None:
    given = a_link("l1", version=7, uses=3)
    await store.restore(given)
    assert await store.get_link("l1") == given
    with pytest.raises(Duplicate, match="l1"):
        await store.restore(given)
    assert (await store.save_link(given)).version == 8
