"""Starts the vault again when it has died while the service runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ccp_jupyter.hub_service.vault.base import VaultUnreachable
from ccp_jupyter.hub_service.vault.client import VaultClient, ensure_running

_log = logging.getLogger(__name__)

_INTERVAL: Final = 2.0  # seconds between two signs of life


async def keep_running(
    socket: Path,
    log: Path,
    key_file: Path | None,
    spool: Path | None,
    started: Callable[[int], None],
    leave_after: float | None = None,
) -> None:
    """Ask the vault for a sign of life, and start another when there is none; for ever.

    One that only hangs is left alone: it still has the secrets.

    Parameters
    ----------
    socket, log, key_file, spool
        See `client.ensure_running`.
    started : callable
        Told the process id of each vault that was started.
    leave_after : float, optional
        See `client.ensure_running`; longer than the time between two signs of life.
    """
    client = VaultClient(socket)
    try:
        pid = await client.ping()
        while True:
            await asyncio.sleep(_INTERVAL)
            try:
                found = await ensure_running(socket, log, key_file, spool, leave_after)
            except VaultUnreachable as error:
                _log.error("the vault does not answer: %s", error)
                continue
            if found != pid:
                _log.error("the vault had ended; another one runs now, process %d", found)
                pid = found
                started(pid)
    finally:
        await client.close()
