"""The client for asynchronous programs; `ccp_jupyter.client.blocking` is its plain face."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from pydantic import SecretStr

from ccp_jupyter.client import again, html
from ccp_jupyter.client.admin import AsyncAdmin
from ccp_jupyter.client.async_execution import AsyncExecution
from ccp_jupyter.client.async_methods import MethodLike
from ccp_jupyter.client.code import WritesCode
from ccp_jupyter.client.connection import PAGE
from ccp_jupyter.client.errors import ServiceUnavailable
from ccp_jupyter.client.inputs import execute_body
from ccp_jupyter.client.packages import AsyncPackages
from ccp_jupyter.client.record import Record, Records
from ccp_jupyter.client.red import RedDocument, RedSource
from ccp_jupyter.client.settings import keepable
from ccp_jupyter.client.sharing import AsyncSharing
from ccp_jupyter.client.transport import Call, path_of
from ccp_jupyter.client.uploads import Request


class ExecutionList(list[AsyncExecution]):
    """Executions, newest first; shows as a table in a notebook."""

    def _repr_html_(self) -> str:
        return html.executions(self)


class AsyncClient(WritesCode):
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

    @property
    def admin(self) -> AsyncAdmin:
        """What administrators may do."""
        return AsyncAdmin(self._transport)

    @property
    def sharing(self) -> AsyncSharing:
        """Who else may see what is yours; links for others; the key of your callbacks."""
        return AsyncSharing(self._transport)

    @property
    def packages(self) -> AsyncPackages:
        """CWL tools and OGC packages as Methods; revisions and copies of Methods."""
        return AsyncPackages(self._transport)

    def __repr__(self) -> str:
        # Tracebacks show objects that are not complete.
        return f"<AsyncClient of {self.url if hasattr(self, '_transport') else 'nothing'}>"

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
        reuse: bool = False,
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
        reuse : bool
            Whether it may get the outputs of an equal Execution that you may see, instead of
            running; its `message` says so then.
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
            {"reuse": "true"} if reuse else {},
            body=body,
            headers={"Idempotency-Key": uuid.uuid4().hex, "Prefer": "respond-async"},
            repeatable=True,
        )
        return AsyncExecution(self._transport, await self._transport.json(call))

    async def dry_run(
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
    ) -> again.Told:
        """Ask what `run` would do with the same arguments; nothing is run or kept.

        Returns
        -------
        Told
            A dict with ``message`` (where it would begin, or for what it would wait), ``nodes``,
            ``resources``, ``estimatedStart`` and more; see docs/repeating.md.

        Raises
        ------
        InvalidRequest
            As `run`.
        """
        described = await self.method(method)
        controls = {"replicas": replicas, "max_time": max_time, "note": note, "image": image}
        body = execute_body(described, named, inputs, controls, outputs)
        return await again.dry_run(self._transport, described.id, body)

    async def submit_red(
        self,
        source: RedSource,
        *,
        variables: Mapping[str, str | SecretStr] | None = None,
        use_vault: bool = False,
        retry: bool = True,
        validate_connectors: bool = True,
        after: Iterable[str | Record] = (),
    ) -> AsyncExecution:
        """Hand in an Experiment; returns as soon as the service has accepted it for good.

        Parameters
        ----------
        source : path, str, mapping or RedDocument
            A RED document of version 5 to 9: a YAML or JSON file, its text (a `str` with a line
            break or beginning with ``{``), or the document itself.
            ``execution.settings.access`` is not sent: where and as whom is the client's.
        variables : mapping, optional
            Values of the document's ``{{variables}}``; what it does not have is left alone.
        use_vault : bool
            Leave variables without a value to your personal secrets in the service's vault.
        retry : bool
            Whether a batch that failed gets a second attempt; documents of version 5 to 8 say it
            themselves (``retryIfFailed``).
        validate_connectors : bool
            Whether connectors check their ``access`` before anything else happens.
        after : iterable of str or Execution
            Executions, or their ids, that must be successful before this one begins.

        Raises
        ------
        InvalidDocument
            The document breaks rules; nothing was sent.
        InvalidRequest
            A variable has no value, or the service found something that it does not allow.
        """
        document = RedDocument.read(source)
        values = {name: keepable(value) for name, value in (variables or {}).items()}
        call = document.submission(
            values,
            use_vault=use_vault,
            retry=retry,
            validate_connectors=validate_connectors,
            after=[each.id if isinstance(each, Record) else each for each in after],
        )
        accepted = document.accepted(await self._transport.json(call))
        execution = AsyncExecution(self._transport, accepted)
        with suppress(ServiceUnavailable):  # then the rest becomes known later; the id counts
            await execution.refresh()
        return execution

    async def execution(self, execution_id: str) -> AsyncExecution:
        """Return an Execution by its id."""
        document = await self._transport.json(Call("GET", path_of("jobs", execution_id)))
        return AsyncExecution(self._transport, document)

    async def executions(
        self,
        status: str | Iterable[str] | None = None,
        method: MethodLike | None = None,
        limit: int = 100,
        *,
        shared: bool = False,
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
        shared : bool
            Instead of yours, those of others that are shared with you; without the first two.
        """
        params = {"limit": str(min(max(limit, 1), PAGE))}
        if shared:
            params["shared"] = "true"
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

    async def secrets(self) -> Records:
        """Return what there is to know of your personal secrets; never their values."""
        return await self._records("secrets", "secrets")

    async def set_secret(
        self,
        name: str,
        value: str | SecretStr,
        *,
        registry: str | None = None,
        username: str | None = None,
    ) -> None:
        """Keep a personal secret in the service's vault; replaces one of the same name.

        Parameters
        ----------
        name : str
            As in ``{{name}}`` of a RED document, or as a Method's secret input refers to it.
        value : str
            The vault never gives it back to anybody but an Execution of yours.
        registry, username : str, optional
            The value is the password of this user at this registry of images.
        """
        document = {"value": keepable(value).get_secret_value()}
        given = {"registry": registry, "username": username}
        document |= {key: text for key, text in given.items() if text is not None}
        path = path_of("secrets", name)
        await self._transport.answer(Call("PUT", path, body=Request().body(document)))

    async def remove_secret(self, name: str) -> None:
        """Delete a personal secret."""
        await self._transport.answer(Call("DELETE", path_of("secrets", name)))

    async def infrastructures(self) -> Records:
        """Return the places where Methods can run."""
        return await self._records("infrastructures", "infrastructures")

    async def nodes(self, infrastructure_id: str) -> Records:
        """Return the Nodes of an Infrastructure as they are now."""
        return await self._records("nodes", "infrastructures", infrastructure_id, "nodes")

    async def runtimes(self, infrastructure_id: str) -> Records:
        """Return the images that an Infrastructure can run."""
        return await self._records("runtimes", "infrastructures", infrastructure_id, "runtimes")
