"""What every store does with Methods."""

from __future__ import annotations

from typing import Any

import pytest

from ccp_jupyter.hub_service.store.base import Conflict, Duplicate, MethodQuery, Store
from ccp_jupyter.model.sharing import Viewer
from tests.contract.store_data import a_method, exact, odd
from tests.contract.stores import Place

ADMIN = Viewer(name="root", admin=True)


async def ids(store: Store, viewer: Viewer = ADMIN, **members: Any) -> list[str]:
    page = await store.list_methods(MethodQuery(viewer=viewer, **members))
    return [method.id for method in page.items]


async def test_method_comes_back_as_it_went_in(store: Store, place: Place) -> None:
    given = a_method("m1", document=odd(), public=True, contexts=["b", "a", "b", "ä ' ,"])
    kept = await store.add_method(given)
    expected = given.model_copy(update={"version": 1})
    assert exact(kept) == exact(expected)
    assert given.version == 0
    assert exact(await store.get_method("m1")) == exact(expected)
    assert exact((await store.list_methods(MethodQuery())).items[0]) == exact(expected)
    await store.close()
    again = await place.open()
    try:
        assert exact(await again.get_method("m1")) == exact(expected)
    finally:
        await again.close()


async def test_methods_handed_out_are_the_callers_own(store: Store) -> None:
    await store.add_method(a_method("m1", contexts=["a"]))
    found = await store.get_method("m1")
    listed = (await store.list_methods(MethodQuery(viewer=ADMIN))).items[0]
    for changed in (found, listed):
        assert changed is not None
        changed.contexts.append("b")
        changed.document["title"] = "changed"
    expected = a_method("m1", contexts=["a"], version=1)
    assert await store.get_method("m1") == expected
    assert (await store.list_methods(MethodQuery(viewer=ADMIN))).items == [expected]


async def test_missing_method_is_none(store: Store) -> None:
    assert await store.get_method("m1") is None
    await store.add_method(a_method("m1"))
    assert await store.get_method("M1") is None
    assert await store.get_method("m1") is not None


async def test_same_id_is_refused(store: Store) -> None:
    kept = await store.add_method(a_method("m1", title="first", contexts=["a"]))
    with pytest.raises(Duplicate, match="m1"):
        await store.add_method(a_method("m1", title="second", owner="bob", contexts=["b"]))
    assert await store.get_method("m1") == kept
    assert await ids(store, Viewer(name="eve", groups=frozenset("b"))) == []


async def test_stale_save_changes_nothing(store: Store) -> None:
    kept = await store.add_method(a_method("m1", contexts=["a"]))
    saved = await store.save_method(kept.model_copy(update={"contexts": ["b"]}))
    assert saved.version == 2
    for version in (0, 1, 3):
        with pytest.raises(Conflict, match="m1"):
            await store.save_method(
                kept.model_copy(update={"version": version, "public": True, "contexts": ["c"]})
            )
    assert await store.get_method("m1") == saved
    seen = {g for g in "abc" if await ids(store, Viewer(name="eve", groups=frozenset(g)))}
    assert seen == {"b"}
    with pytest.raises(Conflict):
        await store.save_method(a_method("m2"))


async def test_removed_method_is_gone(store: Store) -> None:
    kept = await store.add_method(a_method("m1", contexts=["a"]))
    eve = Viewer(name="eve", groups=frozenset("a"))
    assert await ids(store, eve) == ["m1"]
    await store.remove_method("m1")
    await store.remove_method("m1")
    assert await store.get_method("m1") is None
    assert await ids(store) == []
    with pytest.raises(Conflict):
        await store.save_method(kept)
    # What was shared then is not shared by whoever takes the id next.
    await store.add_method(a_method("m1", owner="bob"))
    assert await ids(store, eve) == []


async def test_who_sees_what(store: Store) -> None:
    methods = [
        a_method("own"),
        a_method("public", owner="bob", public=True),
        a_method("shared", owner="bob", contexts=["x", "lab"]),
        a_method("twice", owner="bob", contexts=["lab", "team"]),
        a_method("private", owner="bob"),
        a_method("other", owner="bob", contexts=["LAB", "la", "lab "]),
    ]
    for method in methods:
        await store.add_method(method)
    viewers = [
        Viewer(name="alice"),
        Viewer(name="alice", groups=frozenset({"lab", "team"})),
        Viewer(name="bob"),
        Viewer(name="nobody", groups=frozenset({"' OR 1=1 --", "%", ""})),
        Viewer(name="lab"),
        Viewer(name="", groups=frozenset({"la"})),
        Viewer(name="crowd", groups=frozenset({f"g{n}" for n in range(2000)} | {"x"})),
        ADMIN,
    ]
    for viewer in viewers:
        expected = sorted(method.id for method in methods if viewer.may_see(method))
        assert await ids(store, viewer) == expected, viewer.name
        assert await ids(store, viewer) == expected, viewer.name
    assert await ids(store, viewers[1]) == ["own", "public", "shared", "twice"]


async def test_sharing_follows_saves(store: Store) -> None:
    eve = Viewer(name="eve", groups=frozenset({"lab"}))
    kept = await store.add_method(a_method("m1"))
    assert await ids(store, eve) == []
    kept = await store.save_method(kept.model_copy(update={"contexts": ["lab"]}))
    assert await ids(store, eve) == ["m1"]
    kept = await store.save_method(kept.model_copy(update={"contexts": []}))
    assert await ids(store, eve) == []
    kept = await store.save_method(kept.model_copy(update={"public": True}))
    assert await ids(store, eve) == ["m1"]
    kept = await store.save_method(kept.model_copy(update={"public": False, "owner": "eve"}))
    assert await ids(store, eve) == ["m1"]


@pytest.mark.parametrize("turn", [1, -1])
async def test_by_title_then_id(store: Store, turn: int) -> None:
    methods = [
        a_method("z", title="Älter"),
        a_method("c", title="beta"),
        a_method("b", title="Beta"),
        a_method("a", title="BETA"),
        a_method("y", title="alpha"),
        a_method("delta", document={}),
        a_method("x", title="gamma"),
    ]
    for method in methods[::turn]:
        await store.add_method(method)
    expected = ["y", "a", "b", "c", "delta", "x", "z"]
    assert await ids(store) == expected
    parts = [await ids(store, limit=3, offset=offset) for offset in (0, 3, 6, 9)]
    assert parts == [expected[:3], expected[3:6], expected[6:], []]
    page = await store.list_methods(MethodQuery(viewer=ADMIN, limit=3, offset=3))
    assert page.next_offset == 6
    page = await store.list_methods(MethodQuery(viewer=ADMIN, limit=4, offset=3))
    assert page.next_offset is None


async def test_long_page(store: Store) -> None:
    methods = [a_method(f"m{number:03}") for number in range(120)]
    for method in methods:
        await store.add_method(method)
    page = await store.list_methods(MethodQuery(viewer=ADMIN, limit=119))
    assert [method.id for method in page.items] == [method.id for method in methods[:119]]
    assert page.next_offset == 119


@pytest.mark.parametrize(("limit", "offset"), [(0, 0), (-1, 0), (1, -1), (2**64, 0)])
async def test_impossible_page_is_refused(store: Store, limit: int, offset: int) -> None:
    with pytest.raises(ValueError, match=r"limit|offset"):
        await store.list_methods(MethodQuery(limit=limit, offset=offset))


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", ["1", "2", "3", "4"]),
        ("   ", ["1", "2", "3", "4"]),
        ("zürich", ["1"]),
        ("ZÜRICH", ["1"]),
        ("zu\u0308rich", ["1"]),
        ("ΑΘΉΝΑ", ["2"]),
        ("straße", ["1"]),
        ("STRASSE", ["1"]),
        ("ЩЮЖ", ["3"]),
        ("mean and  Variance", ["2"]),
        ("keyword two", ["3"]),
        ("keyword two key", []),
        ("description key", []),
        ("%", ["4"]),
        ("_", []),
        ("100% 'quoted'", ["4"]),
        ("secret-text", []),
        ("nothing like it", []),
    ],
)
async def test_search(store: Store, search: str, found: list[str]) -> None:
    methods = (
        a_method("1", title="Zürich", description="Bahnhofstraße description", keywords=["key"]),
        a_method("2", title="mean\nand variance", description="Αθήνα", keywords=5),
        a_method("3", title="c", keywords=["щюж", "keyword two", "key", 7, None]),
        a_method("4", title="100% 'quoted'", description=["secret-text"], script="secret-text"),
    )
    for method in methods:
        await store.add_method(method)
    assert sorted(await ids(store, search=search)) == found


async def test_search_follows_saves_and_keeps_to_the_viewer(store: Store) -> None:
    kept = await store.add_method(a_method("m1", title="old"))
    await store.add_method(a_method("m2", title="old", owner="bob"))
    alice = Viewer(name="alice")
    assert await ids(store, alice, search="old") == ["m1"]
    await store.save_method(kept.model_copy(update={"document": {"title": "new"}}))
    assert await ids(store, alice, search="old") == []
    assert await ids(store, alice, search="new") == ["m1"]
