"""What a stack notes about its servers."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.stack import service
from tests.stack.daemons import spawn
from tests.stack.down import MARKER, down
from tests.stack.records import StackError, from_pid_file, note, noted, write_private
from tests.stack.stack import Stack


def test_a_noted_server_is_found_again(tmp_path: Path) -> None:
    server = spawn(["sleep", "60"], tmp_path / "log")
    try:
        note(tmp_path, "hub", server)
        assert noted(tmp_path) == {"hub": server}
        assert noted(tmp_path)["hub"].alive()
    finally:
        server.kill()
    assert not noted(tmp_path)["hub"].alive()


def test_a_private_file_is_readable_for_its_owner_only(tmp_path: Path) -> None:
    write_private(tmp_path / "secret", "x")
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


@pytest.mark.parametrize("text", ["", "soon", "-1", "99999999"])
def test_a_pid_file_without_a_process_gives_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "pid").write_text(text)
    assert from_pid_file(tmp_path / "pid") is None
    assert from_pid_file(tmp_path / "absent") is None


def test_a_pid_file_gives_its_process(tmp_path: Path) -> None:
    (tmp_path / "pid").write_text(f"{os.getpid()}\n")
    found = from_pid_file(tmp_path / "pid")
    assert found is not None
    assert found.pid == os.getpid()


def test_down_removes_only_what_a_stack_made(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(StackError, match="was not made by a stack"):
        down(tmp_path)
    assert (tmp_path / "thesis.tex").exists()
    (tmp_path / MARKER).touch()
    down(tmp_path)
    assert not tmp_path.exists()
    down(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"services": 2}, "services: 1, or with mongodb"),
        ({"store": "mongodb", "services": 9}, "up to 8"),
        ({"store": "oracle"}, "no such store"),
        ({"nodes": 0}, "nodes: must be 1 to 16"),
        ({"nodes": 17}, "nodes: must be 1 to 16"),
    ],
)
def test_up_refuses_bad_arguments(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(StackError, match=message):
        Stack.up(tmp_path / "stack", **arguments)
    assert not (tmp_path / "stack").exists()


def test_up_refuses_a_folder_with_something_else(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match="was not made by a stack"):
        Stack.up(tmp_path)
    with pytest.raises(StackError, match="is a file"):
        Stack.up(tmp_path / "file")


def test_a_stack_that_is_not_there_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="no stack runs"):
        Stack(tmp_path)


@pytest.mark.parametrize("length", [20, 99, 240])
def test_the_vaults_socket_has_a_name_that_the_system_takes(tmp_path: Path, length: int) -> None:
    folder = tmp_path / ("x" * length)
    path = service.vault_socket(folder)
    path.parent.mkdir(mode=0o700, parents=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    assert path != service.vault_socket(tmp_path / "other")
    assert path == service.vault_socket(folder), "found again by `down`"
    service.remove_vault_socket(folder)
    assert path.exists() == path.is_relative_to(folder)
