"""The service is asked to stop: it ends answers under way, exits 0, and obeys a second signal."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.stack.ports import free_port

LONGEST = 60.0  # seconds, on a busy machine


class Running:
    """A service without a hub and with a Node that does not answer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        config = folder / "config.py"
        node = {"id": "n1", "base_url": f"unix://{folder}/none.sock"}
        config.write_text(
            "c = get_config()\n"
            f"c.CcpService.data_dir = {str(folder / 'data')!r}\n"
            f"c.CcpService.vault_socket = {str(folder / 'v.sock')!r}\n"
            f"c.CcpService.infrastructures = {[{'id': 'lab', 'name': 'Lab', 'nodes': [node]}]!r}\n"
        )
        self.log = folder / "log"
        clean = {k: v for k, v in os.environ.items() if not k.startswith("JUPYTERHUB")}
        hub = {
            "JUPYTERHUB_SERVICE_PREFIX": "/services/ccp/",
            "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{self.port}",
            "JUPYTERHUB_API_TOKEN": "x",
            "JUPYTERHUB_API_URL": "http://127.0.0.1:1/hub/api",
            "JUPYTERHUB_CLIENT_ID": "service-ccp",
        }
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ccp_jupyter.hub_service", "-f", str(config)],
                env={**clean, **hub},
                stderr=log,
            )

    def ready(self) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + LONGEST
        while True:
            with suppress(OSError):
                address = f"http://127.0.0.1:{self.port}/services/ccp/health?live"
                with urlopen(address, timeout=5) as answer:
                    assert json.load(answer)["status"] == "ok"
                    return
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def begin_request(self) -> socket.socket:
        """Send the head of a request whose body never comes, and wait until it is under way."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=LONGEST)
        connection.sendall(
            b"PUT /services/ccp/processes/p HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
            b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
        )
        # Sent when the request was looked at and its body is waited for.
        assert connection.recv(1000).startswith(b"HTTP/1.1 100")
        return connection

    def wait_told(self, text: str) -> None:
        """Wait until the log says something."""
        deadline = time.monotonic() + LONGEST
        while text not in self.log.read_text():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    try:
        running.ready()
        yield running
    finally:
        running.process.kill()
        running.process.wait(LONGEST)
        with suppress(FileNotFoundError, ProcessLookupError, ValueError):
            os.kill(int((tmp_path / "data/vault.pid").read_text()), signal.SIGTERM)


def test_one_signal_ends_it_well_and_two_at_once(service: Running) -> None:
    pid = int((service.folder / "data/vault.pid").read_text())
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(LONGEST) == 0, service.log.read_text()
    os.kill(pid, 0)  # the vault goes on: it has what Executions need
    lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    assert any("stopping" in line["message"] for line in lines)
    assert not any("exception" in line for line in lines), lines

    again = Running(service.folder)
    try:
        again.ready()
        with again.begin_request():
            again.process.send_signal(signal.SIGTERM)
            again.wait_told("stopping")
            again.process.send_signal(signal.SIGTERM)
            assert again.process.wait(LONGEST) == 128 + signal.SIGTERM
    finally:
        again.process.kill()
        again.process.wait(LONGEST)


HANGING = """
import asyncio, logging, threading, time
from ccp_jupyter.hub_service.serving import asked_to_stop

async def never_ends():
    await asyncio.Event().wait()

async def serve():
    asked = asked_to_stop(late=0.2, longest=1.0)
    print("ready", flush=True)
    await asked.wait()
    {hang}

logging.basicConfig()
asyncio.run(serve())
"""


@pytest.mark.parametrize(
    ("hang", "told"),
    [
        ("await never_ends()", "it waits for serve:12 > never_ends:6 > Event.wait"),
        ("time.sleep(60)", "in serve"),  # the event loop itself
        ("threading.Thread(target=time.sleep, args=(60,)).start()", "in run"),  # after its end
    ],
)
def test_a_stop_that_hangs_is_cut_short(hang: str, told: str) -> None:
    command = [sys.executable, "-c", HANGING.format(hang=hang)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=LONGEST)
    assert process.returncode == 1, log
    assert told in log
    assert "Timeout" in log
