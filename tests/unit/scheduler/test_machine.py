"""Random work on the scheduler, in step with a slow model in which every rule is obvious."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from ccp_jupyter.hub_service.scheduler.base import Rules
from ccp_jupyter.hub_service.scheduler.gpus import matched
from ccp_jupyter.hub_service.scheduler.scheduler import Place, Placement, Request, Scheduler
from ccp_jupyter.hub_service.scheduler.shares import Totals
from tests.unit.scheduler.samples import reason, wishes

NEVER = 10**6
NODES: dict[str, tuple[str, dict[str, int | None]]] = {
    # id: (Infrastructure, GPUs)
    "n1": ("lab", {}),
    "n2": ("lab", {}),
    "n3": ("lab", {"0": 4, "1": 8, "2": None}),
    "n4": ("lab", {"0": 8}),
    "far": ("other", {"0": 8}),
}
IMAGES = ("red", "blue")


class Machine(RuleBasedStateMachine):
    """Keeps Tasks in plain lists, looks at each one for every answer."""

    def __init__(self) -> None:
        super().__init__()
        self.made = Scheduler()
        self.overtakes = 0
        self.now = 0.0
        self.places: dict[str, Place] = {}
        self.waiting: list[Request] = []
        self.held: dict[str, Placement] = {}
        self.placed = {"lab": 0, "other": 0}
        self.shared = {"lab": Rules(), "other": Rules()}
        self.totals = {"lab": Totals(), "other": Totals()}
        """What shares were measured by at last."""

    # -- What happens

    @initialize(overtakes=st.sampled_from([NEVER, NEVER, 3]))
    def begin(self, overtakes: int) -> None:
        self.made = Scheduler(overtakes)
        self.overtakes = overtakes

    @rule(
        node=st.sampled_from(sorted(NODES)),
        slots=st.integers(0, 3),
        memory=st.integers(0, 6),
        cpus=st.sampled_from([None, None, 2000, 4000]),
        disk=st.sampled_from([None, None, 3]),
        outside_memory=st.sampled_from([0, 0, 2]),
        outside_cpus=st.sampled_from([0, 0, 500]),
        outside_gpus=st.sampled_from([frozenset(), frozenset(), frozenset("0")]),
        images=st.sets(st.sampled_from(IMAGES)),
        online=st.sampled_from([True, True, True, False]),
        strategy=st.sampled_from(["spread", "binpack"]),
    )
    def node(self, node: str, strategy: Any, **members: Any) -> None:
        infrastructure, gpus = NODES[node]
        place = Place(node, infrastructure, gpus=gpus, strategy=strategy, reason="off", **members)
        self.places[node] = place
        self.made.set_place(place)
        self.measure(infrastructure)

    @rule(node=st.sampled_from(["n1", "n4"]))
    def remove_node(self, node: str) -> None:
        """Forget a Node; its Tasks hold no room any more, but count until they are released."""
        self.made.remove_place("lab", node)
        if self.places.pop(node, None) is not None:
            self.measure("lab")
        for task, placement in self.held.items():
            if placement.node_id == node:
                self.held[task] = replace(placement, node_id="removed")

    @rule(
        most=st.sampled_from([0, 0, 0, 2, 4]),
        most_per_owner=st.sampled_from([0, 0, 0, 1, 3]),
        weights=st.dictionaries(
            st.sampled_from(["alice", "bob", "team"]), st.sampled_from([0.5, 2.0, 3.0])
        ),
    )
    def share(self, **members: Any) -> None:
        self.shared["lab"] = Rules(**members)
        self.made.set_rules("lab", self.shared["lab"])

    @rule(
        number=st.integers(0, 30),
        count=st.integers(1, 4),
        where=st.sampled_from(["lab", "lab", "lab", "other"]),
        owner=st.sampled_from(["alice", "bob", "carol"]),
        group=st.sampled_from(["", "g1", "g2"]),
        image=st.sampled_from(IMAGES),
        memory=st.integers(1, 6),
        gpus=st.sampled_from([(), (), (), (0,), (4,), (8, 4), (4, 8, 0), (9,), ("0",), ("0", 4)]),
        cpus=st.sampled_from([0, 0, 500, 1500]),
        disk=st.sampled_from([0, 0, 1, 2]),
        context=st.sampled_from(["", "", "team", "crew"]),
        priority=st.sampled_from([0, 0, -5, 7]),
        expected=st.sampled_from([0.0, 0.0, 1.0, 10.0]),
        avoid=st.sampled_from([None, None, "n1", "n3", "gone"]),
        delay=st.sampled_from([0.0, 0.0, 0.0, 1.0, 3.0]),
    )
    def add(
        self,
        number: int,
        count: int,
        where: str,
        owner: str,
        group: str,
        delay: float,
        gpus: Any,
        **more: Any,
    ) -> None:
        for task in range(number, number + count):
            limits = {"": 0, "g1": 1, "g2": 2}
            request = Request(
                f"t{task}",
                where,
                owner,
                group=group and f"{owner} {where} {more['context']} {group}",
                group_limit=limits[group],
                not_before=self.now + delay if delay else 0.0,
                gpus=wishes(*gpus),
                **more,
            )
            if request.task_id in self.held:
                continue
            self.made.add(request)
            if not any(other.task_id == request.task_id for other in self.waiting):
                self.waiting.append(request)

    @rule(task=st.integers(0, 33))
    def release(self, task: int) -> None:
        self.made.release(f"t{task}")
        self.held.pop(f"t{task}", None)
        self.waiting = [request for request in self.waiting if request.task_id != f"t{task}"]

    @rule(node=st.sampled_from(["n1", "n3"]), memory=st.integers(1, 3), gpu=st.booleans())
    def adopt(self, node: str, memory: int, gpu: bool) -> None:
        request = Request(f"old {len(self.held)}", "lab", "dave", "red", memory)
        if request.task_id not in self.held:
            free = self.free_gpus(node) if node in self.places else {}
            gpus = tuple(free)[:1] if gpu else ()
            self.made.hold(request, node, gpus, since=self.now)
            self.held[request.task_id] = Placement(request, node, gpus)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def end(self, data: Any) -> None:
        task = data.draw(st.sampled_from(sorted(self.held)))
        self.made.release(task)
        del self.held[task]

    @rule(seconds=st.sampled_from([0.0, 0.5, 2.0]))
    def place(self, seconds: float) -> None:
        self.now += seconds
        for placement in self.made.place(self.now):
            self.check(placement)
            self.waiting.remove(placement.request)
            self.held[placement.request.task_id] = placement
            self.placed[placement.request.infrastructure_id] += 1
        assert self.made.place(self.now) == []
        self.check_nothing_is_left_that_fits()

    # -- The model

    def on(self, node: str) -> list[Placement]:
        return [placement for placement in self.held.values() if placement.node_id == node]

    def free_gpus(self, node: str) -> dict[str, int | None]:
        taken = {gpu for placement in self.on(node) for gpu in placement.gpus}
        taken |= self.places[node].outside_gpus
        return {gpu: v for gpu, v in self.places[node].gpus.items() if gpu not in taken}

    def fits(self, request: Request, node: str) -> bool:
        place = self.places[node]
        here = [placement.request for placement in self.on(node)]
        memory = sum(one.memory for one in here) + place.outside_memory
        cpus = sum(one.cpus for one in here) + place.outside_cpus
        return (
            place.infrastructure_id == request.infrastructure_id
            and place.online
            and len(here) < place.slots
            and memory + request.memory <= place.memory
            and (place.cpus is None or cpus + request.cpus <= place.cpus)
            and (place.disk is None or sum(one.disk for one in here) + request.disk <= place.disk)
            and matched(request.gpus, self.free_gpus(node)) is not None
        )

    def could(self, request: Request, place: Place) -> bool:
        return (
            place.infrastructure_id == request.infrastructure_id
            and place.slots > 0
            and request.memory <= place.memory
            and (place.cpus is None or request.cpus <= place.cpus)
            and (place.disk is None or request.disk <= place.disk)
            and matched(request.gpus, place.gpus) is not None
        )

    def is_ready(self, request: Request, kept: int = 0) -> bool:
        """Tell whether a Task may begin; with so many places kept for others under the limits."""
        held = [p.request for p in self.held.values()]
        here = [r for r in held if r.infrastructure_id == request.infrastructure_id]
        rules = self.shared[request.infrastructure_id]
        limits = [
            (rules.most, len(here)),
            (rules.most_per_owner, sum(r.owner == request.owner for r in here)),
        ]
        if request.group:
            same = [r for r in here if group_of(r) == group_of(request)]
            limits.append((request.group_limit, len(same)))
        full = any(0 < most <= count + kept for most, count in limits)
        return request.not_before <= self.now and not full

    def measure(self, infrastructure: str) -> None:
        """Note what Nodes have together, once it is far from what it was."""
        now = Totals()
        for place in self.places.values():
            if place.infrastructure_id == infrastructure:
                now = now.changed(place, 1)
        if now.is_far_from(self.totals[infrastructure]):
            self.totals[infrastructure] = now

    def share_of(self, request: Request, whole: bool) -> float:
        """Return the weighted share of a Task's Context, or of its owner in that."""
        where = request.infrastructure_id
        same = [
            r
            for r in (placement.request for placement in self.held.values())
            if r.infrastructure_id == where
            and context_of(r) == context_of(request)
            and (whole or r.owner == request.owner)
        ]
        name = context_of(request)[1] if whole else request.owner
        shares = sum(self.totals[where].share(r) for r in same)
        return shares / self.shared[where].weights.get(name, 1.0)

    def check(self, placement: Placement) -> None:
        """Compare one placement with what the rules allow, before it is noted."""
        request, node = placement.request, placement.node_id
        assert request in self.waiting
        assert self.is_ready(request)
        assert self.fits(request, node)
        free = self.free_gpus(node)
        assert placement.gpus == matched(request.gpus, free)
        # Which Node is kept for whom is not known here.
        if self.reservation_possible(request.infrastructure_id):
            return
        others = [
            other
            for other in self.waiting
            if other.infrastructure_id == request.infrastructure_id
            and self.is_ready(other)
            and any(self.fits(other, n) for n in self.places)
        ]
        # Contexts take turns, then their owners: nobody with less had one that fits as well.
        least = min(self.share_of(other, whole=True) for other in others)
        assert self.share_of(request, whole=True) == least
        others = [other for other in others if context_of(other) == context_of(request)]
        least = min(self.share_of(other, whole=False) for other in others)
        assert self.share_of(request, whole=False) == least
        mine = [other for other in others if other.owner == request.owner]
        assert request.priority == max(other.priority for other in mine)
        if request.group == "":
            mine = [o for o in mine if o.group == "" and o.priority == request.priority]
            assert all(o.not_before > 0 for o in mine[: mine.index(request)])
        self.check_node(request, node)

    def check_node(self, request: Request, node: str) -> None:
        fitting = [n for n in self.places if self.fits(request, n)]
        strategy = self.places[node].strategy
        if any(self.places[n].strategy != strategy for n in fitting):
            return  # one Infrastructure has one strategy
        sign = 1 if strategy == "spread" else -1

        def goodness(n: str) -> tuple[Any, ...]:
            place = self.places[n]
            memory = place.memory - place.outside_memory
            memory -= sum(p.request.memory for p in self.on(n))
            has_image = request.image in place.images
            return (
                n != request.avoid,
                bool(request.gpus) or not place.gpus,
                has_image,
                sign * memory,
            )

        assert goodness(node) == max(map(goodness, fitting))

    def reservation_possible(self, infrastructure: str) -> bool:
        return self.placed[infrastructure] >= self.overtakes

    def check_nothing_is_left_that_fits(self) -> None:
        kept: dict[str, set[str]] = {"lab": set(), "other": set()}
        for request in self.waiting:
            # A Task that a Node is kept for has its place under the limits kept, too.
            kept_places = int(self.reservation_possible(request.infrastructure_id))
            if self.is_ready(request, kept_places):
                where = {node for node in self.places if self.fits(request, node)}
                kept[request.infrastructure_id] |= where
        for infrastructure, nodes in kept.items():
            # Only the one Node that is kept for who was overtaken too often.
            assert len(nodes) <= 1
            if nodes:
                assert self.reservation_possible(infrastructure)

    # -- Always

    @invariant()
    def what_is_told_of_waiting_tasks(self) -> None:
        waiting = {request.task_id: request for request in self.waiting}
        for task in range(0, 34, 3):
            found = self.made.forecast(f"t{task}", self.now)
            assert (found is not None) is (f"t{task}" in waiting)
            if found is not None:
                where = waiting[f"t{task}"].infrastructure_id
                others = [r for r in self.waiting if r.infrastructure_id == where]
                assert 0 <= found.ahead < len(others)
                assert found.start is None or found.start >= self.now
                assert found.reason and ("{start}" not in found.reason or found.start is not None)
        later = [r.not_before for r in self.waiting if r.not_before > 0]
        due = self.made.next_due()
        assert due is None or due in later
        assert due is not None or all(moment <= self.now for moment in later)

    @invariant()
    def what_is_handed_out(self) -> None:
        for node, place in self.places.items():
            load = self.made.load(place.infrastructure_id, node)
            here = [placement.request for placement in self.on(node)]
            assert load.tasks == len(here)
            assert load.memory == sum(request.memory for request in here)
            assert load.cpus == sum(request.cpus for request in here)
            assert load.disk == sum(request.disk for request in here)
            gpus = sorted(gpu for placement in self.on(node) for gpu in placement.gpus)
            assert list(load.gpus) == gpus
            assert len(set(gpus)) == len(gpus)

    def teardown(self) -> None:
        """Whatever has happened, all of it can be given back."""
        for task in [*self.held, *(request.task_id for request in self.waiting)]:
            self.made.release(task)
        assert self.made.place(self.now + 99) == []
        assert not any(self.made.queued().values())
        for node, place in self.places.items():
            assert self.made.load(place.infrastructure_id, node).tasks == 0

    @rule()
    def impossible(self) -> None:
        for request, why in self.made.impossible():
            assert request in self.waiting
            places = [
                place
                for place in self.places.values()
                if place.infrastructure_id == request.infrastructure_id
            ]
            assert all(place.slots > 0 and place.memory > 0 for place in places)
            assert not any(self.could(request, place) for place in places)
            assert why == reason(self.made, request.task_id)
            self.release(int(request.task_id[1:]))


def context_of(request: Request) -> tuple[bool, str]:
    return bool(request.context), request.context or request.owner


def group_of(request: Request) -> tuple[object, ...]:
    return context_of(request), request.owner, request.group


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, derandomize=True
)
