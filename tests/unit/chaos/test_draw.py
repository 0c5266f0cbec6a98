"""A seed decides all of a run."""

from __future__ import annotations

from tests.chaos import faults, load
from tests.chaos.kinds import KINDS

NODES = ("node-1", "node-2")


def test_the_same_seed_draws_the_same():
    assert load.draw(7, 50, 60) == load.draw(7, 50, 60)
    assert load.draw(7, 50, 60) != load.draw(8, 50, 60)
    assert faults.draw(7, 30, 60, NODES) == faults.draw(7, 30, 60, NODES)
    assert faults.draw(7, 30, 60, NODES) != faults.draw(8, 30, 60, NODES)


def test_every_kind_comes_up():
    assert {job.kind for job in load.draw(1, 60, 60)} == set(KINDS)
    for store in ("sqlite", "mongodb"):
        wanted = faults.kinds(store)
        drawn = faults.draw(1, len(wanted), 60, NODES, store)
        assert sorted(fault.kind for fault in drawn) == sorted(wanted)
    assert "mongod killed" in faults.kinds("mongodb")
    assert "mongod killed" not in faults.kinds("sqlite")


def test_words_are_nobody_elses():
    words = [job.word for job in load.draw(3, 500, 60)]
    assert len(set(words)) == len(words)
