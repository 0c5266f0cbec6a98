"""The extension in a user's server that the hub started, beside the running service."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import websocket

from tests.jobs import Caller, method
from tests.stack.stack import Stack


@pytest.fixture(scope="module")
def server(stack: Stack) -> Iterator[httpx.Client]:
    """Alice's server, called with her token."""
    with stack.hub() as hub:
        path = hub.start_server("alice", timeout=120)
    headers = {"Authorization": f"token {stack.users['alice']}"}
    with httpx.Client(base_url=stack.hub_url + path, headers=headers, timeout=60) as http:
        yield http


@pytest.fixture
def alice(stack: Stack) -> Iterator[Caller]:
    caller = Caller(stack.service_url, stack.users["alice"])
    yield caller
    caller.close()


class Bus:
    """The server's event bus, as the browser hears it."""

    def __init__(self, server: httpx.Client) -> None:
        self.heard: list[dict[str, Any]] = []
        address = str(server.base_url).replace("http", "ws", 1) + "api/events/subscribe"
        token = server.headers["Authorization"]
        self._socket = websocket.create_connection(address, header={"Authorization": token})
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        # Closing the socket at the end is an error for who waits for more.
        with suppress(websocket.WebSocketException, OSError):
            while text := self._socket.recv():
                self.heard.append(json.loads(text))

    def close(self) -> None:
        self._socket.close()
        self._thread.join(10)

    def until(self, condition: Any, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not condition(list(self.heard)):
            assert time.monotonic() < end, self.heard
            time.sleep(0.05)


def is_connected(server: httpx.Client) -> bool:
    return bool(server.get("ccp_jupyter/status").json()["connected"])


@pytest.fixture
def bus(server: httpx.Client) -> Iterator[Bus]:
    bus = Bus(server)
    yield bus
    bus.close()


def test_an_execution_on_the_event_bus_and_in_the_workspace(stack, server, bus):
    assert server.get("ccp_jupyter/status").json()["enabled"]
    end = time.monotonic() + 30
    while not is_connected(server):
        assert time.monotonic() < end
        time.sleep(0.1)
    script = "echo hello; mkdir -p /ccp_data/o; echo content > /ccp_data/o/a"
    document = method(stack.images["shell"], script)
    assert server.post("ccp_jupyter/api/processes", json=document).status_code == 201
    answer = server.post(
        f"ccp_jupyter/api/processes/{document['id']}/execution", json={"inputs": {}}
    )
    assert answer.status_code == 201, answer.text
    job = answer.json()["jobID"]
    bus.until(lambda heard: any(each.get("status") == "successful" for each in heard))
    mine = [each for each in bus.heard if each.get("execution_id") == job and "seq" in each]
    assert [each["seq"] for each in mine] == list(range(1, len(mine) + 1))
    assert any("hello" in each.get("lines", ()) for each in mine)

    assert server.post(f"ccp_jupyter/fetch/{job}").status_code == 202
    bus.until(lambda heard: any(each.get("state") == "done" for each in heard))
    (done,) = [each for each in bus.heard if each.get("state") == "done"]
    assert (stack.home("alice") / done["path"] / "o/a").read_text() == "content\n"
    shown = server.get(f"api/contents/{done['path']}").json()
    assert {"o", "output.zip"} <= {each["name"] for each in shown["content"]}


def test_output_files_through_the_relay(stack, server, alice):
    job = alice.start(method(stack.images["shell"], "echo '<script>' > page.html"))
    assert alice.wait(job)["status"] == "successful"
    answer = server.get(f"ccp_jupyter/api/jobs/{job}/outputs/page.html")
    assert answer.text == "<script>\n"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Content-Disposition"].startswith("attachment")
    partly = server.get(
        f"ccp_jupyter/api/jobs/{job}/outputs/output.zip", headers={"Range": "bytes=0-3"}
    )
    assert (partly.status_code, partly.content) == (206, b"PK\x03\x04")


def test_others_see_nothing(stack, server):
    wrong = {"Authorization": f"token {stack.users['bob']}"}
    answer = server.get("ccp_jupyter/api/jobs", headers=wrong)
    assert answer.status_code in (302, 403)


def test_files_of_the_workspace(stack, server):
    Path(stack.home("alice") / "small.csv").write_text("a\n")
    answer = server.post("ccp_jupyter/files", json={"path": "small.csv"})
    assert answer.json()["value"] == "YQo="
