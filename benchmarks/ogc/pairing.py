"""Both servers as the rows find them: stocked, listing what they shall, ours with its Node away."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import methods
from benchmarks.machine import settled
from benchmarks.ogc import peer as peers
from benchmarks.ogc.peer import Peer, SetUp
from benchmarks.ogc.sides import Request, Side
from benchmarks.seeding import stock
from benchmarks.setting import Setting
from tests.stack import service as services

LISTED = 20
"""Processes that both have, the one that is executed among them."""
BUILT_IN = ("echo", "red")
"""Processes that ours has by itself."""
FEW = 100
"""Jobs that both have stored where nothing else is said."""

_FILES = ("", "-wal", "-shm")  # of an SQLite database


@dataclass
class Pairing:
    """Our service with its Node away, what starts pygeoapi, and how thoroughly to measure.

    Attributes
    ----------
    setting : Setting
        With our stack.
    folder : Path
        For files.
    """

    setting: Setting
    folder: Path

    def prepare(self) -> None:
        """Give ours its Methods and one Execution that ran, keep that, and take its Node away."""
        setting = self.setting
        with setting.client() as client:
            client.deploy(setting.document(methods.trivial))
            for number in range(LISTED - 1 - len(BUILT_IN)):  # these are listed, too
                client.deploy(setting.document(partial(methods.filler, number)))
            client.run(methods.TRIVIAL).wait(120, progress=False)
        setting.wait_clean()
        setting.stack.kill_service(signal.SIGTERM)
        _copy(self._store, self._template)
        nodes = services.read_infrastructure(setting.stack.folder)["nodes"]
        nodes = [{**node, "base_url": "unix:///nonexistent/docker.sock"} for node in nodes]
        setting.stack.configure(nodes=nodes)
        setting.stack.start_service()

    def restock(self, stored: int) -> None:
        """Restart ours with its Methods and so many Executions, copies of the one that ran."""
        self.setting.stack.kill_service(signal.SIGTERM)
        for suffix in _FILES:
            Path(f"{self._store}{suffix}").unlink(missing_ok=True)
        shutil.copyfile(self._template, self._store)
        stock(self._store, stored)
        self.setting.stack.start_service()
        settled(self.ours.cpu_seconds)

    def list_only_echo(self) -> None:
        """Take the Methods away until `restock` brings them back.

        Of the built-ins, which stay, `echo` is the first, and so the one of a list of one.
        """
        with self.setting.client() as client:
            for method in list(client.methods()):
                if method.id not in BUILT_IN:
                    client.undeploy(method.id)

    @property
    def ours(self) -> Side:
        """Our service as it runs now, at its own port, with a hub token."""
        vault = self.setting.stack.vault
        pids = [self.setting.service.pid, *([vault.pid] if vault is not None else [])]
        folder = self.setting.folder("wrk")
        return Side(
            self.setting.port_url, self.setting.headers, lambda: pids, (), "echo", "echo", folder
        )

    @property
    def submit(self) -> Request:
        """Ours for a Method: it is durable and waits in the queue, because the Node is away."""
        return Request.execute(methods.TRIVIAL, {}, asynchronous=True)

    @contextmanager
    def theirs(self, set_up: SetUp, listed: int = LISTED) -> Iterator[tuple[Side, Peer]]:
        """Run pygeoapi until the block ends, with `FEW` jobs stored."""
        with (
            tempfile.TemporaryDirectory(dir=self.folder) as name,
            peers.serving(Path(name), set_up, listed) as peer,
        ):
            peer.stock(FEW)
            database = peer.jobs.pids()
            yield (
                Side(peer.url, {}, peer.pids, database, peers.PROCESS, "name", Path(name)),
                peer,
            )

    @property
    def _store(self) -> Path:
        return self.setting.stack.data_dir / "store.sqlite"

    @property
    def _template(self) -> Path:
        return self.folder / "template.sqlite"


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
