"""Waiting and fetching while the service is killed, restarted and away."""

from __future__ import annotations

import hashlib
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from ccp_jupyter.client import Client
from ccp_jupyter.client.follow import Away
from ccp_jupyter.client.loop import complete
from ccp_jupyter.model.events import LogEvent
from tests.jobs import Caller, method
from tests.stack.stack import Stack

STACK = {"nodes": 1, "limits": {"output_size": "1GiB", "file_size": "1GiB"}}


@pytest.fixture
def client(stack: Stack, alice: Caller) -> Iterator[Client]:
    with Client(stack.service_url, stack.users["alice"]) as client:
        yield client


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_wait_goes_on_through_a_restart(stack, client, number):
    lines = 16
    script = f"n=0; while [ $n -lt {lines} ]; do echo line $n; n=$((n+1)); sleep 0.5; done"
    execution = client.run(client.deploy(method(stack.images["shell"], script)))
    seen: list[str] = []
    numbers: list[int] = []
    away = threading.Event()

    def restart() -> None:
        stack.kill_service(number)
        away.wait(60)
        stack.start_service()

    restarting: threading.Thread | None = None
    core = execution._inner

    async def follow() -> None:
        nonlocal restarting
        async for item in core.follow(timeout=100):
            if isinstance(item, Away):
                away.set()
            elif item is not None:
                numbers.append(item.seq)
                if isinstance(item, LogEvent):
                    seen.extend(item.lines)
            if "line 3" in seen and restarting is None:
                restarting = threading.Thread(target=restart)
                restarting.start()

    complete(follow())
    assert restarting is not None
    restarting.join(60)
    assert away.is_set(), "nobody noticed that the service was away"
    assert execution.wait(timeout=10, progress=False).status == "successful"
    assert [line for line in seen if line.startswith("line")] == [f"line {n}" for n in range(lines)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_fetch_goes_on_through_a_restart(stack, client, tmp_path):
    size = 400_000_000
    script = f"head -c {size} /dev/urandom > noise; sha256sum noise > sum"
    execution = client.run(client.deploy(method(stack.images["shell"], script)))
    execution.wait(timeout=100, progress=False)
    part = tmp_path / f".incoming-{execution.id}" / "part"

    def restart() -> None:
        while not part.exists() or part.stat().st_size < 20_000_000:
            time.sleep(0.001)
        sizes.append(part.stat().st_size)
        stack.restart_service(signal.SIGKILL)

    sizes: list[int] = []
    restarting = threading.Thread(target=restart, daemon=True)
    restarting.start()
    folder = execution.fetch(tmp_path / "here")
    restarting.join(60)
    assert 20_000_000 <= sizes[0] < size
    with (folder / "noise").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    assert (folder / "sum").read_text().split()[0] == digest
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here"]


def test_run_while_the_service_is_away(stack, client):
    deployed = client.deploy(method(stack.images["shell"], "echo once"))
    stack.kill_service()
    threading.Timer(3, stack.start_service).start()
    execution = client.run(deployed.id)
    execution.wait(timeout=60, progress=False)
    assert len(client.executions(method=deployed)) == 1
