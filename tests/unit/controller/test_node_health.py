"""Probation: when it begins, what is let in, and how it ends."""

from __future__ import annotations

import asyncio

import pytest

from ccp_jupyter.hub_service.controller.nodes.probation import Probation


class Watched:
    """A probation whose every change is noted."""

    def __init__(self, delay=0.02, longest=10.0):
        self.changes = 0
        self.changed = asyncio.Event()
        self.probation = Probation("n1", 3, delay, longest, self.note)

    def note(self):
        self.changes += 1
        self.changed.set()

    def fail(self, *names):
        for name in names:
            self.probation.begins(name)
            self.probation.failed(name, f"reason of {name}")
            self.probation.over(name)

    async def until_open(self):
        async with asyncio.timeout(30):
            while not self.probation.is_open:
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
async def watched():
    found = Watched()
    yield found
    found.probation.close()


async def test_trusted_until_the_third_failure_in_a_row(watched):
    watched.fail("a", "b")
    assert not watched.probation.active
    watched.fail("c")
    assert watched.probation.active
    assert not watched.probation.is_open
    assert "3 Attempts in a row could not begin" in watched.probation.reason
    assert watched.probation.reason.endswith("the last: reason of c")


async def test_a_start_between_makes_good(watched):
    watched.fail("a", "b")
    watched.probation.works()
    watched.fail("c", "d")
    assert not watched.probation.active


async def test_after_a_rest_one_at_a_time_and_then_trusted(watched):
    watched.fail("a", "b", "c")
    await watched.until_open()
    assert watched.probation.active
    watched.probation.begins("d")
    assert not watched.probation.is_open
    watched.probation.works()
    watched.probation.over("d")
    assert not watched.probation.active
    assert watched.probation.is_open
    assert watched.probation.reason == ""


async def test_a_trial_that_says_nothing_lets_the_next_in(watched):
    """A user's missing image, or a cancellation, is no fault of the Node."""
    watched.fail("a", "b", "c")
    await watched.until_open()
    watched.probation.begins("d")
    watched.probation.over("d")
    assert watched.probation.active
    assert watched.probation.is_open


async def test_failures_of_those_that_began_before_are_no_trial():
    watched = Watched(delay=1000.0)
    watched.fail("a", "b", "c")
    reason = watched.probation.reason
    watched.fail("d", "e")
    assert watched.probation.reason == reason
    watched.probation.close()


async def test_rests_double_up_to_a_bound(monkeypatch):
    loop, rests = asyncio.get_running_loop(), []
    later = loop.call_later

    found = Watched(delay=0.01, longest=0.05)

    def noted(seconds, work, *values, **options):
        if work == found.probation._rested:
            rests.append(seconds)
        return later(seconds, work, *values, **options)

    monkeypatch.setattr(loop, "call_later", noted)
    found.fail("a", "b", "c")
    for number in range(4):
        await found.until_open()
        found.fail(f"trial {number}")
    found.probation.close()
    assert rests == [0.01, 0.02, 0.04, 0.05, 0.05]


async def test_a_closed_one_does_nothing_more():
    watched = Watched(delay=0.01)
    watched.fail("a", "b", "c")
    watched.probation.close()
    before = watched.changes
    await asyncio.sleep(0.1)
    assert watched.changes == before
