"""The stack itself: whatever happens to it, nothing is left on the machine."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.conftest import missing
from tests.stack.daemons import find, spawn
from tests.stack.down import down
from tests.stack.engines import CannotStart, check_installed
from tests.stack.hub import DidNotStart, repository
from tests.stack.marks import STACK, marked
from tests.stack.records import StackError
from tests.stack.service import start_service
from tests.stack.stack import Stack

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def folder(tmp_path: Path):
    """A folder for a stack, which is ended in any case."""
    try:
        check_installed()
    except CannotStart as error:
        missing(str(error))
    folder = tmp_path / "stack"
    yield folder
    down(folder)


def traces(folder: Path) -> list[str]:
    """Return what a stack in this folder has on the machine: processes, mounts, bridges."""
    states = folder.glob("engines/*/engine.json")
    names = [state.read_text().partition('"bridge": "')[2].partition('"')[0] for state in states]
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    commands = [
        path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if path.exists()
    ]
    return [
        *(f"process {process.pid}" for process in marked(STACK, str(folder))),
        *(command for command in commands if str(folder) in command),
        *(line for line in mounts if str(folder) in line),
        *(name for name in names if Path("/sys/class/net", name).exists()),
    ]


def kill(stack: Stack, *names: str) -> None:
    """Kill processes of a stack and wait until they are gone."""
    for name in names:
        find(stack.document["pids"][name]).kill()


def test_a_stack_that_was_killed_all_over_leaves_nothing(folder: Path) -> None:
    stack = Stack.up(folder)
    with stack.hub() as hub:
        hub.start_server("alice")
    assert traces(folder)
    engine = json.loads((folder / "engines/node-1/engine.json").read_text())
    bridge = Path("/sys/class/net", engine["bridge"])
    assert bridge.exists()
    kill(stack, "hub", "proxy", "service", "engine-node-1")
    stack.down()
    assert not folder.exists()
    assert traces(folder) == []
    assert not bridge.exists()
    stack.down()


def test_a_start_that_was_killed_half_way_leaves_nothing(folder: Path) -> None:
    command = [sys.executable, "-m", "tests.stack", "up", "--dir", str(folder)]
    log = folder.with_name("log")
    up = spawn(command, log, environment={**os.environ, "PYTHONPATH": str(repository())})
    deadline = time.monotonic() + 60
    while not list(folder.glob("engines/*/engine.json")):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    up.kill()
    assert traces(folder)
    down(folder)
    assert traces(folder) == []
    assert not folder.exists()


def test_a_second_stack_in_the_folder_is_refused_until_the_first_is_dead(folder: Path) -> None:
    stack = Stack.up(folder)
    with pytest.raises(StackError, match=r"runs in .* already"):
        Stack.up(folder)
    assert httpx.get(f"{stack.service_url}health").status_code == 200, "it was left alone"
    kill(stack, "hub", "proxy", "service")
    second = Stack.up(folder)
    assert second.document["pids"]["hub"] != stack.document["pids"]["hub"]
    assert httpx.get(f"{second.service_url}health").status_code == 200


def test_a_service_that_cannot_start_says_why(folder: Path) -> None:
    stack = Stack.up(folder)
    stack.kill_service()
    stack.settings.service_config.write_text("c.CcpService.infrastructures = []\n")
    with pytest.raises(DidNotStart, match="infrastructures is empty"):
        start_service(stack.settings)


def test_service_and_engine_come_back_at_the_same_address(folder: Path) -> None:
    stack = Stack.up(folder, tls=True, limits={"max_time": 7})
    health = f"{stack.service_url}health"
    before = stack.document["pids"]["service"]
    vault = stack.document["pids"]["vault"]
    stack.kill_service()
    assert httpx.get(health).status_code in (502, 503, 504)
    stack.start_service()
    assert httpx.get(health).status_code == 200
    assert stack.document["pids"]["service"] != before
    assert stack.document["pids"]["vault"] == vault, "the vault outlives the service"
    assert stack.engines["node-1"].base_url.startswith("tcp://")
    stack.kill_engine("node-1")
    stack.restart_engine("node-1")
    assert Stack(folder).document["pids"]["engine-node-1"] == stack.engines["node-1"].pid
    headers = {"Authorization": f"token {stack.users['alice']}"}
    reply = httpx.get(f"{stack.service_url}infrastructures/local-docker", headers=headers)
    assert reply.json()["limits"]["max_time"] == 7
