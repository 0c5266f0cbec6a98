"""Parts of lists: what may be asked for, and what is answered."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, Protocol, TypeVar

from ccp_jupyter.hub_service.store.base import ExecutionQuery, Page

MOST_MERGED: Final = 8
"""Methods in a filter up to which each gets its own index search."""
MOST_METHODS: Final = 10_000
"""Methods in a filter; SQLite takes about 32,000 values in one statement."""

MOST_GROUPS: Final = 100
"""Contexts of a viewer up to which each gets its own index search; SQLite merges at most 500."""

_LARGEST_OFFSET = 2**53

T = TypeVar("T")


class Asked(Protocol):
    """A question for a part of a list."""

    @property
    def limit(self) -> int:
        """Most that is answered."""

    @property
    def offset(self) -> int:
        """Where in the list it begins, from 0."""


@dataclass(frozen=True, slots=True)
class Part:
    """A question that has nothing else."""

    limit: int
    offset: int


def check_page(limit: int, offset: int) -> None:
    """Refuse a page that cannot be.

    Raises
    ------
    ValueError
        The limit is below 1, the offset below 0, or one is absurdly large.
    """
    if not 1 <= limit <= _LARGEST_OFFSET:
        raise ValueError(f"limit: from 1 to 2**53, not {limit}")
    if not 0 <= offset <= _LARGEST_OFFSET:
        raise ValueError(f"offset: from 0 to 2**53, not {offset}")


def check_methods(method_ids: tuple[str, ...]) -> None:
    """Refuse a filter that names more than `MOST_METHODS` Methods.

    Raises
    ------
    ValueError
        Naming how many.
    """
    if len(method_ids) > MOST_METHODS:
        raise ValueError(f"method_ids: at most {MOST_METHODS}, not {len(method_ids)}")


def check_shared(query: ExecutionQuery) -> None:
    """Refuse a list of what others share that has filters which such a list cannot have.

    Raises
    ------
    ValueError
        Naming them.
    """
    free = ExecutionQuery()
    allowed = ("owner", "shared_with", "limit", "offset")
    names = [member.name for member in fields(query) if member.name not in allowed]
    if given := [name for name in names if getattr(query, name) != getattr(free, name)]:
        raise ValueError(f"shared_with: not together with {', '.join(given)}")


def page(items: list[T], query: Asked) -> Page[T]:
    """Return a page of what was found: one more than the limit tells that more follow."""
    more = len(items) > query.limit
    return Page(items[: query.limit], query.offset + query.limit if more else None)
