"""What is asked of an engine while many containers run and nothing happens."""

from __future__ import annotations

import time

import httpx

from benchmarks import methods
from benchmarks.calls import counted
from benchmarks.figures import Budget, Row, Spread
from benchmarks.setting import Setting, wait_until

_START_TIMEOUT = 400.0


def measure(setting: Setting) -> list[Row]:
    """Count calls while containers sleep."""
    count, seconds = setting.choose(30, 200), setting.choose(10, 60)
    with setting.node_with(slots=count, cpus=count, memory=2**40):
        return _measure(setting, count, seconds)


def _measure(setting: Setting, count: int, seconds: int) -> list[Row]:
    with httpx.Client(base_url=setting.port_url, headers=setting.headers, timeout=60) as client:
        ids = []
        for _ in range(count):
            answer = client.post(f"processes/{methods.SLEEPER}/execution", json={"inputs": {}})
            ids.append(answer.raise_for_status().json()["jobID"])
        try:
            with setting.direct() as direct:
                wait_until(
                    lambda: direct.count(running=True) >= count,
                    f"start of {count} containers",
                    _START_TIMEOUT,
                    0.5,
                )
            time.sleep(3)
            with counted(setting.engine) as calls:
                time.sleep(seconds)
        finally:
            for job in ids:
                client.delete(f"jobs/{job}")
            setting.wait_clean(400)
    return [
        Row(
            "rest.containers",
            f"engine calls about containers per second, {count} at rest",
            "/s",
            Spread.of([calls.of_containers / seconds]),
            Budget("at most", 0),
            notes=[f"in {seconds} s: {calls.text() or 'none at all'}"],
        ),
        Row(
            "rest.node",
            f"signs of life per Node and second, {count} at rest",
            "/s",
            Spread.of([calls.of_node / seconds]),
            Budget("at most", 0.5),
        ),
    ]
