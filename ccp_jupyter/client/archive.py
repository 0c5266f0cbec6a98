"""The archive: Methods and Executions as files in the workspace, to be kept and imported again."""

from __future__ import annotations

import hashlib
import itertools
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final

from ccp_jupyter.client.errors import CcpError
from ccp_jupyter.client.fetch import EXECUTIONS, MAKING, download, in_folder, threaded
from ccp_jupyter.client.incoming import clear, place_file
from ccp_jupyter.client.transport import Call, Transport, path_of
from ccp_jupyter.client.unpack import BROKEN, flush
from ccp_jupyter.model import zip_rules
from ccp_jupyter.model.file_names import execution_name, method_file_name, plain_name
from ccp_jupyter.model.times import iso

METHODS: Final = Path("CCP") / "methods"
"""Below the workspace."""
_KINDS: Final = {"method": (METHODS, ".json"), "execution": (EXECUTIONS, ".zip")}
_LARGEST_METHOD: Final = 4 * 2**20
_LARGEST_DOCUMENT: Final = 16 * 2**20
_MOST_ENTRIES: Final = 20_000
_STATUS: Final = "metadata/jobStatus.json"
_METHOD: Final = "metadata/method.json"
# What says when the zip was made, and is made anew for each.
_VOLATILE: Final = ("metadata/folder.json", "metadata/prov", "ro-crate")


class ArchiveError(CcpError):
    """A path that is not in the workspace, or a file that cannot be archived or imported."""


@dataclass(frozen=True)
class Archived:
    """Where something lies now."""

    path: Path
    written: bool
    """False when it lay there already."""


@dataclass(frozen=True)
class ArchiveEntry:
    """One file of the archive, as far as it can be read.

    Attributes
    ----------
    path : str
        Relative to the workspace, with slashes.
    kind : str
        ``method`` or ``execution``.
    size : int
        Bytes.
    modified : str
        When the file was written.
    id, title, version, status, created : str
        What the file says of itself; empty where it does not.
    damaged : str
        Why it cannot be read; empty when it can.
    """

    path: str
    kind: str
    size: int
    modified: str
    id: str = ""
    title: str = ""
    version: str = ""
    status: str = ""
    created: str = ""
    damaged: str = ""

    def document(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)


async def archive_method(transport: Transport, method_id: str, root: Path) -> Archived:
    """Write a Method into ``CCP/methods`` of the workspace.

    Parameters
    ----------
    transport : Transport
        The service.
    method_id : str
        Of the Method.
    root : Path
        The workspace.

    Raises
    ------
    FetchFailed, ServiceError
        Nothing was written.
    """
    answer = await transport.answer(Call("GET", path_of("processes", method_id, "export")))
    name = _method_name(answer.json())

    async def work(folder: Path) -> Archived:
        part = folder / "part"
        part.write_bytes(answer.content)
        return await threaded(lambda _: _placed(part, root / METHODS / name, _same_bytes))

    return await in_folder(root / METHODS, f"{method_id}.method", work)


async def export_methods(
    transport: Transport, ids: Sequence[str], category: str | None, to: Path
) -> Path:
    """Write Methods into a folder: one as JSON, several or a category as a zip.

    Parameters
    ----------
    transport : Transport
        The service.
    ids : sequence of str
        Of the Methods; none for a category.
    category : str or None
        Instead of ids.
    to : Path
        The folder; made when it is not there. Nothing in it is overwritten.

    Returns
    -------
    Path
        The file.
    """
    if category is None and len(ids) == 1:
        answer = await transport.answer(Call("GET", path_of("processes", ids[0], "export")))
        name = _method_name(answer.json())
    else:
        params = {"ids": ",".join(ids)} if category is None else {"category": category}
        answer = await transport.answer(Call("GET", "processes/export", params))
        name = f"{plain_name(category or 'methods', 'methods')}.zip"

    async def work(folder: Path) -> Path:
        part = folder / "part"
        part.write_bytes(answer.content)
        flush(part)
        placed = place_file(part, to / name)
        flush(placed.parent)
        return placed

    return await in_folder(to, name, work)


async def archive_execution(
    transport: Transport, execution_id: str, title: str, root: Path
) -> Archived:
    """Write the folder of an Execution, as a zip, into ``CCP/executions`` of the workspace.

    Parameters
    ----------
    transport : Transport
        The service.
    execution_id, title : str
        Of the Execution, and of its Method.
    root : Path
        The workspace.

    Raises
    ------
    FetchFailed, ServiceError
        Nothing was written.
    """
    name = execution_name(title, execution_id) + ".zip"
    call = Call("GET", path_of("jobs", execution_id, "folder"))

    async def work(folder: Path) -> Archived:
        # Made anew at each download, so an earlier part of it is of no use.
        (folder / "meta.json").unlink(missing_ok=True)
        part = await download(transport, call, folder, silence=MAKING)
        return await threaded(lambda _: _placed(part, root / EXECUTIONS / name, _same_content))

    return await in_folder(root / EXECUTIONS, f"{execution_id}.folder", work)


def _method_name(document: object) -> str:
    if not isinstance(document, dict):
        raise ArchiveError("the service sent no Method")
    title = str(document.get("title") or document.get("id"))
    return method_file_name(title, str(document.get("version", "")))


def _placed(part: Path, wanted: Path, same: Callable[[Path, Path], bool]) -> Archived:
    """Give a file its name, unless an equal one has it, or one of the names with numbers."""
    for number in itertools.count(1):
        name = wanted.name if number == 1 else f"{wanted.stem} ({number}){wanted.suffix}"
        there = wanted.with_name(name)
        if not there.exists():
            break
        if there.is_file() and same(part, there):
            clear(part.parent)
            return Archived(there, written=False)
    flush(part)
    placed = place_file(part, wanted)
    flush(placed.parent)
    clear(part.parent)
    return Archived(placed, written=True)


def _same_bytes(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    return _digest(one) == _digest(other)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _same_content(one: Path, other: Path) -> bool:
    """Tell whether two zips hold the same files, by the checksums in their lists of contents."""
    try:
        return _checksums(one) == _checksums(other)
    except (*BROKEN, OSError):
        return False


def _checksums(path: Path) -> dict[str, tuple[int, int]]:
    with path.open("rb") as file:
        zip_rules.check_directory(file, _MOST_ENTRIES)
        with zipfile.ZipFile(file) as archive:
            return {
                info.filename: (info.CRC, info.file_size)
                for info in archive.infolist()
                if not info.filename.startswith(_VOLATILE)
            }


# --- what lies there -----------------------------------------------------------------------------


def entries(root: Path) -> list[ArchiveEntry]:
    """Return what lies in the archive, Methods first, by name; blocks.

    Hidden files, links to elsewhere and files of other kinds are left out; what is damaged is told.
    """
    return [
        _entry(path, root, kind)
        for kind, (folder, ending) in _KINDS.items()
        for path in _files(root, folder, ending)
    ]


def _files(root: Path, folder: Path, ending: str) -> Iterator[Path]:
    place = root / folder
    if not place.is_dir():
        return
    for path in sorted(place.iterdir()):
        plain = not path.name.startswith(".") and path.suffix.lower() == ending
        if plain and path.is_file() and _is_inside(path, root):
            yield path


def _entry(path: Path, root: Path, kind: str) -> ArchiveEntry:
    stat = path.stat()
    damaged, told = "", dict[str, str]()
    try:
        told = _method_members(path) if kind == "method" else _execution_members(path)
    except (*BROKEN, RecursionError, OSError) as error:
        damaged = f"cannot be read: {str(error)[:200] or type(error).__name__}"
    return ArchiveEntry(
        path=path.relative_to(root).as_posix(),
        kind=kind,
        size=stat.st_size,
        modified=iso(datetime.fromtimestamp(stat.st_mtime, UTC)),
        damaged=damaged,
        **told,
    )


def _method_members(path: Path) -> dict[str, str]:
    if path.stat().st_size > _LARGEST_METHOD:
        raise ValueError(f"a Method has at most {_LARGEST_METHOD} bytes")
    document = json.loads(path.read_bytes())
    if not isinstance(document, dict) or "inputs" not in document:
        raise ValueError("it is no Method")
    return _texts(document, id="id", title="title", version="version")


def _execution_members(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        zip_rules.check_directory(file, _MOST_ENTRIES)
        with zipfile.ZipFile(file) as archive:
            status = _document(archive, _STATUS)
            method = _document(archive, _METHOD) if _METHOD in archive.namelist() else {}
    found = _texts(status, id="jobID", title="title", status="status", created="created")
    return {**found, **_texts(method, title="title", version="version")}


def _document(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise ValueError(f"it is no Execution: {name} is missing") from None
    if info.file_size > _LARGEST_DOCUMENT:
        raise ValueError(f"{name} has {info.file_size} bytes, which is too much")
    with archive.open(info) as content:
        found = json.loads(content.read(_LARGEST_DOCUMENT))
    if not isinstance(found, dict):
        raise ValueError(f"{name} is no object")
    return found


def _texts(document: dict[str, Any], **members: str) -> dict[str, str]:
    return {
        name: str(document[member])[:500]
        for name, member in members.items()
        if isinstance(document.get(member), str)
    }


def inside(root: Path, path: str) -> Path:
    """Return the file of the workspace that a path means.

    Parameters
    ----------
    root : Path
        The workspace.
    path : str
        Relative to it, with slashes.

    Raises
    ------
    ArchiveError
        It is no such path: absolute, with ``..``, hidden, a link to elsewhere, or no file.
    """
    steps = PurePosixPath(path).parts
    if not steps or "\0" in path or "\\" in path or path.startswith("/") or ".." in steps:
        raise ArchiveError("path: must be a path relative to the workspace, without ..")
    if any(step.startswith(".") for step in steps):
        raise ArchiveError("path: hidden files are not imported")
    found = root.joinpath(*steps)
    try:
        usable = found.is_file() and _is_inside(found, root)
    except (OSError, ValueError):
        usable = False
    if not usable:
        raise ArchiveError("path: there is no such file in the workspace")
    return found


def _is_inside(path: Path, root: Path) -> bool:
    """Tell whether a file is in the workspace when all links are followed."""
    return path.resolve().is_relative_to(root.resolve())
