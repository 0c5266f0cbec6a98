"""Query parameters of the agency, as lenient and as strict as CC-Agency's broker."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from ccp_jupyter.hub_service.api.errors import ApiError
from ccp_jupyter.hub_service.api.params import Param, identifier, text
from ccp_jupyter.model.errors import shown
from ccp_jupyter.model.experiment import BatchState, is_id

_INTEGER: Final = re.compile(r"\s*[+-]?[0-9]{1,18}\s*")
_TRUE: Final = ("true", "yes", "y")
_SECONDS: Final = re.compile(r"[0-9]{1,11}(\.[0-9]{1,9})?")
_LARGEST: Final = 2**53
_LAST: Final = 253_402_300_799.0  # the end of the year 9999


def flag(name: str, description: str) -> Param:
    """Return a parameter that is true for a number other than 0, ``true``, ``yes`` and ``y``."""
    return Param(name, description, _flag, {"type": "boolean"}, default=False)


def _flag(value: str) -> bool:
    if _INTEGER.fullmatch(value):
        return int(value) != 0
    return value.lower() in _TRUE


def number(name: str, description: str, low: int) -> Param:
    """Return a parameter that is passed over when it is no integer, as CC-Agency does."""

    def parse(value: str) -> int | None:
        if not _INTEGER.fullmatch(value):
            return None
        if int(value) < low:
            raise _refused(name, f"must be at least {low}", value)
        return min(int(value), _LARGEST)

    return Param(name, description, parse, {"type": "integer", "minimum": low})


def moment(name: str, description: str) -> Param:
    """Return a parameter that holds seconds since 1970."""

    def parse(value: str) -> datetime:
        if not _SECONDS.fullmatch(value) or float(value) > _LAST:
            raise _refused(name, "must be seconds since 1970, with or without a fraction", value)
        return datetime.fromtimestamp(float(value), UTC)

    return Param(name, description, parse, {"type": "number", "minimum": 0, "maximum": _LAST})


def checked(
    name: str, description: str, fits: Callable[[str], bool], rule: str, schema: dict[str, Any]
) -> Param:
    """Return a text parameter with a rule."""

    def parse(value: str) -> str:
        if not fits(value):
            raise _refused(name, rule, value)
        return value

    return Param(name, description, parse, schema)


def _refused(name: str, rule: str, value: str) -> ApiError:
    return ApiError(400, f"{name}: {rule} (found {shown(value)})")


def _plain(name: str, description: str) -> Param:
    return Param(name, description, *text(200))


_STATES: Final = tuple(each.value for each in BatchState)

PAGE: Final = (
    number("skip", "items to leave out at the beginning", 0),
    number("limit", "most items; without it all are sent", 1),
    flag("ascending", "oldest first"),
)
OWNER: Final = _plain("username", "whose; administrators see everybody's")
TIMES: Final = (
    moment("since", "submitted then or later, seconds since 1970"),
    moment("until", "submitted then or earlier, seconds since 1970"),
)
NODE: Final = _plain("node", "Node of the latest Attempt")
STATE: Final = checked(
    "state",
    "state of the batches",
    _STATES.__contains__,
    f"must be one of {', '.join(_STATES)}",
    {"type": "string", "enum": list(_STATES)},
)
COUNTED_STATE: Final = _plain("state", "state of the batches; an unknown one counts none")
EXPERIMENT: Final = checked(
    "experimentId",
    "Experiment of the batches",
    is_id,
    "must be an id of 24 digits of 0-9 and a-f",
    {"type": "string", "pattern": "^[0-9a-f]{24}$"},
)
AFTER: Final = Param(
    "after", "Executions of yours that must be successful first", *identifier(), many=True
)
