"""What zips of Executions are made with: logs sorted on the disk, and pieces of a good size."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ccp_jupyter.hub_service.api.logs import all_events, text_of
from ccp_jupyter.hub_service.api.streaming import CHUNK
from ccp_jupyter.hub_service.events.base import EventLog
from ccp_jupyter.model.events import LogEvent

_SPOOL_SIZE: Final = 4 * 2**20
"""Characters of log text that are gathered in memory before they go to disk."""


async def spool_logs(
    events: EventLog, execution_id: str, spool: Path, closed: asyncio.Event
) -> None:
    """Sort the journal's lines into one file for each replica and stream, ``stdout.1.txt``.

    One pass, because a journal with many replicas is long, and on disk, because it does not
    fit into memory.

    Parameters
    ----------
    events : EventLog
        Has the journal.
    execution_id : str
        Whose.
    spool : Path
        Folder for the files.
    closed : asyncio.Event
        Set when nobody wants them any more.
    """
    kept: dict[str, list[str]] = {}
    size = 0
    async for event in all_events(events, execution_id):
        if closed.is_set():
            return
        if isinstance(event, LogEvent):
            text = text_of(event)
            kept.setdefault(f"{event.stream}.{event.task}.txt", []).append(text)
            size += len(text)
        if size > _SPOOL_SIZE:
            await asyncio.to_thread(_append, spool, kept)
            kept, size = {}, 0
    await asyncio.to_thread(_append, spool, kept)


def _append(spool: Path, kept: dict[str, list[str]]) -> None:
    for name, texts in kept.items():
        with (spool / name).open("a", encoding="utf-8", errors="replace") as file:
            file.writelines(texts)


def gathered(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield larger pieces, because each costs a change of thread."""
    kept = bytearray()
    for chunk in chunks:
        kept += chunk
        if len(kept) >= CHUNK:
            yield bytes(kept)
            kept.clear()
    if kept:
        yield bytes(kept)
