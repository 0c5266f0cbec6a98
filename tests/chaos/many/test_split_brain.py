"""Two services with one service id (a copied data_dir) on one engine: only one ever drives it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.checks import attempts
from tests.jobs import Caller, containers, method
from tests.stack.daemons import Daemon, find, spawn
from tests.stack.hub import wait_answer
from tests.stack.marks import STACK as MARK
from tests.stack.ports import free_port
from tests.stack.stack import Stack

STACK = {"nodes": 1}
pytestmark = pytest.mark.timeout(600)

_PATIENCE = 120.0  # seconds; a refused service tries again after 30 at most


class Twin:
    """A second service on a copy of the first one's data_dir, with a vault of its own."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.folder = Path(tempfile.mkdtemp(prefix="ccp-twin-"))
        self.port = free_port()
        self.process: Daemon | None = None
        self.caller = Caller(f"http://127.0.0.1:{self.port}/services/ccp/", stack.users["alice"])

    def copy(self) -> None:
        """Copy what the first has; it must not run."""
        shutil.rmtree(self.folder)
        leave = shutil.ignore_patterns("*.sock", "lock", "vault.*")
        shutil.copytree(self.stack.data_dir, self.folder, ignore=leave)

    def start(self) -> None:
        config = self.folder / "config.py"
        config.write_text(
            f"{self.stack.settings.service_config.read_text()}\n"
            f"c.CcpService.data_dir = {str(self.folder)!r}\n"
            f"c.CcpService.vault_socket = {str(self.folder / 'v')!r}\n"
        )
        environment = {
            **os.environ,
            **self.stack.settings.service_environment(),
            "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{self.port}",
            MARK: str(self.stack.folder),
        }
        self.process = spawn(
            [sys.executable, "-m", "ccp_jupyter.hub_service", "-f", str(config)],
            self.stack.folder / "logs/twin.log",
            environment=environment,
        )
        wait_answer(f"http://127.0.0.1:{self.port}/services/ccp/health", self.process, 60)

    def end(self) -> None:
        self.caller.close()
        if self.process is not None:
            self.process.send(signal.SIGCONT)
            self.process.end()
        if (pid := self.folder / "vault.pid").exists():
            find(int(pid.read_text())).end()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def twin(stack: Stack) -> Iterator[Twin]:
    found = Twin(stack)
    yield found
    found.end()


def node(caller: Caller) -> dict[str, Any]:
    found: list[dict[str, Any]] = caller.http.get("nodes").json()["nodes"]
    assert len(found) == 1
    return found[0]


def until(caller: Caller, state: str) -> None:
    """Wait until the Node is in a state, as this service sees it."""
    deadline = time.monotonic() + _PATIENCE
    while (found := node(caller))["state"] != state:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def log(stack: Stack, name: str) -> str:
    return (stack.folder / f"logs/{name}.log").read_text()


def until_refused(stack: Stack, name: str, by: Daemon) -> None:
    """Wait until a service has said which process has the engine, and what to do."""
    said = f"process {by.pid}, since "
    advice = "drives this engine with the same service id; stop it, or give this one a data_dir"
    deadline = time.monotonic() + _PATIENCE
    while not any(said in line and advice in line for line in log(stack, name).splitlines()):
        assert time.monotonic() < deadline, log(stack, name)
        time.sleep(0.1)


def tokens(stack: Stack) -> list[str]:
    (engine,) = stack.engines.values()
    client = engine.client()
    try:
        return [volume["Name"] for volume in client.volumes()["Volumes"] or ()]
    finally:
        client.close()


def test_the_copy_is_refused_until_the_first_is_dead(stack, alice, twin):
    until(alice, "online")
    job = alice.start(method(stack.images["shell"], "echo begun; sleep 8; echo x > y"))
    alice.wait_for(job, "begun")
    stack.kill_service()
    twin.copy()
    stack.start_service()
    until(alice, "online")
    twin.start()
    # The copy knows the job too, and would take the container for its own.
    until_refused(stack, "twin", by=stack.service)
    done = alice.wait(job)
    assert done["status"] == "successful", done
    assert attempts(alice, job) == 1
    assert alice.outputs(job) == {"y": b"x\n"}
    assert node(alice)["state"] == "online"
    # A dead process of this machine is not waited for.
    stack.kill_service()
    until(twin.caller, "online")
    stack.start_service()
    until_refused(stack, "service", by=twin.process)
    assert node(alice)["state"] == "offline"
    # A clean stop leaves the engine to others.
    twin.process.end()
    until(alice, "online")
    assert len(tokens(stack)) == 1


def test_who_was_frozen_lets_go_when_it_wakes(stack, alice, twin):
    until(alice, "online")
    stack.kill_service()
    twin.copy()
    stack.start_service()
    until(alice, "online")
    job = alice.start(method(stack.images["shell"], "echo begun; sleep 1000"))
    alice.wait_for(job, "begun")
    stack.service.send(signal.SIGSTOP)
    try:
        twin.start()
        until(twin.caller, "online")
        # It belongs to nobody whom the new one knows.
        deadline = time.monotonic() + _PATIENCE
        while containers(stack, job):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        theirs = twin.caller.start(method(stack.images["shell"], "echo mine; sleep 8; echo x > y"))
        twin.caller.wait_for(theirs, "mine")
    finally:
        stack.service.send(signal.SIGCONT)
    until(alice, "offline")
    assert "has taken over" in log(stack, "service")
    done = twin.caller.wait(theirs)
    assert done["status"] == "successful", done
    assert attempts(twin.caller, theirs) == 1
    twin.process.end()
    until(alice, "online")
    alice.http.delete(f"jobs/{job}")
