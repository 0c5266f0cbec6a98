"""The sealed vault killed under running Executions: nothing is lost, and nothing shows."""

from __future__ import annotations

import base64
import os
import signal
from pathlib import Path

import pytest

from tests.jobs import method, nothing_left
from tests.stack.service import data_dir

pytestmark = pytest.mark.timeout(300)  # the first test starts the stack, and restarts the service

STACK = {"nodes": 1}
VALUE = "correct-horse-battery-staple"
SECRET = {"key": {"schema": {"type": "string", "format": "secret"}}}
FILE = {"schema": {"type": "string", "format": "file", "contentEncoding": "base64"}}


@pytest.fixture(scope="module", autouse=True)
def sealed(stack) -> Path:
    """Give the stack's vault a key file; returns its spool."""
    key = stack.folder / "vault.key"
    key.touch(mode=0o600)
    key.write_bytes(base64.b64encode(os.urandom(32)) + b"\n")
    with (stack.folder / "service_config.py").open("a") as config:
        config.write(f"c.CcpService.vault_key_file = {str(key)!r}\n")
    kill_vault(stack)
    spool = data_dir(stack.folder) / "vault-spool"
    assert spool.is_dir()
    return spool


def kill_vault(stack) -> None:
    vault = stack.vault
    assert vault is not None
    stack.kill_service()
    vault.send(signal.SIGKILL)
    stack.start_service()
    assert stack.vault.pid != vault.pid


def nowhere(stack, secret: str) -> None:
    """Assert that no file of hub, service and vault has a secret in it, in clear or in base64."""
    forms = (secret.encode(), base64.b64encode(secret.encode()).rstrip(b"="))
    looked = 0
    for folder in (data_dir(stack.folder), stack.folder / "logs", stack.folder / "state"):
        for path in folder.rglob("*"):
            if path.is_file():
                looked += 1
                content = path.read_bytes()
                assert not any(form in content for form in forms), path
    assert looked > 5


def records(spool: Path) -> list[Path]:
    return [path for path in spool.iterdir() if path.name != "lock"]


def test_killed_before_a_secret_is_used(stack, alice, files, sealed):
    script = "echo {{ key }}; echo {{ key }} | wc -c > n"
    document = method(stack.images["shell"], script, inputs={**SECRET, "file": FILE})
    job = alice.start(document, key=VALUE, file={"href": f"{files}/slow"})
    alice.wait_for(job, "launch")
    assert len(records(sealed)) == 1
    nowhere(stack, VALUE)
    kill_vault(stack)
    done = alice.wait(job)
    assert done["status"] == "successful", done
    assert alice.outputs(job)["n"] == b"29\n"
    assert alice.log(job) == "***\n"
    nothing_left(stack, job)
    assert records(sealed) == [], "forgotten when it had ended"
    nowhere(stack, VALUE)


def test_killed_after_a_secret_was_used(stack, alice):
    script = "echo early; sleep 4; echo {{ key }}"
    job = alice.start(method(stack.images["shell"], script, inputs=SECRET), key=VALUE)
    alice.wait_for(job, "early")
    kill_vault(stack)
    done = alice.wait(job)
    assert done["status"] == "successful", done
    assert alice.log(job) == "early\n***\n", "the rest of the log is masked, not left out"


def test_personal_secrets_survive(stack, alice, sealed):
    answer = alice.http.put("secrets/mine", json={"value": VALUE})
    assert answer.json() == {"name": "mine", "survives_restart": True}
    job = alice.start(
        method(stack.images["shell"], "echo {{ key }}", inputs=SECRET), key={"$secret": "mine"}
    )
    assert alice.wait(job)["status"] == "successful"
    before = alice.http.get("secrets").json()["secrets"]
    assert [use["execution"] for use in before[0]["uses"]] == [job]
    kill_vault(stack)
    assert alice.http.get("secrets").json()["secrets"] == before
    nowhere(stack, VALUE)
    assert alice.http.delete("secrets/mine").status_code == 204
    assert records(sealed) == []
