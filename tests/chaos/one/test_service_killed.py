"""The service killed with -9 in every phase: what was acknowledged ends well, and runs once."""

from __future__ import annotations

import hashlib
import signal
import threading
import time

import pytest

from tests.chaos.checks import attempts, numbered
from tests.jobs import Caller, method, nothing_left

STACK = {"nodes": 1, "limits": {"output_size": "1GiB", "file_size": "1GiB"}}

FILE = {"schema": {"type": "string", "format": "file", "contentEncoding": "base64"}}


# Each script takes its time in the phase in question, so that the blow falls there.
BODY = "echo ran; head -c 30000000 /dev/urandom > noise; sha256sum noise > sum"
SCRIPTS = {
    "accepted": ("", BODY),
    "launch": ("", BODY),
    "deploy": ("echo deploying; sleep 3", BODY),
    "execute": ("", f"sleep 3; {BODY}"),
    "fetch": ("", "echo ran; head -c 300000000 /dev/urandom > noise; sha256sum noise > sum"),
    "destroy": ("", BODY),
}


@pytest.mark.parametrize("phase", SCRIPTS)
def test_killed_in_each_phase(stack, alice, files, phase):
    deploy, execute = SCRIPTS[phase]
    inputs = {"file": FILE} if phase == "launch" else {}
    document = method(stack.images["shell"], execute, deploy, inputs=inputs)
    values = {"file": {"href": f"{files}/slow"}} if phase == "launch" else {}
    job = alice.start(document, **values)
    if phase != "accepted":
        alice.wait_for(job, phase)
    stack.kill_service()
    stack.start_service()
    done = alice.wait(job, 90)
    assert done["status"] == "successful", done
    nothing_left(stack, job)
    alice.wait_for(job, "ended")
    numbered(alice.events(job))
    # Adopted, not run again; and every line is there once.
    assert attempts(alice, job) == 1
    assert alice.log(job, stream="stdout").splitlines().count("ran") == 1
    found = alice.outputs(job)
    assert found["sum"].split()[0].decode() == hashlib.sha256(found["noise"]).hexdigest()


def test_a_container_that_ends_while_the_service_is_down(stack, alice):
    job = alice.start(method(stack.images["shell"], "echo begun; sleep 2; echo end; echo x > y"))
    alice.wait_for(job, "begun")
    stack.kill_service()
    time.sleep(4)
    stack.start_service()
    done = alice.wait(job)
    assert done["status"] == "successful", done
    assert alice.log(job, stream="stdout") == "begun\nend\n"
    assert alice.outputs(job) == {"y": b"x\n"}


def test_a_failure_while_the_service_is_down_is_the_scripts(stack, alice):
    job = alice.start(method(stack.images["shell"], "echo begun; sleep 2; exit 5"))
    alice.wait_for(job, "begun")
    stack.kill_service()
    time.sleep(4)
    stack.start_service()
    done = alice.wait(job)
    assert done["status"] == "failed"
    assert "exit code 5" in done["message"]


def test_time_goes_on_while_the_service_is_down(stack, alice):
    job = alice.start(method(stack.images["shell"], "echo begun; sleep 100"), ccpmaxtime=3)
    alice.wait_for(job, "begun")
    stack.kill_service()
    time.sleep(4)
    stack.start_service()
    begin = time.monotonic()
    done = alice.wait(job)
    assert "expired" in done["message"]
    assert time.monotonic() - begin < 15


def test_a_dismissal_survives(stack, alice):
    job = alice.start(method(stack.images["shell"], "sleep 1000"))
    alice.wait_for(job, "execute")
    assert alice.http.delete(f"jobs/{job}").json()["status"] == "dismissed"
    stack.kill_service()
    stack.start_service()
    assert alice.status(job)["status"] == "dismissed"
    nothing_left(stack, job)


def test_every_acknowledged_submission_is_there(stack, alice):
    name = alice.deploy(method(stack.images["shell"], "echo x > y"))
    acknowledged: list[str] = []
    stop = threading.Event()

    def submit():
        caller = Caller(stack.service_url, stack.users["alice"])
        while not stop.is_set():
            try:
                answer = caller.execute(name)
                if answer.status_code == 201:
                    acknowledged.append(answer.json()["jobID"])
            except Exception:
                time.sleep(0.05)
        caller.close()

    threads = [threading.Thread(target=submit) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(1.0)
    stack.kill_service()
    stop.set()
    for thread in threads:
        thread.join()
    stack.start_service()
    assert len(acknowledged) > 5
    for job in acknowledged:
        assert alice.wait(job, 120)["status"] == "successful"
        assert alice.outputs(job) == {"y": b"x\n"}
    for job in acknowledged:
        nothing_left(stack, job)


def test_a_graceful_stop_leaves_containers_running(stack, alice):
    job = alice.start(method(stack.images["shell"], "echo begun; sleep 5; echo x > y"))
    alice.wait_for(job, "begun")
    begin = time.monotonic()
    stack.restart_service()
    assert time.monotonic() - begin < 15
    assert alice.wait(job)["status"] == "successful"
    assert attempts(alice, job) == 1


SECRET = {"key": {"schema": {"type": "string", "format": "secret"}}}


def kill_vault(stack):
    vault = stack.vault
    assert vault is not None
    stack.kill_service()
    vault.send(signal.SIGKILL)
    stack.start_service()


def test_the_vault_killed_before_a_secret_is_used(stack, alice, files):
    document = method(stack.images["shell"], "true", inputs={**SECRET, "file": FILE})
    job = alice.start(document, key="0123456789", file={"href": f"{files}/slow"})
    alice.wait_for(job, "launch")
    kill_vault(stack)
    done = alice.wait(job)
    assert done["status"] == "failed"
    assert "vault was restarted" in done["message"] and "submit again" in done["message"]
    nothing_left(stack, job)


def test_the_vault_killed_after_a_secret_was_used(stack, alice):
    script = "echo early; sleep 4; echo {{ key }} | wc -c > n; echo {{ key }}"
    job = alice.start(method(stack.images["shell"], script, inputs=SECRET), key="0123456789")
    alice.wait_for(job, "early")
    kill_vault(stack)
    done = alice.wait(job)
    # The container has what it needs; what it writes now cannot be masked and is not kept.
    assert done["status"] == "successful", done
    assert alice.outputs(job) == {"n": b"11\n"}
    assert alice.log(job) == "early\n"
    assert any("left out" in e.get("message", "") for e in alice.events(job))
