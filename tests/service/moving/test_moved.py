"""Experiments of a CC-Agency, taken over, through the routes that its clients know."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from ccp_jupyter.hub_service.old_ids import FILE, read_ids
from tests.agency import Agency as Client
from tests.contract.moving.agency_data import (
    FAILED_TWICE,
    START,
    Agency,
    batch_9,
    experiment_9,
)
from tests.jobs import Caller

STACK = {"nodes": 1}

pytestmark = pytest.mark.timeout(400)  # with the start of the stack and two restarts


@pytest.fixture
def client(stack):
    found = Client(stack)
    yield found.http
    found.close()


@pytest.fixture
def jobs(stack):
    found = Caller(stack.service_url, stack.users["alice"])
    yield found
    found.close()


def take_over(uri, database, stack):
    """Run the command as an administrator does, from a shell."""
    program = "import sys; from ccp_jupyter.cli import main; sys.exit(main())"
    return subprocess.run(
        [
            *(sys.executable, "-c", program, "import-agency", "--mongo", uri),
            *("--db", database.name, "--data-dir", str(stack.data_dir)),
            *("--infrastructure", "local-docker"),
        ],
        env={k: v for k, v in os.environ.items() if not k.startswith(("JUPYTERHUB", "CCP_"))},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_history_is_there_for_its_owner(stack, client, jobs, database, mongo_uri):
    agency = Agency(database)
    experiment = experiment_9()
    good = batch_9(experiment, 0, "succeeded")
    bad = batch_9(experiment, 1, "failed", history=FAILED_TWICE)
    agency.add(experiment, good, bad)
    agency.stream(good, "stdout", b"hits\n")
    agency.stream(bad, "stderr", b"too bad\n")
    other = experiment_9(username="bob")
    agency.add(other, batch_9(other, 0, "processing"))

    running = take_over(mongo_uri, database, stack)
    assert running.returncode == 4
    assert "another service uses" in running.stderr
    stack.kill_service(signal.SIGTERM)
    done = take_over(mongo_uri, database, stack)
    assert done.returncode == 0, done.stderr
    assert "2 experiments with 3 batches, 1 of them unfinished" in done.stdout
    stack.start_service()

    ids = read_ids(stack.data_dir / FILE)
    new = ids[str(experiment["_id"])]
    (listed,) = client.get("experiments").json()
    assert listed["_id"] == new
    assert listed["registrationTime"] == pytest.approx(START, abs=0.002)
    shown = client.get(f"experiments/{new}").json()
    assert shown["cli"] == experiment["cli"]
    assert shown["state"] == "failed"
    assert client.get("batches/count", params={"state": "failed"}).json() == {"count": 1}
    batch = client.get(f"batches/{ids[str(bad['_id'])]}").json()
    assert [each["state"] for each in batch["history"]] == [e["state"] for e in FAILED_TWICE]
    assert batch["history"][-1]["ccagent"] == FAILED_TWICE[-1]["ccagent"]
    assert client.get(f"batches/{ids[str(good['_id'])]}/stdout").text == "hits\n"
    assert client.get(f"batches/{ids[str(bad['_id'])]}/stderr").text == "too bad\n"
    assert client.delete(f"batches/{ids[str(good['_id'])]}").json()["state"] == "succeeded"
    for hidden in (str(other["_id"]), ids[str(other["_id"])]):
        assert client.get(f"experiments/{hidden}").status_code == 404
    # What users wrote down stays valid.
    assert client.get(f"experiments/{experiment['_id']}").json() == shown
    assert client.get(f"batches/{bad['_id']}").json() == batch
    assert client.get(f"batches/{good['_id']}/stdout").text == "hits\n"

    assert jobs.status(new)["status"] == "failed"
    events = jobs.http.get(f"jobs/{new}/events").json()
    assert "1 of 2 batches failed" in str(events)
    assert jobs.outputs(new)["batch-1/stdout"] == b"hits\n"
    assert jobs.http.get(f"jobs/{new}/folder").status_code == 200

    # A second run changes nothing.
    stack.kill_service(signal.SIGTERM)
    again = take_over(mongo_uri, database, stack)
    assert "There already: 2 experiments" in again.stdout
    stack.start_service()
    assert [each["_id"] for each in client.get("experiments").json()] == [new]
    assert jobs.http.delete(f"jobs/{new}").status_code == 200
    deadline = time.monotonic() + 60
    while client.get("experiments").json():  # the controller removes it when it comes to it
        assert time.monotonic() < deadline
        time.sleep(0.2)
