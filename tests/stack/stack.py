"""The stack: hub, service, vault, engines and registries, on free loopback ports."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from ccp_jupyter.hub_service.api.forwarding import DRIVER_CHECK
from tests.stack import service as services
from tests.stack.daemons import Daemon
from tests.stack.down import MARKER, down
from tests.stack.engines import EngineHandle
from tests.stack.hub import HubApi, HubSettings
from tests.stack.marks import STACK, marking
from tests.stack.mongodb import NAME as MONGOD
from tests.stack.mongodb import start_mongod
from tests.stack.records import StackError, noted, write_private
from tests.stack.registry import RegistryHandle
from tests.stack.up import Plan, pids, start_all

_STATE = "stack.json"


class Stack:
    """A running stack; `up` starts one, and ``Stack(folder)`` finds one that runs.

    Parameters
    ----------
    folder : Path
        Where it was started.

    Attributes
    ----------
    document : dict
        Content of ``stack.json``.
    hub_url, service_url : str
        Addresses behind the proxy; the service's ends with a slash.
    users : dict
        Name to API token of ``alice``, ``bob`` (both in group ``physics``) and ``carol``.
    admin_token : str
        API token of the user ``admin``.
    service_urls : dict
        Name to address of each service process itself.
    images : dict
        ``shell``, ``python``, ``red`` to references that the engines can pull.
    host_address : str
        Where containers reach servers of this machine that listen on all addresses.
    engines : dict
        Name of the Node to its engine, with ``kill9``, ``suspend``, ``restart`` and so on.
    registry : RegistryHandle
        The open and the private registry.

    Raises
    ------
    StackError
        None runs there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        try:
            self.document: dict[str, Any] = json.loads((self.folder / _STATE).read_text())
        except FileNotFoundError as error:
            raise StackError(f"no stack runs in {folder}: there is no {_STATE}") from error
        self.hub_url: str = self.document["hub_url"]
        self.service_url: str = self.document["service_url"]
        self.users: dict[str, str] = self.document["users"]
        self.admin_token: str = self.document["admin_token"]
        self.images: dict[str, str] = self.document["images"]
        self.host_address: str = self.document["host_address"]
        self.service_urls: dict[str, str] = self.document["services"]
        self.settings = HubSettings.read(self.folder)
        self.registry = RegistryHandle.attach(self.folder / "registry")
        self.engines = {
            name: EngineHandle.attach(self.folder / "engines" / name)
            for name in self.document["nodes"]
        }

    # --- start and end ------------------------------------------------------------------------

    @classmethod
    def up(
        cls,
        folder: Path,
        *,
        nodes: int = 1,
        store: str = "sqlite",
        tls: bool = False,
        limits: Mapping[str, object] | None = None,
        node_options: Mapping[str, object] | None = None,
        live_restore: bool = False,
        isolated: bool = False,
        disk: str = "",
        services: int = 1,
    ) -> Stack:
        """Start a stack and wait until all of it is ready.

        Parameters
        ----------
        folder : Path
            Absent, empty, or left by a stack that does not run any more.
        nodes : int
            How many engines.
        store : str
            ``sqlite`` or ``mongodb``.
        tls : bool
            Reach the engines by TCP with mutual TLS instead of unix sockets.
        limits : mapping, optional
            Replaces single members of `tests.stack.up.LIMITS`.
        node_options : mapping, optional
            Further members of every Node, such as ``{"slots": 2}``.
        live_restore : bool
            Let containers go on while their engine is down.
        isolated : bool
            Give each engine a network of its own, which can be cut (`EngineHandle.network`).
        disk : str
            Size of a file system for each engine's data, such as ``600m``.
        services : int
            How many service processes; several share a MongoDB, behind HAProxy.

        Raises
        ------
        StackError
            Bad arguments, or the folder is in use.
        tests.stack.engines.CannotStart, tests.stack.hub.DidNotStart
            Something did not start; all the rest was ended again, its logs are in the folder.
        """
        folder = folder.resolve()
        _check(folder, nodes, store, services)
        down(folder)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / MARKER).touch()
        plan = Plan(
            folder,
            nodes,
            tls,
            limits or {},
            node_options or {},
            live_restore,
            isolated,
            disk,
            store,
            services,
        )
        try:
            with marking(STACK, str(folder)):
                start_all(plan)
        except BaseException:
            down(folder, keep_logs=True)
            raise
        return cls(folder)

    def down(self) -> None:
        """End everything and remove the folder."""
        down(self.folder)

    # --- the service --------------------------------------------------------------------------

    @property
    def service(self) -> Daemon:
        """The service's (first) process as it was started last, running or not."""
        return noted(self.folder)["service"]

    @property
    def services(self) -> dict[str, Daemon]:
        """All service processes by name (``service``, ``service-2`` …), running or not."""
        known = noted(self.folder)
        return {name: known[name] for name in self.service_urls}

    def driver(self, timeout: float = 60) -> str:
        """Return the name of the service process that drives; waits for one that does."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for name, url in self.service_urls.items():
                with suppress(httpx.HTTPError, ValueError):
                    answer = httpx.get(f"{url}health", timeout=2)
                    checks = {each["name"] for each in answer.json()["checks"]}
                    if answer.status_code == 200 and DRIVER_CHECK not in checks:
                        return name
            time.sleep(0.1)
        raise StackError(f"no service process drove within {timeout:g} s")

    @property
    def vault(self) -> Daemon | None:
        """The vault's process, which outlives the service; None when none runs."""
        return services.vault(self.folder)

    @property
    def data_dir(self) -> Path:
        """Where the service keeps its store and files."""
        return services.data_dir(self.folder)

    def start_service(self, timeout: float = 60, name: str = "service") -> None:
        """Start a service process and wait until it is ready; no error when it runs."""
        if not self.services[name].alive():
            services.start_service(self.settings, timeout, name)
            self._note_pids()

    def kill_service(self, number: signal.Signals = signal.SIGKILL, name: str = "service") -> None:
        """Send a service a signal, by default the one that nobody survives, and wait."""
        service = self.services[name]
        service.send(number)
        deadline = time.monotonic() + 30
        while service.alive():
            if time.monotonic() > deadline:
                raise StackError(
                    f"{name} did not end within 30 s of {number.name}:\n{service.tail(60)}"
                )
            time.sleep(0.01)

    def restart_service(
        self, number: signal.Signals = signal.SIGTERM, name: str = "service"
    ) -> None:
        """End a service process by a signal, start it again, wait until it is ready."""
        self.kill_service(number, name)
        self.start_service(name=name)

    @property
    def mongod(self) -> Daemon:
        """The MongoDB server as it was started last, running or not."""
        return noted(self.folder)[MONGOD]

    def start_mongod(self) -> None:
        """Start the MongoDB server again, with the data that it had; no error when it runs."""
        if not self.mongod.alive():
            start_mongod(self.folder, self.settings.mongodb_port)
            self._note_pids()

    def configure(self, **members: object) -> None:
        """Change members of the Infrastructure; takes effect when the service starts again."""
        changed = {**services.read_infrastructure(self.folder), **members}
        services.write_config(self.folder, self.settings.service_config, changed)

    def set_options(self, **options: object) -> None:
        """Replace the further options of the service; takes effect when it starts again."""
        infrastructure = services.read_infrastructure(self.folder)
        services.write_config(self.folder, self.settings.service_config, infrastructure, options)

    # --- engines and users --------------------------------------------------------------------

    def kill_engine(self, name: str) -> None:
        """Kill an engine with SIGKILL."""
        self.engines[name].kill9()

    def start_engine(self, name: str) -> None:
        """Start an engine again, with the data that it had."""
        self.engines[name].start()
        self._note_pids()

    def restart_engine(self, name: str) -> None:
        """End an engine if it runs, and start it again with the data that it had."""
        self.engines[name].restart()
        self._note_pids()

    def hub(self) -> HubApi:
        """Return the hub's API, called as an administrator; use it in a ``with``."""
        return HubApi(self.settings)

    def home(self, user: str) -> Path:
        """Return a user's home, which is also their workspace; made when it is not there."""
        home = self.folder / "homes" / user
        home.mkdir(parents=True, exist_ok=True)
        return home

    def _note_pids(self) -> None:
        self.document["pids"] = pids(self.folder)
        write_private(self.folder / _STATE, json.dumps(self.document, indent=2) + "\n")


def _check(folder: Path, nodes: int, store: str, services: int) -> None:
    if store not in ("sqlite", "mongodb"):
        raise StackError(f"store: no such store (found {store!r}); there are sqlite and mongodb")
    if not 1 <= services <= (8 if store == "mongodb" else 1):
        raise StackError(f"services: 1, or with mongodb up to 8 (found {services})")
    if not 1 <= nodes <= 16:
        raise StackError(f"nodes: must be 1 to 16 (found {nodes})")
    if folder.is_file():
        raise StackError(f"{folder} is a file")
    if (folder / _STATE).exists() and any(d.alive() for d in noted(folder).values()):
        raise StackError(f"a stack runs in {folder} already: end it with `down --dir {folder}`")
