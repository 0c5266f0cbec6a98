"""Callbacks of an Execution: whom to tell how it goes, and whether they know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal

from pydantic import BaseModel, Field

from ccp_jupyter.model.states import Status, is_final


class CallbackState(StrEnum):
    """Where a callback stands."""

    WAITING = "waiting"
    """What it tells of has not happened yet."""
    DUE = "due"
    """To be sent, for the first time or again."""
    DELIVERED = "delivered"
    GIVEN_UP = "givenUp"
    """Tried as often as the service tries, or refused for good."""
    NOT_NEEDED = "notNeeded"
    """What it would tell of cannot happen any more."""


class Callback(BaseModel):
    """One address of a request's ``subscriber`` (OGC API - Processes 1.0, class callback)."""

    kind: Literal["inProgress", "success", "failed"]
    uri: str
    state: CallbackState = CallbackState.WAITING
    tries: int = Field(0, ge=0)
    next_try: datetime | None = None
    """Not before this time; None: at once."""
    problem: str = ""
    """Why the last try failed, in words for the user; without anything private."""
    since: datetime | None = None
    """Since when it has to be sent."""
    delivered: datetime | None = None

    @property
    def is_due(self) -> bool:
        """Whether it has to be sent."""
        return self.state is CallbackState.DUE


_MEMBERS: Final[dict[str, Literal["inProgress", "success", "failed"]]] = {
    "inProgressUri": "inProgress",
    "successUri": "success",
    "failedUri": "failed",
}
"""In the order in which they are sent."""


def callbacks_of(request: Mapping[str, Any]) -> list[Callback]:
    """Return the callbacks that a checked execute request asks for, in the order of sending."""
    subscriber = request.get("subscriber") or {}
    return [
        Callback(kind=kind, uri=subscriber[member])
        for member, kind in _MEMBERS.items()
        if member in subscriber
    ]


def note_status(callbacks: Sequence[Callback], status: Status, at: datetime) -> None:
    """Bring callbacks in line with the status that their Execution has now.

    Harmless when done again. What was not sent when the Execution ended is tried at once: what
    tells of the end comes after it.

    Parameters
    ----------
    callbacks : sequence of Callback
        Changed in place.
    status : Status
        Of the Execution.
    at : datetime
        Now.
    """
    for callback in callbacks:
        if callback.state is CallbackState.WAITING:
            if status in _TELLS[callback.kind]:
                callback.state, callback.since = CallbackState.DUE, at
            elif is_final(status):
                callback.state = CallbackState.NOT_NEEDED
        elif callback.is_due and callback.kind == "inProgress" and is_final(status):
            callback.next_try = None


def end_callbacks(callbacks: Sequence[Callback]) -> None:
    """Have nothing sent any more."""
    for callback in callbacks:
        if callback.state in (CallbackState.WAITING, CallbackState.DUE):
            callback.state = CallbackState.NOT_NEEDED


_TELLS: Final = {
    "inProgress": {Status.RUNNING},
    "success": {Status.SUCCESSFUL},
    "failed": {Status.FAILED, Status.DISMISSED},
}
"""By kind of a callback: the statuses that it tells of."""
