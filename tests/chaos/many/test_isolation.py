"""Engines with a network and a disk of their own: what random faults are done with."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from requests.exceptions import RequestException

from tests.conftest import missing
from tests.stack.engines import CannotStart, EngineHandle, start_engine

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineHandle]:
    try:
        engine = start_engine(tmp_path / "engine", "one", isolated=True, disk="60m")
    except CannotStart as error:
        missing(str(error))
        raise
    yield engine
    engine.stop()


def ask(engine: EngineHandle, timeout: float = 60) -> None:
    """Make one call over a connection of its own.  Raises when there is no answer."""
    client = engine.client(timeout)
    try:
        client.info()
    finally:
        client.close()


def test_a_cut_network_says_nothing_until_it_is_mended(engine):
    assert engine.network is not None
    engine.network.cut()
    with pytest.raises(RequestException):
        ask(engine, timeout=2)
    engine.network.mend()
    ask(engine)


def test_a_slow_network_takes_its_time(engine):
    assert engine.network is not None
    engine.network.slow_down(24)  # 3 kB in a second; two calls with their handshakes have 15 kB
    begin = time.monotonic()
    ask(engine)
    ask(engine)
    assert time.monotonic() - begin > 2
    engine.network.speed_up()
    ask(engine)


def test_a_full_disk_has_no_room_until_it_is_freed(engine):
    data = engine.folder / "data"
    engine.fill_disk()
    assert os.statvfs(data).f_bavail == 0
    with pytest.raises(OSError, match="No space left"):
        (data / "more").write_bytes(b"x" * 8192)
    engine.free_disk()
    (data / "more").write_bytes(b"x" * 8192)


@pytest.mark.parametrize("losing", [False, True])
def test_it_comes_back_after_its_power_was_cut(engine, losing):
    engine.power_off(losing_containers=losing)
    with pytest.raises(RequestException):
        ask(engine, timeout=5)
    engine.start()
    ask(engine)


def test_nothing_is_left_of_it(tmp_path):
    try:
        engine = start_engine(tmp_path / "engine", "one", isolated=True, disk="60m")
    except CannotStart as error:
        missing(str(error))
        raise
    network, data = engine.network, str(engine.folder / "data")
    assert network is not None
    assert network.path.exists() and data in Path("/proc/self/mountinfo").read_text()
    engine.kill9()
    engine.stop()
    assert not network.path.exists()
    assert not Path("/sys/class/net", f"{network.name}v").exists()
    assert not Path("/sys/class/net", network.name).exists()
    assert data not in Path("/proc/self/mountinfo").read_text()
