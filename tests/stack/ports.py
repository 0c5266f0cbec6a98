"""Ports for servers of tests, and waiting until somebody listens there."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from pathlib import Path

# Not below TMPDIR: test runs side by side have different ones.
_NEXT = Path(f"/tmp/ccp-jupyter-ports-{os.getuid()}")
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_COUNT = 10_000


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port that nobody uses now, and that nobody gets by chance for a long while.

    A port that the system picked (``bind`` to 0) would be one that it also gives to outgoing
    connections, so that while a server starts, or starts again, any client can take its port
    away. These ports lie outside of that range, and are handed out in turn to all test runs of
    this machine.
    """
    first, last = _own_range(*map(int, _EPHEMERAL.read_text().split()))
    file = os.open(_NEXT, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        kept = os.pread(file, 10, 0)
        port = int(kept) if kept.isdigit() else first
        for _ in range(last - first + 1):
            port = port + 1 if first <= port < last else first
            if _is_free(port, host):
                os.pwrite(file, b"%05d" % port, 0)
                return port
    finally:
        os.close(file)
    raise RuntimeError(f"no port of {first} to {last} is free on {host}")


def _own_range(low: int, high: int) -> tuple[int, int]:
    """Return ports that the system does not use for outgoing connections."""
    if low - _COUNT > 1024:
        return low - _COUNT, low - 1
    return (high + 1, 65535) if high < 65000 else (1024, 65535)


def _is_free(port: int, host: str) -> bool:
    with socket.socket() as probe:
        # As servers do: what lingers of connections that ended (TIME_WAIT) does not disturb them.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def is_open(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether somebody accepts connections on a port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def wait_for_port(port: int, timeout: float = 15.0, host: str = "127.0.0.1") -> None:
    """Wait until somebody accepts connections.

    Raises
    ------
    TimeoutError
        When nobody did within `timeout` seconds.
    """
    end = time.monotonic() + timeout
    while not is_open(port, host):
        if time.monotonic() > end:
            raise TimeoutError(f"nobody listens on {host}:{port} after {timeout:g} s")
        time.sleep(0.05)
