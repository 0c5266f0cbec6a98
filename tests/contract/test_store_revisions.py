"""What every store does with revisions of Methods, with categories and with named sharing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ccp_jupyter.hub_service.store.base import (
    Category,
    Conflict,
    Duplicate,
    MethodQuery,
    Store,
)
from ccp_jupyter.model.origin import Origin
from ccp_jupyter.model.sharing import Viewer
from ccp_jupyter.model.stored_method import Package, Revision, StoredMethod
from tests.contract.store_data import START, a_method, at, exact, odd
from tests.contract.stores import Place

ADMIN = Viewer(name="root", admin=True)
HOSTILE = ("é", "e\u0301", "m\0", "m", "m'--", "$where", "a.b", "%", "{}", "/", "0", "")


def next_of(method: StoredMethod, **changes: Any) -> StoredMethod:
    """Return a Method as somebody would replace it: another document, the next revision."""
    revision = method.revision + 1
    document = {"id": method.id, "title": f"{method.id} {revision}", "version": f"1.{revision}.0"}
    given = {"revision": revision, "document": document, "replaced": at(revision)}
    return method.model_copy(update={**given, "replaced_by": f"author {revision}", **changes})


async def with_revisions(store: Store, method_id: str, count: int) -> list[StoredMethod]:
    """Keep a Method and replace it until it has so many revisions; all of them, oldest first."""
    kept = [await store.add_method(a_method(method_id))]
    while len(kept) < count:
        kept.append(await store.save_method(next_of(kept[-1])))
    return kept


async def numbers(store: Store, method_id: str, *part: int) -> list[int]:
    return [each.revision for each in (await store.list_revisions(method_id, *part)).items]


async def test_what_is_replaced_stays_as_it_was(store: Store, place: Place) -> None:
    first = await store.add_method(
        a_method(
            "m1",
            document=odd(),
            contexts=["lab"],
            users=["bob", "bob", "é"],
            origin=Origin(kind="clone", id="m0", revision=3, at=START),
            package=Package(media_type="application/cwl+json", text="\0ä"),
        )
    )
    shared = await store.save_method(first.model_copy(update={"public": True}))
    assert await numbers(store, "m1") == [1]
    second = await store.save_method(next_of(shared, public=False, owner="eve", package=None))
    fifth = await store.save_method(next_of(second, revision=5))
    assert [second.version, fifth.version] == [3, 4]
    for _ in range(2):
        assert exact(await store.get_revision("m1", 1)) == exact(shared)
        assert exact(await store.get_revision("m1", 2)) == exact(second)
        assert exact(await store.get_revision("m1", 5)) == exact(fifth)
        assert exact(await store.get_method("m1")) == exact(fifth)
        for missing in (-1, 0, 3, 4, 6, 2**40):
            assert await store.get_revision("m1", missing) is None
        assert await store.get_revision("m2", 1) is None
        assert await numbers(store, "m1") == [5, 2, 1]
        assert await store.walk_methods(None, 10) == [fifth]
        assert (await store.list_methods(MethodQuery(viewer=ADMIN))).items == [fifth]
        await store.close()
        store = await place.open()
    await store.close()


async def test_a_list_says_who_made_which_and_when(store: Store) -> None:
    kept = await store.add_method(
        a_method("m1", document={"title": "Ä \0", "version": "0.1.0"}, owner="bob")
    )
    await store.save_method(next_of(kept))
    assert (await store.list_revisions("m1")).items == [
        Revision(
            method_id="m1",
            revision=2,
            title="m1 2",
            version="1.2.0",
            created=at(2),
            author="author 2",
        ),
        Revision(
            method_id="m1",
            revision=1,
            title="Ä \0",
            version="0.1.0",
            created=START,
            author="bob",
        ),
    ]
    odd_one = a_method("m2", document={"title": "", "version": ["1"]})
    await store.save_method(next_of(await store.add_method(odd_one), document={}))
    listed = (await store.list_revisions("m2")).items
    assert [(each.title, each.version) for each in listed] == [("m2", ""), ("m2", "['1']")]


async def test_revisions_are_listed_in_pages_newest_first(store: Store) -> None:
    await with_revisions(store, "m1", 12)
    await with_revisions(store, "m10", 2)
    assert await numbers(store, "m1") == list(range(12, 0, -1))
    for limit in (1, 2, 5, 11, 12, 13):
        found, offset = list[int](), 0
        while True:
            page = await store.list_revisions("m1", limit, offset)
            found += [each.revision for each in page.items]
            if page.next_offset is None:
                break
            assert len(page.items) == limit
            assert page.next_offset == offset + limit
            offset = page.next_offset
        assert found == list(range(12, 0, -1))
    assert await numbers(store, "m1", 5, 12) == []
    assert (await store.list_revisions("none")).items == []
    assert (await store.list_revisions("none", 1, 1)).next_offset is None
    for limit, offset in ((0, 0), (-1, 0), (1, -1), (2**64, 0), (1, 2**64)):
        with pytest.raises(ValueError, match=r"limit|offset"):
            await store.list_revisions("m1", limit, offset)


async def test_a_refused_save_leaves_no_revision(store: Store) -> None:
    _, second, third = await with_revisions(store, "m1", 3)
    for version in (0, 2, 4):
        with pytest.raises(Conflict, match="m1"):
            await store.save_method(next_of(third, version=version))
    for revision in (1, 2):
        with pytest.raises(ValueError, match=f"m1: revision is {revision}, below the stored 3"):
            await store.save_method(third.model_copy(update={"revision": revision}))
    with pytest.raises(Conflict):
        await store.save_method(next_of(a_method("m2")))
    assert await numbers(store, "m1") == [3, 2, 1]
    assert await store.get_method("m1") == third
    assert await store.get_revision("m1", 2) == second
    assert await numbers(store, "m2") == []


async def test_of_many_replacements_at_once_one_wins(store: Store) -> None:
    first = await store.add_method(a_method("m1"))
    results = await asyncio.gather(
        *(store.save_method(next_of(first, users=[f"u{n}"])) for n in range(10)),
        return_exceptions=True,
    )
    winners = [result for result in results if isinstance(result, StoredMethod)]
    assert len(winners) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 9
    assert await store.get_method("m1") == winners[0]
    assert await store.get_revision("m1", 1) == first
    assert await numbers(store, "m1") == [2, 1]


async def test_a_removed_method_takes_its_revisions_along(store: Store) -> None:
    await with_revisions(store, "m1", 3)
    other = await with_revisions(store, "m10", 2)
    assert await store.get_revision("m1", 1) is not None
    await store.remove_method("m1")
    await store.remove_method("m1")
    assert await store.get_revision("m1", 1) is None
    assert await store.get_revision("m1", 3) is None
    assert await numbers(store, "m1") == []
    again = await store.add_method(a_method("m1", revision=2, owner="bob"))
    assert await numbers(store, "m1") == [2]
    assert await store.get_revision("m1", 2) == again
    assert await store.get_revision("m10", 1) == other[0]


async def test_revisions_of_odd_ids_do_not_mix(store: Store) -> None:
    kept = {name: await with_revisions(store, name, 2) for name in HOSTILE}
    for name, (first, second) in kept.items():
        assert exact(await store.get_revision(name, 1)) == exact(first)
        assert exact(await store.get_revision(name, 2)) == exact(second)
        assert await numbers(store, name) == [2, 1]
    await store.remove_method("m\0")
    assert await numbers(store, "m") == [2, 1]
    assert await numbers(store, "m\0") == []


async def test_restored_with_its_revisions(store: Store) -> None:
    present = a_method("m1", revision=7, version=9, users=["eve"])
    older = [a_method("m1", revision=n, version=n + 1, owner=f"o{n}") for n in (5, 2)]
    await store.restore(present, revisions=older)
    assert await store.get_method("m1") == present
    assert [await store.get_revision("m1", n) for n in (5, 2)] == older
    assert await numbers(store, "m1") == [7, 5, 2]
    saved = await store.save_method(next_of(present))
    assert (saved.version, await numbers(store, "m1")) == (10, [8, 7, 5, 2])
    for present, older, error in (
        (a_method("m1"), [], Duplicate),
        (a_method("m2", revision=3), [a_method("m2"), a_method("m2")], Duplicate),
        (a_method("m2", revision=3), [a_method("m1")], ValueError),
        (a_method("m2", revision=3), [a_method("m2", revision=3)], ValueError),
        (a_method("m2", revision=3), [a_method("m2", revision=4)], ValueError),
    ):
        with pytest.raises(error, match=present.id):
            await store.restore(present, revisions=older)
    assert await store.get_method("m2") is None
    assert await numbers(store, "m2") == []


# -- Categories and lists


def categories(*titles: object) -> dict[str, Any]:
    """Return members of a Method listed under these."""
    return {"metadata": [{"role": "category", "title": title} for title in titles]}


async def listed(store: Store, viewer: Viewer = ADMIN, **members: Any) -> list[str]:
    page = await store.list_methods(MethodQuery(viewer=viewer, **members))
    return [method.id for method in page.items]


async def counted(store: Store, viewer: Viewer = ADMIN) -> dict[str, int]:
    return {each.title: each.methods for each in await store.list_categories(viewer)}


async def test_categories_are_counted_for_who_asks(store: Store) -> None:
    for method in (
        a_method("1", **categories("b", "A", "b")),
        a_method("2", owner="bob", public=True, **categories("b", "Ä \0' %")),
        a_method("3", owner="bob", users=["alice"], **categories("c")),
        a_method("4", owner="bob", contexts=["lab", "x"], **categories("a")),
        a_method("5", owner="bob", **categories("secret", "b")),
        a_method("6", **categories("", None, 7, ["x"])),
        a_method("7", metadata={"role": "category", "title": "b"}),
        a_method("8", public=True, metadata=[{"role": "Category", "title": "b"}, None, "x"]),
    ):
        await store.add_method(method)
    alices = {"": 3, "A": 1, "b": 2, "c": 1, "Ä \0' %": 1}
    assert await counted(store, Viewer(name="alice")) == alices
    lab = Viewer(name="zoe", groups=frozenset({"x", "lab"}))
    assert await counted(store, lab) == {"": 1, "a": 1, "b": 1, "Ä \0' %": 1}
    assert (await store.list_categories(lab))[0] == Category("", 1)
    titles = [each.title for each in await store.list_categories(ADMIN)]
    assert titles == ["", "A", "a", "b", "c", "secret", "Ä \0' %"]
    assert (await counted(store))["b"] == 3
    assert await counted(store, Viewer(name="nobody\0")) == {"": 1, "b": 1, "Ä \0' %": 1}


async def test_categories_follow_saves(store: Store) -> None:
    kept = await store.add_method(a_method("m1", **categories("a")))
    assert await counted(store) == {"a": 1}
    kept = await store.save_method(next_of(kept, document=categories("b")))
    assert await counted(store) == {"b": 1}
    assert await listed(store, category="a") == []
    assert await listed(store, category="b") == ["m1"]
    eve = Viewer(name="eve")
    assert await counted(store, eve) == {}
    await store.save_method(kept.model_copy(update={"users": ["eve"]}))
    assert await counted(store, eve) == {"b": 1}
    await store.remove_method("m1")
    assert await counted(store) == {}


async def test_lists_by_category_and_owner(store: Store) -> None:
    for method in (
        a_method("1", title="z", **categories("b", "a")),
        a_method("2", title="Y", owner="bob", public=True, **categories("b")),
        a_method("3", title="x", owner="bob", **categories("b")),
        a_method("4", title="w", owner="bob", public=True),
    ):
        await store.add_method(method)
    alice = Viewer(name="alice")
    assert await listed(store, category="b") == ["3", "2", "1"]
    assert await listed(store, category="B") == []
    assert await listed(store, category="") == ["4"]
    assert await listed(store, alice, category="b") == ["2", "1"]
    assert await listed(store, alice, owner="bob") == ["4", "2"]
    assert await listed(store, owner="bob") == ["4", "3", "2"]
    assert await listed(store, owner="bob", category="b", search="Y") == ["2"]
    assert await listed(store, alice, owner="") == []
    assert await listed(store, category="b", limit=1, offset=1) == ["2"]
    page = await store.list_methods(MethodQuery(viewer=alice, category="b", limit=1))
    assert page.next_offset == 1
    page = await store.list_methods(MethodQuery(viewer=alice, category="b", limit=1, offset=1))
    assert page.next_offset is None


async def test_methods_shared_by_name(store: Store) -> None:
    methods = [
        a_method("1", users=["alice", "bob", "bob"]),
        a_method("2", users=["Bob", "bob ", "bo", "bob\0", "bøb"], owner="zoe"),
        a_method("3", users=["lab"], contexts=["bob"], owner="zoe"),
        a_method("4", users=[], owner="zoe"),
        a_method("5", users=[""], owner="zoe"),
    ]
    for method in methods:
        await store.add_method(method)
    for name in ("bob", "Bob", "bob\0", "bob\0x", "lab", "zoe", "", "bøb", "bo\u0308b"):
        for groups in (frozenset[str](), frozenset({"bob"}), frozenset({"lab", "bob\0"})):
            viewer = Viewer(name=name, groups=groups)
            expected = [method.id for method in methods if viewer.may_see(method)]
            assert await listed(store, viewer) == expected, viewer
            assert await listed(store, viewer, category="") == expected, viewer
            assert await counted(store, viewer) == ({"": len(expected)} if expected else {})
    kept = await store.get_method("1")
    assert kept is not None
    await store.save_method(kept.model_copy(update={"users": ["eve"]}))
    assert await listed(store, Viewer(name="bob")) == []
    assert await listed(store, Viewer(name="eve")) == ["1"]
