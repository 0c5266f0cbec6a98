"""The ccp service as a process of its own, with the variables that the hub would give it."""

from __future__ import annotations

import hashlib
import json
import os
import pprint
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ccp_jupyter.model.infrastructure import Infrastructure
from tests.stack.daemons import Daemon, spawn
from tests.stack.hub import HubSettings, wait_answer
from tests.stack.marks import STACK
from tests.stack.records import from_pid_file, note

_INFRASTRUCTURE = "infrastructure.json"
_OPTIONS = "options.json"
_LONGEST_SOCKET = 100
"""Bytes; the system allows 107, and the vault may add some while it starts."""


def data_dir(folder: Path) -> Path:
    """Return where the service of a stack keeps its store and files."""
    return folder / "service"


def write_config(
    folder: Path,
    config: Path,
    infrastructure: Mapping[str, Any],
    options: Mapping[str, Any] | None = None,
) -> None:
    """Write the service's configuration.

    Parameters
    ----------
    folder : Path
        The stack's.
    config : Path
        The file to write.
    infrastructure : mapping
        Members of `Infrastructure`; also kept beside as JSON, for `read_infrastructure`.

    options : mapping, optional
        Further options of the service by name; those of the last time when none are given.

    Raises
    ------
    pydantic.ValidationError
        The service would refuse it.
    """
    Infrastructure.model_validate(infrastructure)
    if options is not None:
        (folder / _OPTIONS).write_text(json.dumps(dict(options)))
    kept = folder / _OPTIONS
    further = json.loads(kept.read_text()) if kept.exists() else {}
    (folder / _INFRASTRUCTURE).touch(mode=0o600)
    (folder / _INFRASTRUCTURE).write_text(json.dumps(infrastructure, indent=1))
    config.touch(mode=0o600)
    config.write_text(
        "c = get_config()\n"
        f"c.CcpService.data_dir = {str(data_dir(folder))!r}\n"
        f"c.CcpService.vault_socket = {str(vault_socket(folder))!r}\n"
        "# Tests serve files to link inputs from this machine.\n"
        'c.CcpService.allowed_networks = ["127.0.0.0/8"]\n'
        f"c.CcpService.infrastructures = [\n{pprint.pformat(dict(infrastructure))}\n]\n"
        + "".join(f"c.CcpService.{name} = {value!r}\n" for name, value in further.items())
    )


def read_infrastructure(folder: Path) -> dict[str, Any]:
    """Return the Infrastructure as it was configured last."""
    members: dict[str, Any] = json.loads((folder / _INFRASTRUCTURE).read_text())
    return members


def start_service(settings: HubSettings, timeout: float = 60, name: str = "service") -> Daemon:
    """Start a service process and wait until it is ready, without asking the proxy.

    Raises
    ------
    tests.stack.hub.DidNotStart
        With the end of its log.
    """
    service = spawn(
        [sys.executable, "-m", "ccp_jupyter.hub_service", "-f", str(settings.service_config)],
        settings.folder / f"logs/{name}.log",
        environment={
            **os.environ,
            **settings.service_environment(name),
            STACK: str(settings.folder),
        },
    )
    note(settings.folder, name, service)
    url = f"http://127.0.0.1:{settings.service_ports[name]}/services/ccp/health"
    wait_answer(url, service, timeout)
    return service


def remove_vault_socket(folder: Path) -> None:
    """Remove the vault's socket if it lies outside of the stack's folder."""
    socket = vault_socket(folder)
    if not socket.is_relative_to(folder):
        shutil.rmtree(socket.parent, ignore_errors=True)


def vault_socket(folder: Path) -> Path:
    """Return where the vault listens: in the service's folder, unless that is too long a name."""
    socket = data_dir(folder) / "vault.sock"
    if len(os.fsencode(socket)) <= _LONGEST_SOCKET:
        return socket
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(f"/tmp/ccp-vault-{os.getuid()}-{name}/s")


def vault(folder: Path) -> Daemon | None:
    """Return the vault's process, which outlives the service; None when there is none."""
    return from_pid_file(data_dir(folder) / "vault.pid")
