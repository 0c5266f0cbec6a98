"""Which GPUs a Task gets: always a solution when there is one."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccp_jupyter.hub_service.scheduler.gpus import matched
from ccp_jupyter.model.resources import GpuWish
from tests.unit.scheduler.samples import wishes

VRAM = st.none() | st.integers(1, 6)


@pytest.mark.parametrize(
    ("wanted", "free", "given_gpus"),
    [
        ((), {}, ()),
        ((), {"0": 8}, ()),
        ((0,), {}, None),
        ((8,), {"0": 8}, ("0",)),
        ((9,), {"0": 8}, None),
        # First come, first served would give the small wish the large card.
        ((4, 8), {"a": 8, "b": 4}, ("b", "a")),
        ((4, 8), {"a": 8, "b": 8}, ("b", "a")),
        ((0,), {"large": 80, "small": 8, "middle": 24}, ("small",)),
        ((0, 0), {"large": 80, "small": 8, "middle": 24}, ("small", "middle")),
        ((0,), {"known": 8, "unknown": None}, ("unknown",)),
        ((1,), {"unknown": None}, None),
        ((1, 0), {"unknown": None, "known": 8}, ("known", "unknown")),
        ((0, 0), {"0": 8}, None),
    ],
)
def test_smallest_that_is_enough(wanted, free, given_gpus):
    assert matched(wishes(*wanted), free) == given_gpus


@pytest.mark.parametrize(
    ("wanted", "free", "given_gpus"),
    [
        (("a",), {"a": None}, ("a",)),
        (("a",), {"b": 8}, None),
        (("a", "a"), {"a": 8, "b": 8}, None),
        # The small card is asked for by name, so the other wish has to take the large one.
        ((0, "small"), {"small": 4, "large": 80}, ("large", "small")),
        ((GpuWish(vram=8, id="a"),), {"a": 8}, ("a",)),
        ((GpuWish(vram=9, id="a"),), {"a": 8}, None),
        ((GpuWish(vram=1, id="a"),), {"a": None}, None),
        ((4, "large"), {"small": 3, "large": 80}, None),
    ],
)
def test_wishes_by_id(wanted, free, given_gpus):
    assert matched(wishes(*wanted), free) == given_gpus


WISH = st.builds(GpuWish, vram=st.integers(0, 7), id=st.sampled_from(["", "", "a", "b", "z"]))


@given(
    st.lists(WISH, max_size=4),
    st.dictionaries(st.sampled_from("abcde"), VRAM, max_size=5),
)
def test_finds_a_solution_whenever_there_is_one(wanted, free):
    def enough(gpus):
        return all(
            (free[gpu] or 0) >= wish.vram and wish.id in ("", gpu)
            for gpu, wish in zip(gpus, wanted, strict=True)
        )

    solutions = [gpus for gpus in itertools.permutations(free, len(wanted)) if enough(gpus)]
    found = matched(wanted, free)
    assert (found is None) is not bool(solutions)
    if found is not None:
        assert found in solutions
        # Nobody else could have been left with larger GPUs.
        left = sum(free[gpu] or 0 for gpu in free if gpu not in found)
        assert left == max(
            sum(free[gpu] or 0 for gpu in free if gpu not in gpus) for gpus in solutions
        )
