"""Free loopback ports, and waiting until somebody listens there."""

from __future__ import annotations

import socket
import time


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port that nobody uses now.

    The system hands out ports in turn, so that two calls hardly ever get the same one. A server
    that still finds it taken should be started again on another.
    """
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


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
