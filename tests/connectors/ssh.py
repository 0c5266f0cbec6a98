"""Debian's sshd as a process of its own, for one throw-away user: password and key."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.stack.daemons import spawn
from tests.stack.engines import CannotStart
from tests.stack.ports import free_port, wait_for_port

PASSWORD = "ssh pass(word"


@dataclass(frozen=True)
class SshServer:
    """How to log in, and what is there."""

    host: str
    port: int
    user: str
    home: Path
    """Folder that relative paths begin in."""
    private_key: str
    """RSA, without passphrase, in OpenSSH's older form."""

    def access(self, *, key: bool = False, **members: object) -> dict[str, object]:
        """Return an access object for ``red-connector-ssh``."""
        secret = {"privateKey": self.private_key} if key else {"password": PASSWORD}
        auth = {"username": self.user, **secret}
        return {"host": self.host, "port": self.port, "auth": auth, **members}


@contextmanager
def ssh_server(host: str = "127.0.0.1") -> Iterator[SshServer]:
    """Run sshd on a free port of one address until the block ends; needs root.

    Raises
    ------
    CannotStart
        With what to install.
    """
    program = shutil.which("sshd", path="/usr/sbin:/usr/bin:/sbin")
    if program is None:
        raise CannotStart("sshd is not installed: apt-get install openssh-server")
    if os.geteuid() != 0:
        raise CannotStart("sshd with a user of its own needs root: run the tests as root")
    # Not in pytest's folder, which the user could not enter.
    folder = Path(tempfile.mkdtemp(prefix="ccp-sshd-"))
    folder.chmod(0o755)
    user = f"ccp{uuid.uuid4().hex[:8]}"
    try:
        home = _add_user(user, folder)
        key = _make_keys(folder, home, user)
        port = free_port(host)
        config = _config(folder, host, port)
        daemon = spawn([program, "-D", "-e", "-f", str(config)], folder / "log", follow_parent=True)
        try:
            wait_for_port(port, host=host)
            yield SshServer(host, port, user, home, key)
        finally:
            daemon.end()
    finally:
        _remove_user(user)
        shutil.rmtree(folder)


def _add_user(user: str, folder: Path) -> Path:
    home = folder / "home"
    hashed = _run("openssl", "passwd", "-6", PASSWORD).strip()
    options = ("--home-dir", str(home), "--create-home", "--shell", "/bin/sh")
    _run("useradd", *options, "--password", hashed, user)
    return home


def _remove_user(user: str) -> None:
    with suppress(KeyError):
        number = pwd.getpwnam(user).pw_uid
        for folder in Path("/proc").glob("[0-9]*"):  # sessions that a killed connector has left
            with suppress(OSError):
                if folder.stat().st_uid == number:
                    os.kill(int(folder.name), signal.SIGKILL)
        _run("userdel", "--force", user)


def _make_keys(folder: Path, home: Path, user: str) -> str:
    for name, kind in (("host", "ed25519"), ("user", "rsa")):
        _run("ssh-keygen", "-q", "-t", kind, "-m", "PEM", "-N", "", "-f", str(folder / name))
    keys = home / ".ssh"
    keys.mkdir(mode=0o700)
    shutil.copy(folder / "user.pub", keys / "authorized_keys")
    for path in (keys, keys / "authorized_keys"):
        shutil.chown(path, user, user)
    return (folder / "user").read_text()


def _config(folder: Path, host: str, port: int) -> Path:
    Path("/run/sshd").mkdir(
        exist_ok=True
    )  # sshd insists on it; normally the system's start does it
    config = folder / "sshd_config"
    config.write_text(
        f"ListenAddress {host}:{port}\nHostKey {folder}/host\nPidFile none\nUsePAM no\n"
        "PasswordAuthentication yes\nPubkeyAuthentication yes\nKbdInteractiveAuthentication no\n"
        "StrictModes no\nSubsystem sftp internal-sftp\nMaxStartups 50\n"
    )
    return config


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotStart(f"{command[0]} failed ({done.returncode}): {done.stderr}")
    return done.stdout
