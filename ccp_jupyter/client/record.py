"""What is known of an Execution, and other records that the service lists."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from ccp_jupyter.client import html
from ccp_jupyter.client.errors import ServiceError
from ccp_jupyter.model.states import Status, is_final

_FINAL = {status.value for status in Status if is_final(status)}


class Record:
    """An Execution as the service described it last; the base of both clients' Executions.

    Parameters
    ----------
    document : mapping
        The service's status document.
    """

    def __init__(self, document: object) -> None:
        self._take(document)

    def _take(self, document: object) -> None:
        if not isinstance(document, Mapping) or not isinstance(document.get("jobID"), str):
            raise ServiceError("the service sent a status without jobID; is the url right?")
        self._document = dict(document)

    @property
    def id(self) -> str:
        """Id of the Execution: OGC's jobID."""
        return str(self._document["jobID"])

    @property
    def status(self) -> str:
        """``accepted``, ``running``, ``successful``, ``failed`` or ``dismissed``."""
        return str(self._document.get("status") or "")

    @property
    def is_final(self) -> bool:
        """Whether it has ended."""
        return self.status in _FINAL

    @property
    def owner(self) -> str:
        """Name of the user whose it is."""
        return str(self._document.get("owner") or "")

    @property
    def message(self) -> str:
        """What happens, or happened, in words."""
        return str(self._document.get("message") or "")

    @property
    def progress(self) -> int:
        """Percent."""
        value = self._document.get("progress")
        return max(0, min(value, 100)) if isinstance(value, int) else 0

    @property
    def is_experiment(self) -> bool:
        """Whether it runs an Experiment (a RED document) rather than a Method."""
        return self._document.get("kind") == "experiment"

    @property
    def replicas(self) -> int:
        """Number of replicas of its Method, or of batches of its Experiment."""
        value = self._document.get("replicas")
        return value if isinstance(value, int) and value > 0 else 1

    @property
    def method(self) -> str:
        """Id of the Method; empty for an Experiment."""
        return "" if self.is_experiment else str(self._document.get("processID") or "")

    @property
    def title(self) -> str:
        """Title of the Method, or "Experiment"."""
        fallback = "Experiment" if self.is_experiment else self.method
        return str(self._document.get("title") or fallback)

    @property
    def created(self) -> datetime | None:
        """When it was accepted."""
        return self._time("created")

    @property
    def started(self) -> datetime | None:
        """When it began to run; None before."""
        return self._time("started")

    @property
    def finished(self) -> datetime | None:
        """When it ended; None before."""
        return self._time("finished")

    @property
    def updated(self) -> datetime | None:
        """When something changed last."""
        return self._time("updated")

    def _time(self, name: str) -> datetime | None:
        try:
            return datetime.fromisoformat(str(self._document.get(name)))
        except ValueError:
            return None

    def summary(self) -> dict[str, Any]:
        """Return what people want to see first, by name."""
        known = self._document.get
        return {
            "Execution": self.id,
            "Status": f"{self.status} ({self.progress} %)",
            "Message": self.message,
            **self._what(),
            "Infrastructure": known("infrastructure"),
            "Image": known("image"),
            "Created": self.created,
            "Started": self.started,
            "Finished": self.finished,
            "Size of outputs": known("outputSize"),
        }

    def _what(self) -> dict[str, Any]:
        if self.is_experiment:
            return {"Batches": self._document.get("replicas")}
        version = self._document.get("methodVersion") or ""
        method = f"{self.method} {version}".strip()
        return {"Method": method, "Replicas": self._document.get("replicas")}

    def __repr__(self) -> str:
        message = f": {self.message}" if self.message else ""
        return f"<Execution {self.id} of {self.title}, {self.status}{message}>"

    def _repr_html_(self) -> str:
        return html.execution(self)


class Results(dict[str, Any]):
    """Outputs by id: values, or links ``{"href": …, "type": …}``."""

    def _repr_html_(self) -> str:
        return html.results(self)


class Records(list[dict[str, Any]]):
    """Plain records; shows as a table in a notebook."""

    def _repr_html_(self) -> str:
        return html.records(self)


class OutputFile(NamedTuple):
    """A file that an Execution returned."""

    path: str
    size: int


class FileList(list[OutputFile]):
    """Files that an Execution returned; shows as a table in a notebook."""

    def _repr_html_(self) -> str:
        return html.table(("File", "Bytes"), self)
