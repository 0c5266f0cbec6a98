"""HAProxy before several service processes, set up as docs/deployment.md says."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.stack.daemons import Daemon, spawn
from tests.stack.ports import wait_for_port
from tests.stack.records import note

NAME = "haproxy"

_CONFIG = """\
global
    maxconn 2000
defaults
    mode http
    timeout connect 3s
    timeout client 1h
    timeout server 1h
    retries 3
    option redispatch
frontend ccp
    bind 127.0.0.1:{port}
    default_backend ccp
backend ccp
    balance roundrobin
    option httpchk GET /services/ccp/health
    http-reuse never
    option abortonclose
    default-server check inter 1s fall 3 rise 1 on-marked-down shutdown-sessions
{servers}
"""


def balancer_program() -> str:
    """Return the path of HAProxy.

    Raises
    ------
    FileNotFoundError
        It is not there; the text says how to get it.
    """
    found = shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if found is None:
        raise FileNotFoundError("haproxy is missing: apt-get install haproxy")
    return found


def start_balancer(folder: Path, port: int, services: Mapping[str, int]) -> Daemon:
    """Start it; returns when it listens.

    Parameters
    ----------
    folder : Path
        The stack's.
    port : int
        Where the hub's proxy finds it.
    services : mapping
        Name of each service process to its port.
    """
    lines = (f"    server {name} 127.0.0.1:{its}" for name, its in services.items())
    config = folder / "haproxy.cfg"
    config.write_text(_CONFIG.format(port=port, servers="\n".join(lines)))
    # -db: it stays in the foreground, one process.
    daemon = spawn([balancer_program(), "-db", "-f", str(config)], folder / "logs/haproxy.log")
    note(folder, NAME, daemon)
    wait_for_port(port)
    return daemon
