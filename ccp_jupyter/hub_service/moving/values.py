"""Values of a CC-Agency database: read with care, because nobody checked them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bson import Binary, Decimal128, Int64, ObjectId

from ccp_jupyter.model.json_data import DEEPEST
from ccp_jupyter.model.times import iso, truncated

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = 253_402_300_799  # end of the year 9999, the last that Python knows
_KEY: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PROTECTED: Final = ("password", "privateKey")

Json = dict[str, Any]


class Damaged(ValueError):
    """A document cannot be understood; the text says which member and why, without its value."""


def text(document: Mapping[str, Any], member: str) -> str:
    """Return a member that must be text and not empty.

    Raises
    ------
    Damaged
    """
    found = document.get(member)
    if not isinstance(found, str) or not found.strip():
        raise Damaged(f"{member} is no text")
    return _clean(found)


def moment(value: object) -> datetime | None:
    """Return the time of seconds since 1970; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not math.isfinite(value) or not 0 <= value <= _LATEST:
        return None
    return truncated(_EPOCH + timedelta(seconds=float(value)))


def whole(value: object, least: int) -> int | None:
    """Return a whole number of at least `least`; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not value.is_integer():
        return None
    return int(value) if value >= least else None


def plain(value: object, depth: int = 0) -> Any:
    """Return a value as JSON knows it.

    Raises
    ------
    Damaged
        It is nested too deeply.
    """
    if depth > DEEPEST - 4:  # it is going to be a member of a member of a record
        raise Damaged("it is nested too deeply")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, Int64 | int):
        return int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {_clean(str(key)): plain(child, depth + 1) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [plain(child, depth + 1) for child in value]
    if isinstance(value, datetime):
        return iso(value.replace(tzinfo=UTC) if value.tzinfo is None else value)
    if isinstance(value, ObjectId | Decimal128):
        return str(value)
    if isinstance(value, Binary | bytes):
        return f"({len(value)} bytes)"
    return f"({type(value).__name__})"


def without_secrets(value: Any) -> Any:
    """Return a part of a RED document without what may be a secret.

    From version 7 on, ``access`` and ``auth`` are keys of secrets that the trustee had. In 5 and 6
    the secrets themselves stood there until the batch had ended. A key stays, as the name that it
    is; everything else goes.
    """
    if isinstance(value, list):
        return [without_secrets(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, child in value.items():
        if name in ("access", "auth"):
            found[name] = child if isinstance(child, str) and _KEY.fullmatch(child) else ""
        elif name not in _PROTECTED and not name.startswith("_"):
            found[name] = without_secrets(child)
    return found


def json_size(value: Any) -> int:
    """Return how many bytes a value has as JSON."""
    return len(json.dumps(value, ensure_ascii=False).encode())


def _clean(text: str) -> str:
    # The driver has replaced what was no UTF-8; a NUL is allowed in BSON and nowhere else.
    return text.replace("\0", "\ufffd")
