"""The vault's interface: secrets go in with an Execution and leave memory when it ends."""

from __future__ import annotations

from typing import Protocol


class SecretsLost(Exception):
    """The vault has nothing for this Execution: it was restarted, and it keeps nothing on disk."""


class VaultUnreachable(Exception):
    """The vault process does not answer; try again later."""


class Vault(Protocol):
    """Secrets by Execution. Every call may raise `VaultUnreachable`."""

    async def put(self, execution_id: str, secrets: dict[str, str]) -> None:
        """Keep the secret inputs of an Execution, by input id."""

    async def get(self, execution_id: str) -> dict[str, str]:
        """Return them.  Raises `SecretsLost`."""

    async def forget(self, execution_id: str) -> None:
        """Delete them; no error when there are none."""

    async def close(self) -> None:
        """Let go of the connection; the vault process goes on."""
