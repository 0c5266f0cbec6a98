"""Which GPUs of a Node a Task gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ccp_jupyter.model.resources import GpuWish


def matched(wishes: Sequence[GpuWish], free: Mapping[str, int | None]) -> tuple[str, ...] | None:
    """Give each wish a GPU of its own that is enough for it.

    A wish by id leaves no choice, so these come first. Of the others the largest takes the
    smallest GPU that is large enough for it, then the next. As every GPU that is enough for a
    wish is enough for all smaller ones, this finds a solution whenever there is one, and leaves
    the large GPUs to others.

    Parameters
    ----------
    wishes : sequence of GpuWish
        By id, by least VRAM (MB; 0 for any), or both.
    free : mapping
        GPUs by id with their VRAM, MB; None: unknown, enough only for 0.

    Returns
    -------
    tuple of str or None
        Ids in the order of the wishes; None when they cannot all be fulfilled.
    """
    if len(wishes) > len(free):
        return None
    named = {wish.id for wish in wishes if wish.id}
    cards = sorted((vram or 0, gpu) for gpu, vram in free.items() if gpu not in named)
    given = [""] * len(wishes)
    for index in sorted(range(len(wishes)), key=lambda i: -wishes[i].vram):
        wish = wishes[index]
        found = _named(wish, named, free) if wish.id else _smallest(wish.vram, cards)
        if found is None:
            return None
        given[index] = found
    return tuple(given)


def _named(wish: GpuWish, left: set[str], free: Mapping[str, int | None]) -> str | None:
    """Return the GPU that is wished for, once; None when it is not free or too small."""
    if wish.id not in left or wish.id not in free or (free[wish.id] or 0) < wish.vram:
        return None
    left.discard(wish.id)
    return wish.id


def _smallest(least: int, cards: list[tuple[int, str]]) -> str | None:
    """Take the first that is enough out of a list in rising order."""
    for number, (vram, gpu) in enumerate(cards):
        if vram >= least:
            del cards[number]
            return gpu
    return None
