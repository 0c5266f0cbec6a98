"""Processes are found by their mark, however deep, and nobody else is touched."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from tests.stack.daemons import Daemon, find, spawn
from tests.stack.marks import STACK, end_marked, marked

# Its parent is gone, its session its own, SIGTERM ignored: nothing but the mark finds it.
_ORPHAN = """
import os, signal, sys, time
if os.fork():
    os._exit(0)
os.setsid()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1] + ".part", "w").write(str(os.getpid()))
os.rename(sys.argv[1] + ".part", sys.argv[1])
time.sleep(60)
"""


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, STACK: str(folder)}


def _orphan(folder: Path) -> Daemon:
    note = folder / "pid"
    spawn(
        [sys.executable, "-c", _ORPHAN, str(note)], folder / "log", environment=_environment(folder)
    )
    deadline = time.monotonic() + 10
    while not note.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return find(int(note.read_text()))


def test_orphans_are_found_and_ended(tmp_path: Path) -> None:
    orphan = _orphan(tmp_path)
    assert orphan.pid in [process.pid for process in marked(STACK, str(tmp_path))]
    assert end_marked(STACK, str(tmp_path), grace=0.2) >= 1
    assert not orphan.alive()
    assert marked(STACK, str(tmp_path)) == []


def test_others_are_left_alone(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "a", tmp_path / "ab"
    ours.mkdir()
    theirs.mkdir()
    other = spawn(["sleep", "60"], theirs / "log", environment=_environment(theirs))
    unmarked = spawn(["sleep", "60"], ours / "log")
    try:
        assert end_marked(STACK, str(ours), grace=0.2) == 0
        assert other.alive(), "its mark only begins alike"
        assert unmarked.alive()
    finally:
        other.kill()
        unmarked.kill()


def test_whoever_asks_is_not_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Here the mark comes too late for /proc; a child that asks for its own mark tells.
    code = (
        "from tests.stack.marks import STACK, end_marked\n"
        f"print('count', end_marked(STACK, {str(tmp_path)!r}))\n"
    )
    monkeypatch.setenv(STACK, str(tmp_path))
    child = spawn([sys.executable, "-c", code], tmp_path / "log", environment=dict(os.environ))
    deadline = time.monotonic() + 30
    while child.alive() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (tmp_path / "log").read_text().strip() == "count 0"
