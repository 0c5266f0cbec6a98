"""What drives Executions, wired: controller, engines, journals, vault, and the API over them.

One service process has it at a time (docs/decisions/009-leases.md).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

from tornado import web

from ccp_jupyter.hub_service import old_ids
from ccp_jupyter.hub_service.addresses import Network
from ccp_jupyter.hub_service.api.application import make_app
from ccp_jupyter.hub_service.api.callbacks import CallbackDocuments
from ccp_jupyter.hub_service.api.identity import ServiceHubAuth
from ccp_jupyter.hub_service.api.services import Options, Services
from ccp_jupyter.hub_service.builtin.offered import built_ins
from ccp_jupyter.hub_service.controller.callbacks import Means
from ccp_jupyter.hub_service.controller.controller import ServiceController
from ccp_jupyter.hub_service.controller.hooks import Hook
from ccp_jupyter.hub_service.controller.settings import Settings
from ccp_jupyter.hub_service.engines.base import Engine
from ccp_jupyter.hub_service.engines.docker import DockerEngine
from ccp_jupyter.hub_service.events.log import FileEventLog
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.leadership import Fence, fenced
from ccp_jupyter.hub_service.listening import Server
from ccp_jupyter.hub_service.observing.checks import (
    disk_check,
    hub_check,
    store_check,
    vault_check,
)
from ccp_jupyter.hub_service.observing.observing import Observing
from ccp_jupyter.hub_service.outgoing import Outgoing
from ccp_jupyter.hub_service.signing_keys import SigningKeys
from ccp_jupyter.hub_service.store.base import Store
from ccp_jupyter.hub_service.vault.client import VaultClient, ensure_running
from ccp_jupyter.hub_service.vault.keeper import keep_running
from ccp_jupyter.model.infrastructure import Infrastructure, Node

_log = logging.getLogger(__name__)

_ENGINE_TIMEOUT: Final = 6.0  # with the ping interval of 4 s, a hung engine is noticed within 10 s

_VAULT_LEAVES: Final = 5.0  # seconds: a driver asks every 2, its lease needs 6 or more to run out


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a configuration says, checked."""

    data: Path
    """The data_dir; it is there."""
    infrastructures: Mapping[str, Infrastructure]
    options: Options
    settings: Settings
    hooks: tuple[Hook, ...]
    experiments_on: str
    networks: tuple[Network, ...]
    """Private networks that links may point to."""
    vault_socket: Path
    vault_key_file: Path | None
    hub: Mapping[str, str]
    """The variables ``JUPYTERHUB_…`` of a hub service."""
    store_url: str
    """Of a MongoDB; empty for SQLite in the data_dir."""
    own_url: str
    """Where other service processes reach this one."""
    built_in_processes: bool = True
    """Whether it offers processes that it runs itself."""

    @property
    def prefix(self) -> str:
        """Path of the service at the hub's proxy; begins and ends with a slash."""
        return self.hub["JUPYTERHUB_SERVICE_PREFIX"]

    @property
    def address(self) -> str:
        """Where this process listens, such as ``http://127.0.0.1:8091``."""
        return self.hub["JUPYTERHUB_SERVICE_URL"]


class Driver:
    """The running parts; made by `start`.

    Parameters
    ----------
    deployment : Deployment
        What to run.
    store : Store
        Stays open.
    fence : Fence
        Is asked before each write of store and journals, and each call of an engine.

    Attributes
    ----------
    app : tornado.web.Application
        Answers requests.
    """

    def __init__(self, deployment: Deployment, store: Store, fence: Fence) -> None:
        store = fenced(store, fence)
        data = deployment.data
        self._deployment = deployment
        self._spool = data / "vault-spool" if deployment.vault_key_file else None
        folders = Folders(data / "executions")
        self._observing = observing = Observing(version("ccp-jupyter"))
        store = observing.store(store)
        self._journals = FileEventLog(folders, check=fence.check)
        self._events = observing.events(self._journals)
        self._vault = VaultClient(deployment.vault_socket)

        def engine(node: Node) -> Engine:
            docker = DockerEngine(node, timeout=_ENGINE_TIMEOUT)
            return observing.engine(node.id, fenced(docker, fence))

        keys = SigningKeys(data / "keys")
        outgoing = Outgoing(allowed=deployment.networks)
        public = (deployment.options.public_url or "").rstrip("/")
        documents = CallbackDocuments(lambda: services, public + deployment.prefix)
        self._controller = ServiceController(
            deployment.infrastructures,
            engine,
            store,
            self._events,
            self._vault,
            folders,
            outgoing,
            _service_id(data / "service-id"),
            deployment.settings,
            deployment.hooks,
            deployment.experiments_on,
            public_url=deployment.options.public_url or "",
            means=Means(documents, keys.callback_key),
            built_ins=built_ins(with_echo=deployment.built_in_processes),
        )
        self._background: list[asyncio.Task[None]] = []
        observing.controller(self._controller)
        observing.health.add(
            store_check(store),
            vault_check(self._vault.ping),
            disk_check(data),
            hub_check(lambda: ServiceHubAuth.instance().answers()),
        )
        parts = (store, self._controller, self._events, folders, self._vault)
        services = Services(
            *parts,
            deployment.prefix,
            keys,
            observing,
            replace(deployment.options, cookie_secret=_cookie_secret(deployment.hub)),
            partial(old_ids.find_new_id, data / old_ids.FILE),
            outgoing=outgoing,
        )
        self.app: web.Application = make_app(services)

    async def start(self) -> None:
        """Start the vault if none answers, and take up the work that the store has."""
        vault = (
            self._deployment.vault_socket,
            self._deployment.data / "vault.log",
            self._deployment.vault_key_file,
            self._spool,
        )
        # Where another machine may drive next, its vault must find the spool free.
        leave_after = _VAULT_LEAVES if self._spool and self._deployment.store_url else None
        self._note_vault(await ensure_running(*vault, leave_after))
        keep = keep_running(*vault, self._note_vault, leave_after)
        self._background = [
            asyncio.create_task(work) for work in (keep, self._observing.loop.run())
        ]
        await self._controller.start()

    def send_home(self) -> None:
        """End the streams of all who listen to events; they come again to the next process."""
        self._observing.health.stopping = True
        self._journals.send_home()

    async def stop(self) -> None:
        """Stop working; containers go on, and whoever drives next adopts them."""
        for task in self._background:
            task.cancel()
        await self._controller.stop()
        await self._events.close()
        await self._vault.close()

    def _note_vault(self, pid: int) -> None:
        (self._deployment.data / "vault.pid").write_text(f"{pid}\n")


async def end(server: Server, driver: Driver | None) -> None:
    """End a service process in order: first no new work, then the answers under way, then it."""
    _log.info("stopping; containers go on and are adopted by the next start")
    if driver is not None:
        driver.send_home()
    await server.drain()
    if driver is not None:
        await driver.stop()
    await server.close()


def _cookie_secret(hub: Mapping[str, str]) -> bytes:
    """Return what signs cookies: the same in all processes that share the hub's token."""
    return hmac.digest(hub["JUPYTERHUB_API_TOKEN"].encode(), b"ccp cookies", hashlib.sha256)


def _service_id(path: Path) -> str:
    """Return the name that this service's containers carry, the same at each start."""
    if not path.exists():
        path.write_text(uuid.uuid4().hex)
    return path.read_text().strip()
