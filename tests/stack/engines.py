"""Docker engines of our own: each a ``dockerd`` with its own data, bridge and cgroup.

An isolated one has a network of its own too (`tests.stack.namespaces`), and one with a `disk` has
its data on a file system of its own, so that both can be disturbed without a neighbour noticing.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import tempfile
import time
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import docker
from docker.errors import DockerException
from docker.tls import TLSConfig
from requests.exceptions import RequestException

from ccp_jupyter.model.infrastructure import Node, Tls
from tests.stack.bridges import POOL, add_bridge, call, delete_bridge
from tests.stack.certificates import make_certificates
from tests.stack.daemons import Daemon, find, spawn
from tests.stack.leftovers import end_cgroup, end_shims, remove_cgroup, unmount_below
from tests.stack.namespaces import Namespace
from tests.stack.ports import free_port

_PROGRAMS = ("dockerd", "containerd", "runc", "docker-init", "ip", "tc", "nsenter", "setpriv")
_START_TIMEOUT = 40.0
_PORT = 2376  # of an isolated engine, which has all ports to itself
_BALLAST = "ballast"


class CannotStart(RuntimeError):
    """An engine cannot run here, or did not start; the text says what to do."""


@dataclass(frozen=True)
class _State:
    """What is needed to end or restart an engine, kept in ``engine.json``."""

    name: str
    base_url: str
    bridge: str
    host_address: str
    cgroup: str
    run_dir: str
    data_root: str
    keep_data: bool
    arguments: list[str]
    follow_parent: bool
    address: str = ""
    """Of an isolated engine, in its namespace; the bridge's name is the namespace's."""
    pid: int = 0
    born: int = 0


class EngineHandle:
    """A running engine.

    Attributes
    ----------
    name, base_url : str
        As in a `Node`.
    tls : Tls or None
        The client's files.
    host_address : str
        Where its containers reach servers of this machine that listen on all addresses.
    folder : Path
        Logs, certificates, data.
    network : Namespace or None
        What it can be cut off by, when it is isolated.
    """

    def __init__(self, folder: Path, state: _State, tls: Tls | None) -> None:
        self.folder = folder
        self.tls = tls
        self.name = state.name
        self.base_url = state.base_url
        self.host_address = state.host_address
        self.network = Namespace(state.bridge, state.address) if state.address else None
        self._state = state
        self._daemon = Daemon(state.pid, state.born, folder / "dockerd.log")

    @classmethod
    def attach(cls, folder: Path) -> EngineHandle:
        """Return the handle of an engine that another process started in this folder."""
        state = _State(**json.loads((folder / "engine.json").read_text()))
        return cls(folder, state, _client_files(folder))

    @property
    def pid(self) -> int:
        """Process id of ``dockerd``; another one after `restart`."""
        return self._daemon.pid

    @property
    def log(self) -> Path:
        """Where ``dockerd`` writes."""
        return self._daemon.log

    def node(self, **members: Any) -> Node:
        """Return it as a Node of the configuration."""
        return Node(**{"id": self.name, "base_url": self.base_url, "tls": self.tls, **members})

    def client(self, timeout: float = 60.0) -> docker.APIClient:
        """Return a plain SDK client; close it after use."""
        tls = self.tls and TLSConfig(
            client_cert=(str(self.tls.cert), str(self.tls.key)),
            ca_cert=str(self.tls.ca),
            verify=True,
        )
        client = docker.APIClient(
            base_url=self.base_url, tls=tls or False, version="1.41", timeout=int(timeout)
        )
        # Else REQUESTS_CA_BUNDLE, where it is set, takes the place of the engine's authority.
        client.trust_env = False
        return client

    def start(self) -> None:
        """Start ``dockerd`` and wait until it answers.

        Raises
        ------
        CannotStart
            With the end of its log.
        """
        self._forget_old()
        # nsenter becomes what it starts, so that the process id is the engine's.
        enter = ["nsenter", f"--net={self.network.path}"] if self.network else []
        self._daemon = spawn(
            [*enter, "dockerd", *self._state.arguments],
            self.folder / "dockerd.log",
            follow_parent=self._state.follow_parent,
        )
        self._state = _State(
            **{**asdict(self._state), "pid": self._daemon.pid, "born": self._daemon.born}
        )
        (self.folder / "engine.json").write_text(json.dumps(asdict(self._state), indent=2))
        self._wait()

    def kill9(self) -> None:
        """Kill ``dockerd`` with SIGKILL; its containers go on until it is started again."""
        self._daemon.kill()

    def suspend(self) -> None:
        """Make it hang (SIGSTOP): it accepts connections and does not answer."""
        self._daemon.stop_running()

    def resume(self) -> None:
        """Let it go on after `suspend`."""
        self._daemon.send(signal.SIGCONT)

    def terminate(self) -> None:
        """End ``dockerd`` in its own way, which ends its containers too; all data stays."""
        end_cgroup(self._state.cgroup)
        self._daemon.end()

    def kill_containerd(self) -> None:
        """Kill its containerd with SIGKILL; ``dockerd`` starts it again by itself."""
        with suppress(FileNotFoundError):
            find(int(self._containerd_pid_file.read_text())).kill()

    def power_off(self, *, losing_containers: bool) -> None:
        """End it as a machine ends that loses its power; `start` is its coming back.

        Parameters
        ----------
        losing_containers : bool
            Whether it has forgotten its containers when it comes back; its images stay.
        """
        state = self._state
        self._daemon.kill()
        self.kill_containerd()
        end_shims(state.run_dir)
        end_cgroup(state.cgroup)
        # What containers had mounted, but not the disk itself.
        unmount_below(state.run_dir, *(str(path) for path in Path(state.data_root).iterdir()))
        shutil.rmtree(Path(state.run_dir, "exec"), ignore_errors=True)
        if losing_containers:
            shutil.rmtree(Path(state.data_root, "containers"), ignore_errors=True)

    def fill_disk(self) -> None:
        """Take all room of the file system that its data lies on."""
        ballast = Path(self._state.data_root, _BALLAST)
        with ballast.open("wb") as file:
            while room := (disk := os.statvfs(ballast)).f_bavail * disk.f_frsize:
                # Others write at the same time, and an allocation is made whole or not at all.
                with suppress(OSError):
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), room)

    def free_disk(self) -> None:
        """Undo `fill_disk`."""
        Path(self._state.data_root, _BALLAST).unlink(missing_ok=True)

    def restart(self) -> None:
        """Start it again with the same data, after `kill9`, `terminate`, or while it runs."""
        if self._daemon.alive():
            self._daemon.end()
        self.start()

    def stop(self) -> None:
        """End it and take away all that it left on this machine, its data included."""
        state = self._state
        self._daemon.send(signal.SIGCONT)
        self.terminate()
        end_shims(state.run_dir)
        end_cgroup(state.cgroup)
        unmount_below(state.run_dir, state.data_root)
        remove_cgroup(state.cgroup)
        if self.network is not None:
            self.network.delete()
        delete_bridge(state.bridge)
        shutil.rmtree(state.run_dir, ignore_errors=True)
        if not state.keep_data:
            shutil.rmtree(state.data_root, ignore_errors=True)

    def _forget_old(self) -> None:
        """Let the old containerd end first: a dockerd that finds it dying waits for it in vain."""
        Path(self._state.run_dir, "docker.pid").unlink(missing_ok=True)
        self.kill_containerd()
        self._containerd_pid_file.unlink(missing_ok=True)

    @property
    def _containerd_pid_file(self) -> Path:
        return Path(self._state.run_dir, "exec/containerd/containerd.pid")

    def _ping(self) -> None:
        """Raise unless it answers."""
        address = urlsplit(self.base_url)
        if address.scheme == "tcp":
            client = self.client(timeout=5)
            try:
                client.ping()
            finally:
                client.close()
            return
        # Without the SDK, which leaves its unix socket open when it cannot connect.
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(5)
            probe.connect(address.path)
            probe.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            if b" 200 " not in (line := probe.recv(100)):
                raise ConnectionError(f"unexpected answer {line!r}")

    def _wait(self) -> None:
        end = time.monotonic() + _START_TIMEOUT
        while True:
            try:
                return self._ping()
            except (DockerException, RequestException, OSError) as error:
                if not self._daemon.alive() or time.monotonic() > end:
                    self._daemon.end()
                    raise CannotStart(
                        f"engine {self.name} does not answer ({error});"
                        f" end of {self.log}:\n{self._daemon.tail()}"
                    ) from error
            time.sleep(0.02)


def start_engine(
    folder: Path,
    name: str,
    *,
    tls: bool = False,
    data_root: Path | None = None,
    isolated: bool = False,
    disk: str = "",
    live_restore: bool = False,
    insecure_registries: tuple[str, ...] = (),
    options: tuple[str, ...] = (),
    follow_parent: bool = False,
) -> EngineHandle:
    """Start a docker engine of its own and wait until it answers.

    Parameters
    ----------
    folder : Path
        Created; for logs and certificates, and for data unless `data_root` is given.
    name : str
        Name of the Node.
    tls : bool
        Listen on a loopback port with mutual TLS instead of on a unix socket.
    data_root : Path, optional
        Where images and containers lie. What is given here survives `EngineHandle.stop`.
    isolated : bool
        Give it a network of its own, and have it listen there with mutual TLS.
    disk : str
        Size, such as ``600m``, of a file system in memory for its data; empty: none of its own.
    live_restore : bool
        Keep containers running while the engine is down.
    insecure_registries : tuple of str
        Hosts or networks to speak plain HTTP to; all of 127.0.0.0/8 is always allowed, and for
        an isolated engine this machine.
    options : tuple of str
        More options of ``dockerd``.
    follow_parent : bool
        End it when the calling thread ends; see `tests.stack.daemons.spawn`.

    Raises
    ------
    CannotStart
        With what to install, or with the end of the engine's log.
    """
    check_installed()
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    number = uuid.uuid4().hex[:8]
    # Unix sockets have short paths, so they do not lie in a test's deep temporary folder.
    run_dir = Path(tempfile.mkdtemp(prefix=f"ccp-{number}-", dir="/run"))
    bridge = f"ccp{number}"
    host_address = add_bridge(bridge)
    data = (data_root or folder / "data").resolve()
    network = Namespace.beside(bridge, host_address) if isolated else None
    client_tls, listen, base_url = _listen(folder, run_dir, tls, network)
    arguments = [
        *listen,
        *(["--insecure-registry", str(POOL)] if network else ["--bridge", bridge]),
        *("--data-root", str(data), "--exec-root", str(run_dir / "exec")),
        *("--pidfile", str(run_dir / "docker.pid"), "--config-file", str(run_dir / "none.json")),
        *("--cgroup-parent", f"/ccp-{number}"),
        # Firewall rules are shared by all engines of a machine; ours must not touch them.
        *("--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"),
        *("--shutdown-timeout", "5"),
        *(["--live-restore"] if live_restore else []),
        *(part for host in insecure_registries for part in ("--insecure-registry", host)),
        *options,
    ]
    (run_dir / "none.json").write_text("{}")
    state = _State(
        name=name,
        base_url=base_url,
        bridge=bridge,
        host_address=host_address,
        cgroup=f"ccp-{number}",
        run_dir=str(run_dir),
        data_root=str(data),
        keep_data=data_root is not None,
        arguments=arguments,
        follow_parent=follow_parent,
        address=network.address if network else "",
    )
    engine = EngineHandle(folder, state, client_tls)
    try:
        if disk:
            data.mkdir(parents=True)
            call("mount", "-t", "tmpfs", "-o", f"size={disk},mode=0711", "tmpfs", str(data))
        if network is not None:
            network.add(host_address)
        engine.start()
    except BaseException:
        engine.stop()
        raise
    return engine


def check_installed() -> None:
    """Raise `CannotStart`, with what to do, when engines cannot run here."""
    missing = [program for program in _PROGRAMS if shutil.which(program) is None]
    if missing:
        raise CannotStart(
            f"not installed: {', '.join(missing)}. On Debian or Ubuntu:"
            " apt-get install docker.io iproute2 util-linux"
        )
    if os.geteuid() != 0:
        raise CannotStart("a docker engine of our own needs root: run the tests as root")


def _listen(
    folder: Path, run_dir: Path, tls: bool, network: Namespace | None
) -> tuple[Tls | None, list[str], str]:
    if not tls and network is None:
        url = f"unix://{run_dir}/docker.sock"
        return None, ["--host", url], url
    address = network.address if network else "127.0.0.1"
    server, client = make_certificates(folder / "tls", address)
    url = f"tcp://{address}:{_PORT if network else free_port()}"
    files = ["--tlscacert", str(server.ca), "--tlscert", str(server.cert)]
    return client, ["--host", url, "--tlsverify", *files, "--tlskey", str(server.key)], url


def _client_files(folder: Path) -> Tls | None:
    tls = folder / "tls"
    if not tls.exists():
        return None
    return Tls(ca=tls / "ca.pem", cert=tls / "client.pem", key=tls / "client-key.pem")
