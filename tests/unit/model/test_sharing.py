"""What may be said about sharing, and what a Method's document says of it."""

from __future__ import annotations

from typing import Any

import pytest

from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.method import parse_method
from ccp_jupyter.model.sharing import Sharing, Viewer, read_sharing, with_sharing
from ccp_jupyter.model.stored_method import StoredMethod
from tests.jobs import method


def test_what_is_left_out_is_nobody() -> None:
    assert read_sharing({}).with_nobody
    found = read_sharing({"users": ["bob", "bob", "carol"], "contexts": ["physics"]})
    assert found == Sharing(contexts=["physics"], users=["bob", "carol"])


@pytest.mark.parametrize(
    ("document", "member"),
    [
        (None, ""),
        ([], ""),
        ("public", ""),
        ({"public": 1}, "public"),
        ({"public": "true"}, "public"),
        ({"contexts": "physics"}, "contexts"),
        ({"contexts": [1]}, "contexts[0]"),
        ({"users": [""]}, "users[0]"),
        ({"users": ["bob", None]}, "users[1]"),
        ({"users": ["a\nb"]}, "users[0]"),
        ({"users": ["x" * 256]}, "users[0]"),
        ({"users": ["x"] * 201}, "users"),
        ({"user": ["bob"]}, "user"),
        ({"x" * 5000: 1}, "x" * 100),
    ],
)
def test_what_is_refused(document: object, member: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        read_sharing(document)
    assert [problem.member for problem in refused.value.problems] == [member]


def test_document_and_record_say_the_same() -> None:
    entries: list[dict[str, Any]] = [
        {"role": "author", "title": "alice"},
        {"role": "visibility", "title": "public"},
        {"role": "context", "title": "physics", "href": "/groups/physics"},
        {"role": "context", "title": "old"},
    ]
    document = parse_method(method("busybox", "true", metadata=entries)).document()
    changed = parse_method(with_sharing(document, Sharing(contexts=["physics", "new"])))
    assert not changed.public
    assert changed.contexts == ["physics", "new"]
    assert changed.authors == ["alice"]
    assert {"role": "context", "title": "physics", "href": "/groups/physics"} in (
        changed.document()["metadata"]
    )
    public = parse_method(with_sharing(changed.document(), Sharing(public=True, users=["bob"])))
    assert public.public
    assert public.contexts == []
    assert "bob" not in str(public.document())
    private = with_sharing(public.document(), Sharing())
    assert private["metadata"] == [{"role": "author", "title": "alice"}]


def test_who_may_see() -> None:
    record = StoredMethod(id="m", owner="alice", document={}, contexts=["g"], users=["bob"])
    assert Viewer(name="alice").may_see(record)
    assert Viewer(name="bob").may_see(record)
    assert Viewer(name="carol", groups=frozenset({"g"})).may_see(record)
    assert Viewer(name="dave", admin=True).may_see(record)
    assert not Viewer(name="eve", groups=frozenset({"G", "bob"})).may_see(record)
