"""The service as a traitlets application: its options, checked."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from traitlets import Bool, Dict, Float, Int, List, Unicode, default
from traitlets.config import Application, catch_config_error

from ccp_jupyter.hub_service.api.services import Options
from ccp_jupyter.hub_service.configuration import (
    Misconfigured,
    parse_hooks,
    parse_infrastructures,
    parse_networks,
)
from ccp_jupyter.hub_service.controller.settings import Settings
from ccp_jupyter.hub_service.driving import Deployment
from ccp_jupyter.hub_service.observing.logs import set_up_log
from ccp_jupyter.hub_service.only_one import InUse
from ccp_jupyter.hub_service.serving import serve
from ccp_jupyter.hub_service.store.base import StoreUnusable
from ccp_jupyter.hub_service.vault.base import VaultUnreachable

_LONGEST_SOCKET = 107  # bytes; sun_path of unix(7), less the NUL at its end


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
        "ccp-data",
        help="""Folder for the store and the files of Executions; on a local disk, or with a
        store_url on a file system that all service processes share.""",
    ).tag(config=True)
    store_url = Unicode(
        help="""MongoDB, such as mongodb://ccp:…@db1,db2,db3/ccp?replicaSet=rs0. Several service
        processes may share it (docs/deployment.md). Default: the variable CCP_STORE_URL; when that
        is not set either, SQLite in the data_dir, for one service process."""
    ).tag(config=True)
    own_url = Unicode(
        help="""Address where the other service processes reach this one; only with a store_url.
        Default: JUPYTERHUB_SERVICE_URL."""
    ).tag(config=True)
    vault_socket = Unicode(help="Unix socket of the vault process; default: in the data_dir.").tag(
        config=True
    )
    vault_key_file = Unicode(
        help="""File with keys (32 bytes as base64, one a line, mode 0600). The vault then keeps
        secrets in an encrypted spool too, so that they survive its restart; the first key
        encrypts, all decrypt (docs/vault.md). Default: memory only."""
    ).tag(config=True)
    allowed_networks = List(
        Unicode(),
        help="""Networks that linked inputs may come from, and callbacks go to, although they are
        private, such as "10.1.0.0/16". Without an entry, both reach public addresses only.""",
    ).tag(config=True)
    public_url = Unicode(
        help="""Scheme and host that users type, such as https://hub.example.org; default: as the
        request came in."""
    ).tag(config=True)
    max_body = Int(96 * 2**20, help="Largest request body, bytes.").tag(config=True)
    max_import = Int(
        4 * 2**30, min=2**20, help="Largest archive that users may import, bytes."
    ).tag(config=True)
    attempts = Int(3, min=1, help="Attempts of one Task when the platform fails.").tag(config=True)
    lost_after = Float(
        14.0, min=1, help="Seconds without contact after which a Node's Tasks go to another Node."
    ).tag(config=True)
    fetch_patience = Float(
        3600.0, min=0, help="Seconds that outputs wait in their container while this disk is full."
    ).tag(config=True)
    keep_for = Float(
        0.0,
        min=0,
        help="Seconds after which Executions that ended, or never began, are removed; 0: none.",
    ).tag(config=True)
    built_in_processes = Bool(
        True,
        help="""Whether to offer the process `echo`, which gives its inputs back and runs in the
        service itself: clients try themselves out with it, and conformance tests need it.""",
    ).tag(config=True)
    reuse_results = Bool(
        True,
        help="""Whether a request may ask (with ?reuse=true) to get the outputs of an equal
        Execution instead of running again (docs/repeating.md).""",
    ).tag(config=True)
    callback_patience = Float(
        86_400.0, min=0, help="Seconds for which a callback is tried until it is given up."
    ).tag(config=True)
    experiments_on = Unicode(
        help="Id of the Infrastructure that runs RED experiments; default: the first."
    ).tag(config=True)
    notification_hooks = List(
        Dict(),
        help="""Who is told of ended batches, by POST with the JSON {"batches": [{"batchId",
        "state"}]}. Each is a dict with `url`, and when wanted `username`, `password` (Basic
        authentication) and `secret` (key of the header X-Ccp-Signature: sha256=<HMAC of the body>):

        c.CcpService.notification_hooks = [{"url": "https://host/ended", "secret": "…"}]
        """,
    ).tag(config=True)
    num_login_attempts = Int(
        10,
        min=1,
        help="""Failed logins by user name and token, of one user from one address, beyond which
        more are refused for a while; only for the routes of the agency.""",
    ).tag(config=True)
    block_for_seconds = Float(30.0, min=0, help="How long a failed login counts.").tag(config=True)
    tokens_valid_for_seconds = Float(
        86_400.0, min=1, help="Life of the agency's cookie, and of what its /token gives, seconds."
    ).tag(config=True)
    access_token_expires = Float(
        900.0, min=1, help="Life of an access token of the agency's /login, seconds."
    ).tag(config=True)
    refresh_token_expires = Float(
        43_200.0, min=1, help="Life of a refresh token of the agency's /login, seconds."
    ).tag(config=True)
    agency_origins = List(
        Unicode(),
        help="""Origins, such as https://ui.example.org, whose pages may use the routes of the
        agency as whoever is signed in; list only what you trust.""",
    ).tag(config=True)
    metrics_networks = List(
        Unicode(),
        help="""Networks whose machines may read /metrics without a token, such as "10.1.0.7/32";
        others need the scope custom:ccp:admin.""",
    ).tag(config=True)
    trusted_proxies = List(
        Unicode(),
        help="""Networks of proxies in front of the hub's own, such as "10.1.0.0/24". Name them so
        that failed logins are counted by the address of the user, not of the proxy.""",
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
        # The data_dir may be on several machines, a socket is not.
        name = f"vault-{_boot_id()[:8]}.sock" if self.store_url else "vault.sock"
        return str(Path(self.data_dir) / name)

    @default("store_url")
    def _default_store_url(self) -> str:
        return os.environ.get("CCP_STORE_URL", "")

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
        set_up_log(int(str(self.log_level)))
        asyncio.run(serve(self._deployment()))

    def _deployment(self) -> Deployment:
        """Return what the options say.  Raises `Misconfigured`."""
        infrastructures = parse_infrastructures(self.infrastructures)
        if self.experiments_on and self.experiments_on not in infrastructures:
            raise Misconfigured(
                f"experiments_on: there is no Infrastructure {self.experiments_on!r}, only"
                f" {', '.join(infrastructures)}"
            )
        data = Path(self.data_dir).resolve()
        hub = _hub_variables()
        deployment = Deployment(
            data=data,
            infrastructures=infrastructures,
            options=self._options(),
            settings=self._settings(data),
            hooks=parse_hooks(self.notification_hooks),
            experiments_on=self.experiments_on,
            networks=parse_networks("allowed_networks", self.allowed_networks),
            vault_socket=self._socket(),
            vault_key_file=Path(self.vault_key_file) if self.vault_key_file else None,
            hub=hub,
            store_url=self.store_url,
            own_url=self._own_url(hub),
            built_in_processes=self.built_in_processes,
        )
        # Only now, when nothing can be misconfigured any more.
        data.mkdir(parents=True, exist_ok=True)
        data.chmod(0o700)  # also where the folder was there before: the vault insists on it
        return deployment

    def _own_url(self, hub: Mapping[str, str]) -> str:
        if not self.store_url:
            return ""
        url = self.own_url or hub["JUPYTERHUB_SERVICE_URL"]
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/"):
            raise Misconfigured(f"own_url: must be http://HOST:PORT (found {url!r})")
        if parts.hostname in ("0.0.0.0", "::"):  # noqa: S104  (compared, not listened at)
            raise Misconfigured(
                f"own_url: with a store_url, name the address where other service processes reach"
                f" this one (found {url!r}, from JUPYTERHUB_SERVICE_URL)"
            )
        return url

    def _socket(self) -> Path:
        socket = Path(self.vault_socket).resolve()
        if len(os.fsencode(socket)) > _LONGEST_SOCKET:
            raise Misconfigured(
                f"vault_socket: a unix socket's path has at most {_LONGEST_SOCKET} bytes; name a"
                f" shorter one (found {socket})"
            )
        return socket

    def _options(self) -> Options:
        return Options(
            max_body=self.max_body,
            max_import=self.max_import,
            public_url=self.public_url or None,
            num_login_attempts=self.num_login_attempts,
            block_for_seconds=self.block_for_seconds,
            tokens_valid_for_seconds=self.tokens_valid_for_seconds,
            access_token_expires=self.access_token_expires,
            refresh_token_expires=self.refresh_token_expires,
            agency_origins=tuple(each.rstrip("/") for each in self.agency_origins),
            metrics_networks=parse_networks("metrics_networks", self.metrics_networks),
            trusted_proxies=parse_networks("trusted_proxies", self.trusted_proxies),
        )

    def _settings(self, data: Path) -> Settings:
        return Settings(
            attempts=self.attempts,
            lost_after=self.lost_after,
            fetch_patience=self.fetch_patience,
            keep_for=self.keep_for,
            callback_patience=self.callback_patience,
            reuse=self.reuse_results,
            private_images=data / "private-images.json",
        )


def main() -> None:
    """Start the service; the entry point ``ccp-service``."""
    app = CcpService.instance()
    try:
        app.initialize()
        app.start()
    except (InUse, Misconfigured, StoreUnusable, VaultUnreachable) as error:
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


def _boot_id() -> str:
    """Return what tells this machine, since its last boot, from all others."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().replace("-", "").strip()
