"""The images of one Node, and for whom they are.

An engine gives an image that it has to anybody. Here an image that was fetched with somebody's
login is only for those whose login the registry takes: with a login the registry is always asked,
at most once a minute.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from ccp_jupyter.hub_service.engines.base import (
    Credentials,
    Engine,
    Image,
    NoAccess,
    RegistryUnreachable,
)

_TRUSTED_FOR: Final = 60.0  # seconds for which a registry's yes counts
_LONGEST_PRUNE_INTERVAL: Final = 3600.0
_MOST_GRANTS: Final = 10_000

Call = Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]


class PrivateImages:
    """References that a login was needed for, the same for all Nodes.

    Parameters
    ----------
    path : Path or None
        Where they are kept between runs of the service.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        found = json.loads(path.read_text()) if path is not None and path.exists() else []
        self._references: set[str] = set(found)

    def __contains__(self, reference: str) -> bool:
        return reference in self._references

    def add(self, reference: str) -> None:
        """Note a reference, durably."""
        if reference in self._references:
            return
        self._references.add(reference)
        if self._path is not None:
            partial = self._path.with_suffix(".partial")
            partial.write_text(json.dumps(sorted(self._references)))
            partial.replace(self._path)


class NodeImages:
    """The images of one Node.

    Parameters
    ----------
    engine : Engine
        The Node's.
    private : PrivateImages
        Shared by all Nodes.
    """

    def __init__(self, engine: Engine, private: PrivateImages) -> None:
        self.known: dict[str, Image] = {}
        self._engine = engine
        self._private = private
        # (reference, who asked) -> when the registry said yes, monotonic seconds.
        self._granted: dict[tuple[str, str], float] = {}
        self._used: dict[str, float] = {}
        self._since = time.monotonic()

    def __contains__(self, reference: object) -> bool:
        return reference in self.known

    def is_private(self, reference: str) -> bool:
        """Tell whether a login was needed for an image."""
        return reference in self._private

    async def ensure(
        self,
        call: Call,
        reference: str,
        login: Callable[[], Awaitable[Credentials | None]],
        pulling: Callable[[], Awaitable[None]],
        *,
        refresh: bool = False,
    ) -> Image:
        """Return an image that the asker may use, fetched first when that is needed.

        Parameters
        ----------
        call : callable
            Makes an engine call that outlasts outages (`nodes.NodeAgent.call`).
        reference : str
            Image reference.
        login : callable
            Awaited for the login, when there is one.
        pulling : callable
            Awaited before an image is fetched that the Node has not.
        refresh : bool
            Ask the registry for a newer image, at most once a minute.

        Raises
        ------
        ccp_jupyter.hub_service.engines.base.NoAccess
            The image needs a login, and the asker has none, or a wrong one.
        """
        self._used[reference] = time.monotonic()
        credentials = await login()
        grant = (reference, _digest(credentials))
        present = self.known.get(reference) or await call(
            lambda: self._engine.find_image(reference)
        )
        if present is not None:
            self.known[reference] = present
            if self._is_granted(grant) or not (
                refresh or credentials is not None or reference in self._private
            ):
                return present
        else:
            await pulling()
        try:
            image: Image = await call(lambda: self._engine.pull(reference, credentials))
        except RegistryUnreachable:
            # Who needs no login, or was let in before, may use what is there.
            if present is None or not (grant in self._granted or reference not in self._private):
                raise
            return present
        except NoAccess:
            self._private.add(reference)
            raise
        if credentials is not None:
            self._private.add(reference)
        self._grant(grant)
        self.known[reference] = image
        return image

    def forget(self, reference: str) -> None:
        """Note that the Node has an image no more."""
        self.known.pop(reference, None)
        self._granted = {grant: at for grant, at in self._granted.items() if grant[0] != reference}

    async def prune(self, keep: float, keeping: set[str]) -> None:
        """Remove, for ever, images that nobody has used for `keep` seconds."""
        while True:
            await asyncio.sleep(min(keep, _LONGEST_PRUNE_INTERVAL))
            for reference in list(self.known):
                used = self._used.get(reference, self._since)
                if reference not in keeping and time.monotonic() - used > keep:
                    await self._engine.remove_image(reference)
                    self.forget(reference)

    def _is_granted(self, grant: tuple[str, str]) -> bool:
        return time.monotonic() - self._granted.get(grant, float("-inf")) < _TRUSTED_FOR

    def _grant(self, grant: tuple[str, str]) -> None:
        if len(self._granted) >= _MOST_GRANTS:
            self._granted.clear()
        self._granted[grant] = time.monotonic()


def _digest(credentials: Credentials | None) -> str:
    if credentials is None:
        return ""
    text = json.dumps([credentials.username, credentials.password.get_secret_value()])
    return hashlib.sha256(text.encode()).hexdigest()
