"""SQLite store: no question costs more at 100,000 Executions than at 100.

Cost is counted in steps of SQLite's virtual machine, which is the same on every machine and run.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import dialect

from ccp_jupyter.hub_service.store import listings
from ccp_jupyter.hub_service.store import method_statements as methods
from ccp_jupyter.hub_service.store import statements as sql
from ccp_jupyter.hub_service.store.base import BatchQuery, ExecutionQuery, MethodQuery
from ccp_jupyter.hub_service.store.connections import Settings
from ccp_jupyter.hub_service.store.pages import MOST_MERGED
from ccp_jupyter.hub_service.store.schema import migrate
from ccp_jupyter.model.experiment import BatchState
from ccp_jupyter.model.sharing import Viewer
from ccp_jupyter.model.states import Status
from tests.contract.store_data import FINAL, START, a_task, an_execution

SMALL, LARGE = 100, 100_000

# Of 100 Executions: all of one owner but 10, a quarter Experiments, 5 Methods, every status, 4
# open; in this order. Every Experiment has one batch.
FILL = """
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :count - 1)
    INSERT INTO executions
    SELECT printf('e%06d', i), 1, iif(i % 10 = 9, 'bob', 'alice'), 'local',
           iif(i % 4 = 3, '', 'm' || (i % 5)),
           'key ' || i, CASE WHEN i < 2 THEN 'accepted' WHEN i < 4 THEN 'running'
           WHEN i % 3 = 0 THEN 'failed' WHEN i % 3 = 1 THEN 'successful' ELSE 'dismissed' END,
           i < 4, :start + i / 2, :start, :start + 1000, 10, '{}', i % 4 = 3, 0,
           iif(i % 2, '', 'r' || (i % 7)) FROM n
"""
FILL_TASKS = """
    INSERT INTO tasks
    SELECT id, 1, 1, 'x', open, owner, created, CASE WHEN NOT experiment THEN NULL
           WHEN status = 'accepted' THEN 'registered' WHEN status = 'running' THEN 'processing'
           WHEN status = 'successful' THEN 'succeeded' WHEN status = 'failed' THEN 'failed'
           ELSE 'cancelled' END, iif(status = 'accepted', NULL, 'n' || length(status)), '{}'
    FROM executions
"""
# Every tenth is shared with bob, every other tenth in a Context that he is in.
FILL_SHARES = """
    INSERT INTO execution_shares
    SELECT id, iif(created % 2, 'user', 'context'), iif(created % 2, 'bob', 'lab'), created, owner
    FROM executions WHERE substr(id, -1) IN ('0', '2')
"""
FILL_LINKS = """
    INSERT INTO links
    SELECT id, 1, owner, method_id, created, created, '{}' FROM executions
"""
FILL_REVISIONS = """
    INSERT INTO method_revisions
    SELECT 'm1', CAST(substr(id, 2) AS INTEGER), '{}', '{}' FROM executions
"""
BOB = Viewer(name="bob", groups=frozenset({"lab", "none"}))


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[sqlite3.Connection]]:
    """A small and a large database, without statistics, as services have them."""
    connections = []
    for count in (SMALL, LARGE):
        path = tmp_path_factory.mktemp("scale") / "store.sqlite"
        migrate(Settings(path))
        connection = sqlite3.connect(path, isolation_level=None)
        connections.append(connection)
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("BEGIN")
        start = int(START.timestamp() * 1000)
        connection.execute(FILL, {"count": count, "start": start})
        for fill in (FILL_TASKS, FILL_SHARES, FILL_LINKS, FILL_REVISIONS):
            connection.execute(fill)
        connection.execute("COMMIT")
    yield connections
    for connection in connections:
        connection.close()


def compiled(statement: sa.ClauseElement, parameters: dict[str, Any]) -> tuple[str, Any]:
    """Return the text of a statement and its parameters, as the store would run it."""
    done = statement.compile(dialect=dialect(paramstyle="named"))
    state = done.construct_expanded_state(parameters)  # type: ignore[attr-defined]
    return state.statement, state.parameters


def steps(connection: sqlite3.Connection, text: str, parameters: Any) -> tuple[int, int]:
    """Return how many steps a statement takes, and how many rows it returns."""
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    connection.set_progress_handler(step, 1)
    try:
        rows = connection.execute(text, parameters).fetchall()
    finally:
        connection.set_progress_handler(None, 1)
    return count, len(rows)


def plan(connection: sqlite3.Connection, text: str, parameters: Any) -> list[str]:
    return [row[3] for row in connection.execute("EXPLAIN QUERY PLAN " + text, parameters)]


ONE = {"b_key": "e000050", "b_index": 1, "b_owner": "alice", "b_infrastructure": "local"}
MANY = tuple(f"m{n}" for n in range(MOST_MERGED + 1))

QUESTIONS: dict[str, tuple[sa.ClauseElement, dict[str, Any]]] = {
    "get_execution": (sql.GET_EXECUTION, ONE),
    "find_execution": (sql.FIND_EXECUTION, {**ONE, "b_key": "key 50"}),
    "get_task": (sql.GET_TASK, ONE),
    "list_tasks": (sql.LIST_TASKS, ONE),
    "open_executions": (sql.OPEN_EXECUTIONS, {}),
    "open executions, a page": (
        sql.open_executions(an_execution("e000000", created=START), 10),
        {},
    ),
    "open_tasks": (sql.open_tasks(None, None, None, None), {}),
    "open tasks, a page": (sql.open_tasks(None, None, a_task("e000000"), 2), {}),
    "open tasks of executions": (
        sql.open_tasks(["e000001", "e000002", "none"], None, None, 10),
        {},
    ),
    "open tasks of a node": (sql.open_tasks(None, "n7", None, None), {}),
    "open tasks of a node, a page": (sql.open_tasks(None, "n7", a_task("e000002"), 10), {}),
    "usage": (sa.text(sql.USAGE.replace("?", "'alice'", 1).replace("?", "'local'", 1)), {}),
    "reusable": (sql.find_reusable("r0", Viewer(name="alice"), 2), {}),
    "links": (sql.list_links("alice", None, 10, 5), {}),
    "links to one": (sql.list_links("alice", "m1", 5, 0), {}),
    "revision": (methods.GET_REVISION, {"b_key": "m1", "b_revision": 7}),
    "revisions": (methods.OLDER_REVISIONS, {"b_key": "m1", "b_limit": 10, "b_offset": 5}),
    **{
        f"list {name}": (listings.listing(query), {})
        for name, query in {
            "all": ExecutionQuery(),
            "owner": ExecutionQuery(owner="alice"),
            "second page": ExecutionQuery(owner="alice", offset=10),
            "status": ExecutionQuery(statuses=(Status.FAILED,)),
            "rare statuses": ExecutionQuery(
                owner="alice", statuses=(Status.ACCEPTED, Status.RUNNING)
            ),
            "final": ExecutionQuery(owner="alice", statuses=FINAL),
            "method": ExecutionQuery(method_ids=("m1",)),
            "own method": ExecutionQuery(owner="alice", method_ids=("m1",)),
            "own methods": ExecutionQuery(owner="alice", method_ids=("m1", "m3", "none")),
            "own method and status": ExecutionQuery(
                owner="alice", method_ids=("m1",), statuses=(Status.FAILED, Status.RUNNING), limit=5
            ),
            "many methods": ExecutionQuery(owner="alice", method_ids=MANY),
            "since": ExecutionQuery(owner="alice", created_from=START),
            "until": ExecutionQuery(owner="alice", created_to=START.replace(second=1)),
            "nobody's": ExecutionQuery(owner="nobody"),
            "duration": ExecutionQuery(owner="alice", min_duration=1, at=START),
            "experiments": ExecutionQuery(experiments=True),
            "own experiments": ExecutionQuery(owner="alice", experiments=True, offset=5),
            "no experiments": ExecutionQuery(owner="alice", experiments=False),
            "failed experiments": ExecutionQuery(
                experiments=True, statuses=(Status.FAILED,), limit=5
            ),
            "shared": ExecutionQuery(shared_with=BOB),
            "shared by one": ExecutionQuery(shared_with=BOB, owner="alice", offset=5),
            "created": ExecutionQuery(
                owner="alice", statuses=(Status.CREATED, Status.ACCEPTED), limit=5
            ),
            "oldest": ExecutionQuery(ascending=True),
            "own oldest experiments": ExecutionQuery(
                owner="alice", experiments=True, statuses=FINAL, ascending=True
            ),
        }.items()
    },
    **{
        f"batches {name}": (listings.batch_listing(query), {})
        for name, query in {
            "all": BatchQuery(limit=10),
            "second page": BatchQuery(limit=10, offset=10),
            "oldest": BatchQuery(limit=10, ascending=True),
            "owner": BatchQuery(limit=10, owner="alice"),
            "own oldest": BatchQuery(limit=10, owner="alice", ascending=True),
            "state": BatchQuery(limit=5, states=(BatchState.FAILED,)),
            "own states": BatchQuery(
                limit=10, owner="alice", states=(BatchState.FAILED, BatchState.CANCELLED)
            ),
            "rare state": BatchQuery(limit=10, states=(BatchState.PROCESSING,)),
            "node": BatchQuery(limit=5, node="n6"),
            "own on node": BatchQuery(limit=5, owner="alice", node="n6"),
            "running on node": BatchQuery(
                limit=10, node="n7", states=(BatchState.PROCESSING, BatchState.SCHEDULED)
            ),
            "execution": BatchQuery(execution_id="e000051", owner="alice"),
            "since": BatchQuery(limit=10, owner="alice", created_from=START),
        }.items()
    },
    "count one's batches": (listings.batch_counting(BatchQuery(execution_id="e000051")), {}),
    "count rare": (listings.batch_counting(BatchQuery(states=(BatchState.PROCESSING,))), {}),
}
COUNTS: dict[str, sa.ClauseElement] = {
    "executions": listings.counting(ExecutionQuery()),
    "own": listings.counting(ExecutionQuery(owner="alice")),
    "own experiments": listings.counting(ExecutionQuery(owner="alice", experiments=True)),
    "experiments": listings.counting(ExecutionQuery(experiments=True, statuses=FINAL)),
    "own methods": listings.counting(ExecutionQuery(owner="alice", experiments=False)),
    "batches": listings.batch_counting(BatchQuery()),
    "own batches": listings.batch_counting(BatchQuery(owner="alice")),
    "states": listings.batch_counting(BatchQuery(states=(BatchState.FAILED,))),
    "node": listings.batch_counting(BatchQuery(node="n6")),
    "own on node": listings.batch_counting(BatchQuery(owner="alice", node="n6")),
    "execution": listings.batch_counting(
        BatchQuery(execution_id="e000051", owner="alice", node="n6")
    ),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_cost_stays_flat(databases: list[sqlite3.Connection], name: str) -> None:
    text, parameters = compiled(*QUESTIONS[name])
    (small, rows), (large, large_rows) = (steps(db, text, parameters) for db in databases)
    assert rows == large_rows
    assert bool(rows) is (name != "list nobody's")
    assert large <= small * 1.1 + 20, plan(databases[1], text, parameters)
    assert large < 3000


@pytest.mark.parametrize("name", QUESTIONS)
def test_plan_has_no_full_scan_and_no_sort_of_more_than_a_page(
    databases: list[sqlite3.Connection], name: str
) -> None:
    text, parameters = compiled(*QUESTIONS[name])
    for line in plan(databases[1], text, parameters):
        if line.startswith("SCAN executions"):
            # Along an index, in the order asked for, until the limit.
            assert "USING COVERING INDEX executions_by_age" in line or "executions_open" in line
        elif line.startswith(("SEARCH tasks", "SEARCH executions")) and name.startswith("count"):
            assert "COVERING INDEX" in line
        elif line.startswith("SCAN tasks"):
            assert "USING INDEX tasks_open" in line
        elif line.startswith("SEARCH"):
            assert "INDEX" in line or "PRIMARY KEY" in line
            assert "AUTOMATIC" not in line


@pytest.mark.parametrize("name", COUNTS)
def test_counts_read_only_an_index(databases: list[sqlite3.Connection], name: str) -> None:
    text, parameters = compiled(COUNTS[name], {})
    searches = [line for line in plan(databases[1], text, parameters) if "SCALAR" not in line]
    assert searches[0].startswith("SCAN CONSTANT ROW")
    assert all("SEARCH" in line and "COVERING INDEX" in line for line in searches[1:])


def test_usage_is_right_at_100_000(databases: list[sqlite3.Connection]) -> None:
    rows = databases[1].execute("SELECT * FROM usage ORDER BY owner").fetchall()
    assert rows == [("alice", "local", 90_000, 900_000), ("bob", "local", 10_000, 100_000)]


def test_expired_links_are_found_by_an_index(databases: list[sqlite3.Connection]) -> None:
    text, parameters = compiled(sql.REMOVE_EXPIRED_LINKS, {"b_before": 0})
    assert plan(databases[1], text, parameters) == [
        "SEARCH links USING INDEX links_by_expiry (expires<?)"
    ]


def method_plan(path: Path, query: MethodQuery | None) -> list[str]:
    """Return how a list of Methods is made; of None, how categories are counted."""
    migrate(Settings(path / "store.sqlite"))
    if query is None:
        statement: sa.Select[Any] = methods.COUNT_CATEGORIES
        values = methods.viewer_parameters(BOB)
    else:
        statement, values = methods.list_methods(query), methods.method_parameters(query)
    text, parameters = compiled(statement, values)
    with closing(sqlite3.connect(path / "store.sqlite")) as connection:
        lines = plan(connection, text, parameters)
    assert not [line for line in lines if "TEMP B-TREE" in line or "AUTOMATIC" in line]
    # Once, not for each Method.
    assert not [line for line in lines if "CORRELATED" in line]
    for found in ("users USING COVERING INDEX methods_by_user (user", "contexts USING COVERING"):
        assert [line for line in lines if line.startswith(f"SEARCH method_{found}")]
    return lines


@pytest.mark.parametrize(
    ("query", "line"),
    [
        (MethodQuery(BOB), "SCAN methods USING INDEX methods_by_title"),
        (MethodQuery(BOB, owner="x"), "SEARCH methods USING INDEX methods_by_owner (owner=?)"),
        (
            MethodQuery(BOB, category="x", owner="y"),
            "SEARCH method_categories USING COVERING INDEX methods_by_category (category=?)",
        ),
        (None, "SCAN method_categories USING COVERING INDEX methods_by_category"),
    ],
)
def test_lists_of_methods_have_their_index(
    tmp_path: Path, query: MethodQuery | None, line: str
) -> None:
    assert line in method_plan(tmp_path, query)


def test_too_many_methods_in_a_filter_are_refused() -> None:
    with pytest.raises(ValueError, match="method_ids: at most 10000, not 10001"):
        listings.listing(ExecutionQuery(method_ids=tuple(map(str, range(10_001)))))
