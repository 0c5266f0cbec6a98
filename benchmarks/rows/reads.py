"""Requests that read: one Execution's status, and the list of Methods."""

from __future__ import annotations

import httpx

from benchmarks.bare import bare_server
from benchmarks.figures import Budget, Row, Spread, ratio_row
from benchmarks.setting import Setting, interleaved
from benchmarks.wrk import Load, drive

CONNECTIONS = 8


def measure(setting: Setting, stored: int) -> list[Row]:
    """Compare with a bare handler that returns the same bytes.

    Parameters
    ----------
    stored : int
        Executions that the store has, for the titles.
    """
    with httpx.Client(base_url=setting.port_url, headers=setting.headers) as client:
        jobs = client.get("jobs", params={"limit": 1}).raise_for_status().json()["jobs"]
    job = jobs[0]["jobID"]
    return [
        _row(setting, "job", f"jobs/{job}", "GET /jobs/{id}", stored),
        _row(setting, "processes", "processes", "GET /processes", stored),
    ]


def _row(setting: Setting, key: str, path: str, title: str, stored: int) -> Row:
    url, headers = setting.port_url + path, setting.headers
    content = httpx.get(url, headers=headers).raise_for_status().content
    seconds = setting.choose(1, 5)

    def load(target: str) -> Load:
        return drive(target, headers, seconds, CONNECTIONS)

    with bare_server(content) as bare:
        pairs = interleaved(setting.choose(2, 5), lambda: load(url), lambda: load(bare))
    middle = Spread.of(ours.p50 * 1e3 for ours, _ in pairs).median
    return ratio_row(
        f"{key}.{stored}",
        f"{title}, {stored:,} stored",
        [(ours.rate, theirs.rate) for ours, theirs in pairs],
        Budget("at least", 0.5),
        "/s",
        [
            f"{len(content)} bytes, {CONNECTIONS} connections;"
            f" ours answers half of them within {middle:.1f} ms"
        ],
    )
