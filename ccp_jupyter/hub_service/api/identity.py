"""Who is calling: tokens and cookies checked with the hub, groups asked from it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from jupyterhub.services.auth import HubOAuth
from tornado import web

from ccp_jupyter.hub_service.api.errors import unavailable
from ccp_jupyter.model.sharing import Viewer

READ: Final = "custom:ccp:read"
SUBMIT: Final = "custom:ccp:submit"
SHARE: Final = "custom:ccp:share"
ADMIN: Final = "custom:ccp:admin"
OPEN: Final = ""
"""Instead of a scope: no login needed."""

# What an Execution keeps of the hub's user model: neither session nor token ids.
_CLAIMS: Final = ("kind", "name", "admin", "groups", "roles", "scopes", "created")
_MOST_CALLERS: Final = 1000
_HUB_TIMEOUT: Final = 15.0


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody whom the hub identified.

    Attributes
    ----------
    name : str
        Name of the user. A hub service is ``service/<name>``, which no user can be called.
    scopes : frozenset of str
        As the hub resolved them.
    claims : dict
        The hub's model without anything secret.
    """

    name: str
    scopes: frozenset[str]
    claims: dict[str, Any]

    @classmethod
    def of(cls, model: Mapping[str, Any]) -> Caller:
        """Return the caller of a user model from the hub."""
        name = str(model["name"])
        if model.get("kind") == "service":
            name = f"service/{name}"
        claims = {key: model[key] for key in _CLAIMS if key in model}
        return cls(name, frozenset(model["scopes"]), claims)

    @property
    def admin(self) -> bool:
        """Whether they may see and change everything."""
        return ADMIN in self.scopes

    @property
    def user(self) -> bool:
        """Whether it is a user of the hub, not a service."""
        return str(self.claims.get("kind", "user")) == "user"


class Callers:
    """Callers by the hub's model of them, which its library keeps for some seconds.

    Only models that were let in are added, so what is found here may come in.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[Mapping[str, Any], Caller]] = {}

    def get(self, model: Mapping[str, Any]) -> Caller | None:
        """Return the caller of the very same model, or None."""
        found = self._known.get(id(model))
        return found[1] if found is not None and found[0] is model else None

    def add(self, model: Mapping[str, Any]) -> Caller:
        """Return the caller of a model, and remember it."""
        if len(self._known) >= _MOST_CALLERS:
            self._known.clear()
        caller = Caller.of(model)
        # The model is kept too: as long as it lives, no other one can have its id.
        self._known[id(model)] = (model, caller)
        return caller


class ServiceHubAuth(HubOAuth):
    """The hub's own client, which also tells the groups of users, and asks the same only once."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._asking: dict[str, asyncio.Task[Any]] = {}

    async def _check_hub_authorization(
        self, url: str, api_token: str, cache_key: str | None = None, use_cache: bool = True
    ) -> Any:
        known = self.cache.get(cache_key)  # type: ignore[no-untyped-call]
        if use_cache and known is not None:
            return known
        ask = super()._check_hub_authorization
        if not use_cache or cache_key is None or cache_key in self.cache:
            return await ask(url, api_token, cache_key, use_cache)  # type: ignore[no-untyped-call]
        # Many requests with one new token make one request to the hub.
        task = self._asking.get(cache_key)
        if task is None:
            question = ask(url, api_token, cache_key, use_cache)  # type: ignore[no-untyped-call]
            task = asyncio.ensure_future(question)
            self._asking[cache_key] = task
            task.add_done_callback(lambda _: self._asking.pop(cache_key, None))
        return await asyncio.wait_for(asyncio.shield(task), _HUB_TIMEOUT)

    async def answers(self) -> None:
        """Return when the hub answers.

        Raises
        ------
        tornado.web.HTTPError
            It does not, or not as it should.
        TimeoutError
            It takes too long.
        """
        question = self._api_request("GET", f"{self.api_url}/")  # type: ignore[no-untyped-call]
        await asyncio.wait_for(question, _HUB_TIMEOUT)

    async def groups_of(self, user: str) -> frozenset[str]:
        """Ask the hub, as the service, in which groups a user is.

        Raises
        ------
        tornado.web.HTTPError
            The hub does not answer, or not with a user.
        TimeoutError
            It takes too long.
        """
        url = f"{self.api_url}/users/{quote(user, safe='')}"
        question = self._api_request("GET", url)  # type: ignore[no-untyped-call]
        model = await asyncio.wait_for(question, _HUB_TIMEOUT)
        return frozenset(map(str, model.get("groups", [])))


class Groups:
    """The groups of users, cached; questions about one user at a time are asked once.

    Parameters
    ----------
    hub : ServiceHubAuth
        Where to ask.
    fresh : float
        Seconds for which an answer is used as it is.
    stale : float
        Seconds for which an answer is used when the hub does not give a new one.
    """

    def __init__(self, hub: ServiceHubAuth, fresh: float = 30.0, stale: float = 300.0) -> None:
        self._hub = hub
        self._fresh = fresh
        self._stale = stale
        self._known: dict[str, tuple[float, frozenset[str]]] = {}
        self._asking: dict[str, asyncio.Task[frozenset[str]]] = {}

    async def of(self, caller: Caller) -> frozenset[str]:
        """Return the groups of a caller.

        Raises
        ------
        ApiError
            503 when the hub does not answer and nothing recent is known.
        """
        if not caller.user:
            return frozenset()
        at, groups = self._known.get(caller.name, (float("-inf"), frozenset[str]()))
        age = time.monotonic() - at
        if age < self._fresh:
            return groups
        try:
            return await asyncio.shield(self._ask(caller.name))
        except (web.HTTPError, TimeoutError, KeyError, ValueError) as error:
            if age < self._stale:
                return groups
            raise unavailable("The hub does not tell your groups now; try again") from error

    def _ask(self, user: str) -> asyncio.Task[frozenset[str]]:
        if user not in self._asking:
            task = asyncio.ensure_future(self._fetch(user))
            self._asking[user] = task
            task.add_done_callback(lambda _: self._asking.pop(user, None))
        return self._asking[user]

    async def _fetch(self, user: str) -> frozenset[str]:
        groups = await self._hub.groups_of(user)
        now = time.monotonic()
        self._known = {
            name: (at, known) for name, (at, known) in self._known.items() if now - at < self._stale
        }
        self._known[user] = (now, groups)
        return groups

    async def viewer(self, caller: Caller) -> Viewer:
        """Return the caller as somebody who wants to see Methods."""
        groups = frozenset[str]() if caller.admin else await self.of(caller)
        return Viewer(name=caller.name, groups=groups, admin=caller.admin)
