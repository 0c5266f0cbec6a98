"""From the tar of a batch's result folder to its zip: streams and the agent's report.

The batch's own command can write there too, so nothing is trusted: only three names count, every
size is bounded, and a damaged report is no report. All functions block and run in worker threads.
"""

from __future__ import annotations

import json
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ccp_jupyter.hub_service.controller.outputs import (
    Packed,
    Whole,
    whole_or_nothing,
    write_manifest,
)
from ccp_jupyter.hub_service.manifests import Hashed
from ccp_jupyter.hub_service.masking import Masker

_REPORT: Final = "result.json"
_STREAMS: Final = ("stdout", "stderr")
_LARGEST_REPORT: Final = 4 * 2**20
_LARGEST_KEPT: Final = 48 * 1024  # of a report in the store, which is written at each change
_CHUNK: Final = 64 * 1024


class _Process(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    returnCode: int | None = Field(ge=-(2**31), le=2**31)  # noqa: N815
    executed: bool
    stdout: str | None
    stderr: str | None


class _Report(BaseModel):
    """What an agent of CC-Agency reports (reference, section 4.6)."""

    model_config = ConfigDict(extra="ignore", strict=True)

    command: list[str]
    process: _Process
    inputs: dict[str, dict[str, Any]] | None
    outputs: dict[str, dict[str, Any]] | None
    state: str = Field(pattern=r"^(succeeded|failed)$")
    debugInfo: list[str] | None = None  # noqa: N815


def read_result(
    archive: IO[bytes], target: Path, stream_size: int, masker: Masker | None
) -> Packed:
    """Write a batch's zip, with secrets masked, and read the report.

    Parameters
    ----------
    archive : file
        Uncompressed tar of the result folder, as the engine delivers it.
    target : Path
        Zip with ``stdout``, ``stderr`` and ``result.json``, as far as they are there.
    stream_size : int
        Bytes kept of each stream.
    masker : Masker or None
        Of the batch's secrets; None leaves out what may hold one.

    Returns
    -------
    Packed
        Its `result` is None when there is no readable report.

    Raises
    ------
    ccp_jupyter.hub_service.controller.outputs.NoRoom
    tarfile.TarError
        The stream is damaged or was cut off.
    """
    packed = Packed()
    target.parent.mkdir(parents=True, exist_ok=True)
    whole = Whole(archive)
    with whole_or_nothing(target) as partial:
        with (
            tarfile.open(fileobj=cast("IO[bytes]", whole), mode="r|", bufsize=_CHUNK) as tar,
            zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as zipped,
        ):
            for member in tar:
                name = str(PurePosixPath(*PurePosixPath(member.name).parts[1:]))
                source = tar.extractfile(member) if member.isreg() else None
                if source is None or name in zipped.namelist():
                    continue
                if name in _STREAMS and masker is None:
                    packed.note(f"{name} is left out: the vault has lost what must be masked in it")
                elif name in _STREAMS and masker is not None:
                    _write_stream(source, name, zipped, stream_size, masker, packed)
                elif name == _REPORT:
                    _write_report(source, zipped, masker, packed)
            whole.check()
        write_manifest(target, packed)
    return packed


def _write_stream(
    source: IO[bytes],
    name: str,
    zipped: zipfile.ZipFile,
    size: int,
    masker: Masker,
    packed: Packed,
) -> None:
    # The agent cuts streams itself; half as much again is for the words with which it says so.
    room = size + size // 2 + _CHUNK
    masked, more = masker.stream(), True
    with zipped.open(name, "w") as sink:
        hashed = Hashed(sink)
        while more and room > 0:
            chunk = source.read(min(_CHUNK, room))
            room -= len(chunk)
            more = bool(chunk)
            hashed.write(masked.feed(chunk))
        hashed.write(masked.finish())
    packed.listed[name] = hashed.file(name)
    if room <= 0:
        packed.note(f"{name} was cut")
    packed.files += 1


def _write_report(
    source: IO[bytes], zipped: zipfile.ZipFile, masker: Masker | None, packed: Packed
) -> None:
    data = source.read(_LARGEST_REPORT + 1)
    if len(data) > _LARGEST_REPORT:
        packed.note(f"the agent's report has more than {_LARGEST_REPORT} bytes")
        return
    try:
        report = _Report.model_validate(json.loads(data))
    except (ValueError, RecursionError) as error:
        what = "no JSON" if not isinstance(error, ValidationError) else "not in its form"
        packed.note(f"the agent's report is {what}")
        return
    masked: dict[str, Any] = report.model_dump()
    if masker is None:
        masked |= {"inputs": None, "outputs": None, "debugInfo": None}
    else:
        masked = masker.data(masked)
    with zipped.open(_REPORT, "w") as sink:
        hashed = Hashed(sink)
        hashed.write(json.dumps(masked, indent=1).encode())
    packed.listed[_REPORT] = hashed.file(_REPORT)
    packed.files += 1
    packed.result = _bounded(masked)


def _bounded(report: dict[str, Any]) -> dict[str, Any]:
    """Return a report small enough for the store; the zip has all of it."""
    if len(json.dumps(report)) <= _LARGEST_KEPT:
        return report
    info = [line[:1000] for line in (report.get("debugInfo") or [])[:20]]
    return {**report, "command": report["command"][:1], "inputs": None, "outputs": None} | {
        "debugInfo": [*info, "this report was too long and was cut; the zip has all of it"]
    }
