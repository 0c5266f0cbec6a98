"""Many trivial Methods at once, and what is asked of the engine for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import httpx

from benchmarks import machine, methods
from benchmarks.calls import counted
from benchmarks.direct import Job
from benchmarks.figures import Budget, Row, Spread, ratio_row
from benchmarks.setting import Setting

THREADS = (2, 4, 8)
TASKS = 50


def measure(setting: Setting) -> list[Row]:
    """Compare the rate with the best that the engine gives without the service."""
    count = setting.choose(TASKS // 3, TASKS)
    rounds = setting.choose(2, 5)
    pairs, by_threads, used = [], [], []
    _ours(setting, THREADS[-1])
    for _ in range(rounds):
        setting.wait_clean()
        before = machine.cpu_seconds(setting.service.pid)
        ours = _ours(setting, count)
        setting.wait_clean()
        used.append((machine.cpu_seconds(setting.service.pid) - before) / count)
        direct = {threads: _theirs(setting, count, threads) for threads in THREADS}
        by_threads.append(direct)
        pairs.append((ours, max(direct.values())))
    direct_rates = "; ".join(
        f"{threads} threads {Spread.of(each[threads] for each in by_threads).median:.2f}/s"
        for threads in THREADS
    )
    return [
        ratio_row(
            "many",
            f"{count} trivial Methods at once, rate",
            pairs,
            Budget("at least", 0.9),
            "/s",
            [
                f"directly, median: {direct_rates}; the best of each round counts",
                f"the service's own processor time for each Task:"
                f" {Spread.of(used).median * 1e3:.0f} ms",
            ],
        ),
        _calls(setting, count),
    ]


def _calls(setting: Setting, count: int) -> Row:
    with counted(setting.engine) as calls:
        _ours(setting, count)
        setting.wait_clean()
    return Row(
        "calls",
        "engine calls per Task",
        "calls",
        Spread.of([calls.of_containers / count]),
        Budget("at most", 6),
        notes=[f"{count} Tasks: {calls.text()}"],
    )


def rate(setting: Setting, method: str, count: int, inputs: Mapping[str, object]) -> float:
    """Return Tasks per second, from the first submit to the last status ``successful``."""
    return asyncio.run(_submit_and_wait(setting, method, count, inputs))


def _ours(setting: Setting, count: int) -> float:
    return rate(setting, methods.TRIVIAL, count, {})


async def _submit_and_wait(
    setting: Setting, method: str, count: int, inputs: Mapping[str, object]
) -> float:
    url = setting.port_url
    async with httpx.AsyncClient(base_url=url, headers=setting.headers, timeout=120) as client:
        begun = time.time()
        answers = await asyncio.gather(
            *(
                client.post(f"processes/{method}/execution", json={"inputs": inputs})
                for _ in range(count)
            )
        )
        ids = {answer.raise_for_status().json()["jobID"] for answer in answers}
        while True:
            # The moments come from the service itself, so that asking rarely costs no accuracy.
            await asyncio.sleep(0.25)
            open_ = await client.get("jobs", params={"status": "accepted,running", "limit": 1})
            if not open_.raise_for_status().json()["jobs"]:
                break
        listed = await client.get("jobs", params={"limit": count})
    jobs = [job for job in listed.raise_for_status().json()["jobs"] if job["jobID"] in ids]
    if len(jobs) != count or any(job["status"] != "successful" for job in jobs):
        raise RuntimeError(f"of {count} Executions not all were successful")
    ended = max(datetime.fromisoformat(job["finished"]).timestamp() for job in jobs)
    return count / (ended - begun)


def _theirs(setting: Setting, count: int, threads: int) -> float:
    """Return Tasks per second, from the first call to the last zip."""
    jobs = [setting.job(methods.trivial) for _ in range(count)]
    parts = [jobs[number::threads] for number in range(threads)]
    begun = time.time()
    with ThreadPoolExecutor(threads) as pool:
        ended = list(pool.map(lambda part: _run_part(setting, part), parts))
    return count / (max(ended) - begun)


def _run_part(setting: Setting, jobs: Sequence[Job]) -> float:
    zipped = 0.0
    with setting.direct() as direct:
        for job in jobs:
            zipped = direct.run(job, setting.folder("direct") / f"{job.spec.name}.zip").zipped
    return zipped
