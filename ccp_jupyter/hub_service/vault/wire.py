"""What the vault process and its client agree on.

One JSON object a line each way, over a unix socket. Requests: ``{"op": "ping"}``,
``{"op": "put", "id": …, "secrets": {…}}``, ``{"op": "get", "id": …}``,
``{"op": "forget", "id": …}``. Answers: ``{"ok": true, …}`` with ``pid`` or ``secrets``, or
``{"ok": false, "error": …, "message": …}`` where ``error`` is one of the names below. No answer
repeats anything of a request that it refuses.
"""

from __future__ import annotations

import socket
import struct

MAX_MESSAGE = 4 * 2**20
"""Longest line in either direction, bytes."""

LOST = "lost"
"""Nothing is kept for this Execution."""
MALFORMED = "malformed"
"""The request is not one of those above."""
TOO_LARGE = "too large"
"""The request is longer than `MAX_MESSAGE`; the connection is closed."""
FULL = "full"
"""The vault holds as much as it takes."""

EXIT_TAKEN = 75
"""Exit code of a vault that did not start since another one lives on its socket."""

_CREDENTIALS = struct.Struct("3i")


def peer_uid(connection: socket.socket) -> int:
    """Return the user id of the process at the other end, as the kernel knows it."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    uid: int = _CREDENTIALS.unpack(raw)[1]
    return uid
