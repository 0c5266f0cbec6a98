"""Methods and Executions as files: into the service, and what became of each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ccp_jupyter.client.errors import CcpError, InvalidRequest, ServiceError
from ccp_jupyter.client.transport import Body, Call, Transport
from ccp_jupyter.client.uploads import Request
from ccp_jupyter.model.errors import Problem
from ccp_jupyter.model.input_values import is_link

JSON: Final = "application/json"
ZIP: Final = "application/zip"
_ZIP_BEGINS: Final = (b"PK\x03\x04", b"PK\x05\x06")
_CHUNK: Final = 2**20


@dataclass(frozen=True)
class Imported:
    """What became of one file of an import.

    Attributes
    ----------
    name : str
        Of the file in an archive; empty when it was the only one.
    kind : str
        ``method`` or ``execution``; empty when it was neither.
    outcome : str
        ``created``, ``replaced``, ``equal`` (nothing was done) or ``refused``.
    id, title, version : str
        What it has at the service; the id is empty when it was refused.
    notes : tuple of str
        What was left out, or is not what the file says.
    problems : tuple of Problem
        Why it was refused.
    """

    name: str
    kind: str
    outcome: str
    id: str
    title: str
    version: str
    notes: tuple[str, ...]
    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        what = " ".join(filter(None, (self.kind, self.title, self.version)))
        place = f"{self.name}: " if self.name else ""
        why = f": {'; '.join(map(str, self.problems))}" if self.problems else ""
        return f"{place}{self.outcome} {what}".rstrip() + (f" ({self.id})" if self.id else "") + why


class ImportReport(list[Imported]):
    """What became of every file of an import."""

    @property
    def refused(self) -> list[Imported]:
        """Those of which nothing was taken."""
        return [each for each in self if each.outcome == "refused"]

    def check(self) -> ImportReport:
        """Return the report itself.

        Raises
        ------
        InvalidRequest
            Something was refused; with all problems.
        """
        problems = [
            Problem(f"{each.name}: {one.member}" if each.name else one.member, one.rule, one.value)
            for each in self.refused
            for one in each.problems
        ]
        if problems:
            raise InvalidRequest(problems)
        return self


@dataclass(frozen=True)
class Terms:
    """What an import may do; see `AsyncClient.import_file`."""

    replace: bool = False
    renew: bool = False
    keep_sharing: bool = False

    @property
    def params(self) -> dict[str, str]:
        """Query parameters of the route."""
        given = {"replace": self.replace, "renew": self.renew}
        found = {name: "true" for name, value in given.items() if value}
        return found | ({"sharing": "keep"} if self.keep_sharing else {})


async def import_from(
    transport: Transport, source: str | Path | Mapping[str, Any], terms: Terms
) -> ImportReport:
    """Import a file of the disk, a document, or what the service finds at a link.

    Raises
    ------
    InvalidRequest
        The file is neither JSON nor a zip, or the link leads nowhere.
    CcpError
        The file cannot be read.
    """
    if isinstance(source, Mapping):
        body = Request().body(dict(source))
    elif isinstance(source, str) and is_link(source):
        body = Request().body({"href": source})
    else:
        body = await asyncio.to_thread(_file_body, source)
    # Sent once: a second Execution would be made of a second try.
    call = Call("POST", "imports", terms.params, body=body, repeatable=False)
    return _report(await transport.json(call))


def _file_body(source: str | Path) -> Body:
    path = Path(source).expanduser().absolute()
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            begins = file.read(4)
    except OSError as error:
        raise CcpError(f"{path}: cannot be read: {error.strerror or error}") from None

    async def chunks() -> AsyncIterator[bytes]:
        left = size
        with await asyncio.to_thread(path.open, "rb") as file:
            while left:
                chunk = await asyncio.to_thread(file.read, min(_CHUNK, left))
                if not chunk:
                    raise CcpError(f"{path} became shorter while it was sent")
                left -= len(chunk)
                yield chunk

    return Body(size, chunks, ZIP if begins in _ZIP_BEGINS else JSON)


def _report(document: Any) -> ImportReport:
    try:
        return ImportReport(
            Imported(
                name=str(each["name"]),
                kind=str(each["kind"]),
                outcome=str(each["outcome"]),
                id=str(each.get("id", "")),
                title=str(each.get("title", "")),
                version=str(each.get("version", "")),
                notes=tuple(map(str, each.get("notes", []))),
                problems=tuple(
                    Problem(str(one["member"]), str(one["rule"]), str(one["value"]))
                    for one in each.get("problems", [])
                ),
            )
            for each in document["results"]
        )
    except (KeyError, TypeError, AttributeError):
        raise ServiceError("the service sent a report of the wrong shape") from None


def as_document(imported: Imported) -> dict[str, Any]:
    """Return one entry of a report as JSON has it."""
    found = {
        name: getattr(imported, name)
        for name in ("name", "kind", "outcome", "id", "title", "version")
    }
    problems = [
        {"member": each.member, "rule": each.rule, "value": each.value}
        for each in imported.problems
    ]
    return {**found, "notes": list(imported.notes), "problems": problems}
