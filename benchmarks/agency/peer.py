"""CC-Agency 9.3.0 as PyPI has it, run in an environment of its own: broker, trustee, controller.

It is only started and talked to, never imported. Everything listens on loopback.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pymongo

from benchmarks import machine
from tests.environments import environment
from tests.mongod import mongo_server
from tests.stack.daemons import Daemon, spawn
from tests.stack.engines import EngineHandle
from tests.stack.ports import free_port, wait_for_port

# The SDK that it asks for cannot reach a unix socket with later ones.
REQUIREMENTS = ("cc-agency==9.3.0", "requests<2.32", "uwsgi")
VERSION = "9.3.0"
INSPECTION_IMAGE = "busybox"
"""What it runs on a Node before it uses it; tag ``latest``."""

_USER, _PASSWORD = "alice", "benchmark-only"
_START = 60.0
_DATABASE = "ccagency"


class PeerDidNotStart(RuntimeError):
    """Part of it does not run; the text has the end of its log."""


@dataclass
class Peer:
    """A running broker with its trustee and database; the controller runs in `controller`.

    Attributes
    ----------
    folder : Path
        Configuration and logs.
    programs : Path
        Of its environment.
    port : int
        Of the broker.
    mongo_uri : str
        Of its database server.
    trustee_port : int
    broker, trustee : Daemon
    """

    folder: Path
    programs: Path
    port: int
    mongo_uri: str
    trustee_port: int
    parts: dict[str, Daemon] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Of the broker, with a slash at the end."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def headers(self) -> dict[str, str]:
        """What a request carries: HTTP Basic, the only way of login that works in 9.3.0."""
        return basic(_USER, _PASSWORD)

    def cpu_seconds(self) -> float:
        """Return the processor time of its processes so far, the database not counted."""
        alive = [part.pid for part in self.parts.values() if part.alive()]
        return sum(machine.cpu_seconds(pid) for root in alive for pid in machine.tree(root))

    def forget(self) -> None:
        """Delete all experiments, so that a controller that starts finds nothing to do."""
        with pymongo.MongoClient[dict[str, Any]](self.mongo_uri) as client:
            for name in ("experiments", "batches"):
                client[_DATABASE][name].delete_many({})

    @contextmanager
    def controller(self, base_url: str) -> Iterator[None]:
        """Run the controller with one Node until the block ends; begins when that is online."""
        config = self.write_config("controller", base_url)
        program = str(self.programs / "ccagency-controller")
        daemon = self._spawn("controller", [program, "-c", str(config)])
        try:
            _wait(self._node_is_online, daemon)
            yield
        finally:
            daemon.end()
            del self.parts["controller"]

    def start_broker(self) -> None:
        """Start trustee and broker, as its installation guide does, and add the user."""
        config = self.write_config("broker", "unix:///nonexistent/docker.sock")
        self._start_wsgi("trustee", self.trustee_port, config, 1, 1)
        self._start_wsgi("broker", self.port, config, 4, 4)
        self._create_user(config)

    def write_config(self, name: str, base_url: str) -> Path:
        """Write its configuration file; JSON is YAML."""
        file = self.folder / f"{name}.yml"
        auth = {"num_login_attempts": 3, "block_for_seconds": 30, "tokens_valid_for_seconds": 86400}
        document: dict[str, Any] = {
            "broker": {"auth": auth},
            "controller": {
                "bind_socket_path": str(self.folder / "controller.sock"),
                "docker": {
                    "allow_insecure_capabilities": False,
                    "nodes": {"node1": {"base_url": base_url}},
                },
            },
            "trustee": {
                "internal_url": f"http://127.0.0.1:{self.trustee_port}",
                "username": "cctrustee",
                "password": _PASSWORD,
            },
            "mongo": {
                "db": _DATABASE,
                "username": "ccadmin",
                "password": _PASSWORD,
                **_host(self.mongo_uri),
            },
        }
        file.touch(mode=0o600)
        file.write_text(json.dumps(document, indent=1))
        return file

    def end(self) -> None:
        """End all its processes."""
        for daemon in reversed(self.parts.values()):
            daemon.end()

    def _start_wsgi(self, name: str, port: int, config: Path, processes: int, threads: int) -> None:
        command = [
            *(str(self.programs / "uwsgi"), "--http-socket", f"127.0.0.1:{port}"),
            *("--virtualenv", str(self.programs.parent), "--module", f"cc_agency.{name}.app"),
            *("--master", "--enable-threads", "--lazy-apps", "--die-on-term", "--disable-logging"),
            *("--processes", str(processes), "--threads", str(threads)),
            # It closes connections after each answer, and does not say so by itself.
            *("--add-header", "Connection: close", "--listen", "100", "--pyargv", f"-c {config}"),
        ]
        daemon = self._spawn(name, command)
        try:
            wait_for_port(port, _START)
            # The port is open before the application is loaded.
            auth = ("cctrustee", _PASSWORD) if name == "trustee" else None
            with httpx.Client(trust_env=False, timeout=_START) as client:
                client.get(f"http://127.0.0.1:{port}/", auth=auth).raise_for_status()
        except (TimeoutError, httpx.HTTPError) as error:
            raise PeerDidNotStart(f"{name}: {error}; end of its log:\n{daemon.tail()}") from error

    def _create_user(self, config: Path) -> None:
        # In a session of its own there is no terminal, so that it takes the password from stdin.
        done = subprocess.run(
            [str(self.programs / "ccagency"), "create-broker-user", "-c", str(config)],
            input=f"\n{_USER}\n{_PASSWORD}\nn\n",
            env=self._environment,
            start_new_session=True,
            capture_output=True,
            text=True,
            timeout=_START,
            check=False,
        )
        if done.returncode != 0 or "Done" not in done.stdout:
            raise PeerDidNotStart(f"create-broker-user: {(done.stdout + done.stderr)[-1000:]}")

    def _spawn(self, name: str, command: list[str]) -> Daemon:
        daemon = spawn(
            command,
            self.folder / f"{name}.log",
            environment=self._environment,
            follow_parent=True,
        )
        self.parts[name] = daemon
        return daemon

    @property
    def _environment(self) -> dict[str, str]:
        """Nothing of ours, and a folder of its own for the secret that it keeps in /tmp."""
        return {
            "PATH": f"{self.programs}:{os.environ.get('PATH', os.defpath)}",
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "PYTHONUNBUFFERED": "1",
        }

    def _node_is_online(self) -> bool:
        with httpx.Client(base_url=self.url, headers=self.headers, trust_env=False) as client:
            nodes = client.get("nodes").raise_for_status().json()
        return bool(nodes) and all(node["state"] == "online" for node in nodes)


@contextmanager
def running(folder: Path) -> Iterator[Peer]:
    """Run database, trustee and broker until the block ends.

    Parameters
    ----------
    folder : Path
        For configuration, data and logs.

    Raises
    ------
    PeerDidNotStart, tests.mongod.NoMongod
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    programs = environment("agency9", REQUIREMENTS)
    with ExitStack() as ending:
        uri = ending.enter_context(mongo_server(folder))
        with pymongo.MongoClient[dict[str, Any]](uri) as client:
            client[_DATABASE].command("createUser", "ccadmin", pwd=_PASSWORD, roles=["readWrite"])
        peer = Peer(folder, programs, free_port(), uri, free_port())
        ending.callback(peer.end)
        peer.start_broker()
        yield peer


def tag_inspection_image(engine: EngineHandle, reference: str) -> None:
    """Give an engine the image that the original wants on every Node, made of another one."""
    client = engine.client()
    try:
        client.tag(reference, INSPECTION_IMAGE, "latest")
    finally:
        client.close()


def basic(user: str, password: str) -> dict[str, str]:
    """Return the header of HTTP Basic authentication."""
    text = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {text}"}


def _host(uri: str) -> dict[str, Any]:
    host, port = pymongo.uri_parser.parse_uri(uri)["nodelist"][0]
    return {"host": host, "port": port}


def _wait(done: Callable[[], bool], daemon: Daemon) -> None:
    end = time.monotonic() + _START
    while not done():
        if not daemon.alive() or time.monotonic() > end:
            raise PeerDidNotStart(f"no Node is online; end of {daemon.log}:\n{daemon.tail()}")
        time.sleep(0.2)
