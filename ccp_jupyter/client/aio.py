"""The client for asynchronous programs; `ccp_jupyter.client.blocking` is its plain face."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from ccp_jupyter.client import html
from ccp_jupyter.client.async_execution import AsyncExecution
from ccp_jupyter.client.errors import CcpError, InvalidRequest, NotFound, ServiceError
from ccp_jupyter.client.inputs import execute_body
from ccp_jupyter.client.method import Method, MethodList, did_you_mean, slug
from ccp_jupyter.client.record import Records
from ccp_jupyter.client.settings import hidden, service_token, service_url
from ccp_jupyter.client.transport import Call, Transport, path_of
from ccp_jupyter.client.uploads import Request
from ccp_jupyter.model.errors import Problem

MethodLike = Method | str
"""A Method, or its id or title."""
_PAGE = 1000


class ExecutionList(list[AsyncExecution]):
    """Executions, newest first; shows as a table in a notebook."""

    def _repr_html_(self) -> str:
        return html.executions(self)


class AsyncClient:
    """Talks to the service as one user.

    Parameters
    ----------
    url : str, optional
        Address of the service; default: the environment's ``CCP_SERVICE_URL``.
    token : str, optional
        Token of the hub; default: the environment's ``JUPYTERHUB_API_TOKEN``.
    timeout : float
        Seconds that one call waits for the service, repeated tries included.

    Raises
    ------
    NotConfigured
        Address or token are neither given nor in the environment.
    """

    def __init__(
        self, url: str | None = None, token: str | SecretStr | None = None, timeout: float = 30
    ) -> None:
        token = hidden(token)  # at once, so that no traceback shows it as a local variable
        if not timeout > 0:
            raise ValueError(f"timeout: must be more than 0 seconds (found {timeout!r})")
        self._transport = Transport(
            service_url(url),
            service_token(token),
            float(timeout),
        )

    @property
    def url(self) -> str:
        """Address of the service."""
        return self._transport.url

    def __repr__(self) -> str:
        # Tracebacks show objects that are not complete.
        return f"<AsyncClient of {self.url if hasattr(self, '_transport') else 'nothing'}>"

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close connections; a later call opens new ones."""
        await self._transport.close()

    async def _pages(self, path: str, member: str, params: dict[str, str]) -> AsyncIterator[Any]:
        offset = 0
        while True:
            page = {"limit": str(_PAGE), **params, "offset": str(offset)}
            document = await self._transport.json(Call("GET", path, page))
            found = document.get(member) if isinstance(document, dict) else None
            if not isinstance(found, list):
                raise ServiceError(f"the service sent no list of {member}; is the url right?")
            for each in found:
                yield each
            offset += len(found)
            if len(found) < int(page["limit"]):
                return

    async def methods(self, search: str = "") -> MethodList:
        """Return the Methods that you may see.

        Parameters
        ----------
        search : str
            Only those with this text in title, description or keywords.
        """
        params = {"q": search} if search else {}
        return MethodList(
            [Method(each) async for each in self._pages("processes", "processes", params)]
        )

    async def method(self, id_or_title: MethodLike) -> Method:
        """Return a Method in full.

        Parameters
        ----------
        id_or_title : str
            Its id, or its title; case does not matter, and "Column statistics" may be written
            ``column-statistics``.

        Raises
        ------
        NotFound
            With a suggestion when something resembles it.
        InvalidRequest
            Several Methods have this title.
        """
        if isinstance(id_or_title, Method):
            id_or_title = id_or_title.id
        try:
            return await self._method_by_id(id_or_title)
        except NotFound:
            known = await self.methods()
        found = [each for each in known if each.title == id_or_title] or [
            each for each in known if slug(each.title) == slug(id_or_title)
        ]
        if len(found) > 1:
            ids = ", ".join(each.id for each in found)
            raise InvalidRequest(
                [Problem("method", f"several have this title; give the id: {ids}")]
            )
        if not found:
            names = [name for each in known for name in (each.id, each.title)]
            hint = did_you_mean(id_or_title, names)
            raise NotFound(f"there is no Method {id_or_title!r} that you may see{hint}", status=404)
        return await self._method_by_id(found[0].id)

    async def _method_by_id(self, method_id: str) -> Method:
        return Method(await self._transport.json(Call("GET", path_of("processes", method_id))))

    async def deploy(self, method: str | os.PathLike[str] | Mapping[str, Any]) -> Method:
        """Add a Method.

        Parameters
        ----------
        method : path or mapping
            A JSON file, or the document itself.

        Raises
        ------
        Conflict
            There is one with this id; `replace` replaces it.
        InvalidRequest
            The document breaks rules of the grammar.
        """
        document = _document(method)
        call = Call("POST", "processes", body=Request().body(document))
        summary = Method(await self._transport.json(call))
        return await self._method_by_id(summary.id)

    async def replace(self, method: str | os.PathLike[str] | Mapping[str, Any]) -> Method:
        """Put a new version of a Method in place of the one with the same id."""
        document = _document(method)
        method_id = document.get("id")
        if not isinstance(method_id, str) or not method_id:
            raise InvalidRequest([Problem("id", "must say which Method to replace")])
        path = path_of("processes", method_id)
        await self._transport.answer(Call("PUT", path, body=Request().body(document)))
        return await self._method_by_id(method_id)

    async def undeploy(self, method: MethodLike) -> None:
        """Remove a Method; its Executions keep their copy."""
        found = await self.method(method)
        await self._transport.answer(Call("DELETE", path_of("processes", found.id)))

    async def run(
        self,
        method: MethodLike,
        /,
        *,
        replicas: int | None = None,
        max_time: int | None = None,
        note: str | None = None,
        image: str | None = None,
        outputs: Iterable[str] | Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        **named: Any,
    ) -> AsyncExecution:
        """Run a Method; returns as soon as the service has accepted the request for good.

        Parameters
        ----------
        method : Method or str
            A Method, its id or its title.
        replicas : int, optional
            How many instances run side by side.
        max_time : int, optional
            Seconds that it may run; the Infrastructure may allow less.
        note : str, optional
            Kept with the Execution.
        image : str, optional
            Container image to run in, where the Method lets you choose.
        outputs : iterable of str, optional
            Outputs that `results` shall carry; default: all.
        inputs : mapping, optional
            Inputs whose names cannot be written as keyword arguments.
        **named
            Inputs. For files: a path, a URL, bytes, an open file or a DataFrame.

        Raises
        ------
        InvalidRequest
            Names everything that is wrong; what can be said locally, before anything is sent.
        """
        described = await self.method(method)
        controls = {"replicas": replicas, "max_time": max_time, "note": note, "image": image}
        body = execute_body(described, named, inputs, controls, outputs)
        # The key makes a repeated request safe: the service returns what it made of the first.
        call = Call(
            "POST",
            path_of("processes", described.id, "execution"),
            body=body,
            headers={"Idempotency-Key": uuid.uuid4().hex, "Prefer": "respond-async"},
            repeatable=True,
        )
        return AsyncExecution(self._transport, await self._transport.json(call))

    async def execution(self, execution_id: str) -> AsyncExecution:
        """Return an Execution by its id."""
        document = await self._transport.json(Call("GET", path_of("jobs", execution_id)))
        return AsyncExecution(self._transport, document)

    async def executions(
        self,
        status: str | Iterable[str] | None = None,
        method: MethodLike | None = None,
        limit: int = 100,
    ) -> ExecutionList:
        """Return your Executions, newest first.

        Parameters
        ----------
        status : str or iterable of str, optional
            Only with these statuses.
        method : Method or str, optional
            Only of this Method.
        limit : int
            At most so many.
        """
        params = {"limit": str(min(max(limit, 1), _PAGE))}
        if status is not None:
            params["status"] = status if isinstance(status, str) else ",".join(status)
        if method is not None:
            params["processID"] = (await self.method(method)).id
        found = ExecutionList()
        async for each in self._pages("jobs", "jobs", params):
            if len(found) >= limit:
                break
            found.append(AsyncExecution(self._transport, each))
        return found

    async def _records(self, member: str, *steps: str) -> Records:
        document = await self._transport.json(Call("GET", path_of(*steps)))
        found = document.get(member) if isinstance(document, dict) else None
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise ServiceError(f"the service sent no list of {member}; is the url right?")
        return Records({k: v for k, v in each.items() if k != "links"} for each in found)

    async def infrastructures(self) -> Records:
        """Return the places where Methods can run."""
        return await self._records("infrastructures", "infrastructures")

    async def nodes(self, infrastructure_id: str) -> Records:
        """Return the Nodes of an Infrastructure as they are now."""
        return await self._records("nodes", "infrastructures", infrastructure_id, "nodes")

    async def runtimes(self, infrastructure_id: str) -> Records:
        """Return the images that an Infrastructure can run."""
        return await self._records("runtimes", "infrastructures", infrastructure_id, "runtimes")


def _document(method: str | os.PathLike[str] | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(method, Mapping):
        document: object = dict(method)
    else:
        path = Path(method).expanduser().absolute()
        try:
            document = json.loads(path.read_bytes())
        except OSError as error:
            raise CcpError(f"{path}: cannot be read: {error.strerror or error}") from None
        except (ValueError, RecursionError) as error:
            raise InvalidRequest([Problem(str(path), f"is not JSON: {error}")]) from None
    if not isinstance(document, dict):
        raise InvalidRequest(
            [Problem("", "a Method must be a JSON object", type(document).__name__)]
        )
    return document
