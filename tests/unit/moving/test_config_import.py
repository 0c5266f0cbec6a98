"""From cc-agency.yml to a configuration that the service accepts."""

from __future__ import annotations

import argparse
import stat

import pytest

from ccp_jupyter.hub_service.app import CcpService
from ccp_jupyter.hub_service.configuration import parse_hooks, parse_infrastructures
from ccp_jupyter.hub_service.moving import add_commands
from ccp_jupyter.hub_service.moving.agency_config import versions
from ccp_jupyter.model.red import read
from tests.unit.moving.agency_files import EVERYTHING_93, SEED_5, SMALLEST_93

OK, INVALID, REFUSED = 0, 3, 4


def command(*words):
    """Run a command as the program `ccp` does."""
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers(required=True))
    arguments = parser.parse_args([str(word) for word in words])
    return arguments.run(arguments)


@pytest.fixture
def imported(tmp_path, capsys):
    """Import a text; gives exit code, the loaded service or None, and what was printed."""

    def do(text, *options):
        source, output = tmp_path / "cc-agency.yml", tmp_path / "ccp_service_config.py"
        source.write_bytes(text if isinstance(text, bytes) else text.encode())
        code = command("config", "import", source, "--output", output, *options)
        said = capsys.readouterr()
        return code, load(output) if code == OK else None, said.out + said.err

    return do


def load(path):
    """Read a configuration as `python -m ccp_jupyter.hub_service -f FILE` does."""
    app = CcpService()
    app.initialize(["-f", str(path)])
    return app


def nodes(app):
    (infrastructure,) = parse_infrastructures(app.infrastructures).values()
    return infrastructure, {node.id: node for node in infrastructure.nodes}


def test_version_5(imported):
    code, app, said = imported(SEED_5)
    assert code == OK
    infrastructure, found = nodes(app)
    assert infrastructure.id == "agency"
    assert infrastructure.strategy == "binpack"
    assert app.attempts == 3
    assert list(found) == ["node1", "node2", "node3"]
    assert str(found["node1"].tls.key) == "/home/cc/.docker/machine/machines/node1/key.pem"
    assert [(gpu.id, gpu.vram) for gpu in found["node1"].gpus] == [("0", 1024), ("1", None)]
    assert found["node2"].insecure
    assert found["node3"].base_url == "unix:///var/run/docker.sock"
    assert not found["node3"].insecure
    assert "CC-Agency 5.4." in said
    assert "node2: plain TCP" in said
    assert found["node1"].tls.hostname is False
    assert "node1.tls.assert_hostname is false" in said
    for key in ("core_image", "controller.external_url", "bind_port", "mongo", "external_url"):
        assert key in said.partition("Without counterpart")[2].partition("Please")[0]


def test_smallest_file_of_93(imported):
    code, app, said = imported(SMALLEST_93, "--id", "old-lab")
    assert code == OK
    infrastructure, found = nodes(app)
    assert infrastructure.id == "old-lab"
    assert not infrastructure.allow_fuse
    assert infrastructure.keep_images_for == 0
    assert list(found) == ["node1", "node3"]
    assert "CC-Agency 7.0 to 9.3." in said


def test_every_key_of_93(imported):
    code, app, said = imported(EVERYTHING_93)
    assert code == OK
    infrastructure, found = nodes(app)
    assert infrastructure.allow_fuse
    assert infrastructure.keep_images_for == 604800
    node = found["gpu_node"]
    assert node.network == "experiments"
    assert node.environment["HTTP_PROXY"] == "http://u:SECRET-proxy@proxy:3128"
    assert node.gpus == ()
    config = app.config.CcpService
    assert (config.num_login_attempts, config.block_for_seconds) == (5, 60)
    assert config.tokens_valid_for_seconds == 3600
    assert (app.access_token_expires, app.refresh_token_expires) == (900, 43200)
    assert app.experiments_on == infrastructure.id
    assert len(parse_hooks(config.notification_hooks)) == 3
    assert config.notification_hooks == [
        {
            "url": "https://hooks.example.org/SECRET-path",
            "username": "me",
            "password": "SECRET-hook",
        },
        {"url": "http://10.0.0.7:8080/told", "username": "bob", "password": "SECRET!url"},
        {"url": "https://plain.example.org/x?y=1"},
    ]
    assert "list its GPUs in `gpus` without 0, 2" in said
    assert "allow_fuse is on" in said
    for key in ("jwt", "trustee", "cloud", "bind_socket_path"):
        assert key in said.partition("Without counterpart")[2].partition("Please")[0]


def test_secrets_are_only_where_they_are_needed(imported, tmp_path):
    _, _, said = imported(EVERYTHING_93)
    assert "SECRET" not in said
    output = tmp_path / "ccp_service_config.py"
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    written = output.read_text()
    for secret in ("SECRET-mongo", "SECRET-trustee", "SECRET-cloud", "SECRET-jwt"):
        assert secret not in written


@pytest.mark.parametrize("text", [SEED_5, SMALLEST_93, EVERYTHING_93])
def test_the_options_are_options_of_the_service(imported, text):
    _, app, _ = imported(text)
    for name in app.config.CcpService:
        assert app.has_trait(name), name


def test_an_existing_file_stays(imported, tmp_path):
    output = tmp_path / "ccp_service_config.py"
    output.write_text("mine")
    code, _, said = imported(SMALLEST_93)
    assert code == REFUSED
    assert "--force" in said
    assert output.read_text() == "mine"
    code, app, _ = imported(SMALLEST_93, "--force")
    assert code == OK
    assert nodes(app)[1]
    assert {p.name for p in tmp_path.iterdir()} == {"cc-agency.yml", "ccp_service_config.py"}


def test_all_problems_at_once_with_their_places(imported, tmp_path):
    text = SMALLEST_93.replace("num_login_attempts: 3", 'num_login_attempts: "three"')
    text = text.replace("allow_insecure_capabilities: false", "allow_insecure: yes")
    text = text.replace('password: "SECRET-trustee"', "password: 987654321")
    text = text.replace(', username: "ccadmin"', "")
    code, _, said = imported(text)
    assert code == INVALID
    column = text.splitlines()[9].index("password") + 1
    for line in (
        "line 2, column 10: broker.auth.num_login_attempts: must be a whole number (found 'three')",
        "line 6, column 5: controller.docker.allow_insecure: CC-Agency has no such key",
        f"line 10, column {column}: trustee.password: must be text",
        "line 11, column 1: mongo.username: is required",
    ):
        assert line in said
    assert "987654321" not in said
    assert "SECRET" not in said
    assert not (tmp_path / "ccp_service_config.py").exists()


@pytest.mark.parametrize(
    ("address", "becomes"),
    [
        ("unix://var/run/docker.sock", "unix:///var/run/docker.sock"),
        ("unix:///var/run/docker.sock", "unix:///var/run/docker.sock"),
        ("http+unix:///run/d.sock", "unix:///run/d.sock"),
        ("unix://", "unix:///var/run/docker.sock"),
        ("tcp://10.0.0.1:2375", "tcp://10.0.0.1:2375"),
        ("http://10.0.0.1:2375/", "tcp://10.0.0.1:2375"),
        ("tcp://[fd00::1]:2375", "tcp://[fd00::1]:2375"),
        ("tcp://big.example.org", "tcp://big.example.org"),
    ],
)
def test_addresses_of_engines(imported, address, becomes):
    text = SMALLEST_93.replace("unix://var/run/docker.sock", address)
    code, app, _ = imported(text)
    assert code == OK
    assert nodes(app)[1]["node3"].base_url == becomes


@pytest.mark.parametrize(
    "address",
    [
        "ssh://root@big",
        "npipe:////./pipe/docker_engine",
        "tcp://",
        "tcp://root:SECRET@big:2375",
        "tcp://big:port",
        "tcp://big:2375/v1.40",
        "big:2375",
    ],
)
def test_a_node_without_counterpart_is_left_out_and_named(imported, tmp_path, address):
    code, app, said = imported(SMALLEST_93.replace("unix://var/run/docker.sock", address))
    assert code == OK
    assert list(nodes(app)[1]) == ["node1"]
    assert "controller.docker.nodes.node3 is left out" in said
    assert "SECRET" not in said
    assert "# node3: " in (tmp_path / "ccp_service_config.py").read_text()


def test_tls_without_a_client_certificate_is_left_out(imported):
    text = SMALLEST_93.replace('unix://var/run/docker.sock"', 'tcp://b:1", tls: {verify: true}')
    code, app, said = imported(text)
    assert code == OK
    assert list(nodes(app)[1]) == ["node1"]
    assert "client certificate" in said


def test_when_no_node_is_left_nothing_is_written(imported, tmp_path):
    text = SMALLEST_93.replace("unix://", "ssh://").replace("tcp://", "ssh://")
    code, _, said = imported(text)
    assert code == INVALID
    assert "nodes.node1: cannot be taken over" in said
    assert "nodes.node3: cannot be taken over" in said
    assert not (tmp_path / "ccp_service_config.py").exists()


def test_no_nodes_at_all(imported):
    text = SEED_5.partition("    nodes:")[0] + "    nodes: {}\n" + SEED_5.partition("\nmongo")[2]
    code, _, said = imported(
        text.replace("  db:", "mongo:\n  db:", 1).replace(":\nmongo", "\nmongo")
    )
    assert code == INVALID
    assert "controller.docker.nodes" in said


def test_names_that_are_no_ids(imported):
    text = SMALLEST_93.replace("node3:", "_gpu:").replace("node1:", "node_gpu:")
    code, app, said = imported(text)
    assert code == OK
    assert list(nodes(app)[1]) == ["node_gpu", "node_gpu-2"]
    assert "nodes._gpu: an id begins with a letter or digit: node_gpu-2" in said


def test_a_text_that_would_be_code_stays_text(imported, tmp_path):
    evil = r"x\n\"\"\"\nraise SystemExit(9)\n#"
    text = SMALLEST_93.replace(
        '"unix://var/run/docker.sock"', f'"unix:///run/d.sock", network: "{evil}"'
    )
    code, app, _ = imported(text)
    assert code == OK
    assert nodes(app)[1]["node3"].network == 'x\n"""\nraise SystemExit(9)\n#'
    source = tmp_path / 'a"""\nraise SystemExit(9)\n.yml'
    source.write_text(SMALLEST_93)
    output = tmp_path / "second.py"
    assert command("config", "import", source, "--output", output) == OK
    assert nodes(load(output))[1]


def test_the_file_is_not_there(tmp_path, capsys):
    assert command("config", "import", tmp_path / "none.yml", "--output", tmp_path / "o.py") == 2
    assert "none.yml" in capsys.readouterr().err


def test_an_id_that_is_none(tmp_path, capsys):
    assert command("config", "import", tmp_path / "none.yml", "--id", "../x") == 2
    assert "--id" in capsys.readouterr().err


def test_a_folder_that_is_not_there(tmp_path, capsys):
    source = tmp_path / "cc-agency.yml"
    source.write_text(SMALLEST_93)
    assert command("config", "import", source, "--output", tmp_path / "no/such/o.py") == 2
    assert "No such file" in capsys.readouterr().err


_BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (n + 1, n + 1, b",".join([b"*%c" % n] * 9)) for n in range(97, 104)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "must be a map"),
        (b"- 1\n- 2\n", "must be a map"),
        (b"\xff\xfe", "UTF-8"),
        (b"a: [1", "line 1"),
        (b"a: 1\na: 2\n", "line 2, column 1"),
        (b"a: 1\n---\nb: 2\n", "one document"),
        (b"1: 2\n", "line 1, column 1"),
        (b"? [a]\n: 2\n", "line 1, column 3"),
        (b"a: !!python/object/apply:os.system [id]\n", "line 1"),
        (b"a: &x [*x]\n", "line 1, column 8"),
        (b"[" * 3000, "line 1"),
        (_BOMB, "values"),
        (b"mongo: {password: 'SECRET\n", "line"),
        (b"mongo: {password: SECRET: x: [}\n", "line"),
        (b"a: !!int SECRET\n", "line 1"),
        (b"a: \x01SECRET\n", "line"),
    ],
)
def test_damaged_files(imported, text, said):
    code, _, printed = imported(text)
    assert code == INVALID
    assert said in printed
    assert "SECRET" not in printed
    assert "Traceback" not in printed


def test_which_versions_know_a_file():
    assert versions(read(SEED_5.encode())) == ("5.4",)
    assert versions(read(EVERYTHING_93.encode())) == ("9.3",)
    assert versions(read(SMALLEST_93.encode())) == ("7.0", "8.1", "9.2", "9.3")
    mixed = SMALLEST_93.replace("  bind_socket", "  bind_port: 1\n  bind_socket")
    assert versions(read(mixed.encode())) == ()


def test_a_mixture_of_versions_is_said(imported):
    code, _, said = imported(SMALLEST_93.replace("  bind_socket", "  bind_port: 1\n  bind_socket"))
    assert code == OK
    assert "mixes keys" in said
