"""The client for notebooks and scripts: plain calls that return when they are done.

All clients of a process share one event loop in a thread of its own, so that they work where the
caller's thread has a running loop already, as in notebooks.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, TypeVar

from pydantic import SecretStr

from ccp_jupyter.client import html
from ccp_jupyter.client.aio import AsyncClient, MethodLike
from ccp_jupyter.client.async_execution import AsyncExecution
from ccp_jupyter.client.method import Method, MethodList
from ccp_jupyter.client.record import FileList, Record, Records, Results
from ccp_jupyter.client.settings import hidden
from ccp_jupyter.client.transport import close_all
from ccp_jupyter.client.waiting import Waiting
from ccp_jupyter.model.events import Event

T = TypeVar("T")
_LONGEST_CLEANUP = 10.0


class _Loop:
    """An event loop that runs in a thread for as long as the process lives."""

    _instance: _Loop | None = None
    _guard = threading.Lock()

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ccp", daemon=True)
        self._thread.start()

    @classmethod
    def get(cls) -> _Loop:
        """Return the loop of this process; a forked child gets one of its own."""
        with cls._guard:
            if cls._instance is None or cls._instance.pid != os.getpid():
                cls._instance = cls()
                atexit.register(cls._instance.close)
            return cls._instance

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end; an interrupt of the caller cancels it."""
        done = threading.Event()

        async def watched() -> T:
            try:
                return await work
            finally:
                done.set()

        future = asyncio.run_coroutine_threadsafe(watched(), self._loop)
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            # Whatever it holds (locks, files, connections) is let go before we return.
            done.wait(_LONGEST_CLEANUP)
            raise

    def close(self) -> None:
        """End the thread."""
        if self.pid == os.getpid() and self._thread.is_alive():
            with suppress(TimeoutError):
                asyncio.run_coroutine_threadsafe(close_all(), self._loop).result(2)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)
            if not self._thread.is_alive():
                self._loop.close()


def _run(work: Coroutine[Any, Any, T]) -> T:
    return _Loop.get().run(work)


class Execution(Record):
    """One Execution; see `Client.run` and `Client.execution`.

    The attributes (`id`, `status`, `message`, `progress`, `created` …) are what the service said
    last; `refresh` and `wait` renew them.
    """

    def __init__(self, inner: AsyncExecution) -> None:
        self._inner = inner

    @property
    def _document(self) -> dict[str, Any]:  # type: ignore[override]
        return self._inner._document

    def refresh(self) -> Execution:
        """Ask the service how it stands; returns the Execution itself."""
        _run(self._inner.refresh())
        return self

    def wait(
        self, timeout: float | None = None, progress: bool = True, *, check: bool = True
    ) -> Execution:
        """Wait until it has ended, showing phases and log.

        Interrupting (Ctrl-C, or the notebook's stop button) ends only the waiting.

        Parameters
        ----------
        timeout : float, optional
            Seconds; default: as long as it takes.
        progress : bool
            Show what happens.
        check : bool
            Raise when it does not succeed.

        Raises
        ------
        ExecutionFailed
            It failed or was dismissed; with the last lines of its log.
        WaitTimeout
            It goes on.
        """
        waiting = Waiting(self, show=progress)
        events = self._inner.follow(timeout)
        try:
            # Shown from the caller's thread: output of other threads has no place in a notebook.
            while not isinstance(item := _run(_step(events)), _End):
                waiting.take(item)
            _run(self._inner.conclude(waiting, timeout, check=check))
        except KeyboardInterrupt:
            waiting.interrupted()
            raise
        finally:
            _run(events.aclose())
        return self

    def cancel(self) -> Execution:
        """Ask the service to end it; returns at once, and does nothing when it has ended."""
        _run(self._inner.cancel())
        return self

    def delete(self) -> None:
        """Remove it from the service with all its files, ending it first if need be."""
        _run(self._inner.delete())

    def log(self, task: int | None = None, stream: str | None = None) -> str:
        """Return what its containers wrote so far; see `AsyncExecution.log`."""
        return _run(self._inner.log(task, stream))

    def events(self, after: int = 0) -> list[Event]:
        """Return what has happened so far, without the events up to a number."""
        return _run(self._inner.events(after))

    def results(self) -> Results:
        """Return the outputs by id: small ones by value, others as links."""
        return _run(self._inner.results())

    def files(self) -> FileList:
        """Return the files that it returned, with their sizes in bytes."""
        return _run(self._inner.files())

    def open(self, path: str) -> IO[bytes]:
        """Return one output file, open for reading; it is deleted when it is closed."""
        return _run(self._inner.open(path))

    def read(self, path: str) -> bytes:
        """Return the content of one output file."""
        return _run(self._inner.read(path))

    def fetch(self, to: str | os.PathLike[str] | None = None) -> Path:
        """Bring all outputs into the workspace, unpacked; see `AsyncExecution.fetch`."""
        return _run(self._inner.fetch(to))

    def folder(self, to: str | os.PathLike[str] | None = None) -> Path:
        """Bring the whole Execution folder into the workspace as a zip."""
        return _run(self._inner.folder(to))


class ExecutionList(list[Execution]):
    """Executions, newest first; shows as a table in a notebook."""

    def _repr_html_(self) -> str:
        return html.executions(self)


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

    def __repr__(self) -> str:
        # Tracebacks show objects that are not complete.
        return f"<Client of {self.url if hasattr(self, '_inner') else 'nothing'}>"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close connections; a later call opens new ones."""
        _run(self._inner.close())

    def methods(self, search: str = "") -> MethodList:
        """Return the Methods that you may see; see `AsyncClient.methods`."""
        return _run(self._inner.methods(search))

    def method(self, id_or_title: MethodLike) -> Method:
        """Return a Method in full, by its id or title; see `AsyncClient.method`."""
        return _run(self._inner.method(id_or_title))

    def deploy(self, method: str | os.PathLike[str] | Mapping[str, Any]) -> Method:
        """Add a Method, from a JSON file or a document."""
        return _run(self._inner.deploy(method))

    def replace(self, method: str | os.PathLike[str] | Mapping[str, Any]) -> Method:
        """Put a new version of a Method in place of the one with the same id."""
        return _run(self._inner.replace(method))

    def undeploy(self, method: MethodLike) -> None:
        """Remove a Method; its Executions keep their copy."""
        _run(self._inner.undeploy(method))

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
            **named,
        )
        return Execution(_run(work))

    def execution(self, execution_id: str) -> Execution:
        """Return an Execution by its id."""
        return Execution(_run(self._inner.execution(execution_id)))

    def executions(
        self,
        status: str | Iterable[str] | None = None,
        method: MethodLike | None = None,
        limit: int = 100,
    ) -> ExecutionList:
        """Return your Executions, newest first; see `AsyncClient.executions`."""
        found = _run(self._inner.executions(status, method, limit))
        return ExecutionList(Execution(each) for each in found)

    def infrastructures(self) -> Records:
        """Return the places where Methods can run."""
        return _run(self._inner.infrastructures())

    def nodes(self, infrastructure_id: str) -> Records:
        """Return the Nodes of an Infrastructure as they are now."""
        return _run(self._inner.nodes(infrastructure_id))

    def runtimes(self, infrastructure_id: str) -> Records:
        """Return the images that an Infrastructure can run."""
        return _run(self._inner.runtimes(infrastructure_id))


class _End:
    """Stands for the end of an iteration, which cannot leave a coroutine as an exception."""


async def _step(events: Any) -> Any:
    return await anext(events, _End())
