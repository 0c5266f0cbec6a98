"""From documents to bytes, quickly; what was rendered before is kept for a while."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Final

from pydantic_core import PydanticSerializationError, to_json

_MOST_KEPT: Final = 4096
_LARGEST_KEPT: Final = 8192
_LIST_AGE: Final = 1.0
_MOST_LISTS: Final = 100
_LARGEST_LIST: Final = 100_000


def rendered(document: object) -> bytes:
    """Return a document as compact JSON in UTF-8.

    Half a surrogate pair, which a log or a file name may hold, becomes a question mark.
    """
    try:
        return to_json(document)
    except PydanticSerializationError:
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "replace")


def rendered_list(name: str, items: Sequence[bytes], links: object) -> bytes:
    """Return the document of a list whose items are rendered already."""
    return b'{"%b":[%b],"links":%b}' % (name.encode(), b",".join(items), rendered(links))


class Rendered:
    """Rendered documents by key; the oldest are forgotten first.

    A key must hold all that the document depends on, such as id and version of a record.
    """

    def __init__(self) -> None:
        self._kept: dict[Hashable, bytes] = {}

    def get(self, key: Hashable, make: Callable[[], object]) -> bytes:
        """Return the document of a key; `make` is called when it is not here."""
        found = self._kept.get(key)
        if found is None:
            found = rendered(make())
            if len(found) <= _LARGEST_KEPT:
                if len(self._kept) >= _MOST_KEPT:
                    del self._kept[next(iter(self._kept))]
                self._kept[key] = found
        return found


class MethodLists:
    """Rendered lists of Methods, until any Method changes, and for no longer than a second.

    All changes by this process are told by `changed`; the second bounds what others may do.
    """

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[float, bytes]] = {}
        self._changes = 0

    def key(self, *parts: Hashable) -> Hashable:
        """Return the key of a list; take it before the store is asked."""
        return (self._changes, *parts)

    def get(self, key: Hashable) -> bytes | None:
        """Return the list of a key, or None."""
        at, found = self._kept.get(key, (0.0, None))
        return found if time.monotonic() - at < _LIST_AGE else None

    def put(self, key: Hashable, document: bytes) -> None:
        """Keep a list."""
        if len(self._kept) >= _MOST_LISTS:
            self._kept.clear()
        if len(document) <= _LARGEST_LIST:
            self._kept[key] = (time.monotonic(), document)

    def changed(self) -> None:
        """Forget all, and what is being rendered now too."""
        self._changes += 1
        self._kept.clear()
