"""The unmodified client of CC-Agency against the running service, with real connectors."""

from __future__ import annotations

import ast
import copy
import os
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from tests import red
from tests.agency import Agency, debug_info
from tests.connectors import web as web_server
from tests.connectors.fixtures import ftp, ssh, web
from tests.connectors.ssh import PASSWORD as SSH_PASSWORD
from tests.environments import environment
from tests.stack import images
from tests.stack.registry import PASSWORD, USERNAME

__all__ = ["ftp", "ssh", "web"]

GREP = ["grep"]
INPUTS = {
    "term": {"type": "string", "inputBinding": {"position": 0}},
    "text": {"type": "File", "inputBinding": {"position": 1}},
}
OUTPUTS = {"hits": {"type": "stdout"}}
TEXT = b"one fish\ntwo fish\nred bird\nblue fish\n"


@pytest.fixture(scope="session")
def server_host(stack):
    return stack.host_address


@pytest.fixture(scope="module")
def agency(stack):
    made = Agency(stack)
    yield made
    made.close()


@pytest.fixture(scope="session")
def faice9():
    return environment("faice9", ["cc-faice==9.3.0"]) / "faice"


@pytest.fixture(scope="session")
def faice8():
    return environment("faice8", ["cc-faice==8.1.1"]) / "faice"


def run(faice: Path, document, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    path = folder / "experiment.yml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    # A keyring that is locked, or wants a desktop, must not stop the client.
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    clean["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    return subprocess.run(
        [faice, "exec", path, *options],
        env=clean,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def by_http(web, area, name, method="GET", **login):
    access = {"url": web.url(area, name), "method": method, **copy.deepcopy(login)}
    return {"command": "red-connector-http", "access": access}


BASIC = {"auth": {"username": web_server.USER, "password": web_server.PASSWORD}}
DIGEST = {"auth": {**BASIC["auth"], "method": "Digest"}}


def access_to(stack, **changes):
    auth = {"username": "alice", "password": stack.users["alice"], **changes}
    return {"access": {"url": stack.service_url + "agency/", "auth": auth}}


def two_batches(stack, web, ssh, image, **members):
    web.files["in.txt"] = TEXT
    (ssh.home / "in.txt").write_bytes(TEXT)
    over_ssh = {"command": "red-connector-ssh", "access": ssh.access(filePath="in.txt")}
    document = red.document(
        image,
        GREP,
        INPUTS,
        [
            {
                "inputs": {
                    "term": "fish",
                    "text": {
                        "class": "File",
                        "connector": by_http(web, "basic", "in.txt", **BASIC),
                    },
                },
                "outputs": {
                    "hits": {
                        "class": "stdout",
                        "connector": by_http(web, "digest", "fish.txt", "PUT", **DIGEST),
                    }
                },
            },
            {
                "inputs": {"term": "bird", "text": {"class": "File", "connector": over_ssh}},
                "outputs": {
                    "hits": {
                        "class": "stdout",
                        "connector": {
                            "command": "red-connector-ssh",
                            "access": ssh.access(key=True, filePath="birds.txt"),
                        },
                    }
                },
            },
        ],
        outputs=OUTPUTS,
        cli={"stdout": "hits.txt"},
        **members,
    )
    document["execution"]["settings"] |= access_to(stack)
    return document


def one_batch(stack, web, image, **members):
    """Return a document whose secrets do not crash the client when it shows an error.

    It joins all secrets to a regular expression (reference, section 12, no. 11).
    """
    web.files["in.txt"] = TEXT
    given = {"class": "File", "connector": by_http(web, "open", "in.txt")}
    connector = by_http(web, "open", "fish.txt", "PUT")
    document = red.document(
        image,
        GREP,
        INPUTS,
        [
            {
                "inputs": {"term": "fish", "text": given},
                "outputs": {"hits": {"class": "stdout", "connector": connector}},
            }
        ],
        outputs=OUTPUTS,
        cli={"stdout": "hits.txt"},
        **members,
    )
    document["execution"]["settings"] |= access_to(stack)
    return document


def test_two_batches_with_files_over_http_and_ssh(stack, agency, web, ssh, faice9, tmp_path):
    document = two_batches(stack, web, ssh, stack.images["red"])
    done = run(faice9, document, tmp_path, "--disable-retry")
    assert (done.returncode, done.stderr) == (0, "")
    name = ast.literal_eval(done.stdout)["experimentId"]
    batches = agency.wait(name)
    assert [b["state"] for b in batches] == ["succeeded"] * 2, list(map(debug_info, batches))
    assert web.files["fish.txt"] == b"one fish\ntwo fish\nblue fish\n"
    assert (ssh.home / "birds.txt").read_bytes() == b"red bird\n"
    assert agency.stream(batches[0]) == web.files["fish.txt"].decode()


def test_variables_come_from_the_terminal_of_the_client(stack, agency, web, ssh, faice9, tmp_path):
    """What is not there is an error of the client before anything is sent."""
    document = two_batches(stack, web, ssh, stack.images["red"])
    document["batches"][0]["inputs"]["text"]["connector"]["access"]["auth"]["password"] = "{{web}}"
    before = agency.http.get("experiments/count").json()
    done = run(faice9, document, tmp_path, "--non-interactive")
    assert done.returncode == 1
    assert "web" in done.stdout + done.stderr
    assert agency.http.get("experiments/count").json() == before


def test_a_wrong_password_is_a_plain_refusal(stack, web, faice9, tmp_path):
    document = one_batch(stack, web, stack.images["red"])
    document["execution"]["settings"] |= access_to(stack, password="wrong")
    done = run(faice9, document, tmp_path)
    assert done.returncode == 1
    assert "401" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout


def test_a_registry_login(stack, agency, web, faice9, tmp_path):
    engine = next(iter(stack.engines.values()))
    reference = stack.registry.push(
        engine, images.load(engine, ["red"])["red"], "ccp/faice:1", private=True
    )
    for password, state in ((PASSWORD, "succeeded"), ("wrong-one", "failed")):
        login = {"username": USERNAME, "password": password}
        document = one_batch(stack, web, reference, auth=login)
        done = run(faice9, document, tmp_path, "--disable-retry")
        assert done.returncode == 0, done.stdout + done.stderr
        [batch] = agency.wait(ast.literal_eval(done.stdout)["experimentId"])
        assert batch["state"] == state, debug_info(batch)


def test_a_connector_that_fails_is_told(stack, agency, web, ssh, faice9, tmp_path):
    document = two_batches(stack, web, ssh, stack.images["red"])
    document["batches"][1]["inputs"]["text"]["connector"]["access"] = ssh.access(filePath="nothing")
    done = run(faice9, document, tmp_path, "--disable-retry")
    first, second = agency.wait(ast.literal_eval(done.stdout)["experimentId"])
    assert (first["state"], second["state"]) == ("succeeded", "failed")
    assert "nothing" in debug_info(second) or "red-connector-ssh" in debug_info(second)
    assert SSH_PASSWORD not in str(second)


def test_the_client_before_the_last(stack, agency, web, faice8, tmp_path):
    """Version 8 sends no query, and says in the document whether to try again."""
    document = one_batch(stack, web, stack.images["red"])
    document["redVersion"] = "8"
    document["execution"]["settings"]["retryIfFailed"] = False
    done = run(faice8, document, tmp_path, "--non-interactive")
    assert done.returncode == 0, done.stdout + done.stderr
    name = yaml.safe_load(done.stdout)["experimentId"]
    [batch] = agency.wait(name)
    assert batch["state"] == "succeeded", debug_info(batch)
    assert web.files["fish.txt"] == b"one fish\ntwo fish\nblue fish\n"


def test_a_document_that_the_service_refuses_is_shown_by_the_client(stack, web, faice9, tmp_path):
    document = one_batch(stack, web, stack.images["red"])
    del document["container"]["settings"]["ram"]
    done = run(faice9, document, tmp_path)
    assert done.returncode == 1
    assert "ram" in done.stdout


def test_files_over_ftp_and_directories_over_ssh(stack, agency, ssh, ftp, faice9, tmp_path):
    (ftp.home / "a.txt").write_bytes(b"from ftp\n")
    folder = ssh.home / f"tree-{time.time_ns()}"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub/x").write_bytes(b"x")
    document = red.document(
        stack.images["red"],
        ["sh", "-c", 'cp -r "$1" out; cp "$0" out/a'],
        {
            "file": {"type": "File", "inputBinding": {"position": 0}},
            "tree": {"type": "Directory", "inputBinding": {"position": 1}},
        },
        [
            {
                "inputs": {
                    "file": {
                        "class": "File",
                        "connector": {
                            "command": "red-connector-ftp",
                            "access": ftp.access("a.txt"),
                        },
                    },
                    "tree": {
                        "class": "Directory",
                        "connector": {
                            "command": "red-connector-ssh",
                            "access": ssh.access(dirPath=folder.name),
                        },
                    },
                },
                "outputs": {
                    "out": {
                        "class": "Directory",
                        "connector": {
                            "command": "red-connector-ssh",
                            "access": ssh.access(dirPath=f"{folder.name}-back"),
                        },
                    }
                },
            }
        ],
        outputs={"out": {"type": "Directory", "outputBinding": {"glob": "out"}}},
    )
    document["execution"]["settings"] |= access_to(stack)
    done = run(faice9, document, tmp_path, "--disable-retry")
    assert done.returncode == 0, done.stdout + done.stderr
    [batch] = agency.wait(ast.literal_eval(done.stdout)["experimentId"])
    assert batch["state"] == "succeeded", debug_info(batch)
    found = {p.name: p.read_bytes() for p in Path(f"{folder}-back").rglob("*") if p.is_file()}
    assert found == {"a": b"from ftp\n", "x": b"x"}
