"""Network bridges for engines, each with a private subnet that nothing else here uses."""

from __future__ import annotations

import fcntl
import ipaddress
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# /22 gives an engine a thousand addresses and the machine 64 engines.
POOL = ipaddress.ip_network("10.213.0.0/16")
PREFIX = 22
# Not below TMPDIR: test runs side by side have different ones.
_LOCK = Path("/run/ccp-jupyter-bridges.lock")


def add_bridge(name: str) -> str:
    """Create a bridge and return this machine's address on it.

    Parameters
    ----------
    name : str
        At most 15 characters.

    Raises
    ------
    RuntimeError
        When no subnet is free, or the system refuses.
    """
    with _alone():
        used = _used_networks()
        for subnet in POOL.subnets(new_prefix=PREFIX):
            if not any(subnet.overlaps(other) for other in used):
                break
        else:
            raise RuntimeError(f"no /{PREFIX} of {POOL} is free: delete unused ccp bridges")
        address = str(next(iter(subnet.hosts())))
        call("ip", "link", "add", name, "type", "bridge")
        call("ip", "address", "add", f"{address}/{PREFIX}", "dev", name)
        call("ip", "link", "set", name, "up")
        return address


def delete_bridge(name: str) -> None:
    """Delete a bridge; no error when there is none."""
    if Path("/sys/class/net", name).exists():
        call("ip", "link", "delete", name)


def _used_networks() -> list[ipaddress.IPv4Network]:
    interfaces = [
        ipaddress.ip_interface(f"{item['local']}/{item['prefixlen']}").network
        for link in json.loads(call("ip", "-json", "-4", "address"))
        for item in link.get("addr_info", ())
    ]
    routes = [
        ipaddress.ip_network(route["dst"])
        for route in json.loads(call("ip", "-json", "-4", "route"))
        if route["dst"] != "default"
    ]
    return [n for n in interfaces + routes if isinstance(n, ipaddress.IPv4Network)]


def call(*command: str) -> str:
    """Run a short command and return what it printed.

    Raises
    ------
    RuntimeError
        It failed; with what it said.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


@contextmanager
def _alone() -> Iterator[None]:
    """Keep other processes from choosing at the same time."""
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
