"""Records as JSON text, and what every store derives from them for its filters and sorts."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.states import Phase, Target, is_final
from ccp_jupyter.model.stored_method import StoredMethod

LARGEST_DOCUMENT = 16_000_000
"""Bytes of one record; MongoDB's limit, kept by every store."""

R = TypeVar("R", Execution, Task, StoredMethod)
M = TypeVar("M", bound=BaseModel)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def encoded(record: R, version: int) -> tuple[str, R]:
    """Return a record's JSON text at a version, and a copy read back from that text.

    Reading it back before it is written means that whatever a store acknowledges can be read,
    and is what was given: JSON has no infinity, and its parser refuses deep nesting.

    Parameters
    ----------
    record : Execution, Task or StoredMethod
        Not changed; the copy shares nothing with it.
    version : int
        What the text and the copy have as ``version``.

    Raises
    ------
    ValueError
        The record cannot be kept exactly (infinity, tuples, lone surrogates, too deeply nested),
        or is larger than `LARGEST_DOCUMENT`.
    """
    given = record.model_copy(update={"version": version})
    try:
        text = given.model_dump_json(warnings=False)
        copy = type(record).model_validate_json(text)
    except ValueError as error:
        raise ValueError(f"{_name(record)} cannot be kept: {error}") from error
    size = len(text) if text.isascii() else len(text.encode())
    if size > LARGEST_DOCUMENT:
        raise ValueError(
            f"{_name(record)} has {size} bytes; a record has at most {LARGEST_DOCUMENT}"
        )
    if copy != given:
        changed = [m for m in type(given).model_fields if getattr(given, m) != getattr(copy, m)]
        raise ValueError(f"{_name(record)} cannot be kept exactly: {', '.join(changed)}")
    return text, copy


def decoded(kind: type[M], text: str) -> M:
    """Return the record of a text, a new one at each call.

    Raises
    ------
    ValueError
        The text is no such record: it was written by something else.
    """
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise ValueError(f"a stored {kind.__name__} cannot be read: {error}") from error


def _name(record: BaseModel) -> str:
    return f"{type(record).__name__} {getattr(record, 'id', '')}"


def milliseconds(moment: datetime, *, up: bool = False) -> int:
    """Return whole milliseconds since 1970, cut down, or rounded up when `up` is set.

    Raises
    ------
    ValueError
        The time has no time zone, so nobody knows which moment is meant.
    """
    if moment.tzinfo is None:
        raise ValueError(f"the time {moment.isoformat()} has no time zone")
    since = moment - _EPOCH
    return -(-since // _MILLISECOND) if up else since // _MILLISECOND


def duration_milliseconds(seconds: float) -> float:
    """Return seconds in milliseconds, free of the noise of binary fractions (1.001 s is 1001)."""
    return round(seconds * 1000, 6) if math.isfinite(seconds) else seconds


def folded(text: str) -> str:
    """Return text for comparing: case, width and accents' encoding ignored, spaces single."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(unicodedata.normalize("NFKC", plain).split())


def searched(method: StoredMethod) -> str:
    """Return the folded title, description and keywords of a Method, one a line."""

    def parts() -> Iterator[object]:
        yield method.title
        yield method.document.get("description")
        keywords = method.document.get("keywords")
        yield from keywords if isinstance(keywords, list) else [keywords]

    return "\n".join(folded(part) for part in parts() if isinstance(part, str))


def execution_open(execution: Execution) -> bool:
    """Tell whether the controller has work with an Execution."""
    return not is_final(execution.status) or execution.target is Target.DELETED


def task_open(task: Task) -> bool:
    """Tell whether a Task has work left: to run, or to clean up after."""
    attempt = task.attempt
    return not is_final(task.state) or (attempt is not None and attempt.phase is not Phase.ENDED)
