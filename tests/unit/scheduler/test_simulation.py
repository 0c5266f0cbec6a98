"""A small run of the simulator: what does not depend on the machine's speed."""

from __future__ import annotations

import pytest

from benchmarks.simulation.books import Books, Broken
from benchmarks.simulation.figures import fairness, figures, parts
from benchmarks.simulation.load import LAB, Setting, nodes, tasks
from benchmarks.simulation.run import Run
from ccp_jupyter.hub_service.scheduler.base import Placement
from tests.unit.scheduler.samples import GIB, node, request


def simulate(setting: Setting) -> Run:
    run = Run(setting, nodes(setting))
    run.submit(tasks(setting))
    run.go()
    return run


def test_all_tasks_end_once_whatever_fails() -> None:
    setting = Setting(nodes=8, tasks=800, users=2, contexts=2, failures=120)
    run = simulate(setting)  # what must never be raises `Broken`
    assert run.failures >= 10
    assert len(run.ended) == 800
    assert set(run.ended.values()) == {1}
    assert sum(map(len, run.waits.values())) == 800
    assert run.use["cores"] > 0.6 * run.use["all cores"]
    text = figures(run, 1000.0)
    assert "800 Tasks of 2 users" in text
    again = simulate(setting)
    assert (again.now, again.waits, again.service) == (run.now, run.waits, run.service)


def test_what_users_get_is_what_their_weights_say() -> None:
    """About, since not everybody's Tasks fit into every gap; the first Context has twice the rest.

    Exactly: `test_sharing`.
    """
    run = simulate(Setting(nodes=10, tasks=1500, users=3, contexts=1, failures=0, seed=3))
    assert fairness(run) > 0.7
    assert all(0.3 < part < 1.7 for _, part in parts(run))


@pytest.mark.parametrize(
    ("place", "wanted", "gpus", "why"),
    [
        ({"online": False}, {}, (), "which is offline"),
        ({"slots": 1}, {}, (), "overbooked"),
        ({"memory": GIB}, {}, (), "overbooked"),
        ({"cpus": 1000}, {"cpus": 600}, (), "overbooked"),
        ({}, {"group": "g", "group_limit": 1}, (), "more than 1 of g"),
        ({"gpus": {"0": 8}}, {}, ("0",), "has GPUs"),
        ({"gpus": {"0": 8}}, {}, ("1",), "has GPUs"),
    ],
)
def test_the_books_find_what_must_never_be(place, wanted, gpus, why):
    books = Books({"n1": node("n1", infrastructure=LAB, **place)})

    def take_two() -> None:
        for task in "ab":
            books.take(Placement(request(task, **wanted), "n1", gpus))

    with pytest.raises(Broken, match=why):
        take_two()


def test_the_books_find_what_is_placed_twice():
    books = Books({"n1": node("n1")})
    books.take(Placement(request("a"), "n1"))
    with pytest.raises(Broken, match="twice"):
        books.take(Placement(request("a"), "n1"))
