"""Tokens of our own: each stands for a hub token and lives in the vault, with it."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ccp_jupyter.hub_service.vault.base import Vault

PREFIX: Final = "ccp-session-"
"""How all our tokens but the cookie's begin; no token that the hub makes does."""
_BYTES: Final = 24
_FRESH: Final = 30.0
_MOST_CACHED: Final = 10_000
_LONGEST: Final = 200
MOST_OF_USER: Final = 100
"""Sessions of one user; one more ends the oldest. So nobody pushes others' out of the vault."""


class Kind(StrEnum):
    """What a token of ours is good for."""

    ACCESS = "access"
    REFRESH = "refresh"
    PASSWORD = "password"  # noqa: S105  (instead of the hub's token in Basic)
    COOKIE = "cookie"


@dataclass(frozen=True, slots=True)
class Session:
    """What a token of ours stands for."""

    kind: Kind
    user: str
    hub_token: str
    until: float
    """Seconds since 1970."""


class Sessions:
    """Sessions in the vault, so that they survive a restart of the service, and a cache.

    Nobody can make a token from what the vault or the cache hold: their key is its SHA-256.

    Parameters
    ----------
    vault : Vault
        Keeps them. All calls here may raise `VaultUnreachable`.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._of_user: dict[str, deque[tuple[float, str]]] = {}
        self._cached: OrderedDict[str, tuple[float, Session]] = OrderedDict()

    async def open(self, kind: Kind, user: str, hub_token: str, seconds: float) -> str:
        """Return a new token for somebody whom the hub knows by `hub_token`."""
        secret = secrets.token_hex(_BYTES)
        token = secret if kind is Kind.COOKIE else PREFIX + secret
        until = time.time() + seconds
        data = {"kind": kind, "user": user, "token": hub_token, "until": repr(until)}
        await self._make_room(user)
        key = _key(token)
        await self._vault.open_session(key, data, seconds)
        self._of_user.setdefault(user, deque()).append((until, key))
        return token

    async def _make_room(self, user: str) -> None:
        """End the oldest sessions of a user who has very many."""
        now = time.time()
        left = deque(each for each in self._of_user.get(user, ()) if each[0] > now)
        self._of_user[user] = left
        while len(left) >= MOST_OF_USER:
            await self._close(left.popleft()[1])

    async def find(self, token: str) -> Session | None:
        """Return what a token stands for; None when it is no session, or its time is over."""
        if len(token) > _LONGEST:
            return None
        key = _key(token)
        session = self._fresh(key)
        if session is None:
            data = await self._vault.session(key)
            if data is None:
                return None
            session = Session(Kind(data["kind"]), data["user"], data["token"], float(data["until"]))
            self._keep(key, session)
        return session if session.until > time.time() else None

    async def close(self, token: str) -> None:
        """End a session."""
        await self._close(_key(token))

    async def _close(self, key: str) -> None:
        self._cached.pop(key, None)
        await self._vault.close_session(key)

    def _fresh(self, key: str) -> Session | None:
        at, session = self._cached.get(key, (float("-inf"), None))
        return session if time.monotonic() - at < _FRESH else None

    def _keep(self, key: str, session: Session) -> None:
        now = time.monotonic()
        self._cached[key] = (now, session)
        self._cached.move_to_end(key)
        while self._cached:
            oldest, (at, _) = next(iter(self._cached.items()))
            if now - at < _FRESH and len(self._cached) <= _MOST_CACHED:
                return
            del self._cached[oldest]


def _key(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
