"""The service as a program: what it says when its configuration cannot work."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ccp_jupyter.hub_service.app import Misconfigured, parse_infrastructures

NODE = {"id": "n1", "base_url": "unix:///run/docker.sock"}
LAB = {"id": "lab", "name": "Lab", "nodes": [NODE]}

HUB = {
    "JUPYTERHUB_SERVICE_PREFIX": "/services/ccp/",
    "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:1",
    "JUPYTERHUB_API_TOKEN": "x",
    "JUPYTERHUB_API_URL": "http://127.0.0.1:1/hub/api",
}


def start(tmp_path, config="", **environment):
    """Run the service until it gives up; returns exit code and what it printed."""
    path = tmp_path / "config.py"
    path.write_text(
        f"c = get_config()\nc.CcpService.data_dir = {str(tmp_path / 'data')!r}\n{config}"
    )
    clean = {k: v for k, v in os.environ.items() if not k.startswith("JUPYTERHUB")}
    done = subprocess.run(
        [sys.executable, "-m", "ccp_jupyter.hub_service", "-f", str(path)],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], "is empty"),
        ([{**LAB, "nodes": []}], "nodes"),
        ([LAB, LAB], "id lab is used twice"),
        ([LAB, {**LAB, "id": "other"}], "Node id n1 is used twice"),
        ([{**LAB, "nodes": [{"id": "n1", "base_url": "tcp://10.0.0.1:2375"}]}], "plain TCP"),
        ([{**LAB, "limits": {"memory": "much"}}], r"limits\.memory"),
        ([{**LAB, "limits": {"max_time": 0}}], r"limits\.max_time"),
        ([{**LAB, "surprise": 1}], "surprise"),
        ([{**LAB, "id": "../x"}], "id"),
    ],
)
def test_infrastructures_that_cannot_work(entries, message):
    with pytest.raises(Misconfigured, match=message):
        parse_infrastructures(entries)


def test_plain_tcp_needs_the_word_insecure():
    node = {"id": "n1", "base_url": "tcp://10.0.0.1:2375", "insecure": True}
    assert parse_infrastructures([{**LAB, "nodes": [node]}])["lab"].nodes[0].insecure


def test_without_a_hub_it_says_what_is_missing(tmp_path):
    code, said = start(tmp_path, f"c.CcpService.infrastructures = [{LAB!r}]")
    assert code != 0
    assert "JUPYTERHUB_API_TOKEN" in said
    assert "Traceback" not in said


def test_a_store_that_is_none(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/store.sqlite").write_text("this is no database, but has text in it " * 100)
    code, said = start(
        tmp_path,
        f"c.CcpService.infrastructures = [{LAB!r}]",
        **HUB,
    )
    assert code != 0
    assert "store.sqlite" in said
    assert "Traceback" not in said


def test_a_vault_socket_with_too_long_a_path(tmp_path):
    code, said = start(
        tmp_path,
        f"c.CcpService.infrastructures = [{LAB!r}]\n"
        f"c.CcpService.vault_socket = {str(tmp_path / ('x' * 100))!r}",
        **HUB,
    )
    assert code != 0
    assert "vault_socket" in said
    assert "107 bytes" in said
    assert "Traceback" not in said


def test_a_configuration_file_that_is_not_there(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "ccp_jupyter.hub_service", "-f", str(tmp_path / "none.py")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert "there is no file" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_writes_a_configuration_with_all_options():
    done = subprocess.run(
        [sys.executable, "-m", "ccp_jupyter.hub_service", "--generate-config"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    for option in ("infrastructures", "data_dir", "allowed_networks", "lost_after", "keep_for"):
        assert f"c.CcpService.{option} = " in done.stdout
