"""Image registries of our own: an open one and one that asks for a login."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tests.stack.daemons import Daemon, spawn
from tests.stack.engines import CannotStart, EngineHandle
from tests.stack.ports import free_port, wait_for_port

PUBLIC, PRIVATE = "public", "private"
"""Folders of their content, in the folder that they were started in."""
USERNAME = "puller"
PASSWORD = "pull-me"
# `htpasswd -nbBC 5 puller pull-me`: the registry takes bcrypt only, which needs a package more.
_HTPASSWD = "puller:$2y$05$abcdefghijklmnopqrstuuBp.n58v886n7kD7.z9i0nzqxtQ8I2P.\n"

_CONFIG = """\
version: 0.1
log: {{level: info, accesslog: {{disabled: false}}}}
storage:
  filesystem: {{rootdirectory: {data}}}
  delete: {{enabled: true}}
http:
  addr: {address}
  secret: not-shared-with-anybody
"""
_AUTH = """\
auth:
  htpasswd: {{realm: test, path: {path}}}
"""


@dataclass(frozen=True)
class _Server:
    """One ``docker-registry`` process."""

    address: str
    config: str
    log: str
    pid: int = 0
    born: int = 0

    @property
    def daemon(self) -> Daemon:
        return Daemon(self.pid, self.born, Path(self.log))

    def started(self, follow_parent: bool) -> _Server:
        daemon = spawn(
            ["docker-registry", "serve", self.config], Path(self.log), follow_parent=follow_parent
        )
        try:
            host, _, port = self.address.rpartition(":")
            wait_for_port(int(port), host=host)
        except TimeoutError as error:
            daemon.end()
            raise CannotStart(f"registry: {error}; end of {self.log}:\n{daemon.tail()}") from error
        return replace(self, pid=daemon.pid, born=daemon.born)


class RegistryHandle:
    """Two running registries.

    Attributes
    ----------
    address, private_address : str
        Host and port, as in references; engines speak plain HTTP there.
    username, password : str
        Login of the private one.
    """

    username = USERNAME
    password = PASSWORD

    def __init__(
        self, folder: Path, public: _Server, private: _Server, follow_parent: bool
    ) -> None:
        self.folder = folder
        self._public = public
        self._private = private
        self._follow_parent = follow_parent
        self._save()

    @classmethod
    def attach(cls, folder: Path) -> RegistryHandle:
        """Return the handle of registries that another process started in this folder."""
        saved = json.loads((folder / "registry.json").read_text())
        return cls(folder, _Server(**saved["public"]), _Server(**saved["private"]), False)

    @property
    def address(self) -> str:
        """The open one."""
        return self._public.address

    @property
    def private_address(self) -> str:
        """The one that asks for a login."""
        return self._private.address

    @property
    def pid(self) -> int:
        """Process id of the open one; another one after `restore`."""
        return self._public.pid

    @property
    def private_pid(self) -> int:
        """Process id of the private one."""
        return self._private.pid

    def requests(self, pattern: str) -> list[str]:
        """Return the requests to the open one, such as ``GET /v2/…``, that match a pattern."""
        log = Path(self._public.log).read_text(errors="replace")
        lines = re.findall(r'\] "([A-Z]+ [^ ]+) HTTP/', log)
        return [line for line in lines if re.search(pattern, line)]

    def cut(self) -> None:
        """Kill the open one with SIGKILL, so that what is under way breaks off."""
        self._public.daemon.kill()

    def restore(self) -> None:
        """Start the open one again after `cut`, at the same address with the same content."""
        self._public = self._public.started(self._follow_parent)
        self._save()

    def end(self) -> None:
        """End both; their content stays."""
        self._public.daemon.end()
        self._private.daemon.end()

    def stop(self) -> None:
        """End both and delete their content."""
        self.end()
        shutil.rmtree(self.folder / PUBLIC, ignore_errors=True)
        shutil.rmtree(self.folder / PRIVATE, ignore_errors=True)

    def push(self, engine: EngineHandle, image: str, name: str, *, private: bool = False) -> str:
        """Push an image that an engine has.

        Parameters
        ----------
        engine : EngineHandle
            Where the image is.
        image : str
            Its local reference.
        name : str
            Repository and tag, such as ``tools/shell:1``.
        private : bool
            To the private registry.

        Returns
        -------
        str
            Full reference, which all engines of this machine can pull.
        """
        reference = f"{self.private_address if private else self.address}/{name}"
        repository, _, tag = reference.rpartition(":")
        login = {"username": USERNAME, "password": PASSWORD} if private else None
        client = engine.client(timeout=300)
        try:
            client.tag(image, repository, tag)
            for line in client.push(
                repository, tag, stream=True, decode=True, auth_config=login or {}
            ):
                if "error" in line:
                    raise CannotStart(f"push of {reference}: {line['error']}")
            client.remove_image(reference)
        finally:
            client.close()
        return reference

    def _save(self) -> None:
        servers = {"public": asdict(self._public), "private": asdict(self._private)}
        (self.folder / "registry.json").write_text(json.dumps(servers, indent=2))


def start_registry(
    folder: Path, *, host: str = "127.0.0.1", follow_parent: bool = False
) -> RegistryHandle:
    """Start an open and a private registry and wait until they answer.

    Parameters
    ----------
    folder : Path
        Made when it is not there.
    host : str
        Address of this machine to listen on; the default suits engines that share its loopback.
    follow_parent : bool
        End them when the calling thread ends; see `tests.stack.daemons.spawn`.

    Raises
    ------
    CannotStart
        With what to install, or with the end of the log.
    """
    if shutil.which("docker-registry") is None:
        raise CannotStart("docker-registry is not installed: apt-get install docker-registry")
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "htpasswd").write_text(_HTPASSWD)
    public = _server(folder, PUBLIC, host, "").started(follow_parent)
    try:
        auth = _AUTH.format(path=folder / "htpasswd")
        private = _server(folder, PRIVATE, host, auth).started(follow_parent)
    except BaseException:
        public.daemon.end()
        raise
    return RegistryHandle(folder, public, private, follow_parent)


def _server(folder: Path, kind: str, host: str, more: str) -> _Server:
    address = f"{host}:{free_port(host)}"
    config = folder / f"{kind}.yml"
    config.write_text(_CONFIG.format(data=folder / kind, address=address) + more)
    return _Server(address, str(config), str(folder / f"{kind}.log"))
