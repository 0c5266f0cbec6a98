"""SQL of the SQLite store's list of Executions that others share with somebody.

One search for their name and one for each of their Contexts, each over an index in the list's
order; SQLite merges them, takes what several find once, and stops at the limit. As text: made
from SQLAlchemy's parts it takes 0.1 s for somebody in a hundred Contexts.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from ccp_jupyter.hub_service.store.base import ExecutionQuery
from ccp_jupyter.hub_service.store.documents import CONTEXT, USER
from ccp_jupyter.hub_service.store.pages import MOST_GROUPS, check_shared
from ccp_jupyter.model.sharing import Viewer

_SEARCH: Final = (
    "SELECT execution_id AS id, created FROM execution_shares"
    " WHERE kind = '{kind}' AND name {names} AND owner <> :viewer"
)
_PAGE: Final = (
    "SELECT executions.document FROM executions JOIN ({searches}"
    " ORDER BY created DESC, id LIMIT :most OFFSET :offset) AS page ON page.id = executions.id"
    " ORDER BY page.created DESC, page.id"
)


def shared_listing(query: ExecutionQuery, viewer: Viewer) -> sa.TextClause:
    """Return the statement for a page of Executions, and one more.

    Raises
    ------
    ValueError
        The query has filters that such a list cannot have.
    """
    searches, values = _searches(query, viewer)
    values |= {"most": query.limit + 1, "offset": query.offset}
    return sa.text(_PAGE.format(searches=searches)).bindparams(**values)


def shared_counting(query: ExecutionQuery, viewer: Viewer) -> sa.TextClause:
    """Return the statement that counts what `shared_listing` lists on all its pages.

    Raises
    ------
    ValueError
        As `shared_listing`.
    """
    searches, values = _searches(query, viewer)
    return sa.text(f"SELECT count(*) FROM ({searches})").bindparams(**values)  # noqa: S608


def _searches(query: ExecutionQuery, viewer: Viewer) -> tuple[str, dict[str, Any]]:
    check_shared(query)
    values: dict[str, Any] = {"viewer": viewer.name}
    named = _SEARCH.format(kind=USER, names="= :viewer")
    groups = {f"group{number}": name for number, name in enumerate(sorted(viewer.groups))}
    values |= groups
    if len(groups) <= MOST_GROUPS:
        conditions = [f"= :{each}" for each in groups]
    else:
        conditions = [f"IN ({', '.join(f':{each}' for each in groups)})"]
    searches = [named, *(_SEARCH.format(kind=CONTEXT, names=each) for each in conditions)]
    if query.owner is not None:
        values["owner"] = query.owner
        searches = [f"{each} AND owner = :owner" for each in searches]
    return " UNION ".join(searches), values
