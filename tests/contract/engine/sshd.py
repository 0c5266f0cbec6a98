"""A real sshd on loopback in front of an engine, for one throw-away user."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ccp_jupyter.model.infrastructure import Node
from tests.stack.daemons import Daemon, find, spawn
from tests.stack.engines import CannotStart, EngineHandle
from tests.stack.ports import free_port, wait_for_port


class Sshd:
    """A running sshd whose user may use an engine's socket.

    Attributes
    ----------
    key, known_hosts : Path
        What a Node needs to get in.
    user, port : str, int
        Where.
    """

    def __init__(self, folder: Path, user: str, port: int) -> None:
        self.folder = folder
        self.user = user
        self.port = port
        self.key = folder / "user"
        self.known_hosts = folder / "known_hosts"
        self._daemon: Daemon | None = None

    def node(self, socket: str, **members: object) -> Node:
        """Return an engine behind it as a Node of the configuration."""
        values = {
            "id": "far",
            "base_url": f"ssh://{self.user}@127.0.0.1:{self.port}{socket}",
            "ssh_key": self.key,
            "ssh_known_hosts": self.known_hosts,
        }
        return Node.model_validate({**values, **members})

    def start(self) -> None:
        """Start it and wait until it listens."""
        program = shutil.which("sshd", path="/usr/sbin:/usr/bin:/sbin")
        if program is None:
            raise CannotStart("sshd is not installed: apt-get install openssh-server")
        command = [program, "-D", "-e", "-f", str(self.folder / "sshd_config")]
        self._daemon = spawn(command, self.folder / "log", follow_parent=True)
        wait_for_port(self.port)

    def kill(self) -> None:
        """Kill it with the sessions that it has, as a reboot does."""
        if self._daemon is None:
            return
        sessions = [find(pid) for pid in _descendants(self._daemon.pid)]
        self._daemon.kill()
        for session in sessions:
            session.kill()
        self._daemon = None

    def sessions(self) -> int:
        """Return how many processes serve a login now."""
        return 0 if self._daemon is None else len(_descendants(self._daemon.pid))


@contextmanager
def sshd_before(engine: EngineHandle, *options: str) -> Iterator[Sshd]:
    """Run sshd until the block ends; its user may use the engine's socket.

    Parameters
    ----------
    engine : EngineHandle
        Listens on a unix socket.
    *options : str
        More lines of its configuration.

    Raises
    ------
    CannotStart
        With what to install.
    """
    if os.geteuid() != 0:
        raise CannotStart("sshd with a user of its own needs root: run the tests as root")
    folder = Path(tempfile.mkdtemp(prefix="ccp-sshd-"))
    folder.chmod(0o755)
    user = f"ccp{uuid.uuid4().hex[:8]}"
    server = Sshd(folder, user, free_port())
    try:
        _run("useradd", "--no-create-home", "--shell", "/usr/sbin/nologin", "--password", "*", user)
        for name in ("host", "user", "stranger"):
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
        (folder / "authorized").write_text((folder / "user.pub").read_text())
        public = (folder / "host.pub").read_text()
        server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {public}")
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd insists on it
        (folder / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1:{server.port}\nHostKey {folder}/host\nPidFile none\n"
            f"UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            f"AuthorizedKeysFile {folder}/authorized\n"
            "StrictModes no\nMaxStartups 50\n" + "".join(f"{line}\n" for line in options)
        )
        _allow(user, Path(engine.base_url.removeprefix("unix://")))
        server.start()
        yield server
    finally:
        server.kill()
        subprocess.run(["userdel", "--force", user], check=False, capture_output=True)
        shutil.rmtree(folder)


def _allow(user: str, socket: Path) -> None:
    """Let a user use a socket, as the group docker does."""
    socket.parent.chmod(0o711)
    shutil.chown(socket, user)


def _descendants(pid: int) -> list[int]:
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += [int(child), *_descendants(int(child))]
    return found


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotStart(f"{command[0]} failed ({done.returncode}): {done.stderr}")
