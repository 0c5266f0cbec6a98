"""A real JupyterHub with its proxy; the service beside it, or managed by it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
from pydantic import BaseModel

from tests.stack.daemons import Daemon, spawn
from tests.stack.marks import STACK
from tests.stack.ports import free_port
from tests.stack.records import write_private

ADMIN = "admin"
USERS = ("alice", "bob", "carol")
GROUPS = {"physics": ["alice", "bob"]}
_SETTINGS = "hub.json"


def mongodb_url(port: int) -> str:
    """Return what the service is given as ``store_url``."""
    return f"mongodb://127.0.0.1:{port}/ccp?replicaSet=rs0"


def repository() -> Path:
    """Return the folder of this repository."""
    return Path(__file__).resolve().parents[2]


def proxy_program() -> str:
    """Return the path of configurable-http-proxy.

    Raises
    ------
    FileNotFoundError
        It is not there; the text says how to get it.
    """
    local = repository() / ".cache/node/node_modules/.bin/configurable-http-proxy"
    found = os.environ.get("CCP_PROXY") or (str(local) if local.exists() else None)
    found = found or shutil.which("configurable-http-proxy")
    if not found:
        raise FileNotFoundError(
            "configurable-http-proxy is missing: run scripts/setup.sh, or install it with npm"
            " and name it in CCP_PROXY"
        )
    return found


class HubSettings(BaseModel):
    """What `hub_config.py` is told; kept in the stack's folder, readable for its owner only."""

    folder: Path
    public_port: int
    hub_port: int
    proxy_api_port: int
    service_port: int
    """Where the hub's proxy finds the service."""
    process_ports: list[int] = []
    """Of the service processes, when there are several behind a balancer."""
    mongodb_port: int = 0
    """0: the service keeps its data in SQLite."""
    managed: bool = False
    """Whether the hub starts the service."""
    password: str
    admin_password: str
    service_token: str
    stack_token: str
    groups: dict[str, list[str]] = {}
    service_config: Path

    @classmethod
    def new(cls, folder: Path, **members: Any) -> HubSettings:
        """Make settings with free ports and random secrets, and keep them in the folder."""
        given = {
            "public_port": free_port(),
            "hub_port": free_port(),
            "proxy_api_port": free_port(),
            "service_port": free_port(),
            "password": secrets.token_hex(8),
            "admin_password": secrets.token_hex(16),
            "service_token": secrets.token_hex(16),
            "stack_token": secrets.token_hex(16),
            "service_config": folder / "service_config.py",
            **members,
        }
        settings = cls(folder=folder, **given)
        write_private(folder / _SETTINGS, settings.model_dump_json(indent=1))
        return settings

    @classmethod
    def read(cls, folder: Path) -> HubSettings:
        """Read the settings that `new` kept in a folder."""
        return cls.model_validate_json((folder / _SETTINGS).read_text())

    @property
    def url(self) -> str:
        """Address of the proxy, without a slash at the end."""
        return f"http://127.0.0.1:{self.public_port}"

    @property
    def service_url(self) -> str:
        """Address of the service behind the proxy, with a slash at the end."""
        return f"{self.url}/services/ccp/"

    @property
    def service_ports(self) -> dict[str, int]:
        """Name of each service process to the port that it listens on."""
        ports = self.process_ports or [self.service_port]
        return {f"service-{n}" if n > 1 else "service": port for n, port in enumerate(ports, 1)}

    def environment(self) -> dict[str, str]:
        """Return the variables that `jupyterhub_config.py` and `hub_config.py` read."""
        # The proxy is a node program, and set-up may have put node beside this Python.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return {
            "PATH": path,
            STACK: str(self.folder),
            "CCP_STACK_HUB": str(self.folder),
            "CCP_STATE_DIR": str(self.folder / "state"),
            "CCP_BIND_URL": self.url,
            "CCP_SERVICE_BIND_URL": f"http://127.0.0.1:{self.service_port}",
            "CCP_SERVICE_CONFIG": str(self.service_config),
            "CCP_PROXY": proxy_program(),
        }

    def service_environment(self, name: str = "service") -> dict[str, str]:
        """Return the variables of a hub service, as the hub would set them for a managed one."""
        return {
            "JUPYTERHUB_SERVICE_NAME": "ccp",
            "JUPYTERHUB_SERVICE_PREFIX": "/services/ccp/",
            "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{self.service_ports[name]}",
            "JUPYTERHUB_API_TOKEN": self.service_token,
            "JUPYTERHUB_API_URL": f"http://127.0.0.1:{self.hub_port}/hub/api",
            "JUPYTERHUB_BASE_URL": "/",
            "JUPYTERHUB_HOST": "",
            "JUPYTERHUB_CLIENT_ID": "service-ccp",
            "JUPYTERHUB_OAUTH_CALLBACK_URL": "/services/ccp/oauth_callback",
            "JUPYTERHUB_OAUTH_ACCESS_SCOPES": json.dumps(
                ["access:services", "access:services!service=ccp"]
            ),
            "JUPYTERHUB_OAUTH_CLIENT_ALLOWED_SCOPES": json.dumps(["custom:ccp:share"]),
            "CCP_STORE_URL": mongodb_url(self.mongodb_port) if self.mongodb_port else "",
        }


class DidNotStart(RuntimeError):
    """A server ended, or stayed silent too long; the text has the end of its log."""


def start_hub(settings: HubSettings, log: Path) -> Daemon:
    """Start hub and proxy; returns the hub before it answers."""
    config = Path(__file__).with_name("hub_config.py")
    return spawn(
        [sys.executable, "-m", "jupyterhub", "-f", str(config)],
        log,
        environment={**os.environ, **settings.environment()},
    )


def wait_hub(settings: HubSettings, hub: Daemon, timeout: float = 120) -> None:
    """Wait until the hub answers through its proxy.  Raises `DidNotStart`."""
    # Through the proxy only at the end: until the hub has told it the route, it makes the hub
    # render an error page for every question, which takes the time that the start needs.
    wait_answer(f"http://127.0.0.1:{settings.hub_port}/hub/health", hub, timeout)
    wait_answer(f"{settings.url}/hub/health", hub, timeout)


def wait_answer(url: str, server: Daemon, timeout: float) -> None:
    """Wait until an address answers 200.

    Raises
    ------
    DidNotStart
        The server ended, or the time is over.
    """
    deadline = time.monotonic() + timeout
    while True:
        with suppress(httpx.HTTPError):
            if httpx.get(url, timeout=5).status_code == 200:
                return
        if not server.alive():
            raise DidNotStart(f"{url}: its process ended\n{server.tail()}")
        if time.monotonic() > deadline:
            raise DidNotStart(f"{url}: no answer after {timeout:g} s\n{server.tail()}")
        time.sleep(0.2)


class HubApi:
    """The hub's REST API, called with the stack's own token."""

    def __init__(self, settings: HubSettings) -> None:
        self._http = httpx.Client(
            base_url=f"{settings.url}/hub/api",
            headers={"Authorization": f"token {settings.stack_token}"},
            timeout=60,
        )

    def __enter__(self) -> HubApi:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def call(self, method: str, path: str, body: object = None, ok: tuple[int, ...] = ()) -> Any:
        """Send one request; returns the decoded answer, or None for an empty one.

        Parameters
        ----------
        method, path : str
            Such as ``"POST", "/users/alice"``.
        body : object, optional
            Sent as JSON.
        ok : tuple of int
            Statuses of 400 and above that are fine too.
        """
        reply = self._http.request(method, path, json=body)
        if reply.status_code >= 400 and reply.status_code not in ok:
            raise RuntimeError(f"hub: {method} {path}: {reply.status_code} {reply.text[:500]}")
        return reply.json() if reply.content else None

    def add_user(self, name: str, admin: bool = False) -> None:
        """Make a user; no error when there is one of this name."""
        self.call("POST", f"/users/{name}", {"admin": admin}, ok=(409,))

    def token(self, user: str, scopes: list[str] | None = None) -> str:
        """Return a new API token of a user, with all that the user may do unless told less."""
        body: dict[str, object] = {"note": "made by tests.stack"}
        if scopes is not None:
            body["scopes"] = scopes
        return str(self.call("POST", f"/users/{user}/tokens", body)["token"])

    def start_server(self, user: str, timeout: float = 60) -> str:
        """Start a user's server and wait for it; returns its path such as ``/user/alice/``."""
        self.call("POST", f"/users/{user}/server", ok=(400,))  # 400: it runs
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            server = self.call("GET", f"/users/{user}")["servers"].get("")
            if server and server["ready"]:
                return str(server["url"])
            time.sleep(0.2)
        raise DidNotStart(f"the server of {user} was not ready after {timeout:g} s")


def tokens(settings: HubSettings) -> tuple[dict[str, str], str]:
    """Make the stack's users, and a token for each.

    Returns
    -------
    tuple of dict, str
        Name to token of the ordinary users, and the administrator's token.
    """
    with HubApi(settings) as hub:
        for user in USERS:
            hub.add_user(user)
        return {user: hub.token(user) for user in USERS}, hub.token(ADMIN)
