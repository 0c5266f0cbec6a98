"""Podman without root: a service for one throw-away user, as a docker engine."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import docker

from ccp_jupyter.model.infrastructure import Node
from tests.stack import images
from tests.stack.daemons import find, spawn
from tests.stack.engines import CannotStart

_PROGRAMS = ("podman", "runc", "newuidmap", "slirp4netns", "setpriv", "unshare")
_PACKAGES = "podman runc uidmap slirp4netns catatonit"
# Not crun, podman's own choice: it refuses machines that have both versions of cgroups.
_OPTIONS = ("--runtime=runc", "--cgroup-manager=cgroupfs")
_TIMEOUT = 40.0

# Where no udev runs, only root may open /dev/net/tun, which slirp4netns needs. Changed in a mount
# namespace of its own.
_START = """\
mknod -m 666 "$1/tun" c 10 200
mount --bind "$1/tun" /dev/net/tun
shift
exec "$@"
"""


@dataclass(frozen=True)
class Podman:
    """A running service."""

    socket: Path
    log: Path
    user: str

    def node(self, **members: object) -> Node:
        """Return it as a Node of the configuration."""
        return Node.model_validate({"id": "podman", "base_url": f"unix://{self.socket}", **members})

    def client(self) -> docker.APIClient:
        """Return a plain SDK client; close it after use."""
        return docker.APIClient(base_url=f"unix://{self.socket}", version="1.41", timeout=60)

    def load(self, names: Iterable[str]) -> None:
        """Give it test images under their names."""
        client = self.client()
        try:
            for name, archive in images.ensure(names).items():
                with archive.open("rb") as file:
                    for line in client.load_image(file):
                        if "error" in line:
                            raise CannotStart(f"podman cannot load {name}: {line['error']}")
        finally:
            client.close()


@contextmanager
def podman() -> Iterator[Podman]:
    """Run ``podman system service`` without root until the block ends; needs root to make its user.

    Raises
    ------
    CannotStart
        With what to install, or with the end of its log.
    """
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if missing:
        raise CannotStart(f"not installed: {', '.join(missing)}: apt-get install {_PACKAGES}")
    if os.geteuid() != 0:
        raise CannotStart("podman with a user of its own needs root: run the tests as root")
    # Short, because conmon's sockets lie deep below it.
    folder = Path(tempfile.mkdtemp(prefix="ccp-pod-", dir="/run"))
    folder.chmod(0o755)
    user = f"ccp{uuid.uuid4().hex[:8]}"
    try:
        _add_user(user, folder)
        yield from _serve(folder, user)
    finally:
        _remove(user, folder)


def _add_user(user: str, folder: Path) -> None:
    command = ["useradd", "--home-dir", str(folder / "home"), "--create-home", user]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotStart(f"useradd failed: {done.stderr}")
    run = folder / "run"
    run.mkdir(mode=0o700)
    shutil.chown(run, user, user)


def _as_user(user: str, folder: Path, *command: str) -> list[str]:
    about = pwd.getpwnam(user)
    environment = (
        f"HOME={folder}/home",
        f"XDG_RUNTIME_DIR={folder}/run",
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
    )
    ids = ("--reuid", str(about.pw_uid), "--regid", str(about.pw_gid), "--init-groups")
    return ["setpriv", *ids, "env", "-i", f"--chdir={folder}/home", *environment, *command]


def _serve(folder: Path, user: str) -> Iterator[Podman]:
    socket = folder / "run/engine.sock"
    service = ("podman", *_OPTIONS, "system", "service", "--time=0")
    daemon = spawn(
        [
            *("unshare", "--mount", "sh", "-ec", _START, "sh", str(folder)),
            *_as_user(user, folder, *service, f"unix://{socket}"),
        ],
        folder / "log",
        follow_parent=True,
    )
    try:
        end = time.monotonic() + _TIMEOUT
        while not socket.exists():
            if not daemon.alive() or time.monotonic() > end:
                raise CannotStart(f"podman does not answer; end of its log:\n{daemon.tail()}")
            time.sleep(0.02)
        yield Podman(socket, folder / "log", user)
    finally:
        daemon.end()


def _remove(user: str, folder: Path) -> None:
    """End what the user still runs (containers, conmon, the pause process), and all files."""
    with suppress(KeyError):
        number = pwd.getpwnam(user).pw_uid
        ranges = _subordinate(user)
        for _ in range(3):  # who dies last may have had children
            for pid in _processes(number, ranges):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                with suppress(TimeoutError):
                    find(pid).kill()
        subprocess.run(["userdel", "--force", user], check=False, capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)


def _subordinate(user: str) -> range:
    for line in Path("/etc/subuid").read_text().splitlines():
        name, _, numbers = line.partition(":")
        if name == user:
            first, _, count = numbers.partition(":")
            return range(int(first), int(first) + int(count))
    return range(0)


def _processes(number: int, subordinate: range) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            owner = folder.stat().st_uid
            if owner == number or owner in subordinate:
                found.append(int(folder.name))
    return found
