"""Which login an image's registry gets."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from pydantic import SecretStr

from ccp_jupyter.hub_service.engines.base import Credentials
from ccp_jupyter.hub_service.vault.base import Vault, VaultUnreachable
from ccp_jupyter.model import red
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.infrastructure import Infrastructure

T = TypeVar("T")
_log = logging.getLogger(__name__)

_PATIENCE: Final = 10.0  # seconds
_DEFAULT_REGISTRY: Final = "docker.io"


class Logins:
    """Finds the login for the image of an Execution.

    Parameters
    ----------
    vault : Vault
        Has the logins of RED documents, and users' own.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def find(
        self, execution: Execution, infrastructure: Infrastructure
    ) -> Credentials | None:
        """Return the document's own login, else the owner's, else the Infrastructure's, or None.

        Waits for the vault: without limit for the document's own login, for some seconds for the
        owner's, because most images need none.

        Raises
        ------
        ccp_jupyter.hub_service.vault.base.SecretsLost
            The vault has lost the document's login.
        """
        if (name := _own_login(execution)) is not None:
            return await self._own(execution.id, name)
        host = registry_of(execution.image)
        try:
            login = await patient(
                lambda: self._vault.use_login(execution.owner, host, execution.id), _PATIENCE
            )
        except VaultUnreachable as error:
            _log.warning("%s: no login of its owner for %s: %s", execution.id, host, error)
            login = None
        if login is not None:
            return Credentials(login[0], SecretStr(login[1]))
        for registry in infrastructure.registries:
            if registry.host == host and registry.username and registry.password:
                return Credentials(registry.username, registry.password)
        return None

    async def _own(self, execution_id: str, name: str) -> Credentials:
        secrets = await patient(lambda: self._vault.get(execution_id, [name]))
        auth: Any = red.normalised(json.loads(secrets[name]))
        return Credentials(auth["username"], SecretStr(auth["password"]))


async def patient(ask: Callable[[], Awaitable[T]], seconds: float = math.inf) -> T:
    """Ask the vault until it answers, or this time is over.  Raises `VaultUnreachable`."""
    deadline, delay = time.monotonic() + seconds, 0.1
    while True:
        try:
            return await ask()
        except VaultUnreachable:
            if time.monotonic() + delay > deadline:
                raise
        await asyncio.sleep(delay)
        delay = min(delay * 2, 2.0)


def _own_login(execution: Execution) -> str | None:
    if execution.experiment is None:
        return None
    auth = execution.experiment.container["settings"]["image"].get("auth")
    return None if auth is None else str(auth)


def registry_of(image: str) -> str:
    """Return the registry's host as docker reads an image reference."""
    host, slash, _ = image.partition("/")
    if slash and ("." in host or ":" in host or host == "localhost"):
        return host
    return _DEFAULT_REGISTRY
