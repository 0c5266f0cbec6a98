"""SQL of the SQLite store's lists and counts for users.

Each list is a merge of searches, one for each combination of the filters' values. Each search has
an index with its rows in the list's order; SQLite merges them and stops at the limit. A filter
that is not set and comes before the order in its index is asked for with each value it can have.
Only the page's documents are read.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa

from ccp_jupyter.hub_service.store import documents
from ccp_jupyter.hub_service.store.base import BatchQuery, ExecutionQuery
from ccp_jupyter.hub_service.store.documents import milliseconds
from ccp_jupyter.hub_service.store.pages import MOST_MERGED, check_methods
from ccp_jupyter.hub_service.store.shared_listing import shared_counting, shared_listing
from ccp_jupyter.hub_service.store.tables import executions, tasks
from ccp_jupyter.model.experiment import BatchState
from ccp_jupyter.model.states import Status

Conditions = list[sa.ColumnElement[bool]]

_STATEMENTS: Final = 64
"""Kept: pages ask for the same again and again, and to build a statement takes a quarter of it."""


def listing(query: ExecutionQuery) -> sa.Select[Any] | sa.TextClause:
    """Return the statement for a page of Executions, and one more.

    Raises
    ------
    ValueError
        The filter names more than `MOST_METHODS` Methods, or a time without zone, or what cannot
        go together.
    """
    if query.shared_with is not None:
        return shared_listing(query, query.shared_with)
    if query.min_duration is None and query.max_duration is None:
        query = replace(query, at=None)  # which is another at each request
    return _listing(query)


@lru_cache(_STATEMENTS)
def _listing(query: ExecutionQuery) -> sa.Select[Any]:
    table = executions.c
    searches = [sa.select(table.id, table.created).where(*w) for w in _execution_searches(query)]
    merged = searches[0] if len(searches) == 1 else sa.union_all(*searches)
    page = (
        merged.order_by(*_by_age(merged.selected_columns, query.ascending))
        .limit(query.limit + 1)
        .offset(query.offset)
        .subquery("page")
    )
    return (
        sa.select(table.document)
        .join(page, page.c.id == table.id)
        .order_by(*_by_age(page.c, query.ascending))
    )


def counting(query: ExecutionQuery) -> sa.Select[Any] | sa.TextClause:
    """Return the statement that counts what `listing` lists on all its pages.

    Raises
    ------
    ValueError
        As `listing`.
    """
    if query.shared_with is not None:
        return shared_counting(query, query.shared_with)
    return _count(executions, _execution_searches(query))


def batch_listing(query: BatchQuery) -> sa.Select[Any]:
    """Return the statement for a page of Tasks of Experiments, and one more."""
    table = tasks.c
    columns = (table.execution_id, table.task_index, table.created)
    merged = sa.union_all(*(sa.select(*columns).where(*w) for w in _batch_searches(query)))
    page = (
        merged.order_by(*_batch_order(merged.selected_columns, query))
        .limit(query.limit + 1)
        .offset(query.offset)
        .subquery("page")
    )
    same = sa.and_(page.c.execution_id == table.execution_id, page.c.task_index == table.task_index)
    return sa.select(table.document).join(page, same).order_by(*_batch_order(page.c, query))


def batch_counting(query: BatchQuery) -> sa.Select[Any]:
    """Return the statement that counts what `batch_listing` lists on all its pages."""
    return _count(tasks, _batch_searches(query))


def _count(table: sa.Table, searches: list[Conditions]) -> sa.Select[Any]:
    counts = [
        sa.select(sa.func.count()).select_from(table).where(*wanted).scalar_subquery()
        for wanted in searches
    ]
    total: sa.ColumnElement[int] = counts[0]
    for count in counts[1:]:
        total = total + count
    return sa.select(total)


def _by_age(columns: Any, ascending: bool) -> tuple[sa.UnaryExpression[Any], ...]:
    """Return newest first and ties by id, or exactly the reverse, which the same index has."""
    if ascending:
        return columns.created.asc(), columns.id.desc()
    return columns.created.desc(), columns.id.asc()


def _batch_order(columns: Any, query: BatchQuery) -> tuple[sa.UnaryExpression[Any], ...]:
    if query.execution_id is not None:
        return (columns.task_index.asc(),)
    if query.ascending:
        return columns.created.asc(), columns.execution_id.desc(), columns.task_index.asc()
    return columns.created.desc(), columns.execution_id.asc(), columns.task_index.asc()


def _execution_searches(query: ExecutionQuery) -> list[Conditions]:
    """Return the conditions of each search that a list is merged from."""
    method_ids: Sequence[str | None] = [*dict.fromkeys(query.method_ids)] or [None]
    statuses: Sequence[Status | None] = [*dict.fromkeys(query.statuses)] or [None]
    kinds: Sequence[bool | None] = (
        [False, True] if query.experiments is None else [query.experiments]
    )
    many: Conditions = []
    check_methods(query.method_ids)
    if len(method_ids) > MOST_MERGED:
        many.append(executions.c.method_id.in_(method_ids))
        if query.experiments is None and "" not in method_ids:
            kinds = [False]  # an Experiment has no Method; looking for one would go through all
        method_ids = [None]
    elif query.method_ids:
        if query.experiments is None:
            kinds = [None]  # the index by Method goes on with the status
        if not query.statuses:
            statuses = list(Status)
    common = [*_common(query), *many]
    return [
        [
            *common,
            *([] if kind is None else [executions.c.experiment == sa.literal(kind)]),
            *([] if method_id is None else [executions.c.method_id == method_id]),
            *([] if status is None else [executions.c.status == status.value]),
        ]
        for kind, method_id, status in itertools.product(kinds, method_ids, statuses)
    ]


def _common(query: ExecutionQuery) -> Conditions:
    """Return what every search of a listing has to fulfil."""
    table = executions.c
    wanted: Conditions = []
    if query.owner is not None:
        wanted.append(table.owner == query.owner)
    wanted += _created(table.created, query)
    end = sa.func.coalesce(table.finished, None if query.at is None else milliseconds(query.at))
    lasted = sa.type_coerce(end - table.started, sa.Float)
    if query.min_duration is not None:
        wanted.append(lasted >= documents.duration_milliseconds(query.min_duration))
    if query.max_duration is not None:
        wanted.append(lasted <= documents.duration_milliseconds(query.max_duration))
    return wanted


def _created(column: sa.Column[Any], query: ExecutionQuery | BatchQuery) -> Conditions:
    """Return the conditions for the time of submission; both bounds belong to it."""
    wanted: Conditions = []
    if query.created_from is not None:
        wanted.append(column >= milliseconds(query.created_from, up=True))
    if query.created_to is not None:
        wanted.append(column <= milliseconds(query.created_to))
    return wanted


def _batch_searches(query: BatchQuery) -> list[Conditions]:
    table = tasks.c
    filters = (
        (table.owner, query.owner),
        (table.execution_id, query.execution_id),
        (table.node, query.node),
    )
    common = [column == value for column, value in filters if value is not None]
    common += _created(table.created, query)
    states = [*dict.fromkeys(query.states)] or list(BatchState)
    # Only Tasks of Experiments have one: no search finds a Method's replica.
    return [[*common, table.batch_state == state.value] for state in states]
