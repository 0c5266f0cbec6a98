"""Where the outputs of an Execution are, or of a built-in process that has just run."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from ccp_jupyter.hub_service.api.links import member_path
from ccp_jupyter.hub_service.api.logs import log_pieces
from ccp_jupyter.hub_service.api.raw_results import BINARY, TEXT, Parts, RawPart
from ccp_jupyter.hub_service.api.services import Services
from ccp_jupyter.hub_service.api.wanted import Wanted
from ccp_jupyter.hub_service.builtin.base import Produced
from ccp_jupyter.hub_service.events.base import EventLog
from ccp_jupyter.model.execution import Execution

LONGEST_LOG: Final = 16 * 2**20
"""Characters of an output ``stdout`` or ``stderr``; longer ones are sent by reference."""


async def parts_of(
    services: Services,
    execution: Execution,
    wanted: Sequence[Wanted],
    base: str,
    longest_log: int = LONGEST_LOG,
) -> Parts:
    """Return what there is of each output.

    Parameters
    ----------
    services : Services
        Where files and journal are.
    execution : Execution
        A successful one.
    wanted : sequence of Wanted
        Which outputs.
    base : str
        Address of the service.
    longest_log : int
        Characters of stdout and stderr that are read; nothing of a longer one.
    """
    base = f"{base}jobs/{execution.id}/"
    archive = services.folders.outputs(execution.id)
    files = await asyncio.to_thread(located, archive, execution.replicas, wanted)
    found: dict[str, list[RawPart]] = {}
    for output in wanted:
        if output.stream is None:
            found[output.id] = [
                RawPart(
                    output.id,
                    kind or BINARY,
                    f"{base}outputs/{member_path(info.filename)}",
                    output.by_value,
                    info=info,
                    utf8=output.built_in,
                )
                for info, kind in files.get(output.id, [])
            ]
        else:
            limit = longest_log if output.by_value else 0
            data = await _log(services.events, execution.id, output.stream, limit)
            href = f"{base}log?stream={output.stream}"
            found[output.id] = [
                RawPart(output.id, TEXT, href, output.by_value, data=data, utf8=True)
            ]
    return found


def parts_of_produced(produced: Mapping[str, Produced], wanted: Sequence[Wanted]) -> Parts:
    """Return what a built-in process made of each output; nothing of it is kept."""
    found: dict[str, list[RawPart]] = {}
    for output in wanted:
        made = produced.get(output.id)
        found[output.id] = (
            []
            if made is None
            else [RawPart(output.id, made.media_type, "", True, data=made.data, utf8=True)]
        )
    return found


def located(
    archive: Path, replicas: int, outputs: Sequence[Wanted]
) -> dict[str, list[tuple[zipfile.ZipInfo, str]]]:
    """Return files and media types of outputs, by output; each replica may have one.  Blocks."""
    found: dict[str, list[tuple[zipfile.ZipInfo, str]]] = {}
    if not archive.exists() or not any(output.paths for output in outputs):
        return found
    with zipfile.ZipFile(archive) as source:
        for output in outputs:
            for number in range(1, replicas + 1):
                folder = f"replica-{number}/" if replicas > 1 else ""
                for path, kind in output.paths.items():
                    info = source.NameToInfo.get(folder + path)
                    if info is not None and not info.is_dir():
                        found.setdefault(output.id, []).append((info, kind))
    return found


async def _log(events: EventLog, execution_id: str, stream: str, limit: int) -> bytes | None:
    """Return what was written to a stream; None when it is longer than the limit."""
    kept: list[str] = []
    if not limit:
        return None
    async for piece in log_pieces(events, execution_id, None, stream):
        kept.append(piece)
        limit -= len(piece)
        if limit < 0:
            return None
    return "".join(kept).encode("utf-8", "replace")
