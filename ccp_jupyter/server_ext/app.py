"""The extension as an application: its options, and the wiring of its parts."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp
from pydantic import SecretStr
from traitlets import Int, Unicode, default

from ccp_jupyter.client.errors import NotConfigured
from ccp_jupyter.client.settings import (
    TOKEN_VARIABLE,
    URL_VARIABLE,
    WORKSPACE_VARIABLE,
    service_token,
    service_url,
)
from ccp_jupyter.client.transport import Transport
from ccp_jupyter.server_ext.archive import ArchiveHandler, ArchiveImportHandler
from ccp_jupyter.server_ext.feed import Feed
from ccp_jupyter.server_ext.fetches import Fetches
from ccp_jupyter.server_ext.handlers import FetchHandler, FilesHandler, StatusHandler
from ccp_jupyter.server_ext.relay import RelayHandler

_MIB = 2**20
EVENTS = Path(__file__).parent / "events"
EXECUTION_EVENT = "urn:ccp:events:execution:v1"
CONNECTION_EVENT = "urn:ccp:events:connection:v1"
FETCH_EVENT = "urn:ccp:events:fetch:v1"


class CcpExtension(ExtensionApp):
    """Connects the user's server with the service.

    Examples
    --------
    In ``jupyter_server_config.py``::

        c.CcpExtension.service_url = "https://hub.example.org/services/ccp/"
    """

    name = "ccp_jupyter"
    extension_url = "/lab"
    load_other_extensions = True

    service_url = Unicode(
        config=True,
        help=f"Address of the service. Default: the environment's {URL_VARIABLE}.",
    )
    service_token = Unicode(
        config=True,
        help=f"Token of the user. Default: the environment's {TOKEN_VARIABLE}, as the hub sets it.",
    )
    max_upload_size = Int(
        128 * _MIB, min=1, config=True, help="Largest body that is relayed to the service, bytes."
    )
    max_file_size = Int(
        64 * _MIB,
        min=1,
        config=True,
        help="Largest workspace file that is turned into an input's value, bytes.",
    )
    fetches_at_once = Int(3, min=1, config=True, help="Fetches that run at the same time.")
    timeout = Int(30, min=1, config=True, help="Seconds to wait for an answer of the service.")

    @default("service_url")
    def _service_url_default(self) -> str:
        return os.environ.get(URL_VARIABLE, "")

    @default("service_token")
    def _service_token_default(self) -> str:
        return os.environ.get(TOKEN_VARIABLE, "")

    disabled = ""
    """Why the extension is switched off; empty when it is not."""
    url: str
    """Address of the service, with a slash at its end."""
    transport: Transport
    """To the service, as the user."""
    http: httpx.AsyncClient
    """For the relay: unlike the transport, it returns errors as they are."""
    feed: Feed
    fetches: Fetches
    session: str
    """Of this process, and different in the next."""
    emitted: int
    """Events that were emitted so far."""

    def initialize_settings(self) -> None:
        """Wire the parts, or find out why there is nothing to wire."""
        for kind in ("execution", "connection", "fetch"):
            self._event_logger.register_event_schema(EVENTS / kind / "v1.yaml")
        self.session, self.emitted = uuid4().hex, 0
        self._environment: dict[str, str | None] = {}
        self._task: asyncio.Task[None] | None = None
        try:
            self.url = service_url(self.service_url)
            token = service_token(SecretStr(self.service_token))
        except NotConfigured as error:
            self.disabled = f"ccp_jupyter is switched off: {error}"
            self.log.info("%s", self.disabled)
            return
        self.transport = Transport(self.url, token, float(self.timeout))
        self.http = httpx.AsyncClient(
            # Here and in no local variable, which a traceback might show.
            headers={
                "Authorization": f"token {token.get_secret_value()}",
                "Accept-Encoding": "identity",
            },
            timeout=httpx.Timeout(self.timeout, read=max(120, self.timeout)),
            limits=httpx.Limits(max_connections=32),
            follow_redirects=False,
        )
        self.feed = Feed(
            self.transport,
            lambda data: self._emit(EXECUTION_EVENT, data),
            lambda data: self._emit(CONNECTION_EVENT, data),
            self.log,
        )
        self.fetches = Fetches(
            self.transport,
            self.contents_root,
            lambda data: self._emit(FETCH_EVENT, data),
            self.fetches_at_once,
            self.log,
        )
        # Kernels inherit these.
        self._export(WORKSPACE_VARIABLE, str(self.contents_root))
        self._export(URL_VARIABLE, self.url)

    @property
    def contents_root(self) -> Path:
        """The folder that the file browser shows."""
        server: Any = self.serverapp
        return Path(
            getattr(server.contents_manager, "root_dir", None) or server.root_dir
        ).absolute()

    @property
    def _event_logger(self) -> Any:
        server: Any = self.serverapp
        return server.event_logger

    def initialize_handlers(self) -> None:
        """Say which address has which handler."""
        base = rf"/{self.name}"
        self.handlers.extend(
            [
                (rf"{base}/status", StatusHandler),
                (rf"{base}/api/(.*)", RelayHandler),
                (rf"{base}/fetch/([^/]+)", FetchHandler),
                (rf"{base}/files", FilesHandler),
                (rf"{base}/archive", ArchiveHandler),
                (rf"{base}/archive/import", ArchiveImportHandler),
            ]
        )

    async def _start_jupyter_server_extension(self, serverapp: ServerApp) -> None:
        if not self.disabled:
            self._task = asyncio.ensure_future(self.feed.run())

    async def stop_extension(self) -> None:
        """End what runs in the background, and give the environment back as it was."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if not self.disabled:
            await self.fetches.close()
            await self.http.aclose()
            await self.transport.close()
        for name, value in self._environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def _export(self, name: str, value: str) -> None:
        self._environment[name] = os.environ.get(name)
        os.environ[name] = value

    def _emit(self, schema: str, data: dict[str, Any]) -> None:
        try:
            self._event_logger.emit(schema_id=schema, data=data)
            self.emitted += 1
        except Exception:
            # An event that the schema refuses must not end the feed.
            self.log.warning("ccp_jupyter: an event was left out", exc_info=True)
