"""The service as a traitlets application: its options, and the one place that wires its parts."""

from __future__ import annotations

import asyncio
import fcntl
import ipaddress
import json
import logging
import os
import signal
import uuid
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from pydantic import ValidationError
from tornado.httpserver import HTTPServer
from traitlets import Bool, Dict, Float, Int, List, Unicode, default
from traitlets.config import Application, catch_config_error

from ccp_jupyter.hub_service.api.application import make_app
from ccp_jupyter.hub_service.api.services import Options, Services
from ccp_jupyter.hub_service.controller.controller import ServiceController
from ccp_jupyter.hub_service.controller.settings import Settings
from ccp_jupyter.hub_service.engines.docker import DockerEngine
from ccp_jupyter.hub_service.events.log import FileEventLog
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.outgoing import Outgoing
from ccp_jupyter.hub_service.store.base import StoreUnusable
from ccp_jupyter.hub_service.store.sqlite import SqliteStore
from ccp_jupyter.hub_service.vault.client import VaultClient, ensure_running
from ccp_jupyter.model.infrastructure import Infrastructure

_ENGINE_TIMEOUT = 6.0  # with the ping interval of 4 s, a hung engine is noticed within 10 s
_LONGEST_SOCKET = 107  # bytes; sun_path of unix(7), less the NUL at its end
_DRAIN = 5.0  # seconds for answers under way when the service stops


class Misconfigured(Exception):
    """The configuration cannot work; the text says which option and why."""


class CcpService(Application):
    """A science gateway for JupyterHub: runs Methods on remote container engines."""

    name = "ccp-service"
    description = __doc__ or ""
    version = version("ccp-jupyter")

    infrastructures = List(
        Dict(),
        help="""Places to run containers. Each is a dict with the members of `Infrastructure`:

        c.CcpService.infrastructures = [{
            "id": "local-docker",
            "name": "Docker on this machine",
            "limits": {"memory": "2GiB", "cpus": 2, "max_time": 3600},
            "nodes": [{"id": "node-1", "base_url": "unix:///run/docker.sock"}],
        }]
        """,
    ).tag(config=True)
    data_dir = Unicode(
        "ccp-data", help="Folder for the store and the files of Executions; on a local disk."
    ).tag(config=True)
    vault_socket = Unicode(help="Unix socket of the vault process; default: in the data_dir.").tag(
        config=True
    )
    allowed_networks = List(
        Unicode(),
        help="""Networks that linked inputs may come from although they are private, such as
        "10.1.0.0/16". Without an entry, links reach public addresses only.""",
    ).tag(config=True)
    public_url = Unicode(
        help="""Scheme and host that users type, such as https://hub.example.org; default: as the
        request came in."""
    ).tag(config=True)
    max_body = Int(96 * 2**20, help="Largest request body, bytes.").tag(config=True)
    attempts = Int(3, min=1, help="Attempts of one Task when the platform fails.").tag(config=True)
    lost_after = Float(
        14.0, min=1, help="Seconds without contact after which a Node's Tasks go to another Node."
    ).tag(config=True)
    fetch_patience = Float(
        3600.0, min=0, help="Seconds that outputs wait in their container while this disk is full."
    ).tag(config=True)
    keep_for = Float(
        0.0, min=0, help="Seconds after which finished Executions are removed; 0 keeps them."
    ).tag(config=True)
    config_file = Unicode(help="Configuration file (Python) to load.").tag(config=True)
    generate_config = Bool(False, help="Print a configuration file with all options.").tag(
        config=True
    )

    aliases = {  # noqa: RUF012
        "f": "CcpService.config_file",
        "config": "CcpService.config_file",
    }
    flags = {  # noqa: RUF012
        "generate-config": (
            {"CcpService": {"generate_config": True}},
            "Print a configuration file with all options and their help.",
        )
    }

    @default("vault_socket")
    def _default_vault_socket(self) -> str:
        return str(Path(self.data_dir) / "vault.sock")

    @default("log_level")
    def _default_log_level(self) -> int:
        return logging.INFO

    @catch_config_error
    def initialize(self, argv: list[str] | None = None) -> None:
        """Read command line and configuration file; the command line wins."""
        self.parse_command_line(argv)
        if self.config_file:
            path = Path(self.config_file).resolve()
            if not path.is_file():
                raise Misconfigured(f"config_file: there is no file {path}")
            self.load_config_file(path.name, path=str(path.parent))
            self.parse_command_line(argv)

    def start(self) -> None:
        """Run until SIGTERM or SIGINT."""
        if self.generate_config:
            print(self.generate_config_file())  # noqa: T201
            return
        _set_up_log(int(str(self.log_level)))
        infrastructures = parse_infrastructures(self.infrastructures)
        hub = _hub_variables()
        data = Path(self.data_dir).resolve()
        data.mkdir(parents=True, exist_ok=True)
        data.chmod(0o700)  # also where the folder was there before: the vault insists on it
        socket = Path(self.vault_socket).resolve()
        if len(os.fsencode(socket)) > _LONGEST_SOCKET:
            raise Misconfigured(
                f"vault_socket: a unix socket's path has at most {_LONGEST_SOCKET} bytes; name a"
                f" shorter one (found {socket})"
            )
        with _only_one(data / "lock"):
            asyncio.run(self._serve(infrastructures, hub, data, socket))

    async def _serve(
        self,
        infrastructures: dict[str, Infrastructure],
        hub: dict[str, str],
        data: Path,
        socket: Path,
    ) -> None:
        store = await SqliteStore.open(data / "store.sqlite")
        folders = Folders(data / "executions")
        events = FileEventLog(folders)
        vault_pid = await ensure_running(socket, data / "vault.log")
        (data / "vault.pid").write_text(f"{vault_pid}\n")
        vault = VaultClient(socket)
        controller = ServiceController(
            infrastructures,
            {
                node.id: DockerEngine(node, timeout=_ENGINE_TIMEOUT)
                for infrastructure in infrastructures.values()
                for node in infrastructure.nodes
            },
            store,
            events,
            vault,
            folders,
            Outgoing(allowed=[ipaddress.ip_network(n) for n in self.allowed_networks]),
            _service_id(data / "service-id"),
            self._settings(),
        )
        options = Options(max_body=self.max_body, public_url=self.public_url or None)
        prefix = hub["JUPYTERHUB_SERVICE_PREFIX"]

        async def vault_answers() -> None:
            await vault.ping()

        checks = {"vault": vault_answers}
        app = make_app(Services(store, controller, events, folders, prefix, options, checks))
        await controller.start()
        # Bodies are bounded by the API itself, which can say so in its answer.
        server = HTTPServer(app, max_body_size=2**62)
        address = urlsplit(hub["JUPYTERHUB_SERVICE_URL"])
        server.listen(address.port or 80, address.hostname)
        self.log.info("ccp service %s listens at %s", self.version, address.geturl())
        await _asked_to_stop()
        self.log.info("stopping; containers go on and are adopted by the next start")
        server.stop()
        await controller.stop()
        await events.close()
        try:
            async with asyncio.timeout(_DRAIN):
                await server.close_all_connections()
        except TimeoutError:
            self.log.warning("some connections were still open")
        await vault.close()
        await store.close()

    def _settings(self) -> Settings:
        return Settings(
            attempts=self.attempts,
            lost_after=self.lost_after,
            fetch_patience=self.fetch_patience,
            keep_for=self.keep_for,
        )


def parse_infrastructures(entries: list[dict[str, Any]]) -> dict[str, Infrastructure]:
    """Check what the configuration says of Infrastructures.

    Raises
    ------
    Misconfigured
        Nothing there, something wrong, or an id used twice; Node ids are unique over all.
    """
    found: dict[str, Infrastructure] = {}
    nodes: set[str] = set()
    if not entries:
        raise Misconfigured("CcpService.infrastructures is empty: name at least one")
    for number, entry in enumerate(entries):
        place = f"CcpService.infrastructures[{number}]"
        try:
            infrastructure = Infrastructure.model_validate(entry)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()
            )
            raise Misconfigured(f"{place}: {problems}") from None
        if infrastructure.id in found:
            raise Misconfigured(f"{place}: id {infrastructure.id} is used twice")
        for node in infrastructure.nodes:
            if node.id in nodes:
                raise Misconfigured(f"{place}: Node id {node.id} is used twice")
            nodes.add(node.id)
        found[infrastructure.id] = infrastructure
    return found


def main() -> None:
    """Start the service; the entry point ``ccp-service``."""
    app = CcpService.instance()
    try:
        app.initialize()
        app.start()
    except (Misconfigured, StoreUnusable) as error:
        app.exit(f"ccp-service: {error}")


def _hub_variables() -> dict[str, str]:
    needed = (
        "JUPYTERHUB_SERVICE_PREFIX",
        "JUPYTERHUB_SERVICE_URL",
        "JUPYTERHUB_API_TOKEN",
        "JUPYTERHUB_API_URL",
    )
    if missing := [name for name in needed if not os.environ.get(name)]:
        raise Misconfigured(
            f"{', '.join(missing)} not set: a hub sets them for its managed services; set them"
            " yourself for an external one (docs/deployment.md)"
        )
    return {name: os.environ[name] for name in needed}


class _only_one:  # noqa: N801
    """Keep a second service away from the same data."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def __enter__(self) -> None:
        self._file = self._path.open("w")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Misconfigured(
                f"data_dir: another service uses {self._path.parent}; end it first"
            ) from None

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def _service_id(path: Path) -> str:
    """Return the name that this service's containers carry, the same at each start."""
    if not path.exists():
        path.write_text(uuid.uuid4().hex)
    return path.read_text().strip()


async def _asked_to_stop() -> None:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    await asked.wait()


class _JsonLines(logging.Formatter):
    """One JSON object a line, for log collectors."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def _set_up_log(level: int) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # One line for every outgoing request and every schema change is too much.
    for noisy in ("httpx", "alembic", "tornado.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
