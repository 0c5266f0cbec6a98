"""What every store derives from records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from ccp_jupyter.hub_service.store.documents import (
    LARGEST_DOCUMENT,
    decoded,
    encoded,
    folded,
    milliseconds,
)
from ccp_jupyter.model.execution import Task
from ccp_jupyter.model.stored_method import StoredMethod


@pytest.mark.parametrize(
    ("moment", "down", "up"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0, 0),
        (datetime(1970, 1, 1, 0, 0, 1, 1999, tzinfo=UTC), 1001, 1002),
        (datetime(1969, 12, 31, 23, 59, 59, 999_500, tzinfo=UTC), -1, 0),
        (datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), 0, 0),
        (datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC), 253402300799999, 253402300799999),
    ],
)
def test_milliseconds(moment: datetime, down: int, up: int) -> None:
    assert milliseconds(moment) == down
    assert milliseconds(moment, up=True) == up


def test_folded_text_is_equal_for_what_people_take_for_equal() -> None:
    assert folded("  Straße\t\nNo. 1 ") == folded("STRASSE no. 1")
    assert folded("Zu\u0308rich") == folded("ZÜRICH")
    assert folded("\ufb01n \uff23afe") == "fin cafe"
    assert folded("a") != folded("á")


def test_size_is_counted_in_bytes() -> None:
    text, _ = encoded(StoredMethod(id="m", owner="a", document={"x": ""}), 1)
    room = LARGEST_DOCUMENT - len(text)
    encoded(StoredMethod(id="m", owner="a", document={"x": "é" * (room // 2)}), 1)
    with pytest.raises(ValueError, match="StoredMethod m has 160000"):
        encoded(StoredMethod(id="m", owner="a", document={"x": "é" * (room // 2 + 1)}), 1)


def test_error_names_what_cannot_be_kept() -> None:
    method = StoredMethod(id="m", owner="a", document={"x": (1,)})
    with pytest.raises(ValueError, match="StoredMethod m cannot be kept exactly: document"):
        encoded(method, 1)
    with pytest.raises(ValueError, match=r"StoredMethod m cannot be kept: .*surrogate"):
        encoded(method.model_copy(update={"document": {"x": "\ud800"}}), 1)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"execution_id": "e1", "index": 0}'])
def test_text_of_something_else_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="a stored Task cannot be read"):
        decoded(Task, text)
