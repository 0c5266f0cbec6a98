"""The header ``Prefer`` (RFC 7240): how somebody would like to be served, if that is possible."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

LONGEST_WAIT: Final = 60
"""Seconds that a request waits at most."""

_WAIT: Final = re.compile(r"[0-9]{1,9}")
_RETURNS: Final[dict[str, Literal["minimal", "representation"]]] = {
    "minimal": "minimal",
    "representation": "representation",
}


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a request prefers; what nobody here knows is left out, as the RFC wants it."""

    respond_async: bool = False
    """Whether the answer shall not wait until the work is done."""
    wait: int | None = None
    """Seconds that the caller is willing to wait, at most `LONGEST_WAIT`."""
    returns: Literal["", "minimal", "representation"] = ""
    """Whether outputs shall come as links, or by value; empty: as the service likes."""

    @classmethod
    def of(cls, values: Sequence[str]) -> Preferences:
        """Read the headers of one request; of what is given twice, the first counts."""
        found: dict[str, str] = {}
        for part in ",".join(values)[:10_000].split(","):
            name, _, value = part.partition(";")[0].partition("=")
            found.setdefault(name.strip().lower(), value.strip().strip('"').strip())
        wait = found.get("wait", "")
        return cls(
            "respond-async" in found,
            min(int(wait), LONGEST_WAIT) if _WAIT.fullmatch(wait) else None,
            _RETURNS.get(found.get("return", "").lower(), ""),
        )
