"""Which start of which process this is, in words and so that others can tell whether it lives."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ccp_jupyter.model.times import now

_PROC: Final = Path("/proc")
_STARTED: Final = 19  # of the fields of proc(5) stat after the name; it is the 22nd of all


@dataclass(frozen=True, slots=True)
class Instance:
    """One start of a service process."""

    id: str
    """Random; of two that want the same, the lower goes first."""
    host: str
    pid: int
    since: str
    """When it started, UTC."""
    place: str
    """What tells process ids of one place from those of another; empty when nothing does."""
    ticks: str
    """When the process started, on its kernel's clock: process ids come again."""

    @classmethod
    def new(cls) -> Instance:
        """Describe this process."""
        pid = os.getpid()
        return cls(
            id=uuid.uuid4().hex,
            host=socket.gethostname()[:100],
            pid=pid,
            since=now().strftime("%Y-%m-%d %H:%M:%S UTC"),
            place=_place(),
            ticks=_ticks(pid),
        )

    @classmethod
    def read(cls, labels: Mapping[str, str]) -> Instance:
        """Read what `labels` made; anybody may have written it, so that all may be missing."""
        pid = labels.get("ccp.pid", "")
        return cls(
            id=labels.get("ccp.instance", ""),
            host=labels.get("ccp.host", "unknown"),
            pid=int(pid) if pid.isdecimal() and len(pid) < 10 else 0,
            since=labels.get("ccp.since", "unknown"),
            place=labels.get("ccp.place", ""),
            ticks=labels.get("ccp.ticks", ""),
        )

    @property
    def labels(self) -> dict[str, str]:
        """All of it, to be left somewhere."""
        return {
            "ccp.instance": self.id,
            "ccp.host": self.host,
            "ccp.pid": str(self.pid),
            "ccp.since": self.since,
            "ccp.place": self.place,
            "ccp.ticks": self.ticks,
        }

    @property
    def words(self) -> str:
        """Which process it is, for its admin."""
        return f"on host {self.host}, process {self.pid}, since {self.since}"

    def is_same_process(self, other: Instance) -> bool:
        """Tell whether both surely are of one process."""
        mine, theirs = (self.place, self.pid, self.ticks), (other.place, other.pid, other.ticks)
        return mine == theirs and bool(self.place and self.ticks)

    def is_dead(self) -> bool:
        """Tell whether it has surely ended: its process ids are ours, and it is not among them."""
        here = _place()
        if not here or self.place != here or not self.ticks or self.pid <= 0:
            return False
        return _ticks(self.pid) != self.ticks


def _place() -> str:
    """Return the boot of the machine and the namespace of process ids; empty where unknown."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(_PROC / 'self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _ticks(pid: int) -> str:
    """Return when a process started, in clock ticks since the boot; empty when there is none."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    # A zombie has ended, only its parent has not noticed.
    return "" if fields[0] in ("Z", "X") else fields[_STARTED]
