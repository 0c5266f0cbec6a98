"""Letting others see what is yours: sharing, shareable links; and the key of your callbacks."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from ccp_jupyter.client.errors import InvalidRequest, ServiceError
from ccp_jupyter.client.method import Method
from ccp_jupyter.client.record import Record, Records
from ccp_jupyter.client.transport import Call, Transport, path_of
from ccp_jupyter.client.uploads import Request
from ccp_jupyter.model.errors import Problem

Target = Method | Record | str
"""A Method, an Execution, or an address such as ``jobs/7de2…`` or ``processes/m1``."""
_DAY = 86_400
_PAGE = 1000


class AsyncSharing:
    """What `AsyncClient.sharing` can do.

    Parameters
    ----------
    transport : Transport
        Of the client.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def share(
        self,
        what: Target,
        *,
        public: bool = False,
        contexts: Iterable[str] = (),
        users: Iterable[str] = (),
    ) -> dict[str, Any]:
        """Say who else may see a Method (and run it), or an Execution (and not change it).

        What is left out is nobody: ``share(method)`` makes it private.

        Parameters
        ----------
        what : Method, Execution or str
            Yours.
        public : bool
            Everybody who may use the service.
        contexts : iterable of str
            Groups of yours.
        users : iterable of str
            Names; nobody is told whether there is such a user.

        Returns
        -------
        dict
            ``public``, ``contexts`` and ``users`` as they are now.

        Raises
        ------
        NotAllowed
            It is not yours, you are not in one of the groups, or your token may not share.
        """
        names = {"contexts": _names("contexts", contexts), "users": _names("users", users)}
        body = Request().body({"public": public, **names})
        return await self._sharing(Call("PUT", f"{_path(what)}/sharing", body=body))

    async def shared_with(self, what: Target) -> dict[str, Any]:
        """Return with whom something of yours is shared."""
        return await self._sharing(Call("GET", f"{_path(what)}/sharing"))

    async def _sharing(self, call: Call) -> dict[str, Any]:
        found = await self._object(call)
        return {name: found.get(name) for name in ("public", "contexts", "users")}

    async def make_link(
        self, what: Target, *, days: float = 30, revision: int = 0
    ) -> dict[str, Any]:
        """Make a link that lets whoever has it get a copy, without a login.

        Parameters
        ----------
        what : Method, Execution or str
            Yours; of an Execution they get the folder, without who asked for it.
        days : float
            How long it works; at most 366.
        revision : int
            Of a Method; 0: the newest at any time.

        Returns
        -------
        dict
            ``url``, and the ``id`` for `revoke`.
        """
        document = {
            "target": what if isinstance(what, str) else _path(what),
            "expiresIn": round(days * _DAY),
            "revision": revision,
        }
        found = await self._object(Call("POST", "links", body=Request().body(document)))
        return _link(found)

    async def links(self, what: Target | None = None) -> Records:
        """Return the links that you made, newest first; with `what` those to it."""
        params = {"limit": str(_PAGE)}
        if what is not None:
            params["target"] = _path(what).partition("/")[2]
        found = (await self._object(Call("GET", "links", params))).get("shareLinks")
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise ServiceError("the service sent no list of links; is the url right?")
        return Records(map(_link, found))

    async def revoke(self, link: str | Mapping[str, Any]) -> None:
        """Take a link back, by its id or as `links` lists it: it works no more."""
        link_id = link if isinstance(link, str) else str(link["id"])
        await self._transport.answer(Call("DELETE", path_of("links", link_id)))

    async def callback_key(self, *, rotate: bool = False) -> str:
        """Return the key with which callbacks of your Executions are signed.

        Parameters
        ----------
        rotate : bool
            Make another one first; the old one signs nothing any more.
        """
        found = await self._object(Call("POST" if rotate else "GET", "callback-key"))
        return str(found.get("key"))

    async def retry_callbacks(self, execution: Record | str) -> None:
        """Have the callbacks of an Execution that were given up sent again."""
        name = execution.id if isinstance(execution, Record) else execution.removeprefix("jobs/")
        path = path_of("jobs", name, "callbacks", "retry")
        await self._transport.answer(Call("POST", path, repeatable=True))

    async def _object(self, call: Call) -> dict[str, Any]:
        document = await self._transport.json(call)
        if not isinstance(document, dict):
            raise ServiceError("the service sent no object; is the url right?")
        return document


class Sharing:
    """The blocking face of `AsyncSharing`; see `Client.sharing`.

    Parameters
    ----------
    inner : AsyncSharing
        What is called.
    run : callable
        Runs a coroutine to its end.
    """

    def __init__(self, inner: AsyncSharing, run: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self._inner = inner
        self._run = run

    def share(
        self,
        what: Target,
        *,
        public: bool = False,
        contexts: Iterable[str] = (),
        users: Iterable[str] = (),
    ) -> dict[str, Any]:
        """Say who else may see a Method or an Execution; see `AsyncSharing.share`."""
        work = self._inner.share(what, public=public, contexts=contexts, users=users)
        return dict(self._run(work))

    def shared_with(self, what: Target) -> dict[str, Any]:
        """Return with whom something of yours is shared."""
        return dict(self._run(self._inner.shared_with(what)))

    def make_link(self, what: Target, *, days: float = 30, revision: int = 0) -> dict[str, Any]:
        """Make a link that lets whoever has it get a copy; see `AsyncSharing.make_link`."""
        return dict(self._run(self._inner.make_link(what, days=days, revision=revision)))

    def links(self, what: Target | None = None) -> Records:
        """Return the links that you made, newest first; with `what` those to it."""
        return Records(self._run(self._inner.links(what)))

    def revoke(self, link: str | Mapping[str, Any]) -> None:
        """Take a link back, by its id or as `links` lists it: it works no more."""
        self._run(self._inner.revoke(link))

    def callback_key(self, *, rotate: bool = False) -> str:
        """Return the key of your callbacks; see `AsyncSharing.callback_key`."""
        return str(self._run(self._inner.callback_key(rotate=rotate)))

    def retry_callbacks(self, execution: Record | str) -> None:
        """Have the callbacks of an Execution that were given up sent again."""
        self._run(self._inner.retry_callbacks(execution))


def _path(what: Target) -> str:
    """Return the address of a Method or an Execution, below that of the service."""
    if isinstance(what, Method):
        return path_of("processes", what.id)
    if isinstance(what, Record):
        return path_of("jobs", what.id)
    place, slash, name = what.partition("/")
    if place not in ("jobs", "processes") or not name:
        rule = "must be a Method, an Execution, or an address such as jobs/ID or processes/ID"
        raise InvalidRequest([Problem("what", rule, what[:100])])
    return place + slash + path_of(name)


def _names(member: str, names: Iterable[str]) -> list[str]:
    if isinstance(names, str):
        raise InvalidRequest(
            [Problem(member, f"must be a list of names, such as [{names[:100]!r}]")]
        )
    return list(names)


def _link(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "links"}
