"""Service, vault and engines killed or frozen under Experiments."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from tests import red
from tests.agency import FINAL, Agency, debug_info, states
from tests.jobs import method, nothing_left
from tests.receiver import Receiver
from tests.stack import service as services

STACK = {"nodes": 2, "node_options": {"slots": 4}}

NAMED = {"stdout": "out.txt"}


@pytest.fixture
def agency(stack, alice) -> Iterator[Agency]:
    made = Agency(stack)
    yield made
    made.close()


@pytest.fixture(scope="module")
def image(stack):
    return stack.images["red"]


def wait_state(agency, name, *wanted):
    deadline = time.monotonic() + 60
    while not {b["state"] for b in agency.batches(name)} & set(wanted):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("state", ["registered", "scheduled", "processing"])
def test_service_killed(stack, agency, image, state):
    name = agency.submit(red.shell(image, "echo ran $0; sleep 2", batches=2, cli=NAMED))
    wait_state(agency, name, state, "processing", *FINAL)
    stack.kill_service()
    stack.start_service()
    batches = agency.wait(name, 90)
    assert [b["state"] for b in batches] == ["succeeded"] * 2, batches
    assert [b["attempts"] for b in batches] == [1, 1]
    assert [agency.stream(b) for b in batches] == ["ran 1\n", "ran 2\n"]
    nothing_left(stack, name)


def test_killed_while_documents_come_in_they_are_whole_or_not_there(stack, agency, image):
    """With secrets, so that the vault is written before the store."""
    document = red.document(
        image,
        ["true"],
        {"text": {"type": "File?", "inputBinding": {}}},
        [
            {
                "inputs": {
                    "text": {
                        "class": "File",
                        "connector": {
                            "command": "no-such-connector",
                            "access": {"password": f"planted-{n}"},
                        },
                    }
                },
                "outputs": {},
            }
            for n in range(200)
        ],
        limit=1,
    )
    before = {each["_id"] for each in agency.http.get("experiments").json()}
    acknowledged: list[str] = []

    def submit():
        client = Agency(stack)
        try:
            while True:
                acknowledged.append(client.submit(document))
        except (httpx.TransportError, AssertionError):
            pass
        finally:
            client.close()

    threads = [threading.Thread(target=submit) for _ in range(3)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    while len(acknowledged) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    stack.kill_service()
    for thread in threads:
        thread.join()
    stack.start_service()
    found = [each["_id"] for each in agency.http.get("experiments").json()]
    assert set(acknowledged) <= set(found)
    for name in set(found) - before:
        count = agency.http.get("batches/count", params={"experimentId": name}).json()["count"]
        assert count == 200
        agency.http.delete(f"experiments/{name}")
    for name in acknowledged:
        agency.wait(name, 90)


def test_a_frozen_engine_that_comes_back_does_not_count(stack, agency, image):
    """The old Attempt's result must not be taken for the new one's."""
    name = agency.submit(red.shell(image, "echo ran; sleep 6", cli=NAMED))
    wait_state(agency, name, "processing")
    first = agency.batches(name)[0]["node"]
    stack.engines[first].suspend()
    try:
        deadline = time.monotonic() + 40
        while (batch := agency.batches(name)[0])["node"] in (first, None):
            assert time.monotonic() < deadline, batch
            time.sleep(0.1)
    finally:
        stack.engines[first].resume()
    [batch] = agency.wait(name, 60)
    assert batch["state"] == "succeeded"
    assert batch["node"] != first
    assert states(batch).count("succeeded") == 1
    nothing_left(stack, name)


def test_a_service_that_starts_before_its_engines_waits(stack, agency, image):
    for node in stack.engines:
        stack.kill_engine(node)
    stack.restart_service()
    name = agency.submit(red.shell(image, "true"))
    time.sleep(2)
    state = agency.state(name)
    assert state["state"] not in FINAL
    for node in stack.engines:
        stack.start_engine(node)
    assert agency.wait(name, 60)[0]["state"] == "succeeded"


def with_secret(image, script):
    """Return a batch that needs a secret which no connector can use."""
    access = {"url": "http://127.0.0.1:9/x", "auth": {"username": "u", "password": "planted-one"}}
    given = {"class": "File", "connector": {"command": "red-connector-http", "access": access}}
    return red.document(
        image,
        ["sh", "-c", script],
        {"text": {"type": "File", "inputBinding": {"position": 0}}},
        [{"inputs": {"text": given}, "outputs": {}}],
    )


def test_a_vault_that_lost_its_memory_fails_only_those_who_need_it(stack, agency, image):
    """The message says what happened; a neighbour without secrets does not notice."""
    blocker = agency.submit(red.shell(image, "sleep 4", batches=8))
    wait_state(agency, blocker, "processing")
    needy = agency.submit(with_secret(image, "true"))
    other = agency.submit(red.shell(image, "true"))
    vault = stack.vault
    assert vault is not None
    vault.kill()
    [batch] = agency.wait(needy, 60)
    assert batch["state"] == "failed"
    assert "vault was restarted" in debug_info(batch)
    assert agency.wait(other, 60)[0]["state"] == "succeeded"
    assert {b["state"] for b in agency.wait(blocker, 60)} == {"succeeded"}
    # The service has started another one, which takes secrets again.
    again = agency.submit(with_secret(image, "true"))
    assert "vault" not in debug_info(agency.wait(again, 60)[0])


def test_an_engine_that_dies_costs_no_retry_of_the_users(stack, agency, image):
    name = agency.submit(red.shell(image, "sleep 3; exit 1"), retry=True)
    wait_state(agency, name, "processing")
    node = agency.batches(name)[0]["node"]
    stack.kill_engine(node)
    time.sleep(0.5)
    stack.start_engine(node)
    [batch] = agency.wait(name, 90)
    assert batch["state"] == "failed"
    own = [e for e in batch["history"] if "exit code 1" in str(e["debugInfo"])]
    assert len(own) == 2


def test_a_method_that_no_node_could_run_fails_and_says_why(stack, alice):
    """Its memory comes from the Infrastructure's limits, which the admin may set too high."""
    limits = dict(services.read_infrastructure(stack.folder)["limits"])
    stack.configure(limits={**limits, "memory": "900GiB"})
    try:
        stack.restart_service()
        done = alice.run(method(stack.images["shell"], "true"))
        assert done["status"] == "failed"
        assert "memory" in done["message"]
    finally:
        stack.configure(limits=limits)
        stack.restart_service()


def test_hooks_hear_of_every_end_also_after_a_crash(stack, agency, image):
    receiver = Receiver()
    receiver.codes = [503] * 1000
    stack.set_options(notification_hooks=[{"url": receiver.url, "secret": "key"}])
    try:
        stack.restart_service()
        name = agency.submit(red.shell(image, "[ $0 != 2 ]", batches=3))
        expected = sorted((b["_id"], b["state"]) for b in agency.wait(name))
        assert [b["notificationsSent"] for b in agency.batches(name)] == [False] * 3
        stack.kill_service()
        receiver.requests.clear()
        receiver.codes = []
        stack.start_service()
        deadline = time.monotonic() + 30
        while not all(b["notificationsSent"] for b in agency.batches(name)):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert sorted(set(receiver.told())) == expected
        assert all("X-Ccp-Signature" in headers for headers, _ in receiver.requests)
    finally:
        stack.set_options()
        stack.restart_service()
        receiver.close()
