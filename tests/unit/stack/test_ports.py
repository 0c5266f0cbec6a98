"""Ports for servers of tests: nobody else gets them, neither by asking nor by chance."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.stack import ports


def test_many_that_ask_at_once_get_different_ones() -> None:
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: ports.free_port(), range(200)))
    assert len(set(given)) == 200


def test_outgoing_connections_do_not_get_them() -> None:
    low, high = map(int, ports._EPHEMERAL.read_text().split())
    assert not low <= ports.free_port() <= high


@pytest.mark.parametrize(
    ("system", "own"),
    [
        ((32768, 60999), (22768, 32767)),
        ((1024, 40000), (40001, 65535)),
        ((1024, 65535), (1024, 65535)),
    ],
)
def test_the_own_range(system: tuple[int, int], own: tuple[int, int]) -> None:
    assert ports._own_range(*system) == own


def test_a_port_in_use_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_NEXT", tmp_path / "next")
    with socket.create_server(("127.0.0.1", ports.free_port())) as server:
        used = server.getsockname()[1]
        (tmp_path / "next").write_text(f"{used - 1:05d}")
        assert ports.free_port() not in (used, used - 1)


@pytest.mark.parametrize("kept", ["", "hello", "99999", "00000"])
def test_a_spoiled_file_does_no_harm(
    kept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "_NEXT", tmp_path / "next")
    (tmp_path / "next").write_text(kept)
    low, _ = map(int, ports._EPHEMERAL.read_text().split())
    assert 1024 < ports.free_port() < low or low < 11_025
