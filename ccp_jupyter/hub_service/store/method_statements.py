"""SQL of the SQLite store for Methods and their revisions."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam

from ccp_jupyter.hub_service.store import documents
from ccp_jupyter.hub_service.store.base import MethodQuery
from ccp_jupyter.hub_service.store.tables import (
    method_categories,
    method_contexts,
    method_revisions,
    method_users,
    methods,
)
from ccp_jupyter.model.sharing import Viewer
from ccp_jupyter.model.stored_method import StoredMethod

_KEY: Final = bindparam("b_key", type_=sa.Text)
_VERSION: Final = bindparam("b_version", type_=sa.Integer)
_REVISION: Final = bindparam("b_revision", type_=sa.Integer)
_LIMIT: Final = bindparam("b_limit", type_=sa.Integer)
_OFFSET: Final = bindparam("b_offset", type_=sa.Integer)

ADD_METHOD = sa.insert(methods)
SAVE_METHOD = sa.update(methods).where(methods.c.id == _KEY, methods.c.version == _VERSION)
REMOVE_METHOD = sa.delete(methods).where(methods.c.id == _KEY)
GET_METHOD = sa.select(methods.c.document).where(methods.c.id == _KEY)
WALK_METHODS = sa.select(methods.c.document).order_by(methods.c.id)

ADD_PARTS: Final = (
    sa.insert(method_contexts),
    sa.insert(method_users),
    sa.insert(method_categories),
)
"""For the three lists of `part_rows`."""
REMOVE_PARTS: Final = tuple(
    sa.delete(table).where(table.c.method_id == _KEY)
    for table in (method_contexts, method_users, method_categories)
)

PRESENT_REVISION = sa.select(methods.c.revision, methods.c.document).where(
    methods.c.id == _KEY, methods.c.version == _VERSION
)
ADD_REVISION = sa.insert(method_revisions)
GET_REVISION = sa.union_all(
    sa.select(methods.c.document).where(methods.c.id == _KEY, methods.c.revision == _REVISION),
    sa.select(method_revisions.c.document).where(
        method_revisions.c.method_id == _KEY, method_revisions.c.revision == _REVISION
    ),
)
OLDER_REVISIONS = (
    sa.select(method_revisions.c.summary)
    .where(method_revisions.c.method_id == _KEY)
    .order_by(method_revisions.c.revision.desc())
    .limit(_LIMIT)
    .offset(_OFFSET)
)


# Found once for a question, instead of once for each Method.
_SHARED: Final = sa.union_all(
    sa.select(method_users.c.method_id).where(method_users.c.user == bindparam("b_name")),
    sa.select(method_contexts.c.method_id).where(
        method_contexts.c.context.in_(bindparam("b_groups", expanding=True))
    ),
)


def _visible(
    method_id: sa.Column[str], owner: sa.Column[str], public: sa.Column[bool]
) -> sa.ColumnElement[bool]:
    """Return the condition that a viewer may see a Method; see `viewer_parameters`."""
    return sa.or_(
        bindparam("b_admin", type_=sa.Boolean),
        public,
        owner == bindparam("b_name"),
        method_id.in_(_SHARED),
    )


_SEEN: Final = _visible(methods.c.id, methods.c.owner, methods.c.public)
_CATEGORY_SEEN: Final = _visible(
    method_categories.c.method_id, method_categories.c.owner, method_categories.c.public
)
# An empty text is found in every text.
_FOUND: Final = sa.func.instr(methods.c.searched, bindparam("b_search")) > 0
_LISTED: Final = sa.select(methods.c.document).where(_SEEN, _FOUND)
_BY_CATEGORY: Final = (
    sa.select(methods.c.document)
    .select_from(method_categories)
    .join(methods, methods.c.id == method_categories.c.method_id)
    .where(
        method_categories.c.category == bindparam("b_category"),
        _CATEGORY_SEEN,
        _FOUND,
    )
)
COUNT_CATEGORIES = (
    sa.select(method_categories.c.category, sa.func.count().label("methods"))
    .where(_CATEGORY_SEEN)
    .group_by(method_categories.c.category)
)


def list_methods(query: MethodQuery) -> sa.Select[Any]:
    """Return the statement for a page of Methods, and one more; see `method_parameters`."""
    if query.category is None:
        statement, table = _LISTED, methods
        order = (methods.c.folded_title, methods.c.id)
    else:
        statement, table = _BY_CATEGORY, method_categories
        order = (method_categories.c.folded_title, method_categories.c.method_id)
    if query.owner is not None:
        statement = statement.where(table.c.owner == bindparam("b_owner"))
    return statement.order_by(*order).limit(_LIMIT).offset(_OFFSET)


def viewer_parameters(viewer: Viewer) -> dict[str, Any]:
    """Return the parameters that say who wants to see Methods."""
    return {
        "b_admin": viewer.admin,
        "b_name": viewer.name,
        "b_groups": tuple(sorted(viewer.groups)),
    }


def method_parameters(query: MethodQuery) -> dict[str, Any]:
    """Return the parameters of a list; one more than the limit tells if more follow."""
    return {
        **viewer_parameters(query.viewer),
        "b_search": documents.folded(query.search),
        "b_category": query.category,
        "b_owner": query.owner,
        "b_limit": query.limit + 1,
        "b_offset": query.offset,
    }


def method_row(method: StoredMethod, text: str) -> dict[str, Any]:
    """Return the columns of a Method."""
    return {
        "id": method.id,
        "version": method.version,
        "owner": method.owner,
        "public": method.public,
        "folded_title": documents.folded(method.title),
        "searched": documents.searched(method),
        "document": text,
        "revision": method.revision,
    }


def part_rows(method: StoredMethod) -> tuple[list[dict[str, Any]], ...]:
    """Return the rows for `ADD_PARTS`: Contexts, users and categories."""
    key = {"method_id": method.id}
    listed = {
        "folded_title": documents.folded(method.title),
        "owner": method.owner,
        "public": method.public,
    }
    return (
        [{**key, "context": context} for context in set(method.contexts)],
        [{**key, "user": user} for user in set(method.users)],
        [{**key, "category": each, **listed} for each in documents.categories(method)],
    )


def revision_row(method: StoredMethod, text: str) -> dict[str, Any]:
    """Return the columns of an older revision."""
    return {
        "method_id": method.id,
        "revision": method.revision,
        "summary": method.summary.model_dump_json(),
        "document": text,
    }
