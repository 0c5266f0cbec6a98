"""What administrators ask of the service: Nodes, its state, everybody's Executions."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from ccp_jupyter.client.errors import ServiceError
from ccp_jupyter.client.record import Records
from ccp_jupyter.client.transport import Call, Transport, path_of
from ccp_jupyter.client.uploads import Request

EVERYBODY = "*"
_PAGE = 200


class AsyncAdmin:
    """Calls that need the scope ``custom:ccp:admin``; see `AsyncClient.admin`.

    Listing and showing Nodes is open to all users; they see less of each.

    Parameters
    ----------
    transport : Transport
        Of the client.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def status(self) -> dict[str, Any]:
        """Return how the service is: version, health, queue, Nodes, latest failures."""
        return await self._object(Call("GET", path_of("admin", "status")))

    async def usage(self) -> Records:
        """Return what each user keeps and runs, by name and Infrastructure."""
        return await self._list("users", Call("GET", path_of("admin", "usage")))

    async def nodes(self) -> Records:
        """Return the Nodes of all Infrastructures as they are now."""
        return await self._list("nodes", Call("GET", "nodes"))

    async def node(self, node_id: str) -> dict[str, Any]:
        """Return a Node as it is now."""
        return await self._object(Call("GET", path_of("nodes", node_id)))

    async def add_node(self, infrastructure_id: str, node: Mapping[str, Any]) -> dict[str, Any]:
        """Add a Node while the service runs; it need not answer yet.

        Parameters
        ----------
        infrastructure_id : str
            Where it belongs.
        node : mapping
            Members as in the service's configuration: ``id``, ``base_url``, ``tls`` … Paths are
            those of the service's machine.

        Raises
        ------
        Conflict
            There is a Node with this id.
        InvalidRequest
            A member breaks a rule.
        """
        path = path_of("infrastructures", infrastructure_id, "nodes")
        return await self._object(Call("POST", path, body=Request().body(dict(node))))

    async def drain_node(self, node_id: str, reason: str = "") -> dict[str, Any]:
        """Let nothing new begin on a Node; what runs there goes on.

        Parameters
        ----------
        node_id : str
            Which one.
        reason : str
            Why, in words that users may read.
        """
        return await self._change(node_id, {"draining": True, "reason": reason})

    async def enable_node(self, node_id: str) -> dict[str, Any]:
        """Let a Node that drains work again."""
        return await self._change(node_id, {"draining": False})

    async def _change(self, node_id: str, document: dict[str, Any]) -> dict[str, Any]:
        body = Request().body(document)
        return await self._object(Call("PATCH", path_of("nodes", node_id), body=body))

    async def remove_node(self, node_id: str, *, force: bool = False) -> None:
        """Forget a Node that was added while the service ran.

        Parameters
        ----------
        node_id : str
            Which one.
        force : bool
            Also when Tasks run there: their Attempts are given up and begin elsewhere.

        Raises
        ------
        Conflict
            The configuration has it, or Tasks run there.
        """
        params = {"force": "true"} if force else {}
        await self._transport.answer(Call("DELETE", path_of("nodes", node_id), params))

    async def check_node(self, node_id: str) -> dict[str, Any]:
        """Look at everything that a Node needs.

        Returns
        -------
        dict
            ``{"id": …, "ok": …, "checks": [{"name": …, "ok": …, "message": …}]}``
        """
        path = path_of("nodes", node_id, "check")
        return await self._object(Call("POST", path, repeatable=True))

    async def executions(
        self,
        owner: str = EVERYBODY,
        status: Iterable[str] = (),
        since: str | None = None,
        longer_than: float | None = None,
        limit: int = 100,
    ) -> Records:
        """Return the status documents of everybody's Executions, newest first.

        Parameters
        ----------
        owner : str
            Only of this user.
        status : iterable of str
            Only with these statuses.
        since : str, optional
            Only submitted after this time (RFC 3339).
        longer_than : float, optional
            Only those that have run so many seconds.
        limit : int
            At most so many.
        """
        params = {"owner": owner}
        if wanted := ",".join(status):
            params["status"] = wanted
        if since is not None:
            params["datetime"] = f"{since}/.."
        if longer_than is not None:
            params["minDuration"] = f"{longer_than:g}"
        found = Records()
        while len(found) < limit:
            size = min(limit - len(found), _PAGE)
            page = {**params, "limit": str(size), "offset": str(len(found))}
            jobs = await self._list("jobs", Call("GET", "jobs", page))
            found += jobs
            if len(jobs) < size:
                break
        return found

    async def _object(self, call: Call) -> dict[str, Any]:
        document = await self._transport.json(call)
        if not isinstance(document, dict):
            raise ServiceError("the service sent no object; is the url right?")
        return document

    async def _list(self, member: str, call: Call) -> Records:
        found = (await self._object(call)).get(member)
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise ServiceError(f"the service sent no list of {member}; is the url right?")
        return Records({k: v for k, v in each.items() if k != "links"} for each in found)


class Admin:
    """The blocking face of `AsyncAdmin`; see `Client.admin`.

    Parameters
    ----------
    inner : AsyncAdmin
        What is called.
    run : callable
        Runs a coroutine to its end.
    """

    def __init__(self, inner: AsyncAdmin, run: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self._inner = inner
        self._run = run

    def status(self) -> dict[str, Any]:
        """Return how the service is: version, health, queue, Nodes, latest failures."""
        return dict(self._run(self._inner.status()))

    def usage(self) -> Records:
        """Return what each user keeps and runs, by name and Infrastructure."""
        return Records(self._run(self._inner.usage()))

    def nodes(self) -> Records:
        """Return the Nodes of all Infrastructures as they are now."""
        return Records(self._run(self._inner.nodes()))

    def executions(
        self,
        owner: str = EVERYBODY,
        status: Iterable[str] = (),
        since: str | None = None,
        longer_than: float | None = None,
        limit: int = 100,
    ) -> Records:
        """Return everybody's Executions; see `AsyncAdmin.executions`."""
        work = self._inner.executions(owner, status, since, longer_than, limit)
        return Records(self._run(work))

    def node(self, node_id: str) -> dict[str, Any]:
        """Return a Node as it is now."""
        return dict(self._run(self._inner.node(node_id)))

    def add_node(self, infrastructure_id: str, node: Mapping[str, Any]) -> dict[str, Any]:
        """Add a Node while the service runs; see `AsyncAdmin.add_node`."""
        return dict(self._run(self._inner.add_node(infrastructure_id, node)))

    def drain_node(self, node_id: str, reason: str = "") -> dict[str, Any]:
        """Let nothing new begin on a Node; see `AsyncAdmin.drain_node`."""
        return dict(self._run(self._inner.drain_node(node_id, reason)))

    def enable_node(self, node_id: str) -> dict[str, Any]:
        """Let a Node that drains work again."""
        return dict(self._run(self._inner.enable_node(node_id)))

    def remove_node(self, node_id: str, *, force: bool = False) -> None:
        """Forget a Node that was added; see `AsyncAdmin.remove_node`."""
        self._run(self._inner.remove_node(node_id, force=force))

    def check_node(self, node_id: str) -> dict[str, Any]:
        """Look at everything that a Node needs; see `AsyncAdmin.check_node`."""
        return dict(self._run(self._inner.check_node(node_id)))
