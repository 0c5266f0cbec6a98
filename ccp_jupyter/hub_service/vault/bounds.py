"""How much the vault takes, and what a request that it does not do gets as its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ccp_jupyter.hub_service.vault.wire import FULL, MAX_EXECUTION, MAX_MESSAGE

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Sizes are bytes as JSON, unless they say otherwise."""

    total: int = 2**29
    """Everything together."""
    execution: int = MAX_EXECUTION + MAX_MESSAGE
    """Secrets of one, and what surrounds them in messages."""
    owner_executions: int = 2**27
    """Secrets of all Executions of one owner: nobody alone fills the vault."""
    value: int = 64 * 2**10
    """One personal secret, bytes in UTF-8."""
    owner_secrets: int = 100
    owner_bytes: int = 2**20
    """Values of one owner's personal secrets, bytes in UTF-8."""
    uses: int = 100
    """Latest uses that are remembered of a personal secret."""
    sessions: int = 10_000
    session: int = 16 * 2**10
    session_seconds: float = 400 * 86400.0


class Refusal(Exception):
    """A request that is not done.

    Parameters
    ----------
    error : str
        One of the names in `wire`.
    message : str
        For the log and the caller; repeats nothing of the request.
    """

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.answer: Answer = {"ok": False, "error": error, "message": message}


class Budget:
    """Bytes that the vault holds.

    Parameters
    ----------
    total : int
        The most.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self.used = 0

    def take(self, size: int, instead_of: int = 0) -> None:
        """Count bytes in, where others are about to be given back.

        Raises
        ------
        Refusal
            There is no room.
        """
        if self.used - instead_of + size > self._total:
            raise Refusal(FULL, f"the vault is full: it keeps {self.used} of {self._total} bytes")
        self.used += size

    def give_back(self, size: int) -> None:
        """Count bytes out."""
        self.used -= size
