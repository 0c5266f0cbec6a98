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

from ccp_jupyter.hub_service.store import statements as sql
from ccp_jupyter.hub_service.store.base import ExecutionQuery, MethodQuery
from ccp_jupyter.hub_service.store.connections import Settings
from ccp_jupyter.hub_service.store.schema import migrate
from ccp_jupyter.model.states import Status
from ccp_jupyter.model.stored_method import Viewer
from tests.contract.store_data import FINAL, START, an_execution

SMALL, LARGE = 100, 100_000

# Of 100 Executions: all of one owner but 10, 5 Methods, every status, 4 open; in this order.
FILL = """
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :count - 1)
    INSERT INTO executions
    SELECT printf('e%06d', i), 1, iif(i % 10 = 9, 'bob', 'alice'), 'local', 'm' || (i % 5),
           'key ' || i, CASE WHEN i < 2 THEN 'accepted' WHEN i < 4 THEN 'running'
           WHEN i % 3 = 0 THEN 'failed' WHEN i % 3 = 1 THEN 'successful' ELSE 'dismissed' END,
           i < 4, :start + i / 2, :start, :start + 1000, 10, '{}' FROM n
"""
FILL_TASKS = "INSERT INTO tasks SELECT id, 1, 1, 'x', open, '{}' FROM executions"


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
        connection.execute(FILL_TASKS)
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
MANY = tuple(f"m{n}" for n in range(sql.MOST_MERGED + 1))

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
    "open_tasks": (sql.OPEN_TASKS, {}),
    "usage": (sql.USAGE, ONE),
    **{
        f"list {name}": (sql.listing(query), {})
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
        }.items()
    },
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
        elif line.startswith("SCAN tasks"):
            assert "USING INDEX tasks_open" in line
        elif line.startswith("SEARCH"):
            assert "INDEX" in line or "PRIMARY KEY" in line
            assert "AUTOMATIC" not in line


def test_usage_is_right_at_100_000(databases: list[sqlite3.Connection]) -> None:
    rows = databases[1].execute("SELECT * FROM usage ORDER BY owner").fetchall()
    assert rows == [("alice", "local", 90_000, 900_000), ("bob", "local", 10_000, 100_000)]


def test_methods_are_listed_in_the_order_of_an_index(tmp_path: Path) -> None:
    migrate(Settings(tmp_path / "store.sqlite"))
    viewer = Viewer(name="alice", groups=frozenset({"lab"}))
    text, parameters = compiled(sql.LIST_METHODS, sql.method_parameters(MethodQuery(viewer=viewer)))
    with closing(sqlite3.connect(tmp_path / "store.sqlite")) as connection:
        lines = plan(connection, text, parameters)
    assert "SCAN methods USING INDEX methods_by_title" in lines
    assert not [line for line in lines if "TEMP B-TREE" in line or "SCAN method_contexts" in line]


def test_too_many_methods_in_a_filter_are_refused() -> None:
    with pytest.raises(ValueError, match="method_ids: at most 10000, not 10001"):
        sql.listing(ExecutionQuery(method_ids=tuple(map(str, range(10_001)))))
