"""Beside pygeoapi: requests, its job store, rows, and what is read of processes."""

import json
import os
import subprocess
import sys

import pytest

from benchmarks import machine
from benchmarks.figures import PASS
from benchmarks.ogc.__main__ import MARKS
from benchmarks.ogc.peer_jobs import JobFile, copies
from benchmarks.ogc.rows import growth
from benchmarks.ogc.rows.growth import KINDS, Found, flat
from benchmarks.ogc.rows.memory import Memory, memory_rows
from benchmarks.ogc.sides import WORD, Burst, Request, burst_rows
from tests.stack.hub import repository


def median(spread):
    assert spread is not None
    return spread.median


def job(name, status="successful"):
    return {"identifier": name, "status": status, "location": "/results/a"}


def test_a_get_has_neither_body_nor_script():
    request = Request("jobs?limit=10")
    assert (request.headers, request.script) == ({}, "")


@pytest.mark.parametrize(
    ("asynchronous", "wanted"), [(True, {"Prefer": "respond-async"}), (False, {})]
)
def test_an_execute_request(asynchronous, wanted):
    request = Request.execute("echo", {"echo": WORD}, asynchronous)
    assert request.path == "processes/echo/execution"
    assert request.headers == {"Content-Type": "application/json", **wanted}
    assert json.loads(request.body) == {"inputs": {"echo": WORD}}
    assert request.script == (
        f'wrk.method = \'POST\'\nwrk.body = [==[{{"inputs": {{"echo": "{WORD}"}}}}]==]\n'
    )


def test_copies_of_the_first_successful_job():
    found = copies([job("a", "failed"), job("b"), job("c", "accepted"), job("d")], 5)
    assert [each["identifier"] for each in found[:2]] == ["b", "d"]
    assert len({each["identifier"] for each in found}) == len(found) == 5
    assert all(each["status"] == "successful" for each in found)
    assert {each["location"] for each in found} == {"/results/a"}


def test_too_many_jobs_become_fewer():
    assert copies([job("a"), job("b"), job("c")], 2) == [job("a"), job("b")]


@pytest.mark.parametrize("jobs", [[], [job("a", "running")]])
def test_nothing_to_copy(jobs):
    with pytest.raises(ValueError, match="run one first"):
        copies(jobs, 3)


def test_the_file_of_jobs(tmp_path):
    file = tmp_path / "jobs.json"
    store = JobFile(file)
    assert store.read() == []
    jobs = [job(f"job-{number}") for number in range(12)]  # 10 comes after 9, not after 1
    store.write(jobs)
    assert store.read() == jobs
    table = json.loads(file.read_text())["_default"]
    assert list(table) == [str(number) for number in range(1, 13)]
    assert [path.name for path in tmp_path.iterdir()] == ["jobs.json"]


def test_rows_of_bursts():
    pairs = [(Burst(1000, 0.001, 0.004), Burst(100, 0.01, 0.05))]
    rate, cpu = burst_rows("key", "title", pairs, growth.TIMES, processor=True)
    assert (rate.key, rate.title, rate.verdict) == ("key", "title: rate", PASS)
    assert median(rate.value) == pytest.approx(10)
    assert rate.notes == ["half of the answers came within 4.0 ms, pygeoapi's within 50 ms"]
    assert (cpu.key, cpu.budget, cpu.side_unit) == ("key.cpu", None, "ms")
    assert (median(cpu.ours), median(cpu.theirs)) == pytest.approx((1, 10))
    [alone] = burst_rows("key", "title", pairs)
    assert alone.notes[-1] == "processor time of each: 1.00 ms, pygeoapi 10.0 ms"


def test_rows_of_memory():
    pss, rss = memory_rows("key", "memory", (Memory(120, 90), Memory(100, 100)))
    assert (rss.key, rss.title, median(rss.value)) == ("key.rss", "memory (sum of RSS)", 1.2)
    assert (pss.key, pss.verdict, median(pss.value)) == ("key.pss", PASS, 0.9)
    assert Memory(120, 90).or_more(Memory(100, 100)) == Memory(120, 100)


def found(rate, bare, theirs):
    bursts = {"documented": [Burst(theirs, 0.1, 0.1)]} if theirs else {}
    return Found([Burst(rate, 0.002, 0.004)], [bare], bursts)


def test_two_sizes_are_compared_by_the_bare_handler():
    row = flat(KINDS[0], 100, 100_000, (found(1000, 4000, 50), found(500, 2000, 5)))
    assert (median(row.value), median(row.theirs)) == pytest.approx((1.0, 0.1))
    assert (row.key, row.verdict) == ("flat.job.100000", PASS)
    assert "2.00 ms with 100, 2.00 ms with 100,000" in row.notes[0]


def test_pygeoapi_may_be_missing_at_a_size():
    row = flat(KINDS[0], 100, 100_000, (found(1000, 4000, 50), found(500, 2000, None)))
    assert (median(row.value), row.theirs) == (1.0, None)


def test_the_document_has_the_marks():
    text = (repository() / "docs/performance.md").read_text()
    assert text.count(MARKS.begin) == text.count(MARKS.end) == 1


def test_a_tree_of_processes():
    with subprocess.Popen(
        ["sh", "-c", "sleep 600 & echo $!; wait"], stdout=subprocess.PIPE, text=True
    ) as shell:
        assert shell.stdout is not None
        child = int(shell.stdout.readline())
        try:
            assert machine.tree(shell.pid) == [shell.pid, child]
        finally:
            os.kill(child, 9)


def test_waiting_until_nothing_is_used():
    used = iter([0.0, 1.0, 2.0, 2.01, 9.0])
    assert machine.settled(lambda: next(used)) == 2.01


def test_waiting_has_an_end():
    used = iter(range(sys.maxsize))
    with pytest.raises(TimeoutError, match=r"busy after 0\.5 s"):
        machine.settled(lambda: next(used), 0.5)
