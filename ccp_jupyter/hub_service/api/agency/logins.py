"""Who is calling the agency: every way of login ends at a token that the hub knows."""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tornado.httputil import HTTPServerRequest

from ccp_jupyter.hub_service.api.agency.sessions import PREFIX, Kind, Session, Sessions
from ccp_jupyter.hub_service.api.agency.throttle import Throttle, client_address
from ccp_jupyter.hub_service.api.identity import ServiceHubAuth
from ccp_jupyter.hub_service.api.services import Services
from ccp_jupyter.hub_service.vault.base import VaultUnreachable

log = logging.getLogger(__name__)

COOKIE: Final = "authorization_cookie"
_SCHEME: Final = re.compile(r"(basic|bearer|token) +(\S.*)", re.IGNORECASE)
_COOKIE: Final = re.compile(r"([A-Za-z0-9+/=_-]{1,1000}):([0-9a-f]{48})")
_LONGEST: Final = 4096
_MOST_COOKIES: Final = 1000


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request brings to say who is calling."""

    scheme: str
    """``basic``, ``bearer`` or ``cookie``; empty: nothing that is known here."""
    user: str = ""
    """As they say; empty for ``bearer``."""
    secret: str = ""

    @property
    def ambient(self) -> bool:
        """Whether a browser sends them by itself, also when another site's page asks it to."""
        return self.scheme in ("basic", "cookie")


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody whom the hub knows."""

    model: Mapping[str, Any]
    """The hub's user model."""
    hub_token: str
    kind: Kind | None
    """Of the token of ours that was used; None when it was the hub's own."""


@dataclass(frozen=True, slots=True)
class Cookie:
    """Our cookie."""

    value: str
    until: float
    """By the monotonic clock."""

    @property
    def left(self) -> int:
        """Seconds that it is still valid."""
        return int(self.until - time.monotonic())


def credentials_of(request: HTTPServerRequest) -> Credentials:
    """Return what a request brings: the header ``Authorization``, else our cookie."""
    header = request.headers.get("Authorization", "")
    if not header:
        cookie = request.cookies.get(COOKIE)
        return _of_cookie(cookie.value) if cookie is not None else Credentials("")
    match = _SCHEME.fullmatch(header.strip()) if len(header) <= _LONGEST else None
    if match is None:
        return Credentials("basic")  # of a kind that nobody knows, or broken: nobody's
    if match[1].lower() == "basic":
        return _of_basic(match[2])
    return Credentials("bearer", "", match[2])


def _of_basic(text: str) -> Credentials:
    try:
        user, colon, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return Credentials("basic")
    return Credentials("basic", user, secret) if colon else Credentials("basic")


def _of_cookie(value: str) -> Credentials:
    match = _COOKIE.fullmatch(value)
    if match is None:
        return Credentials("")
    try:
        user = base64.b64decode(match[1], validate=True).decode()
    except (binascii.Error, ValueError):
        return Credentials("")
    return Credentials("cookie", user, match[2])


class Logins:
    """Checks credentials, and opens sessions.

    Parameters
    ----------
    services : Services
        The vault and the options.
    hub : ServiceHubAuth
        Tells whose a token is, and remembers it for some seconds.
    """

    def __init__(self, services: Services, hub: ServiceHubAuth) -> None:
        self._options = services.options
        self._hub = hub
        self._sessions = Sessions(services.vault)
        self._cookies: OrderedDict[str, Cookie] = OrderedDict()
        self._throttle = Throttle(self._options.num_login_attempts, self._options.block_for_seconds)

    def address(self, request: HTTPServerRequest) -> str:
        """Return where a request comes from."""
        return client_address(
            request.remote_ip or "",
            request.headers.get("X-Forwarded-For", ""),
            self._options.trusted_proxies,
        )

    async def check(self, given: Credentials, address: str) -> Login | None:
        """Return who is calling; None when it is nobody.

        Raises
        ------
        tornado.web.HTTPError, TimeoutError
            The hub does not answer.
        VaultUnreachable
            The vault does not, and the credentials are in it.
        """
        if given.scheme == "basic":
            return await self._basic(given, address)
        if given.scheme == "cookie":
            return await self._of_session(given.secret, (Kind.COOKIE,), given.user)
        if given.secret.startswith(PREFIX):
            return await self._of_session(given.secret, (Kind.ACCESS, Kind.REFRESH))
        model = await self._model(given.secret)
        return None if model is None else Login(model, given.secret, None)

    async def _basic(self, given: Credentials, address: str) -> Login | None:
        if self._throttle.blocked(given.user, address):
            return None
        login = None
        if given.secret.startswith(PREFIX):
            login = await self._of_session(given.secret, (Kind.PASSWORD,), given.user)
        elif given.user and given.secret:
            model = await self._model(given.secret)
            if model is not None and _is_user(model, given.user):
                login = Login(model, given.secret, None)
        if login is None:
            self._throttle.failed(given.user, address)
        return login

    async def _of_session(
        self, token: str, kinds: tuple[Kind, ...], user: str | None = None
    ) -> Login | None:
        session = await self._sessions.find(token)
        if session is None or session.kind not in kinds or user not in (None, session.user):
            return None
        model = await self._model(session.hub_token)
        if model is None or not _is_user(model, session.user):
            await self._end(token, session)
            return None
        return Login(model, session.hub_token, session.kind)

    async def _end(self, token: str, session: Session) -> None:
        """Forget a session whose hub token counts no more."""
        log.info("the hub no longer knows the token behind a session of %r", session.user)
        try:
            await self._sessions.close(token)
        except VaultUnreachable:
            return  # it ends by itself, and is refused until then

    async def _model(self, token: str) -> Mapping[str, Any] | None:
        if not token.isascii() or not token.isprintable():
            return None  # could not be sent to the hub
        question = self._hub.user_for_token(token, sync=False)  # type: ignore[no-untyped-call]
        model: Mapping[str, Any] | None = await question
        return model

    async def open(self, kind: Kind, login: Login) -> tuple[str, float]:
        """Return a new token of ours, and for how many seconds it is valid."""
        seconds = {
            Kind.ACCESS: self._options.access_token_expires,
            Kind.REFRESH: self._options.refresh_token_expires,
        }.get(kind, self._options.tokens_valid_for_seconds)
        token = await self._sessions.open(kind, str(login.model["name"]), login.hub_token, seconds)
        return token, seconds

    async def cookie(self, login: Login) -> Cookie | None:
        """Return our cookie; the same one for half of its life, so that sessions stay few.

        Returns
        -------
        Cookie or None
            None when the vault does not answer: a login works without cookie too.
        """
        key = hashlib.sha256(login.hub_token.encode()).hexdigest()
        try:
            cookie = self._cookies.get(key)
            if cookie is None or not await self._lives(cookie):
                cookie = await self._new_cookie(login)
                self._cookies[key] = cookie
                self._cookies.move_to_end(key)
                if len(self._cookies) > _MOST_COOKIES:
                    self._cookies.popitem(last=False)
        except VaultUnreachable:
            return None
        return cookie

    async def _lives(self, cookie: Cookie) -> bool:
        if cookie.left < self._options.tokens_valid_for_seconds / 2:
            return False
        return await self._sessions.find(cookie.value.rpartition(":")[2]) is not None

    async def _new_cookie(self, login: Login) -> Cookie:
        token, seconds = await self.open(Kind.COOKIE, login)
        user = base64.b64encode(str(login.model["name"]).encode()).decode()
        return Cookie(f"{user}:{token}", time.monotonic() + seconds)


def _is_user(model: Mapping[str, Any], name: str) -> bool:
    return str(model.get("kind", "user")) == "user" and model["name"] == name
