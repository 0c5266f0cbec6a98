"""Random work with Methods, their revisions, links, Nodes and leases on every store."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from ccp_jupyter.hub_service.store.base import Conflict, Duplicate, MethodQuery
from ccp_jupyter.model.node_record import NodeRecord
from ccp_jupyter.model.share_link import ShareLink
from ccp_jupyter.model.sharing import Viewer
from ccp_jupyter.model.stored_method import StoredMethod
from tests.contract.store_data import a_link, a_method, at
from tests.contract.stores import PLACES
from tests.contract.test_store_nodes import a_node

T = TypeVar("T")
IDS = st.sampled_from(["a", "a\0", "é"])
NODES = st.sampled_from(["n1", "n2"])
NAMES = st.sampled_from(["alice", "bob", "lab"])
SEVERAL = st.lists(NAMES, max_size=2)
LONG = 3600.0  # seconds; no lease runs out while the test runs


class Machine(RuleBasedStateMachine):
    """Adds, saves, removes; now and then, and at the end, everything is asked and compared."""

    kind: str

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.place = PLACES[self.kind](Path(self.folder.name))
        self.store = self.run(self.place.open())
        self.methods: dict[str, list[StoredMethod]] = {}
        self.links: dict[str, ShareLink] = {}
        self.nodes: dict[str, NodeRecord] = {}
        self.leases: dict[str, tuple[str, int]] = {}
        self.terms = Counter[str]()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        self.look()
        self.run(self.store.close())
        self.run(self.place.check())
        self.run(self.place.remove())
        self.run(self.loop.shutdown_default_executor())
        self.loop.close()
        self.folder.cleanup()

    @rule(
        name=IDS,
        owner=NAMES,
        users=SEVERAL,
        contexts=SEVERAL,
        titles=SEVERAL,
        step=st.integers(-1, 2),
        behind=st.integers(-1, 1),
    )
    def put_method(
        self,
        name: str,
        owner: str,
        users: list[str],
        contexts: list[str],
        titles: list[str],
        step: int,
        behind: int,
    ) -> None:
        kept = self.methods.get(name, [])
        metadata = [{"role": "category", "title": title} for title in titles]
        given = a_method(name, owner=owner, users=users, contexts=contexts, metadata=metadata)
        if not kept:
            with pytest.raises(Conflict):
                self.run(self.store.save_method(given))
            self.methods[name] = [self.run(self.store.add_method(given))]
            return
        with pytest.raises(Duplicate):
            self.run(self.store.add_method(given))
        last = kept[-1]
        revision = max(last.revision + step, 1)
        update = {"revision": revision, "version": last.version - behind}
        given = given.model_copy(update=update)
        if behind:
            with pytest.raises(Conflict):
                self.run(self.store.save_method(given))
        elif revision < last.revision:
            with pytest.raises(ValueError, match="below the stored"):
                self.run(self.store.save_method(given))
        else:
            saved = self.run(self.store.save_method(given))
            assert saved == given.model_copy(update={"version": last.version + 1})
            kept[len(kept) - (revision == last.revision) :] = [saved]

    @rule(name=IDS)
    def remove_method(self, name: str) -> None:
        self.methods.pop(name, None)
        self.run(self.store.remove_method(name))

    @rule(name=IDS, owner=NAMES, goal=IDS, age=st.integers(0, 2), behind=st.integers(0, 1))
    def put_link(self, name: str, owner: str, goal: str, age: int, behind: int) -> None:
        kept = self.links.get(name)
        more = {"created": at(age), "expires": at(age * 10 + 1), "uses": age}
        given = a_link(name, owner=owner, target=goal, **more)
        if kept is None:
            self.links[name] = self.run(self.store.add_link(given))
            return
        with pytest.raises(Duplicate):
            self.run(self.store.add_link(given))
        given = given.model_copy(update={"version": kept.version - behind})
        if behind:
            with pytest.raises(Conflict):
                self.run(self.store.save_link(given))
        else:
            self.links[name] = self.run(self.store.save_link(given))
            assert self.links[name].version == kept.version + 1

    @rule(name=IDS)
    def remove_link(self, name: str) -> None:
        self.links.pop(name, None)
        self.run(self.store.remove_link(name))

    @rule(before=st.sampled_from([1, 2, 11, 12, 30]))
    def remove_expired(self, before: int) -> None:
        gone = [name for name, link in self.links.items() if link.expires < at(before)]
        for name in gone:
            del self.links[name]
        assert self.run(self.store.remove_expired_links(at(before))) == len(gone)

    @rule(name=NODES, behind=st.integers(0, 1))
    def put_node(self, name: str, behind: int) -> None:
        kept = self.nodes.get(name)
        given = a_node(name).model_copy(update={"version": kept.version if kept else 0})
        if kept and behind:
            stale = given.model_copy(update={"version": kept.version - 1})
            with pytest.raises(Duplicate if kept.version == 1 else Conflict):
                self.run(self.store.save_node(stale))
            return
        self.nodes[name] = self.run(self.store.save_node(given))

    @rule(name=NODES)
    def remove_node(self, name: str) -> None:
        self.nodes.pop(name, None)
        self.run(self.store.remove_node(name))

    @rule(name=IDS, holder=NAMES, give=st.booleans())
    def lease(self, name: str, holder: str, give: bool) -> None:
        if give:
            self.run(self.store.give_lease(name, holder))
            if self.leases.get(name, ("", 0))[0] == holder:
                del self.leases[name]
            return
        if name not in self.leases:
            self.terms[name] += 1
            self.leases[name] = (holder, self.terms[name])
        taken = self.run(self.store.take_lease(name, holder, "x", LONG))
        assert (taken.holder, taken.term) == self.leases[name]
        assert taken.until > datetime.now(UTC)

    @rule()
    def restart(self) -> None:
        self.run(self.store.close())
        self.store = self.run(self.place.open())

    @rule()
    def look(self) -> None:
        self.run(self.compare())
        self.run(self.compare_lists())

    async def compare(self) -> None:
        for name in ("a", "a\0", "é"):
            kept = self.methods.get(name, [])
            assert await self.store.get_method(name) == (kept[-1] if kept else None)
            newest_first = [each.summary for each in reversed(kept)]
            assert (await self.store.list_revisions(name)).items == newest_first
            assert (await self.store.list_revisions(name, 2, 1)).items == newest_first[1:3]
            present = {each.revision: each for each in kept}
            for revision in range(1, max(present, default=0) + 2):
                found = await self.store.get_revision(name, revision)
                assert found == present.get(revision)
            lease = await self.store.find_lease(name)
            assert (lease and (lease.holder, lease.term)) == self.leases.get(name)
        assert await self.store.list_nodes() == [self.nodes[name] for name in sorted(self.nodes)]

    async def compare_lists(self) -> None:
        methods = sorted((kept[-1] for kept in self.methods.values()), key=lambda m: m.id)
        for viewer in (
            Viewer(name="alice", groups=frozenset({"lab"})),
            Viewer(name="zoe", groups=frozenset({"bob"})),
        ):
            seen = [method for method in methods if viewer.may_see(method)]
            assert (await self.store.list_methods(MethodQuery(viewer))).items == seen
            titles = [{each["title"] for each in m.document["metadata"]} or {""} for m in seen]
            counts = Counter(title for each in titles for title in each)
            found = await self.store.list_categories(viewer)
            assert {each.title: each.methods for each in found} == counts
            for title in ("", "bob"):
                query = MethodQuery(viewer, category=title, owner="alice")
                wanted = [m for m, t in zip(seen, titles, strict=True) if title in t]
                wanted = [method for method in wanted if method.owner == "alice"]
                assert (await self.store.list_methods(query)).items == wanted
        links = sorted(self.links.values(), key=lambda link: (-link.created.timestamp(), link.id))
        for owner in ("alice", "bob"):
            theirs = [link for link in links if link.owner == owner]
            assert (await self.store.list_links(owner)).items == theirs
            there = [link for link in theirs if link.target == "a"]
            assert (await self.store.list_links(owner, "a")).items == there


def test_random_work(place_kind: str) -> None:
    machine = type("Machine", (Machine,), {"kind": place_kind})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=5,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
