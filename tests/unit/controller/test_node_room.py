"""What a Node hands out, beside what others on its machine hold."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ccp_jupyter.hub_service.controller.nodes.room import Room
from ccp_jupyter.hub_service.engines.base import NodeInfo, Outsider
from ccp_jupyter.model.infrastructure import Node

GIB = 2**30
INFO = NodeInfo("1", memory=16 * GIB, cpus=4, containers_running=0)


def room(*outside, **members):
    found = Room(Node(id="n", base_url="unix:///x", **members))
    found.outside = outside
    return found


def outsider(memory=0, cpus=0.0, gpus=()):
    return Outsider("x", memory, cpus, tuple(gpus))


def test_unknown_until_the_engine_has_said_it():
    found = room(outsider(GIB, 1.0))
    assert (found.slots(None), found.memory(None), found.cpus(None)) == (0, 0, None)
    assert (found.outside_memory(None), found.outside_cpus(None)) == (0, 0)


def test_all_that_the_machine_has():
    found = room()
    assert found.slots(INFO) == 16
    assert found.memory(INFO) == 16 * GIB
    assert found.cpus(INFO) == 16_000


def test_others_are_taken_off():
    found = room(outsider(4 * GIB, 1.5), outsider(GIB, 0.0))
    assert found.memory(INFO) - found.outside_memory(INFO) == 11 * GIB
    assert found.cpus(INFO) - found.outside_cpus(INFO) == 14_500


def test_others_fill_first_what_is_not_ours_to_hand_out():
    """Of 16 GiB, 10 are to be handed out: the first 6 GiB of others cost nothing."""
    assert room(outsider(6 * GIB), memory=10 * GIB).outside_memory(INFO) == 0
    assert room(outsider(7 * GIB), memory=10 * GIB).outside_memory(INFO) == GIB
    assert room(outsider(99 * GIB), memory=10 * GIB).outside_memory(INFO) == 10 * GIB


def test_more_than_the_machine_has_may_be_set():
    found = room(outsider(GIB), memory=20 * GIB)
    assert found.memory(INFO) - found.outside_memory(INFO) == 19 * GIB


def test_gpus_of_others():
    gpus = [{"id": "0"}, {"id": "1"}]
    assert room(outsider(gpus=["1", "GPU-else"]), gpus=gpus).outside_gpus() == {"1"}
    assert room(outsider(gpus=["*"]), gpus=gpus).outside_gpus() == {"0", "1"}
    assert room(outsider(gpus=["*"])).outside_gpus() == frozenset()


sizes = st.integers(0, 2**40)


@settings(max_examples=100, deadline=None)
@given(st.lists(sizes, max_size=4), st.none() | st.integers(1, 2**40), st.integers(1, 2**40))
def test_never_more_than_there_is(others, set_memory, machine):
    found = room(*(outsider(memory) for memory in others), memory=set_memory)
    info = NodeInfo("1", machine, 1, 0)
    free = found.memory(info) - found.outside_memory(info)
    assert 0 <= free <= found.memory(info)
    if found.memory(info) <= machine:
        assert free + sum(others) <= machine or free == 0
