"""From documents to bytes, quickly; what was rendered before is kept for a while."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Sequence
from typing import Final

from pydantic_core import PydanticSerializationError, to_json

_MOST_KEPT: Final = 4096
_LARGEST_KEPT: Final = 8192


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
