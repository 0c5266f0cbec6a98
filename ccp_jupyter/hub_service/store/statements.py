"""SQL of the SQLite store."""

from __future__ import annotations

import itertools
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam

from ccp_jupyter.hub_service.store import documents
from ccp_jupyter.hub_service.store.base import ExecutionQuery, MethodQuery
from ccp_jupyter.hub_service.store.documents import milliseconds
from ccp_jupyter.hub_service.store.tables import (
    executions,
    method_contexts,
    methods,
    tasks,
    usage,
)
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.states import Status
from ccp_jupyter.model.stored_method import StoredMethod

MOST_MERGED: Final = 8
"""Methods in a filter up to which each gets its own index search."""
MOST_METHODS: Final = 10_000
"""Methods in a filter; SQLite takes about 32,000 values in one statement."""

_LARGEST_OFFSET = 2**53

ADD_METHOD = sa.insert(methods)
ADD_CONTEXT = sa.insert(method_contexts)
ADD_EXECUTION = sa.insert(executions)
ADD_TASK = sa.insert(tasks)

_KEY: Final = bindparam("b_key", type_=sa.Text)
_INDEX: Final = bindparam("b_index", type_=sa.Integer)
_VERSION: Final = bindparam("b_version", type_=sa.Integer)
SAVE_METHOD = sa.update(methods).where(methods.c.id == _KEY, methods.c.version == _VERSION)
SAVE_EXECUTION = sa.update(executions).where(
    executions.c.id == _KEY, executions.c.version == _VERSION
)
SAVE_TASK = sa.update(tasks).where(
    tasks.c.execution_id == _KEY, tasks.c.task_index == _INDEX, tasks.c.version == _VERSION
)

REMOVE_METHOD = sa.delete(methods).where(methods.c.id == _KEY)
REMOVE_CONTEXTS = sa.delete(method_contexts).where(method_contexts.c.method_id == _KEY)
REMOVE_EXECUTION = sa.delete(executions).where(executions.c.id == _KEY)

GET_METHOD = sa.select(methods.c.document).where(methods.c.id == _KEY)
GET_EXECUTION = sa.select(executions.c.document).where(executions.c.id == _KEY)
GET_TASK = sa.select(tasks.c.document).where(
    tasks.c.execution_id == _KEY, tasks.c.task_index == _INDEX
)
FIND_EXECUTION = sa.select(executions.c.document).where(
    executions.c.owner == bindparam("b_owner"), executions.c.idempotency_key == _KEY
)
LIST_TASKS = (
    sa.select(tasks.c.document).where(tasks.c.execution_id == _KEY).order_by(tasks.c.task_index)
)
OPEN_EXECUTIONS = (
    sa.select(executions.c.document)
    .where(sa.text("executions.open = 1"))  # a bound value would not match the partial index
    .order_by(executions.c.created, executions.c.id)
)
OPEN_TASKS = (
    sa.select(tasks.c.document)
    .join(executions, executions.c.id == tasks.c.execution_id)
    .where(sa.text("tasks.open = 1"))
    .order_by(executions.c.created, tasks.c.execution_id, tasks.c.task_index)
)
USAGE = sa.select(usage.c.executions, usage.c.bytes).where(
    usage.c.owner == bindparam("b_owner"),
    usage.c.infrastructure_id == bindparam("b_infrastructure"),
)
LIST_METHODS = (
    sa.select(methods.c.document)
    .where(
        sa.or_(
            bindparam("b_admin", type_=sa.Boolean),
            methods.c.public,
            methods.c.owner == bindparam("b_name"),
            sa.exists()
            .where(method_contexts.c.method_id == methods.c.id)
            .where(method_contexts.c.context.in_(bindparam("b_groups", expanding=True))),
        ),
        # An empty text is found in every text.
        sa.func.instr(methods.c.searched, bindparam("b_search")) > 0,
    )
    .order_by(methods.c.folded_title, methods.c.id)
    .limit(bindparam("b_limit"))
    .offset(bindparam("b_offset"))
)


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
    }


def context_rows(method: StoredMethod) -> list[dict[str, Any]]:
    """Return the rows that say in which Contexts a Method is shared."""
    return [{"method_id": method.id, "context": context} for context in set(method.contexts)]


def execution_row(execution: Execution, text: str) -> dict[str, Any]:
    """Return the columns of an Execution."""
    return {
        "id": execution.id,
        "version": execution.version,
        "owner": execution.owner,
        "infrastructure_id": execution.infrastructure_id,
        "method_id": execution.method_id,
        "idempotency_key": execution.idempotency_key,
        "status": execution.status.value,
        "open": documents.execution_open(execution),
        "created": milliseconds(execution.created),
        "started": execution.started and milliseconds(execution.started),
        "finished": execution.finished and milliseconds(execution.finished),
        "output_size": execution.output_size or 0,
        "document": text,
    }


def task_row(task: Task, text: str) -> dict[str, Any]:
    """Return the columns of a Task."""
    return {
        "execution_id": task.execution_id,
        "task_index": task.index,
        "version": task.version,
        "state": task.state.value,
        "open": documents.task_open(task),
        "document": text,
    }


def check_page(limit: int, offset: int) -> None:
    """Refuse a page that cannot be.

    Raises
    ------
    ValueError
        The limit is below 1, the offset below 0, or one is absurdly large.
    """
    if not 1 <= limit <= _LARGEST_OFFSET:
        raise ValueError(f"limit: from 1 to 2**53, not {limit}")
    if not 0 <= offset <= _LARGEST_OFFSET:
        raise ValueError(f"offset: from 0 to 2**53, not {offset}")


def method_parameters(query: MethodQuery) -> dict[str, Any]:
    """Return the parameters of `LIST_METHODS`; one more than the limit tells if more follow."""
    return {
        "b_admin": query.viewer.admin,
        "b_name": query.viewer.name,
        "b_groups": tuple(sorted(query.viewer.groups)),
        "b_search": documents.folded(query.search),
        "b_limit": query.limit + 1,
        "b_offset": query.offset,
    }


def open_executions(after: Execution | None, limit: int | None) -> sa.Select[Any]:
    """Return `OPEN_EXECUTIONS` for those after one, at most so many."""
    statement = OPEN_EXECUTIONS
    if after is not None:
        place = sa.tuple_(executions.c.created, executions.c.id)
        statement = statement.where(place > sa.tuple_(milliseconds(after.created), after.id))
    return statement if limit is None else statement.limit(limit)


def listing(query: ExecutionQuery) -> sa.Select[Any]:
    """Return the statement for a page of Executions, and one more.

    Each combination of Method and status is a search in an index that has the rows in order;
    SQLite merges the searches and stops at the limit. Only the page's documents are read.

    Raises
    ------
    ValueError
        The filter names more than `MOST_METHODS` Methods, or a time without zone.
    """
    method_ids: list[str | None] = [*dict.fromkeys(query.method_ids)] or [None]
    statuses: list[Status | None] = [*dict.fromkeys(query.statuses)] or [None]
    many: list[sa.ColumnElement[bool]] = []
    if len(method_ids) > MOST_METHODS:
        raise ValueError(f"method_ids: at most {MOST_METHODS}, not {len(method_ids)}")
    if len(method_ids) > MOST_MERGED:
        many.append(executions.c.method_id.in_(method_ids))
        method_ids = [None]
    elif query.method_ids and not query.statuses:
        statuses = list(Status)  # the index by Method goes on with the status
    common = [*_common(query), *many]
    searches = [
        sa.select(executions.c.id, executions.c.created).where(
            *common,
            *([] if method_id is None else [executions.c.method_id == method_id]),
            *([] if status is None else [executions.c.status == status.value]),
        )
        for method_id, status in itertools.product(method_ids, statuses)
    ]
    merged = searches[0] if len(searches) == 1 else sa.union_all(*searches)
    page = (
        merged.order_by(merged.selected_columns.created.desc(), merged.selected_columns.id)
        .limit(query.limit + 1)
        .offset(query.offset)
        .subquery("page")
    )
    return (
        sa.select(executions.c.document)
        .join(page, page.c.id == executions.c.id)
        .order_by(page.c.created.desc(), page.c.id)
    )


def _common(query: ExecutionQuery) -> list[sa.ColumnElement[bool]]:
    """Return what every search of a listing has to fulfil."""
    table = executions.c
    wanted: list[sa.ColumnElement[bool]] = []
    if query.owner is not None:
        wanted.append(table.owner == query.owner)
    if query.created_from is not None:
        wanted.append(table.created >= milliseconds(query.created_from, up=True))
    if query.created_to is not None:
        wanted.append(table.created <= milliseconds(query.created_to))
    end = sa.func.coalesce(table.finished, None if query.at is None else milliseconds(query.at))
    lasted = sa.type_coerce(end - table.started, sa.Float)
    if query.min_duration is not None:
        wanted.append(lasted >= documents.duration_milliseconds(query.min_duration))
    if query.max_duration is not None:
        wanted.append(lasted <= documents.duration_milliseconds(query.max_duration))
    return wanted
