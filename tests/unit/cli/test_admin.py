"""``ccp admin``."""

from __future__ import annotations

import pytest

from ccp_jupyter.cli import tables
from tests.unit.client.peer import answer, status

STATUS = {
    "version": "1.2.3",
    "started": "2026-11-21T10:00:00.000Z",
    "uptime": 7300.0,
    "health": {
        "status": "degraded",
        "checks": [
            {"name": "store", "status": "ok", "message": "the store answers"},
            {"name": "nodes", "status": "degraded", "message": "1 offline", "detail": "n2 is away"},
        ],
    },
    "queue": [{"infrastructure": "lab", "waiting": 3, "running": 4}],
    "nodes": {"online": 1, "offline": 1},
    "failures": [
        {
            "at": "2026-11-21T10:00:00.000Z",
            "execution": "e1",
            "task": 2,
            "attempt": 1,
            "node": "n2",
            "outcome": "platform",
            "reason": "the Node went away",
        }
    ],
}


def test_status(ccp, peer):
    peer.on("GET", "admin/status", answer(STATUS))
    ran = ccp("admin", "status")
    assert ran.code == 1
    lines = ran.out.splitlines()
    assert lines[0] == "ccp service 1.2.3, up for 2 h: degraded"
    assert "  degraded  nodes: n2 is away" in lines
    assert "lab: 4 Tasks run, 3 wait" in lines
    assert "Nodes: 1 online, 1 offline" in lines
    assert lines[-1].endswith("e1.2  attempt 1 on n2: the Node went away")
    assert ccp("admin", "status", "--json").json() == STATUS
    well = {**STATUS, "health": {"status": "ok", "checks": []}, "failures": []}
    peer.on("GET", "admin/status", answer(well))
    assert ccp("admin", "status").code == 0


def test_jobs(ccp, peer):
    job = status("running", owner="alice", infrastructure="lab", message="it's on\x1b[31m its way")
    peer.on("GET", "jobs", answer({"jobs": [job], "links": []}))
    ran = ccp("admin", "jobs")
    assert ran.code == 0
    assert "j1" in ran.out and "alice" in ran.out
    (sent,) = peer.requests("GET", "jobs")
    assert sent.query == {"owner": "*", "limit": "50", "offset": "0"}
    ran = ccp(
        *("admin", "jobs", "--owner", "bob", "--status", "failed", "--status", "running"),
        *("--since", "2h", "--longer-than", "90m", "--limit", "3", "--json"),
    )
    assert ran.json()["jobs"][0]["jobID"] == "j1"
    query = peer.requests("GET", "jobs")[1].query
    begin, _, end = query.pop("datetime").partition("/")
    assert begin.endswith("Z") and end == ".."
    assert query == {
        "owner": "bob",
        "status": "failed,running",
        "minDuration": "5400",
        "limit": "3",
        "offset": "0",
    }


def test_many_jobs_come_in_pages(ccp, peer):
    def page(count: int) -> dict[str, object]:
        return {"jobs": [status(jobID=f"j{number}") for number in range(count)]}

    peer.on("GET", "jobs", answer(page(200)), answer(page(200)), answer(page(50)))
    assert len(ccp("admin", "jobs", "--limit", "1000", "--json").json()["jobs"]) == 450
    asked = [(each.query["offset"], each.query["limit"]) for each in peer.requests("GET", "jobs")]
    assert asked == [("0", "200"), ("200", "200"), ("400", "200")]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--since", "yesterday"),
        ("--since", "999999999d"),
        ("--since", "-1h"),
        ("--longer-than", "1w"),
        ("--longer-than", ""),
        ("--limit", "0"),
        ("--limit", "1000000000"),
        ("--status", "lost"),
    ],
)
def test_wrong_filters(ccp, peer, option, value):
    ran = ccp("admin", "jobs", f"{option}={value}")
    assert ran.code == 2
    assert option in ran.err
    assert peer.seen == []


@pytest.mark.parametrize("since", ["2026-11-21", "2026-11-21T10:00:00Z", "2026-11-21T11:00+01:00"])
def test_times(ccp, peer, since):
    peer.on("GET", "jobs", answer({"jobs": []}))
    assert ccp("admin", "jobs", "--since", since).code == 0
    assert peer.requests("GET", "jobs")[0].query["datetime"].startswith("2026-11-21T")


def test_cancel(ccp, peer):
    running = answer(status())
    peer.on("GET", "jobs/j1", running, running, answer(status("dismissed")))
    peer.on("DELETE", "jobs/j1", answer(status("dismissed")))
    ran = ccp("admin", "cancel", "j1", "j1")
    assert (ran.code, ran.err) == (0, "Execution j1 is dismissed\n")
    assert len(peer.requests("DELETE", "jobs/j1")) == 1
    found = ccp("admin", "cancel", "j1", "--json").json()
    assert found == {"jobs": [{"jobID": "j1", "status": "dismissed"}]}
    assert ccp("admin", "cancel", "j2").code == 4


def test_usage(ccp, peer):
    entry = {"owner": "alice", "infrastructure": "lab", "executions": 7, "running": 1}
    peer.on("GET", "admin/usage", answer({"users": [{**entry, "bytes": 3 * 2**30}]}))
    ran = ccp("admin", "usage")
    assert ran.code == 0
    assert ran.out.splitlines()[1].split() == ["alice", "lab", "1", "7", "3", "GiB"]
    assert ccp("admin", "usage", "--json").json()["users"][0]["bytes"] == 3 * 2**30


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "-"),
        ("x", "-"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (2**30 - 1, "1023 MiB"),
        (2**45, "32 TiB"),
        (2**55, "32768 TiB"),
    ],
)
def test_sizes(count, text):
    assert tables.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "-"), (-3, "0 s"), (59.9, "59 s"), (119, "119 s"), (7199, "119 min"), (172_800, "2 d")],
)
def test_spans(seconds, text):
    assert tables.span(seconds) == text
