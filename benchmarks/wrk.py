"""Drives an HTTP address with Debian's ``wrk`` and reads what it reports."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_MICROSECONDS = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 6e7}


class WrkFailed(RuntimeError):
    """It did not run, or some answers were no success."""


class NoAnswer(WrkFailed):
    """Not one request was answered in the time."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of wrk found."""

    rate: float
    """Successful requests per second."""
    requests: int
    p50: float
    """Seconds until half of the requests were answered."""
    p99: float


def drive(
    url: str,
    headers: Mapping[str, str],
    seconds: int,
    connections: int,
    script: Path | None = None,
) -> Load:
    """Send requests as fast as they are answered.

    Parameters
    ----------
    seconds : int
        How long.
    connections : int
        Kept open; each has one request under way.
    script : Path, optional
        Lua, as wrk takes it.

    Raises
    ------
    WrkFailed
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "30s"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    if script is not None:
        command += ["-s", str(script)]
    try:
        done = subprocess.run(
            [*command, url], capture_output=True, text=True, timeout=seconds + 60, check=False
        )
    except FileNotFoundError as error:
        raise WrkFailed("wrk is not installed (Debian: apt-get install wrk)") from error
    if done.returncode:
        raise WrkFailed(f"wrk ended with {done.returncode}: {done.stderr.strip()[:500]}")
    return parse(done.stdout)


def parse(report: str) -> Load:
    """Read a report.

    Raises
    ------
    NoAnswer
        It tells of no request.
    WrkFailed
        It tells of errors, or it is no report.
    """
    for line in report.splitlines():
        if line.strip().startswith(("Non-2xx", "Socket errors")):
            raise WrkFailed(f"wrk: {line.strip()}")
    rate = re.search(r"^Requests/sec:\s+([\d.]+)", report, re.MULTILINE)
    requests = re.search(r"^\s*(\d+) requests in ", report, re.MULTILINE)
    if rate is None or requests is None:
        raise WrkFailed(f"wrk: no requests in its report: {report.strip()[:500]!r}")
    if int(requests[1]) == 0:
        raise NoAnswer("wrk: no request was answered while it ran")
    return Load(float(rate[1]), int(requests[1]), _percentile(report, 50), _percentile(report, 99))


def _percentile(report: str, percent: int) -> float:
    found = re.search(rf"^\s*{percent}%\s+([\d.]+)(us|ms|s|m)\s*$", report, re.MULTILINE)
    if found is None:
        raise WrkFailed(f"wrk: its report does not tell the {percent}th percentile")
    return float(found[1]) * _MICROSECONDS[found[2]] / 1e6
