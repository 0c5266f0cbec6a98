"""The vault's interface: secrets go in with an Execution and leave memory when it ends.

Besides it keeps users' personal secrets, which they can write, list and delete but never read,
and short-lived sessions of the agency's API.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class SecretsLost(Exception):
    """The vault has not what it should for this Execution: it was restarted without a spool."""


class SecretsTooLarge(ValueError):
    """Secrets that no vault takes; the text says which bound they break, and shows none."""


class VaultUnreachable(Exception):
    """The vault process does not answer; try again later."""


class VaultFull(VaultUnreachable):
    """It keeps as much as it may."""


class OwnerFull(VaultFull):
    """It keeps as much of this owner as it may; the text says how much that is."""


@dataclass(frozen=True, slots=True)
class SecretUse:
    """One use of a personal secret; never its value."""

    at: datetime
    execution_id: str


@dataclass(frozen=True, slots=True)
class PersonalSecret:
    """What a user may know of a personal secret."""

    name: str
    created: datetime
    registry: str | None = None
    """Host of the image registry that this is the login for; None for any other secret."""
    username: str | None = None
    """Of the registry login."""
    uses: tuple[SecretUse, ...] = ()
    """The latest, newest first, at most 100."""


class Vault(Protocol):
    """Secrets by Execution, by owner and by session. Every call may raise `VaultUnreachable`."""

    async def put(self, execution_id: str, secrets: dict[str, str], owner: str = "") -> None:
        """Keep the secrets of an Execution by name; replaces what was there, all or nothing.

        Parameters
        ----------
        execution_id : str
            Whose.
        secrets : dict of str to str
            By name.
        owner : str
            Of the Execution; what all of theirs take together is bounded. Nobody's are not.

        Raises
        ------
        OwnerFull
            The owner's Executions keep as much as they may.
        SecretsTooLarge
            All together, or one of them, take more than a vault keeps of one Execution.
        """

    async def get(
        self, execution_id: str, names: Iterable[str] | None = None, attempt: str = ""
    ) -> dict[str, str]:
        """Return secrets of an Execution: those named, or all.

        Parameters
        ----------
        execution_id : str
            Whose.
        names : iterable of str, optional
            Which; names it does not have are an error.
        attempt : str
            Container name of the Attempt that needs them, for the vault's own log.

        Raises
        ------
        SecretsLost
            It has nothing for the Execution, or not all that was asked for.
        """

    async def forget(self, execution_id: str) -> None:
        """Delete the secrets of an Execution, and make sure; no error when there are none."""

    async def executions(self) -> set[str]:
        """Return the ids of the Executions that it keeps secrets for."""

    async def save_secret(
        self,
        owner: str,
        name: str,
        value: str,
        registry: str | None = None,
        username: str | None = None,
    ) -> None:
        """Keep a personal secret; replaces one of this name, and its uses."""

    async def list_secrets(self, owner: str) -> list[PersonalSecret]:
        """Return what the owner may know of their secrets, by name."""

    async def remove_secret(self, owner: str, name: str) -> bool:
        """Delete a personal secret; tells whether there was one."""

    async def use_secrets(
        self, owner: str, names: Iterable[str], execution_id: str
    ) -> dict[str, str]:
        """Return the values of those named that there are, and note the use."""

    async def use_login(
        self, owner: str, registry: str, execution_id: str
    ) -> tuple[str, str] | None:
        """Return user name and password for a registry, and note the use; None when unknown."""

    async def open_session(self, key: str, data: dict[str, str], seconds: float) -> None:
        """Keep a session for so long."""

    async def session(self, key: str) -> dict[str, str] | None:
        """Return a session's data; None when there is none, or it is over."""

    async def close_session(self, key: str) -> None:
        """End a session; no error when there is none."""

    async def survives_restart(self) -> bool:
        """Tell whether secrets outlive the vault's process; sessions never do."""

    async def close(self) -> None:
        """Let go of the connection; the vault process goes on."""
