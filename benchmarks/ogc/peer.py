"""pygeoapi as PyPI has it for this Python, run in an environment of its own.

It is only started and talked to, never imported. It listens on loopback.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks import machine
from benchmarks.ogc.peer_jobs import JobCollection, JobFile, JobStore, copies
from benchmarks.setting import wait_until
from tests.environments import environment
from tests.mongod import mongo_server
from tests.stack.daemons import Daemon, spawn
from tests.stack.ports import free_port

VERSION = "0.21.0"
"""The newest that Python 3.11 gets."""
REQUIREMENTS = (
    f"pygeoapi=={VERSION}",
    "gunicorn[gevent]==27.0.1",
    "gevent==26.9.0",
    "pymongo==4.20.0",
)
PROCESS = "hello-world"

_START = 90.0


class PeerDidNotStart(RuntimeError):
    """It does not run; the text has the end of its log."""


@dataclass(frozen=True)
class SetUp:
    """How it is run.

    Attributes
    ----------
    key : str
        Short name.
    name : str
        For titles.
    workers : int
        Processes of gunicorn that answer.
    kind : str
        Their class.
    mongodb : bool
        Whether jobs are in MongoDB instead of TinyDB, its default.
    """

    key: str
    name: str
    workers: int
    kind: str
    mongodb: bool = False


DOCUMENTED = SetUp("documented", "4 gevent workers", 4, "gevent")
"""What its container image starts, which its documentation names for production."""
WITH_MONGODB = SetUp("mongodb", "4 gevent workers and MongoDB", 4, "gevent", mongodb=True)
TWO_WORKERS = SetUp("two", "2 sync workers", 2, "sync")
"""One for each processor of a small machine; the fastest of four in an earlier comparison."""
ONE_WORKER = SetUp("one", "1 sync worker", 1, "sync")
"""What ``gunicorn pygeoapi.flask_app:APP`` of its documentation gives; we have one process, too."""


@dataclass
class Peer:
    """A running server.

    Attributes
    ----------
    folder : Path
        Configuration, results, log.
    programs : Path
        Of its environment.
    set_up : SetUp
        How it is run.
    jobs : JobStore
        Where it keeps its jobs.
    port : int
        Of gunicorn.
    """

    folder: Path
    programs: Path
    set_up: SetUp
    jobs: JobStore
    port: int
    parts: list[Daemon] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where its API begins, with a slash at the end."""
        return f"http://127.0.0.1:{self.port}/"

    def pids(self) -> list[int]:
        """Return gunicorn's processes, the database not among them."""
        return [pid for part in self.parts for pid in machine.tree(part.pid)]

    def stock(self, wanted: int) -> None:
        """Let it have so many jobs, all of them successful; nothing may be asked of it now."""
        self.jobs.write(copies(self.jobs.read(), wanted))

    def newest(self) -> str:
        """Return the id of the job that was added last."""
        return str(self.jobs.read()[-1]["identifier"])

    def start(self, listed: int) -> None:
        """Start it with so many processes, let it run one of them, wait until it is quiet.

        Raises
        ------
        PeerDidNotStart
        """
        config = self.folder / "config.yml"
        # Kept for the next one with as many: it takes seconds, and is only shown.
        openapi = self.folder.parent / f"openapi-{listed}.yml"
        (self.folder / "results").mkdir()
        config.write_text(json.dumps(self._config(listed), indent=1))  # JSON is YAML
        if not openapi.exists():
            self._generate(config, openapi)
        daemon = spawn(
            [
                *(str(self.programs / "gunicorn"), "--workers", str(self.set_up.workers)),
                *("--worker-class", self.set_up.kind, "--timeout", "6000"),
                *("--bind", f"127.0.0.1:{self.port}", "pygeoapi.flask_app:APP"),
            ],
            self.folder / "gunicorn.log",
            environment=self._environment(config, openapi),
            follow_parent=True,
        )
        self.parts.append(daemon)
        try:
            self._run_one(daemon)
            machine.settled(self._cpu_seconds)
        except (TimeoutError, httpx.HTTPError) as error:
            raise PeerDidNotStart(f"{error}; end of its log:\n{daemon.tail()}") from error
        if len(self.pids()) <= self.set_up.workers:
            raise PeerDidNotStart(f"workers are missing; end of its log:\n{daemon.tail()}")

    def end(self) -> None:
        """End its processes."""
        for part in self.parts:
            part.end()

    def _config(self, listed: int) -> dict[str, Any]:
        names = [PROCESS, *(f"{PROCESS}-{number:02}" for number in range(1, listed))]
        process = {"type": "process", "processor": {"name": "HelloWorld"}}
        identification = {
            "title": "pygeoapi",
            "description": "Beside another.",
            "keywords": ["benchmark"],
            "keywords_type": "theme",
            "terms_of_service": "https://creativecommons.org/licenses/by/4.0/",
            "url": "https://example.org",
        }
        return {
            "server": {
                "bind": {"host": "127.0.0.1", "port": self.port},
                "url": self.url.rstrip("/"),
                "mimetype": "application/json; charset=UTF-8",
                "encoding": "utf-8",
                "gzip": False,
                "languages": ["en-US"],
                # Of its default configuration only this differs: it costs a lot, and we do not.
                "pretty_print": False,
                "limits": {"default_items": 10, "max_items": 50},
                "map": {"url": "https://example.org/{z}/{x}/{y}.png", "attribution": "none"},
                "manager": {**self.jobs.manager(), "output_dir": str(self.folder / "results")},
            },
            "logging": {"level": "ERROR"},
            "metadata": {
                "identification": identification,
                "license": {"name": "CC-BY 4.0", "url": "https://example.org"},
                "provider": {"name": "benchmarks", "url": "https://example.org"},
                "contact": {"name": "benchmarks", "email": "you@example.org"},
            },
            "resources": dict.fromkeys(names, process),
        }

    def _generate(self, config: Path, openapi: Path) -> None:
        done = subprocess.run(
            [
                *(str(self.programs / "pygeoapi"), "openapi", "generate", str(config)),
                *("--output-file", str(openapi)),
            ],
            env=self._environment(config, openapi),
            capture_output=True,
            text=True,
            timeout=_START,
            check=False,
        )
        if done.returncode != 0 or not openapi.exists():
            raise PeerDidNotStart(f"openapi generate: {(done.stdout + done.stderr)[-1000:]}")

    def _environment(self, config: Path, openapi: Path) -> dict[str, str]:
        return {
            "PATH": f"{self.programs}:{os.environ.get('PATH', os.defpath)}",
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "LANG": "C.UTF-8",
            "PYGEOAPI_CONFIG": str(config),
            "PYGEOAPI_OPENAPI": str(openapi),
        }

    def _run_one(self, daemon: Daemon) -> None:
        wait_until(lambda: self._answers(daemon), "an answer of pygeoapi", _START)
        with httpx.Client(base_url=self.url, trust_env=False, timeout=_START) as client:
            answer = client.post(
                f"processes/{PROCESS}/execution", json={"inputs": {"name": "first"}}
            )
            answer.raise_for_status()

    def _answers(self, daemon: Daemon) -> bool:
        if not daemon.alive():
            raise PeerDidNotStart(f"it ended; end of its log:\n{daemon.tail()}")
        try:
            return httpx.get(f"{self.url}conformance", timeout=_START, trust_env=False).is_success
        except httpx.ConnectError:
            return False

    def _cpu_seconds(self) -> float:
        return sum(map(machine.cpu_seconds, self.pids()))


@contextmanager
def serving(folder: Path, set_up: SetUp, listed: int) -> Iterator[Peer]:
    """Run it until the block ends, with one job in its store.

    Parameters
    ----------
    folder : Path
        Empty; for configuration, data and log. The one that it lies in gets a file, too.
    set_up : SetUp
        How to run it.
    listed : int
        How many processes it has.

    Raises
    ------
    PeerDidNotStart, tests.mongod.NoMongod
    """
    programs = environment("pygeoapi", REQUIREMENTS)
    with ExitStack() as ending:
        jobs: JobStore = JobFile(folder / "jobs.json")
        if set_up.mongodb:
            jobs = JobCollection(ending.enter_context(mongo_server(folder)))
        peer = Peer(folder, programs, set_up, jobs, free_port())
        ending.callback(peer.end)
        peer.start(listed)
        yield peer
