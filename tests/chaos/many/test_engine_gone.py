"""An engine killed or frozen in every phase, alone and with another beside it."""

from __future__ import annotations

import time

import pytest

from tests.chaos.checks import attempts, numbered
from tests.jobs import containers, method, nothing_left

STACK = {"nodes": 2, "node_options": {"slots": 4}}

BODY = "echo x > y"
FILE = {"schema": {"type": "string", "format": "file", "contentEncoding": "base64"}}
SCRIPTS = {
    "launch": ("", BODY),
    "deploy": ("sleep 3", BODY),
    "execute": ("", f"sleep 3; {BODY}"),
    "fetch": ("", f"head -c 200000000 /dev/urandom > noise; {BODY}"),
    "destroy": ("", BODY),
}


def node_of(caller, job):
    return next(e["node"] for e in reversed(caller.events(job)) if e["kind"] == "phase")


@pytest.mark.parametrize("phase", SCRIPTS)
def test_killed_and_back_at_once(stack, alice, files, phase):
    deploy, execute = SCRIPTS[phase]
    inputs = {"file": FILE} if phase == "launch" else {}
    values = {"file": {"href": f"{files}/slow"}} if phase == "launch" else {}
    document = method(stack.images["shell"], execute, deploy, inputs=inputs)
    job = alice.start(document, **values)
    alice.wait_for(job, phase)
    node = node_of(alice, job)
    stack.kill_engine(node)
    stack.start_engine(node)
    done = alice.wait(job, 90)
    assert done["status"] == "successful", done
    assert alice.outputs(job)["y"] == b"x\n"
    nothing_left(stack, job)
    numbered(alice.events(job))


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_gone_for_long_its_tasks_go_elsewhere(stack, alice, how):
    job = alice.start(method(stack.images["shell"], f"sleep 4; {BODY}"))
    alice.wait_for(job, "execute")
    node = node_of(alice, job)
    engine = stack.engines[node]
    begin = time.monotonic()
    if how == "kill":
        engine.kill9()
    else:
        engine.suspend()
    try:
        done = alice.wait(job, 90)
        assert done["status"] == "successful", done
        assert node_of(alice, job) != node
        assert attempts(alice, job) == 2
        # Noticed within 15 s, placed 1 s later, then 4 s of work.
        assert time.monotonic() - begin < 35
    finally:
        if how == "kill":
            stack.start_engine(node)
        else:
            engine.resume()
    # The first Attempt's container is destroyed when the engine is back, and does not count.
    nothing_left(stack, job, 60)
    assert alice.status(job)["status"] == "successful"


def test_all_engines_gone_tasks_wait_and_say_why(stack, alice):
    for name in stack.engines:
        stack.kill_engine(name)
    job = alice.start(method(stack.images["shell"], BODY))
    deadline = time.monotonic() + 30
    while "online" not in (message := alice.status(job)["message"]):
        assert time.monotonic() < deadline, message
        time.sleep(0.2)
    assert "node" in message.lower()
    for name in stack.engines:
        stack.start_engine(name)
    assert alice.wait(job, 60)["status"] == "successful"
    nothing_left(stack, job)


def test_a_container_removed_behind_our_back_is_run_again(stack, alice):
    job = alice.start(method(stack.images["shell"], f"sleep 3; {BODY}"))
    alice.wait_for(job, "execute")
    (name,) = containers(stack, job)
    client = stack.engines[node_of(alice, job)].client()
    client.remove_container(name, force=True)
    client.close()
    done = alice.wait(job)
    assert done["status"] == "successful", done
    assert attempts(alice, job) == 2


def test_dismissed_while_its_engine_is_away(stack, alice):
    job = alice.start(method(stack.images["shell"], "sleep 1000"))
    alice.wait_for(job, "execute")
    node = node_of(alice, job)
    stack.engines[node].suspend()
    try:
        begin = time.monotonic()
        assert alice.http.delete(f"jobs/{job}").json()["status"] == "dismissed"
        assert time.monotonic() - begin < 5
    finally:
        stack.engines[node].resume()
    nothing_left(stack, job, 60)
