"""SQL of the SQLite store for all but Methods (`method_statements`) and lists (`listings`)."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlalchemy.dialects import sqlite

from ccp_jupyter.hub_service.store import documents
from ccp_jupyter.hub_service.store.documents import CONTEXT, USER, milliseconds
from ccp_jupyter.hub_service.store.tables import (
    execution_shares,
    executions,
    links,
    nodes,
    tasks,
    usage,
)
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.node_record import NodeRecord
from ccp_jupyter.model.share_link import ShareLink
from ccp_jupyter.model.sharing import Viewer

_POSITIONS: Final = sqlite.dialect(paramstyle="qmark")
_EXECUTION_COLUMNS: Final = tuple(column.name for column in executions.columns)
_TASK_COLUMNS: Final = tuple(column.name for column in tasks.columns)
# As text, with a tuple for each row: submits come often, an Experiment has thousands of Tasks, and
# this takes half the time.
ADD_EXECUTION: Final = str(sa.insert(executions).compile(dialect=_POSITIONS))
ADD_TASK: Final = str(sa.insert(tasks).compile(dialect=_POSITIONS))
ADD_SHARE = sa.insert(execution_shares)

_KEY: Final = bindparam("b_key", type_=sa.Text)
_INDEX: Final = bindparam("b_index", type_=sa.Integer)
_VERSION: Final = bindparam("b_version", type_=sa.Integer)
SAVE_EXECUTION = sa.update(executions).where(
    executions.c.id == _KEY, executions.c.version == _VERSION
)
SAVE_TASK = sa.update(tasks).where(
    tasks.c.execution_id == _KEY, tasks.c.task_index == _INDEX, tasks.c.version == _VERSION
)

# As text: every save of an Execution has it, and this takes a quarter of the time.
REMOVE_SHARES: Final = "DELETE FROM execution_shares WHERE execution_id = ?"
REMOVE_EXECUTION = sa.delete(executions).where(executions.c.id == _KEY)

WALK_EXECUTIONS = sa.select(executions.c.document).order_by(executions.c.id)
LIST_NODES = sa.select(nodes.c.document).order_by(nodes.c.id)
ADD_NODE = sa.insert(nodes)
SAVE_NODE = sa.update(nodes).where(nodes.c.id == _KEY, nodes.c.version == _VERSION)
REMOVE_NODE = sa.delete(nodes).where(nodes.c.id == _KEY)
ADD_LINK = sa.insert(links)
GET_LINK = sa.select(links.c.document).where(links.c.id == _KEY)
SAVE_LINK = sa.update(links).where(links.c.id == _KEY, links.c.version == _VERSION)
REMOVE_LINK = sa.delete(links).where(links.c.id == _KEY)
REMOVE_EXPIRED_LINKS = sa.delete(links).where(links.c.expires < bindparam("b_before"))
WALK_LINKS = sa.select(links.c.document).order_by(links.c.id)

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
_TASK_PLACE: Final = (tasks.c.created, tasks.c.execution_id, tasks.c.task_index)
OPEN_TASKS = sa.select(tasks.c.document).where(sa.text("tasks.open = 1")).order_by(*_TASK_PLACE)
USAGE: Final = "SELECT executions, bytes FROM usage WHERE owner = ? AND infrastructure_id = ?"
LIST_USAGE = (
    sa.select(usage.c.owner, usage.c.infrastructure_id, usage.c.executions, usage.c.bytes)
    .where(usage.c.executions > 0)
    .order_by(usage.c.owner, usage.c.infrastructure_id)
)


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
        "experiment": execution.experiment is not None,
        "created": milliseconds(execution.created),
        "started": execution.started and milliseconds(execution.started),
        "finished": execution.finished and milliseconds(execution.finished),
        "output_size": execution.output_size or 0,
        "public": execution.sharing.public,
        "reuse_key": execution.reuse_key,
        "document": text,
    }


def new_execution_row(execution: Execution, text: str) -> tuple[Any, ...]:
    """Return the values of a row for `ADD_EXECUTION`."""
    row = execution_row(execution, text)
    return tuple(row[name] for name in _EXECUTION_COLUMNS)


def share_rows(execution: Execution) -> list[dict[str, Any]]:
    """Return the rows that say with whom an Execution is shared."""
    return [
        {
            "execution_id": execution.id,
            "kind": kind,
            "name": name,
            "created": milliseconds(execution.created),
            "owner": execution.owner,
        }
        for kind, name in documents.shares(execution)
    ]


def task_row(task: Task, text: str) -> dict[str, Any]:
    """Return the columns of a Task."""
    attempt = task.attempt
    return {
        "execution_id": task.execution_id,
        "task_index": task.index,
        "version": task.version,
        "state": task.state.value,
        "open": documents.task_open(task),
        "owner": task.owner,
        "created": milliseconds(task.created),
        "batch_state": None if task.batch is None else task.batch_state.value,
        "node": None if attempt is None else attempt.node,
        "document": text,
    }


def node_row(record: NodeRecord, text: str) -> dict[str, Any]:
    """Return the columns of what is kept of a Node."""
    return {"id": record.id, "version": record.version, "document": text}


def link_row(link: ShareLink, text: str) -> dict[str, Any]:
    """Return the columns of a link."""
    return {
        "id": link.id,
        "version": link.version,
        "owner": link.owner,
        "target": link.target,
        "created": milliseconds(link.created),
        "expires": milliseconds(link.expires),
        "document": text,
    }


def new_task_row(task: Task, text: str) -> tuple[Any, ...]:
    """Return the values of a row for `ADD_TASK`."""
    row = task_row(task, text)
    return tuple(row[name] for name in _TASK_COLUMNS)


def walk(statement: sa.Select[Any], after: str | None, limit: int) -> sa.Select[Any]:
    """Return a statement over records by id for those after one id, at most so many."""
    if after is not None:
        statement = statement.where(statement.get_final_froms()[0].c.id > after)
    return statement.limit(limit)


def list_links(owner: str, target: str | None, limit: int, offset: int) -> sa.Select[Any]:
    """Return the statement for a page of somebody's links, and one more."""
    table = links.c
    statement = sa.select(table.document).where(table.owner == owner)
    if target is not None:
        statement = statement.where(table.target == target)
    return statement.order_by(table.created.desc(), table.id).limit(limit + 1).offset(offset)


def find_reusable(reuse_key: str, viewer: Viewer, limit: int) -> sa.Select[Any]:
    """Return the statement for the newest successful Executions with a key that one may see."""
    table, share = executions.c, execution_shares.c
    wanted: list[sa.ColumnElement[bool]] = [
        table.reuse_key == reuse_key,
        # Written out: bound values would not match the partial index.
        sa.literal_column("executions.reuse_key <> '' AND executions.status = 'successful'"),
    ]
    if not viewer.admin:
        named = sa.and_(share.kind == USER, share.name == viewer.name)
        groups = sa.and_(share.kind == CONTEXT, share.name.in_(sorted(viewer.groups)))
        shared = sa.exists().where(share.execution_id == table.id, sa.or_(named, groups))
        wanted.append(sa.or_(table.public, table.owner == viewer.name, shared))
    newest = (table.created.desc(), table.id)
    return sa.select(table.document).where(*wanted).order_by(*newest).limit(limit)


def open_executions(after: Execution | None, limit: int | None) -> sa.Select[Any]:
    """Return `OPEN_EXECUTIONS` for those after one, at most so many."""
    statement = OPEN_EXECUTIONS
    if after is not None:
        place = sa.tuple_(executions.c.created, executions.c.id)
        statement = statement.where(place > sa.tuple_(milliseconds(after.created), after.id))
    return statement if limit is None else statement.limit(limit)


def open_tasks(
    execution_ids: Collection[str] | None,
    node: str | None,
    after: Task | None,
    limit: int | None,
) -> sa.Select[Any]:
    """Return `OPEN_TASKS` for some Executions, for a Node, after one, at most so many."""
    statement = OPEN_TASKS
    if execution_ids is not None:
        # As one value: SQLite takes about 32,000 in a statement.
        wanted = sa.func.json_each(json.dumps([*execution_ids])).table_valued("value")
        statement = statement.where(tasks.c.execution_id.in_(sa.select(wanted.c.value)))
    if node is not None:
        statement = statement.where(tasks.c.node == node)
    if after is not None:
        place = sa.tuple_(milliseconds(after.created), after.execution_id, after.index)
        statement = statement.where(sa.tuple_(*_TASK_PLACE) > place)
    return statement if limit is None else statement.limit(limit)
