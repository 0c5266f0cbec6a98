"""The service as a program: what it says when its configuration cannot work."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ccp_jupyter.hub_service.configuration import Misconfigured, parse_infrastructures

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


def test_nodes_may_come_later():
    assert parse_infrastructures([{**LAB, "nodes": []}])["lab"].nodes == ()


AGENCY_TLS = {"verify": "/ca.pem", "client_cert": ("/cert.pem", "/key.pem")}
AGENCY = {
    "node1": {
        "base_url": "tcp://192.168.0.100:2376",
        "tls": {**AGENCY_TLS, "assert_hostname": False},
        "hardware": {"gpus": [{"id": 0, "vram": 1024}, {"id": "GPU-1"}]},
        "environment": {"HTTP_PROXY": "http://proxy:3128"},
        "network": "experiments",
    },
    "node_2": {"base_url": "unix://var/run/docker.sock"},
    "node3": {"base_url": "ssh://ccp@host", "slots": 3},
}


def test_nodes_as_cc_agency_has_them():
    found = parse_infrastructures([{**LAB, "nodes": AGENCY}])["lab"].nodes
    assert [node.id for node in found] == ["node1", "node_2", "node3"]
    assert found[0].base_url == "tcp://192.168.0.100:2376"
    assert found[0].tls is not None
    assert found[0].tls.hostname is False
    assert (str(found[0].tls.cert), str(found[0].tls.key)) == ("/cert.pem", "/key.pem")
    assert [(gpu.id, gpu.vram) for gpu in found[0].gpus] == [("0", 1024), ("GPU-1", None)]
    assert found[0].environment == {"HTTP_PROXY": "http://proxy:3128"}
    assert found[0].network == "experiments"
    assert found[1].base_url == "unix:///var/run/docker.sock"
    assert (found[2].base_url, found[2].slots) == ("ssh://ccp@host", 3)


@pytest.mark.parametrize("hostname", [True, "engine.example.org"])
def test_the_name_in_the_certificate(hostname):
    tls = {**AGENCY_TLS, "assert_hostname": hostname}
    nodes = {"n1": {"base_url": "https://10.0.0.1", "tls": tls}}
    found = parse_infrastructures([{**LAB, "nodes": nodes}])["lab"].nodes[0].tls
    assert found is not None
    assert found.hostname == hostname


SECURE = {"base_url": "tcp://10.0.0.1:2376", "tls": AGENCY_TLS}


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ("unix:///run/docker.sock", "must be a map"),
        (None, "must be a map"),
        ({}, "base_url: Field required"),
        ({"base_url": 5}, "base_url: Input should be a valid string"),
        ({"base_url": "npipe:////./pipe"}, "by unix socket or by TCP"),
        ({"base_url": "tcp://me:hunter2@10.0.0.1", "tls": AGENCY_TLS}, "holds a login"),
        ({"base_url": "tcp://10.0.0.1:2375"}, "plain TCP; give the files of `tls`"),
        ({**SECURE, "id": "other"}, "the name that it stands under is its id"),
        ({**SECURE, "surprise": 1}, "surprise: Extra inputs are not permitted"),
        ({**SECURE, "tls": {"verify": True}}, r"CA's file \(verify\)"),
        ({**SECURE, "tls": {**AGENCY_TLS, "client_cert": ["a"]}}, r"tls\.client_cert: List should"),
        ({**SECURE, "tls": {**AGENCY_TLS, "client_cert": "ab"}}, r"tls\.client_cert: Input should"),
        ({**SECURE, "tls": {**AGENCY_TLS, "assert_hostname": 1}}, r"tls\.assert_hostname: .*text"),
        (
            {**SECURE, "tls": {**AGENCY_TLS, "ssl_version": 3}},
            r"tls\.ssl_version: has no counterpart",
        ),
        ({**SECURE, "hardware": 7}, "hardware: "),
        ({**SECURE, "hardware": {"gpus": [{}]}}, r"hardware\.gpus\.0\.id: Field required"),
        (
            {**SECURE, "hardware": {"gpus": [{"id": 0, "vram": 1}]}},
            r"hardware\.gpus\.0\.vram: .*greater than or equal to 256",
        ),
        ({**SECURE, "hardware": {"gpu_blacklist": [0]}}, "list those to hand out"),
    ],
)
def test_nodes_as_cc_agency_has_them_that_cannot_work(node, message):
    with pytest.raises(Misconfigured, match=message) as found:
        parse_infrastructures([{**LAB, "nodes": {"node1": node}}])
    assert str(found.value).startswith("CcpService.infrastructures[0].nodes['node1']: ")
    assert "hunter2" not in str(found.value)


@pytest.mark.parametrize("name", ["_x", "", "a b", "x" * 101, 7])
def test_names_that_are_no_ids(name):
    with pytest.raises(Misconfigured, match=r"nodes\[.*id"):
        parse_infrastructures([{**LAB, "nodes": {name: SECURE}}])


def test_plain_tcp_needs_the_word_insecure():
    node = {"id": "n1", "base_url": "tcp://10.0.0.1:2375", "insecure": True}
    assert parse_infrastructures([{**LAB, "nodes": [node]}])["lab"].nodes[0].insecure


@pytest.mark.parametrize("option", ["trusted_proxies", "allowed_networks"])
def test_networks_that_are_none(tmp_path, option):
    config = f"c.CcpService.infrastructures = [{LAB!r}]\nc.CcpService.{option} = ['10.0.0.7/8']"
    code, said = start(tmp_path, config, **HUB)
    assert code != 0
    assert f"ccp-service: {option}: 10.0.0.7/8 has host bits set" in said
    assert "Traceback" not in said


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


def test_a_vault_key_file_that_others_may_read(tmp_path):
    key = tmp_path / "vault.key"
    key.write_text("hunter2-hunter2\n")
    key.chmod(0o644)
    code, said = start(
        tmp_path,
        f"c.CcpService.infrastructures = [{LAB!r}]\nc.CcpService.vault_key_file = {str(key)!r}",
        **HUB,
    )
    assert code != 0
    assert f"key file {key}: has mode 0644, so others may read it; chmod 600" in said
    assert "hunter2" not in said
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
