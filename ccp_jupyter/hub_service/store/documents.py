"""Records as JSON text, and what every store derives from them for its filters and sorts."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from ccp_jupyter.hub_service.store.base import LONGEST_LEASE, Category
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.node_record import NodeRecord
from ccp_jupyter.model.share_link import ShareLink
from ccp_jupyter.model.states import Phase, Status, Target, is_final
from ccp_jupyter.model.stored_method import StoredMethod

LARGEST_DOCUMENT = 16_000_000
"""Bytes of one record; MongoDB's limit, kept by every store."""

R = TypeVar("R", Execution, Task, StoredMethod, NodeRecord, ShareLink)
M = TypeVar("M", bound=BaseModel)

USER, CONTEXT = "user", "context"
"""Kinds of those with whom something is shared."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def encoded(record: R, version: int) -> tuple[str, R]:
    """Return a record's JSON text at a version, and a copy read back from that text.

    Reading it back before it is written means that whatever a store acknowledges can be read,
    and is what was given: JSON has no infinity, and its parser refuses deep nesting.

    Parameters
    ----------
    record : Execution, Task, StoredMethod, NodeRecord or ShareLink
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
        # As `model_dump_json`, without what that does besides: half the time.
        text = given.__pydantic_serializer__.to_json(given, warnings=False).decode()
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


def moment(since: int) -> datetime:
    """Return the time so many milliseconds after 1970 began; `milliseconds` turned round."""
    return _EPOCH + since * _MILLISECOND


def check_lease_time(seconds: float) -> None:
    """Refuse a lease that would be none, or would never end.

    Raises
    ------
    ValueError
        The time is not above 0, or longer than `LONGEST_LEASE`.
    """
    if not 0 < seconds <= LONGEST_LEASE:
        raise ValueError(f"seconds: above 0 and at most {LONGEST_LEASE:.0f}, not {seconds}")


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


def categories(method: StoredMethod) -> list[str]:
    """Return under what a Method is listed, sorted; an empty text when it has no category."""
    metadata = method.document.get("metadata")
    titles = [
        item.get("title")
        for item in (metadata if isinstance(metadata, list) else [])
        if isinstance(item, dict) and item.get("role") == "category"
    ]
    return sorted({title for title in titles if isinstance(title, str) and title}) or [""]


def categories_in_order(counts: dict[str, int]) -> list[Category]:
    """Return categories by title ignoring case, with how many Methods each has."""
    return [
        Category(title, counts[title]) for title in sorted(counts, key=lambda t: (folded(t), t))
    ]


def shares(execution: Execution) -> list[tuple[str, str]]:
    """Return with whom an Execution is shared, sorted: kind (user or context) and name."""
    sharing = execution.sharing
    named = {(USER, name) for name in sharing.users}
    return sorted(named | {(CONTEXT, name) for name in sharing.contexts})


def check_revision(method: StoredMethod, stored: int) -> None:
    """Refuse a Method whose revision is older than the stored one.

    Raises
    ------
    ValueError
        Naming both.
    """
    if method.revision < stored:
        raise ValueError(
            f"Method {method.id}: revision is {method.revision}, below the stored {stored}"
        )


def check_revisions(method: StoredMethod, older: list[StoredMethod]) -> None:
    """Refuse older revisions that are another Method's, or not older.

    Raises
    ------
    ValueError
        Naming the Method and the revision.
    """
    for each in older:
        if each.id != method.id or not each.revision < method.revision:
            raise ValueError(
                f"Method {each.id}, revision {each.revision}, is no older one of Method"
                f" {method.id}, revision {method.revision}"
            )


def check_belongs(task: Task, execution: Execution) -> None:
    """Refuse to add a Task with another one's Execution.

    Tasks are listed in the order of their Executions' age, so they have to be as old.

    Raises
    ------
    ValueError
        Naming Task and Execution.
    """
    if task.execution_id != execution.id:
        raise ValueError(f"Task {task.id} is not one of Execution {execution.id}")
    for member in ("owner", "created") if task.batch is not None else ("created",):
        given, expected = getattr(task, member), getattr(execution, member)
        if given != expected:
            raise ValueError(
                f"Task {task.id}: {member} is {given}, that of its Execution is {expected}"
            )


def execution_open(execution: Execution) -> bool:
    """Tell whether the controller has work with an Execution."""
    if execution.target is Target.DELETED or execution.has_callbacks_due or execution.ending:
        return True
    return not is_final(execution.status) and execution.status is not Status.CREATED


def task_open(task: Task) -> bool:
    """Tell whether a Task has work left: to run, to clean up after, or to tell of."""
    attempt = task.attempt
    unclean = attempt is not None and attempt.phase is not Phase.ENDED
    return not is_final(task.state) or unclean or task.to_notify
