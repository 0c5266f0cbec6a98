"""What Methods and users ask of the machine reaches the container exactly, or is refused."""

from __future__ import annotations

import time

import pytest

from tests.jobs import WAIT, Caller, containers, method
from tests.stack.stack import Stack

GB = 10**9
PLACE = "additionalParameters.executionUnit.config"


def asking(image, config, execute="sleep 100", **inputs):
    made = method(image, execute, inputs={name: {"schema": s} for name, s in inputs.items()})
    made["additionalParameters"]["parameters"].append(
        {"name": "executionUnit", "value": [{"config": config}]}
    )
    return made


def host_config(stack: Stack, job: str):
    """Return what the engine was told of a job's container, as soon as there is one."""
    deadline = time.monotonic() + WAIT
    while not (names := containers(stack, job)):
        assert time.monotonic() < deadline, f"{job} has no container"
        time.sleep(0.1)
    for engine in stack.engines.values():
        client = engine.client()
        try:
            if client.containers(all=True, filters={"name": names[0]}):
                return client.inspect_container(names[0])["HostConfig"]
        finally:
            client.close()
    raise AssertionError(f"{names[0]} is on no engine")


def cancel(alice: Caller, job: str) -> None:
    assert alice.http.delete(f"jobs/{job}").status_code == 200
    alice.wait(job)


def test_memory_cores_and_processes_are_held_exactly(stack, alice, shell):
    config = {"memoryMin": 0.3, "cpuMin": 1.25, "pids": 77, "jobTimeout": 60}
    job = alice.start(asking(shell, config))
    found = host_config(stack, job)
    assert found["Memory"] == found["MemorySwap"] == 300_000_000
    assert found["NanoCpus"] == 1_250_000_000
    assert found["PidsLimit"] == 77
    resources = alice.http.get(f"jobs/{job}").json()["resources"]
    assert resources == {
        "cpus": 1.25,
        "memory": 300_000_000,
        "disk": 0,
        "pids": 77,
        "gpus": [],
        "maxTime": 60,
    }
    cancel(alice, job)


def test_users_choose_memory_and_priority(stack, alice, shell):
    inputs = {
        "ccpmemory": {"type": "number", "default": 0.2},
        "ccppriority": {"type": "integer", "default": 0},
    }
    document = asking(shell, {"memoryMin": 0.1, "memoryMax": 0.4}, **inputs)
    job = alice.start(document, ccpmemory=0.35, ccppriority=7)
    assert host_config(stack, job)["Memory"] == 350_000_000
    assert alice.http.get(f"jobs/{job}").json()["priority"] == 7
    cancel(alice, job)
    refused = alice.execute(document["id"], ccpmemory=0.5)
    assert refused.status_code == 400
    assert "inputs.ccpmemory: the Method uses at most 0.4 (found 0.5)" in refused.text


def test_who_uses_more_memory_than_granted_is_ended(alice, shell):
    fill = "dd if=/dev/zero of=/dev/null bs=200M count=1"
    job = alice.start(asking(shell, {"memoryMax": 0.05}, fill))
    ended = alice.wait(job)
    assert ended["status"] == "failed"
    assert "memory" in ended["message"]
    job = alice.start(asking(shell, {"memoryMin": 0.5}, fill))
    assert alice.wait(job)["status"] == "successful"


def test_more_than_the_infrastructure_allows_is_refused(alice, shell):
    answer = alice.execute(alice.deploy(asking(shell, {"pids": 5000})))
    assert answer.status_code == 400
    assert f"{PLACE}.pids: this Infrastructure allows at most 4096 processes" in answer.text


def test_a_wrong_config_is_refused_when_the_method_is_saved(alice, shell):
    answer = alice.http.post("processes", json=asking(shell, {"gpus": "two"}))
    assert answer.status_code == 400
    assert f"{PLACE}.gpus: must be a whole number from 0 to 1024" in answer.text


@pytest.mark.parametrize(
    ("config", "word"), [({"gpus": [{"vram": 8192}]}, "GPU"), ({"memoryMin": 900_000}, "memory")]
)
def test_what_no_node_has_fails_and_says_so(alice, shell, config, word):
    ended = alice.wait(alice.start(asking(shell, config)))
    assert ended["status"] == "failed"
    assert word in ended["message"]
