"""What the MongoDB store derives from records, and its filters.

``document`` is the record as JSON text and the only truth, as in SQLite; every other member is
derived from it when it is written. Text, because BSON takes no NUL in names, no integer or nesting
beyond its own limits, and because the copy between stores is then exact by bytes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from bson import MaxKey, MinKey
from pymongo import ASCENDING, DESCENDING

from ccp_jupyter.hub_service.store import documents
from ccp_jupyter.hub_service.store.base import BatchQuery, ExecutionQuery, MethodQuery
from ccp_jupyter.hub_service.store.documents import CONTEXT, USER, milliseconds
from ccp_jupyter.hub_service.store.mongodb.connection import Document
from ccp_jupyter.hub_service.store.pages import MOST_MERGED, check_methods, check_shared
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.experiment import BatchState
from ccp_jupyter.model.node_record import NodeRecord
from ccp_jupyter.model.share_link import ShareLink
from ccp_jupyter.model.sharing import Viewer
from ccp_jupyter.model.states import Status
from ccp_jupyter.model.stored_method import StoredMethod

Keys = list[tuple[str, int]]

OLDEST_FIRST: Final[Keys] = [("created", ASCENDING), ("_id", ASCENDING)]
_NEWEST_FIRST: Final[Keys] = [("created", DESCENDING), ("_id", ASCENDING)]
_NEWEST_LAST: Final[Keys] = [("created", ASCENDING), ("_id", DESCENDING)]
_NOTHING: Final[Document] = {"_id": {"$in": []}}
_BATCH: Final = [state.value for state in BatchState]


@dataclass(frozen=True, slots=True)
class Search:
    """A filter, the order, and the index that has both."""

    where: Document
    order: Keys
    index: str
    first: Document | None = None
    """Where in the index to begin; None: at its begin."""
    last: Document | None = None


def task_key(execution_id: str, index: int) -> Document:
    """Return the _id of a Task."""
    return {"e": execution_id, "i": index}


def of_execution(execution_id: str) -> Document:
    """Return the filter for all Tasks of an Execution, in the order of their index."""
    return {"_id": {"$gte": task_key(execution_id, 0), "$lt": {"e": execution_id, "i": MaxKey()}}}


def revision_key(method_id: str, revision: int) -> Document:
    """Return the _id of an older revision."""
    return {"m": method_id, "r": revision}


def of_method(method_id: str) -> Document:
    """Return the filter for all older revisions of a Method; their _id has their order."""
    return {"_id": {"$gt": {"m": method_id, "r": MinKey()}, "$lt": {"m": method_id, "r": MaxKey()}}}


def by_id(where: Document | None = None) -> Search:
    """Return the search for records in the order of their ids."""
    return Search(where or {}, [("_id", ASCENDING)], "_id_")


def walk(after: str | None) -> Search:
    """Return the search for all records after an id, in the order of ids."""
    return by_id(None if after is None else {"_id": {"$gt": after}})


def method_document(method: StoredMethod, text: str) -> Document:
    """Return what is stored of a Method."""
    return {
        "_id": method.id,
        "version": method.version,
        "owner": method.owner,
        "public": method.public,
        "contexts": sorted(set(method.contexts)),
        "users": sorted(set(method.users)),
        "categories": documents.categories(method),
        "revision": method.revision,
        "title": documents.folded(method.title),
        "searched": documents.searched(method),
        "document": text,
    }


def revision_document(method: StoredMethod, text: str) -> Document:
    """Return what is stored of an older revision."""
    return {
        "_id": revision_key(method.id, method.revision),
        "summary": method.summary.model_dump_json(),
        "document": text,
    }


def execution_document(execution: Execution, text: str) -> Document:
    """Return what is stored of an Execution."""
    stored: Document = {
        "_id": execution.id,
        "version": execution.version,
        "owner": execution.owner,
        "infrastructure": execution.infrastructure_id,
        "method": execution.method_id,
        "status": execution.status.value,
        "open": documents.execution_open(execution),
        "experiment": execution.experiment is not None,
        "created": milliseconds(execution.created),
        "started": execution.started and milliseconds(execution.started),
        "finished": execution.finished and milliseconds(execution.finished),
        "size": execution.output_size or 0,
        "public": execution.sharing.public,
        "document": text,
    }
    if execution.idempotency_key is not None:
        stored["key"] = execution.idempotency_key
    if execution.reuse_key:
        stored["reuse"] = execution.reuse_key
    if shared := documents.shares(execution):
        stored["shared"] = [_share(kind, name) for kind, name in shared]
    return stored


def task_document(task: Task, text: str) -> Document:
    """Return what is stored of a Task."""
    attempt = task.attempt
    stored: Document = {
        "_id": task_key(task.execution_id, task.index),
        "version": task.version,
        "open": documents.task_open(task),
        "owner": task.owner,
        "created": milliseconds(task.created),
        "node": None if attempt is None else attempt.node,
        "document": text,
    }
    if task.batch is not None:
        stored["batch_state"] = task.batch_state.value
    return stored


def node_document(record: NodeRecord, text: str) -> Document:
    """Return what is stored of a Node."""
    return {"_id": record.id, "version": record.version, "document": text}


def link_document(link: ShareLink, text: str) -> Document:
    """Return what is stored of a link."""
    return {
        "_id": link.id,
        "version": link.version,
        "owner": link.owner,
        "target": link.target,
        "created": milliseconds(link.created),
        "expires": milliseconds(link.expires),
        "document": text,
    }


def links(owner: str, target: str | None) -> Search:
    """Return the search for somebody's links, or those of them to one thing."""
    if target is None:
        return Search({"owner": owner}, _NEWEST_FIRST, "links_by_owner")
    return Search({"owner": owner, "target": target}, _NEWEST_FIRST, "links_by_target")


def methods(query: MethodQuery) -> Search:
    """Return the search for the Methods that a viewer may see."""
    where = _seen(query.viewer)
    index = "methods_by_title"
    if query.owner is not None:
        where["owner"] = query.owner
        index = "methods_by_owner"
    if query.category is not None:
        where["categories"] = query.category
        index = "methods_by_category"
    if wanted := documents.folded(query.search):
        found = {"$indexOfBytes": ["$searched", {"$literal": wanted}]}
        where["$expr"] = {"$gte": [found, 0]}
    return Search(where, [("title", ASCENDING), ("_id", ASCENDING)], index)


def categories(viewer: Viewer) -> list[Document]:
    """Return the steps that count the Methods of each category that a viewer may see."""
    return [
        {"$match": _seen(viewer)},
        {"$project": {"categories": 1}},
        {"$unwind": "$categories"},
        {"$group": {"_id": "$categories", "methods": {"$sum": 1}}},
    ]


def _seen(viewer: Viewer) -> Document:
    """Return the condition that a viewer may see a Method."""
    if viewer.admin:
        return {}
    return {
        "$or": [
            {"public": True},
            {"owner": viewer.name},
            {"users": viewer.name},
            {"contexts": {"$in": sorted(viewer.groups)}},
        ]
    }


def executions(query: ExecutionQuery) -> Search:
    """Return the search for a list of Executions.

    Raises
    ------
    ValueError
        The filter names more than `MOST_METHODS` Methods, or a time without zone, or what cannot
        go together.
    """
    if query.shared_with is not None:
        return _shared(query, query.shared_with)
    check_methods(query.method_ids)
    where: Document = {} if query.owner is None else {"owner": query.owner}
    statuses = [status.value for status in dict.fromkeys(query.statuses)]
    kinds = [False, True] if query.experiments is None else [query.experiments]
    methods = list(dict.fromkeys(query.method_ids))
    name = "executions_by" if query.owner is None else "executions_by_owner"
    if methods and len(methods) <= MOST_MERGED:
        index = f"{name}_method"
        # The index goes on with the status.
        where["status"] = {"$in": statuses or [status.value for status in Status]}
        if query.experiments is not None:
            where["experiment"] = query.experiments
    else:
        if methods and query.experiments is None and "" not in methods:
            kinds = [False]  # an Experiment has no Method
        where["experiment"] = {"$in": kinds}
        index = name if query.owner is not None else f"{name}_age"
        if statuses:
            where["status"] = {"$in": statuses}
            index = f"{name}_status"
    if methods:
        where["method"] = {"$in": methods}
    where |= _created(query)
    conditions = _lasted(query)
    if conditions is None:
        where = _NOTHING
    elif conditions:
        where["started"] = {"$ne": None}
        where["$expr"] = {"$and": conditions}
    return Search(where, _NEWEST_LAST if query.ascending else _NEWEST_FIRST, index)


def _shared(query: ExecutionQuery, viewer: Viewer) -> Search:
    """Return the search for what others share with somebody.

    The server merges up to 200 searches, one for each Context, in the order of their index.
    """
    check_shared(query)
    where: Document = {
        "shared": {"$in": _names(viewer)},
        "owner": {"$ne": viewer.name},
    }
    if query.owner is not None:
        where["owner"]["$eq"] = query.owner
    return Search(where, _NEWEST_FIRST, "executions_by_share")


def reusable(reuse_key: str, viewer: Viewer) -> Search:
    """Return the search for successful Executions with a key that a viewer may see."""
    where: Document = {"reuse": reuse_key, "status": Status.SUCCESSFUL.value}
    if not viewer.admin:
        where["$or"] = [
            {"public": True},
            {"owner": viewer.name},
            {"shared": {"$in": _names(viewer)}},
        ]
    return Search(where, _NEWEST_FIRST, "executions_reusable")


def _names(viewer: Viewer) -> list[str]:
    groups = [_share(CONTEXT, group) for group in sorted(viewer.groups)]
    return [_share(USER, viewer.name), *groups]


def _share(kind: str, name: str) -> str:
    return f"{kind} {name}"


def _lasted(query: ExecutionQuery) -> list[Document] | None:
    """Return the conditions for how long it ran; None when nothing can fulfil them."""
    at = None if query.at is None else milliseconds(query.at)
    lasted = {"$subtract": [{"$ifNull": ["$finished", at]}, "$started"]}
    conditions: list[Document] = []
    for operator, seconds in (("$gte", query.min_duration), ("$lte", query.max_duration)):
        if seconds is not None:
            if math.isnan(seconds):
                return None
            conditions.append({operator: [lasted, documents.duration_milliseconds(seconds)]})
    # Null, of what runs while nobody said when "now" is, would be below any number.
    return [{"$ne": [lasted, None]}, *conditions] if conditions else []


def _created(query: ExecutionQuery | BatchQuery) -> Document:
    """Return the condition for the time of submission; both bounds belong to it."""
    bounds: Document = {}
    if query.created_from is not None:
        bounds["$gte"] = milliseconds(query.created_from, up=True)
    if query.created_to is not None:
        bounds["$lte"] = milliseconds(query.created_to)
    return {"created": bounds} if bounds else {}


def batches(query: BatchQuery) -> Search:
    """Return the search for a list of Tasks of Experiments."""
    states = [state.value for state in dict.fromkeys(query.states)] or _BATCH
    where: Document = {"batch_state": {"$in": states}}
    for name, value in (
        ("owner", query.owner),
        ("_id.e", query.execution_id),
        ("node", query.node),
    ):
        if value is not None:
            where[name] = value
    where |= _created(query)
    if query.execution_id is not None:
        return Search(where, [("_id.i", ASCENDING)], "batches_by_execution")
    given = [name for name in ("owner", "node") if name in where]
    index = "batches_by_" + ("_".join(given) or "age")
    order: Keys = _NEWEST_FIRST
    if query.ascending:
        order = [("created", ASCENDING), ("_id.e", DESCENDING), ("_id.i", ASCENDING)]
    return Search(where, order, index)


def open_executions(after: Execution | None) -> Search:
    """Return the search for the Executions that the controller has work with."""
    first = None
    if after is not None:
        # No text lies between this one and the id.
        first = {"created": milliseconds(after.created), "_id": after.id + "\0"}
    return Search({"open": True}, OLDEST_FIRST, "executions_open", first)


def open_tasks(execution_ids: list[str] | None, node: str | None, after: Task | None) -> Search:
    """Return the search for the Tasks with work left."""
    where: Document = {"open": True}
    place: Document | None = None
    if after is not None:
        key = task_key(after.execution_id, after.index + 1)
        place = {"created": milliseconds(after.created), "_id": key}
    if execution_ids is not None:
        where["_id.e"] = {"$in": execution_ids}
        if node is not None:
            where["node"] = node
        if place is not None:
            moment, key = place["created"], place["_id"]
            where["$or"] = [{"created": {"$gt": moment}}, {"created": moment, "_id": {"$gte": key}}]
        return Search(where, OLDEST_FIRST, "tasks_open_by_execution")
    if node is None:
        return Search(where, OLDEST_FIRST, "tasks_open", place)
    where["node"] = node
    last: dict[str, Any] | None = None
    if place is not None:
        place = {"node": node, **place}
        last = {"node": node, "created": MaxKey(), "_id": MaxKey()}
    return Search(where, OLDEST_FIRST, "tasks_open_by_node", place, last)
