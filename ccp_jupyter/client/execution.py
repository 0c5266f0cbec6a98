"""One Execution, for notebooks and scripts; see `blocking`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from ccp_jupyter.client import html
from ccp_jupyter.client.again import Told
from ccp_jupyter.client.async_execution import AsyncExecution
from ccp_jupyter.client.batches import AsyncBatch, BatchList, BatchRecord
from ccp_jupyter.client.loop import complete
from ccp_jupyter.client.record import FileList, Record, Results
from ccp_jupyter.client.waiting import Waiting
from ccp_jupyter.model.comparison import Comparison
from ccp_jupyter.model.events import Event


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
        complete(self._inner.refresh())
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
            while not isinstance(item := complete(_step(events)), _End):
                waiting.take(item)
            complete(self._inner.conclude(waiting, timeout, check=check))
        except KeyboardInterrupt:
            waiting.interrupted()
            raise
        finally:
            complete(events.aclose())
        return self

    def share(
        self, *, public: bool = False, contexts: Iterable[str] = (), users: Iterable[str] = ()
    ) -> dict[str, Any]:
        """Say who else may see it, and not change it; see `Sharing.share`."""
        return complete(self._inner.share(public=public, contexts=contexts, users=users))

    def repeat(
        self,
        *,
        outputs: Iterable[str] | Mapping[str, Any] | None = None,
        newest: bool = False,
        inputs: Mapping[str, Any] | None = None,
        **named: Any,
    ) -> Execution:
        """Run it again, with changes if wanted; see `AsyncExecution.repeat`."""
        work = self._inner.repeat(outputs=outputs, newest=newest, inputs=inputs, **named)
        return Execution(complete(work))

    def verify(self) -> Execution:
        """Run it again to compare the outputs; see `AsyncExecution.verify`."""
        return Execution(complete(self._inner.verify()))

    def verification(self) -> Told:
        """Tell whether it has the outputs of what it verifies; see `AsyncExecution`."""
        return complete(self._inner.verification())

    def compare(self, other: Record | str) -> Comparison:
        """Return what is different between it and another one."""
        return complete(self._inner.compare(other))

    def code(self, language: str = "python") -> str:
        """Return code that submits its request again; see `AsyncExecution.code`."""
        return complete(self._inner.code(language))

    def cancel(self) -> Execution:
        """Ask the service to end it; returns at once, and does nothing when it has ended."""
        complete(self._inner.cancel())
        return self

    def delete(self) -> None:
        """Remove it from the service with all its files, ending it first if need be."""
        complete(self._inner.delete())

    def log(self, task: int | None = None, stream: str | None = None) -> str:
        """Return what its containers wrote so far; see `AsyncExecution.log`."""
        return complete(self._inner.log(task, stream))

    def events(self, after: int = 0) -> list[Event]:
        """Return what has happened so far, without the events up to a number."""
        return complete(self._inner.events(after))

    def batches(self) -> BatchList[Batch]:
        """Return the batches of an Experiment; see `AsyncExecution.batches`."""
        return BatchList(Batch(each) for each in complete(self._inner.batches()))

    def batch(self, index: int) -> Batch:
        """Return one batch of an Experiment in full, by its number from 1."""
        return Batch(complete(self._inner.batch(index)))

    def results(self) -> Results:
        """Return the outputs by id: small ones by value, others as links."""
        return complete(self._inner.results())

    def files(self) -> FileList:
        """Return the files that it returned, with their sizes in bytes."""
        return complete(self._inner.files())

    def open(self, path: str) -> IO[bytes]:
        """Return one output file, open for reading; it is deleted when it is closed."""
        return complete(self._inner.open(path))

    def read(self, path: str) -> bytes:
        """Return the content of one output file."""
        return complete(self._inner.read(path))

    def fetch(self, to: str | os.PathLike[str] | None = None) -> Path:
        """Bring all outputs into the workspace, unpacked; see `AsyncExecution.fetch`."""
        return complete(self._inner.fetch(to))

    def archive(self) -> Path:
        """Write the Execution folder as a zip into ``CCP/executions`` of the workspace."""
        return complete(self._inner.archive())

    def folder(self, to: str | os.PathLike[str] | None = None) -> Path:
        """Bring the whole Execution folder into the workspace as a zip."""
        return complete(self._inner.folder(to))

    def prov(self, form: str = "json") -> str:
        """Return its provenance in the words of W3C PROV; see `AsyncExecution.prov`."""
        return complete(self._inner.prov(form))

    def rocrate(self, to: str | os.PathLike[str] | None = None) -> Path:
        """Bring it into the workspace as an RO-Crate; see `AsyncExecution.rocrate`."""
        return complete(self._inner.rocrate(to))


class Batch(BatchRecord):
    """One batch of an Experiment; see `Execution.batches`."""

    def __init__(self, inner: AsyncBatch) -> None:
        super().__init__(inner.document)
        self._inner = inner

    def stdout(self) -> str:
        """Return what the command wrote to stdout; see `AsyncBatch.stderr`."""
        return complete(self._inner.stdout())

    def stderr(self) -> str:
        """Return what the command wrote to stderr; see `AsyncBatch.stderr`."""
        return complete(self._inner.stderr())


class ExecutionList(list[Execution]):
    """Executions, newest first; shows as a table in a notebook."""

    def _repr_html_(self) -> str:
        return html.executions(self)


class _End:
    """Stands for the end of an iteration, which cannot leave a coroutine as an exception."""


async def _step(events: Any) -> Any:
    return await anext(events, _End())
