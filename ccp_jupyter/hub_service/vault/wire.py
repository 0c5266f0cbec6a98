"""What the vault process and its client agree on.

One JSON object a line each way, over a unix socket, in turn. A request names its operation in
``op``; `ccp_jupyter.hub_service.vault.requests` lists them with their members. Answers are
``{"ok": true, …}`` or ``{"ok": false, "error": …, "message": …}`` where ``error`` is one of the
names below. No answer repeats anything of a request that it refuses.

Secrets that do not fit into one line: a ``put`` comes in several lines, each answered, with
``part`` counting from 0 and ``last`` true in the last, which makes all of them count at once. An
answer comes in several lines, all but the last with ``"more": true``; see `ANSWER_LISTS`.
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterable, Iterator
from typing import Any

MAX_MESSAGE = 4 * 2**20
"""Longest line in either direction, bytes."""
MAX_EXECUTION = 32 * 2**20
"""Most secrets of one Execution, bytes as JSON."""
ROOM = MAX_MESSAGE - 4096
"""Bytes of secrets in one line: what surrounds them takes less than the rest."""

ANSWER_LISTS = ("secrets", "executions", "personal")
"""Members of answers that come in pieces, to be put together again."""

LOST = "lost"
"""Nothing is kept for this Execution, or not what was asked for."""
MALFORMED = "malformed"
"""The request is none that there is."""
TOO_LARGE = "too large"
"""The request is longer than `MAX_MESSAGE`; the connection is closed."""
FULL = "full"
"""The vault holds as much as it takes."""
OWNER_FULL = "owner full"
"""It holds as much of this owner as it takes."""
FAILED = "failed"
"""The spool could not be written; nothing has changed."""

EXIT_TAKEN = 75
"""Exit code of a vault that did not start since another one lives on its socket."""

_CREDENTIALS = struct.Struct("3i")


def peer_uid(connection: socket.socket) -> int:
    """Return the user id of the process at the other end, as the kernel knows it."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    uid: int = _CREDENTIALS.unpack(raw)[1]
    return uid


def encoded(message: dict[str, Any]) -> bytes:
    """Return a message as one line."""
    return json.dumps(message).encode() + b"\n"


def in_pieces(items: Iterable[tuple[Any, int]]) -> Iterator[list[Any]]:
    """Divide items so that each piece fits into one line.

    Parameters
    ----------
    items : iterable of (object, int)
        Each with its bytes as JSON, all below `ROOM`.

    Yields
    ------
    list
        At least one, which may be empty.
    """
    piece: list[Any] = []
    size = 0
    for item, item_size in items:
        if piece and size + item_size > ROOM:
            yield piece
            piece, size = [], 0
        piece.append(item)
        size += item_size
    yield piece


def entry_size(name: str, value: str) -> int:
    """Return the bytes that a name with its value takes in a message."""
    return len(json.dumps(name)) + len(json.dumps(value)) + 4
