"""``ssh://user@host[:port][/socket]``: a docker engine's socket on another machine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

ENGINE_SOCKET: Final = "/var/run/docker.sock"

# None of them may begin with "-", or hold what ssh expands ("%", "$") or takes apart (":").
_ADDRESS = re.compile(
    r"ssh://"
    r"(?:(?P<user>[A-Za-z_][A-Za-z0-9_.-]{0,63})@)?"
    r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<socket>(?:/[A-Za-z0-9_.@+-]+)+)?"
    r"/?"
)
_LONGEST_SOCKET = 100  # of 108 bytes that the system allows
_PORTS = range(1, 65_536)


@dataclass(frozen=True, slots=True)
class SshAddress:
    """Where an engine is."""

    user: str | None
    """None: as ssh's own configuration says."""
    host: str
    """Without the brackets of an IPv6 address."""
    port: int | None
    """None: as ssh's own configuration says."""
    socket: str
    """Absolute path on that machine."""

    @classmethod
    def read(cls, url: str) -> SshAddress:
        """Read an address.

        Raises
        ------
        ValueError
            With what it must be like.
        """
        found = _ADDRESS.fullmatch(url)
        port = int(found["port"]) if found and found["port"] else None
        socket = (found and found["socket"]) or ENGINE_SOCKET
        fits = len(socket) <= _LONGEST_SOCKET and (port is None or port in _PORTS)
        if found is None or not fits:
            raise ValueError(
                f"{_without_password(url)!r} is no ssh://[user@]host[:port][/path/of/the/socket];"
                f" a password cannot be given, a path has at most {_LONGEST_SOCKET} characters"
            )
        return cls(found["user"], found["host"].strip("[]"), port, socket)


def _without_password(url: str) -> str:
    return re.sub(r"(//[^:@/]*):[^@]*@", r"\1:…@", url)[:200]
