"""The client for notebooks and scripts: plain calls that return when they are done."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from ccp_jupyter.client.admin import Admin
from ccp_jupyter.client.again import Told
from ccp_jupyter.client.aio import AsyncClient
from ccp_jupyter.client.async_methods import MethodLike
from ccp_jupyter.client.exchange import ImportReport
from ccp_jupyter.client.execution import Execution, ExecutionList
from ccp_jupyter.client.loop import complete
from ccp_jupyter.client.method import Method, MethodList
from ccp_jupyter.client.packages import Packages
from ccp_jupyter.client.record import Record, Records
from ccp_jupyter.client.red import RedSource
from ccp_jupyter.client.settings import hidden, keepable
from ccp_jupyter.client.sharing import Sharing

if TYPE_CHECKING:
    from ccp_jupyter.client.archive import ArchiveEntry


class Client:
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
        self._inner = AsyncClient(url, token, timeout)

    @property
    def url(self) -> str:
        """Address of the service."""
        return self._inner.url

    @property
    def sharing(self) -> Sharing:
        """Who else may see what is yours; links for others; the key of your callbacks."""
        return Sharing(self._inner.sharing, complete)

    @property
    def packages(self) -> Packages:
        """CWL tools and OGC packages as Methods; revisions and copies of Methods."""
        return Packages(self._inner.packages, complete)

    @property
    def admin(self) -> Admin:
        """What administrators may do."""
        return Admin(self._inner.admin, complete)

    def __repr__(self) -> str:
        # Tracebacks show objects that are not complete.
        return f"<Client of {self.url if hasattr(self, '_inner') else 'nothing'}>"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close connections; a later call opens new ones."""
        complete(self._inner.close())

    def methods(self, search: str = "") -> MethodList:
        """Return the Methods that you may see; see `AsyncClient.methods`."""
        return complete(self._inner.methods(search))

    def method(self, id_or_title: MethodLike) -> Method:
        """Return a Method in full, by its id or title; see `AsyncClient.method`."""
        return complete(self._inner.method(id_or_title))

    def deploy(self, method: str | os.PathLike[str] | Mapping[str, Any]) -> Method:
        """Add a Method, from a JSON file or a document."""
        return complete(self._inner.deploy(method))

    def replace(self, method: str | os.PathLike[str] | Mapping[str, Any]) -> Method:
        """Put a new version of a Method in place of the one with the same id."""
        return complete(self._inner.replace(method))

    def archive(self, method: MethodLike) -> Path:
        """Write a Method as a file into the workspace; see `AsyncClient.archive`."""
        return complete(self._inner.archive(method))

    def export(
        self,
        *methods: MethodLike,
        category: str | None = None,
        to: str | os.PathLike[str] = ".",
    ) -> Path:
        """Write Methods into a folder, as JSON or as a zip; see `AsyncClient.export`."""
        return complete(self._inner.export(*methods, category=category, to=to))

    def archived(self) -> list[ArchiveEntry]:
        """Return what lies in the archive of the workspace; see `AsyncClient.archived`."""
        return complete(self._inner.archived())

    def import_file(
        self,
        source: str | os.PathLike[str] | Mapping[str, Any],
        *,
        replace: bool = False,
        renew: bool = False,
        keep_sharing: bool = False,
    ) -> ImportReport:
        """Take over Methods or an Execution from a file or link; see `AsyncClient.import_file`."""
        work = self._inner.import_file(
            source, replace=replace, renew=renew, keep_sharing=keep_sharing
        )
        return complete(work)

    def undeploy(self, method: MethodLike) -> None:
        """Remove a Method; its Executions keep their copy."""
        complete(self._inner.undeploy(method))

    def run(
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
    ) -> Execution:
        """Run a Method; returns as soon as the service has accepted the request for good.

        Parameters are those of `AsyncClient.run`.
        """
        work = self._inner.run(
            method,
            replicas=replicas,
            max_time=max_time,
            note=note,
            image=image,
            outputs=outputs,
            inputs=inputs,
            reuse=reuse,
            **named,
        )
        return Execution(complete(work))

    def dry_run(
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
    ) -> Told:
        """Ask what `run` would do with the same arguments; see `AsyncClient.dry_run`."""
        work = self._inner.dry_run(
            method,
            replicas=replicas,
            max_time=max_time,
            note=note,
            image=image,
            outputs=outputs,
            inputs=inputs,
            **named,
        )
        return complete(work)

    def code(
        self,
        method: MethodLike,
        language: str = "python",
        /,
        *,
        replicas: int | None = None,
        max_time: int | None = None,
        note: str | None = None,
        image: str | None = None,
        outputs: Iterable[str] | Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        **named: Any,
    ) -> str:
        """Return code that does what `run` would do; see `AsyncClient.code`."""
        work = self._inner.code(
            method,
            language,
            replicas=replicas,
            max_time=max_time,
            note=note,
            image=image,
            outputs=outputs,
            inputs=inputs,
            **named,
        )
        return complete(work)

    def submit_red(
        self,
        source: RedSource,
        *,
        variables: Mapping[str, str | SecretStr] | None = None,
        use_vault: bool = False,
        retry: bool = True,
        validate_connectors: bool = True,
        after: Iterable[str | Record] = (),
    ) -> Execution:
        """Hand in an Experiment; returns as soon as the service has accepted it for good.

        Parameters are those of `AsyncClient.submit_red`.
        """
        work = self._inner.submit_red(
            source,
            variables=variables,
            use_vault=use_vault,
            retry=retry,
            validate_connectors=validate_connectors,
            after=after,
        )
        return Execution(complete(work))

    def execution(self, execution_id: str) -> Execution:
        """Return an Execution by its id."""
        return Execution(complete(self._inner.execution(execution_id)))

    def executions(
        self,
        status: str | Iterable[str] | None = None,
        method: MethodLike | None = None,
        limit: int = 100,
        *,
        shared: bool = False,
    ) -> ExecutionList:
        """Return your Executions, newest first; see `AsyncClient.executions`."""
        found = complete(self._inner.executions(status, method, limit, shared=shared))
        return ExecutionList(Execution(each) for each in found)

    def secrets(self) -> Records:
        """Return what there is to know of your personal secrets; never their values."""
        return complete(self._inner.secrets())

    def set_secret(
        self,
        name: str,
        value: str | SecretStr,
        *,
        registry: str | None = None,
        username: str | None = None,
    ) -> None:
        """Keep a personal secret in the service's vault; see `AsyncClient.set_secret`."""
        value = keepable(value)  # at once, as in __init__
        complete(self._inner.set_secret(name, value, registry=registry, username=username))

    def remove_secret(self, name: str) -> None:
        """Delete a personal secret."""
        complete(self._inner.remove_secret(name))

    def infrastructures(self) -> Records:
        """Return the places where Methods can run."""
        return complete(self._inner.infrastructures())

    def nodes(self, infrastructure_id: str) -> Records:
        """Return the Nodes of an Infrastructure as they are now."""
        return complete(self._inner.nodes(infrastructure_id))

    def runtimes(self, infrastructure_id: str) -> Records:
        """Return the images that an Infrastructure can run."""
        return complete(self._inner.runtimes(infrastructure_id))
