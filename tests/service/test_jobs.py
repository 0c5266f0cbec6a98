"""Executions: filters, pages, dismissing and removing."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ccp_jupyter.hub_service.api.errors import INVALID_PARAMETER, NO_SUCH_JOB
from ccp_jupyter.hub_service.api.params import interval
from tests.jobs import method, nothing_left
from tests.service.conftest import CheckedCaller
from tests.service.documents import check_error


@pytest.fixture(scope="module")
def three(callers, shell):
    """Ids of three jobs of carol, the oldest first; the second one failed."""
    carol = callers["carol"]
    for job in carol.http.get("jobs?limit=1000").json()["jobs"]:  # of other tests
        carol.http.delete(f"jobs/{job['id']}")
    good, bad = method(shell, "sleep 1"), method(shell, "exit 1")
    carol.deploy(good)
    carol.deploy(bad)
    jobs = []
    for document in (good, bad, good):
        jobs.append(carol.execute(document["id"]).json()["jobID"])
        carol.wait(jobs[-1])
    return jobs, good["id"], bad["id"]


def ids(caller: CheckedCaller, *words: str) -> list[str]:
    answer = caller.http.get("jobs?" + "&".join(words))
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["jobs"]]


def test_filters(carol, three):
    (first, second, third), good, bad = three
    assert ids(carol) == [third, second, first]
    assert ids(carol, f"processID={good}") == [third, first]
    assert ids(carol, f"processID={good},{bad}", "type=process") == [third, second, first]
    assert ids(carol, f"processID={good}", f"processID={bad}") == [third, second, first]
    assert ids(carol, "processID=none") == []
    assert ids(carol, "status=failed") == [second]
    assert ids(carol, "status=failed,successful") == [third, second, first]
    assert ids(carol, "status=running", "status=accepted") == []
    assert ids(carol, "minDuration=1000") == []


def test_filter_by_duration(carol, three):
    took = {job: duration(carol.status(job)) for job in three[0]}
    assert len(set(took.values())) == 3
    for border in took.values():
        longer = {job for job, seconds in took.items() if seconds >= border}
        assert set(ids(carol, f"minDuration={border - 0.0005:.4f}")) == longer
        shorter = {job for job, seconds in took.items() if seconds <= border}
        assert set(ids(carol, f"maxDuration={border + 0.0005:.4f}")) == shorter


def duration(status: dict[str, Any]) -> float:
    started, finished = (datetime.fromisoformat(status[k]) for k in ("started", "finished"))
    return (finished - started).total_seconds()


def test_filter_by_time(carol, three):
    (first, second, third), _, _ = three
    times = {job: carol.status(job)["created"] for job in (first, second, third)}
    assert ids(carol, f"datetime={times[second]}") == [second]
    assert ids(carol, f"datetime={times[second]}/..") == [third, second]
    assert ids(carol, f"datetime=/{times[second]}") == [second, first]
    assert ids(carol, f"datetime={times[first]}/{times[second]}") == [second, first]
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
    assert ids(carol, f"datetime=../{yesterday}") == []


def test_pages(carol, three):
    jobs, _, _ = three
    answer = carol.http.get("jobs?limit=1&status=failed,successful").json()
    seen = [answer["jobs"][0]["id"]]
    while following := {e["rel"]: e["href"] for e in answer["links"]}.get("next"):
        assert "status=failed%2Csuccessful" in following
        answer = carol.http.get(following).json()
        seen += [each["id"] for each in answer["jobs"]]
    assert seen == jobs[::-1]


@pytest.mark.parametrize(
    "query",
    [
        "type=workflow",
        "status=done",
        "status=",
        "limit=0",
        "limit=10001",
        "minDuration=-1",
        "minDuration=soon",
        "minDuration=NaN",
        "minDuration=1.2.3",
        "minDuration=1e999",
        "processID=a%20b",
        "maxDuration=inf",
        "datetime=",
        "datetime=..",
        "datetime=yesterday",
        "datetime=2026-13-01T00:00:00Z",
        "datetime=2026-11-21T10:00:00",
        "datetime=2026-11-22T00:00:00Z/2026-11-21T00:00:00Z",
        "datetime=2026-11-21T00:00:00Z/../2026-11-22T00:00:00Z",
        "datetime=0001-01-01T00:00:00%2B14:00",
        "sort=created",
        "processID=" + ",".join("x" * 51),
    ],
)
def test_filters_that_do_not_fit(alice, query):
    check_error(alice.http.get(f"jobs?{query}"), 400, INVALID_PARAMETER)


def test_what_a_time_means():
    parse, _ = interval()
    whole = parse("2026-11-21T10:00:00Z")
    assert (whole.end - whole.start) == timedelta(milliseconds=999)
    exact = parse("2026-11-21T10:00:00.5+01:00")
    assert exact.start == exact.end == datetime(2026, 11, 21, 9, 0, 0, 500_000, UTC)
    day = parse("2026-11-21")
    assert day.start == datetime(2026, 11, 21, tzinfo=UTC)
    assert day.end == datetime(2026, 11, 21, 23, 59, 59, 999_000, UTC)
    assert parse("../..") == parse("/")


def test_delete_ends_a_running_job_and_removes_a_finished_one(alice, stack, sleeping):
    answer = alice.http.delete(f"jobs/{sleeping}")
    assert answer.status_code == 200
    assert answer.json()["status"] == "dismissed"
    assert alice.wait(sleeping)["status"] == "dismissed"
    nothing_left(stack, sleeping)
    check_error(
        alice.http.get(f"jobs/{sleeping}/results"),
        404,
        "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/result-not-available",
    )
    answer = alice.http.delete(f"jobs/{sleeping}")
    assert answer.status_code == 200
    assert answer.json()["status"] == "dismissed"
    assert answer.json()["links"] == []
    for _ in range(2):
        check_error(alice.http.delete(f"jobs/{sleeping}"), 404, NO_SUCH_JOB)
    check_error(alice.http.get(f"jobs/{sleeping}"), 404, NO_SUCH_JOB)


def test_delete_twice_at_once_does_not_remove_what_was_only_to_end(alice, sleeping):
    """Somebody who clicks twice keeps the log of what they dismissed."""
    answers = [alice.http.delete(f"jobs/{sleeping}") for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 200]


def test_removed_jobs_leave_no_files(alice, shell, stack):
    job = alice.start(method(shell, "echo x > /ccp_data/x"))
    alice.wait(job)
    assert list((stack.data_dir / "executions").rglob(f"{job}/output.zip"))
    assert alice.http.delete(f"jobs/{job}").status_code == 200
    check_error(alice.http.get(f"jobs/{job}/outputs/output.zip"), 404, NO_SUCH_JOB)
    deadline = time.monotonic() + 10
    while left := list((stack.data_dir / "executions").rglob(f"{job}/*")):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
