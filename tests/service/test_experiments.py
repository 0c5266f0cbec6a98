"""Experiments on real engines: what CC-Agency promises, and the faults that must not return."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests import red
from tests.agency import FINAL, Agency, debug_info, states
from tests.jobs import containers, nothing_left
from tests.stack import images
from tests.stack.registry import PASSWORD, USERNAME


@pytest.fixture(scope="module")
def agency(stack):
    made = Agency(stack)
    yield made
    made.close()


@pytest.fixture(scope="session")
def image(stack):
    return stack.images["red"]


NAMED = {"stdout": "out.txt", "stderr": "err.txt"}


# --- what it does -----------------------------------------------------------------------------


def test_batches_run_each_for_itself(agency, image):
    script = "echo out $0; echo err $0 >&2; [ $0 != 2 ]"
    first, second, third = agency.run(red.shell(image, script, batches=3, cli=NAMED))
    assert [b["state"] for b in (first, second, third)] == ["succeeded", "failed", "succeeded"]
    assert [b["batchesListIndex"] for b in (first, second, third)] == [0, 1, 2]
    assert (agency.stream(third), agency.stream(third, "stderr")) == ("out 3\n", "err 3\n")
    assert states(first) == ["registered", "scheduled", "processing", "succeeded"]
    assert "exit code 1" in debug_info(second)
    assert second["history"][-1]["ccagent"]["process"]["returnCode"] == 1


def test_an_experiment_is_an_execution(stack, agency, alice, image):
    name = agency.submit(red.shell(image, "echo hello; echo data > file", cli=NAMED))
    agency.wait(name)
    status = alice.status(name)
    assert (status["status"], status["kind"], status["replicas"]) == ("successful", "experiment", 1)
    assert status["progress"] == 100
    assert status["processID"] == "red"
    listed = alice.http.get("jobs", params={"limit": 100}).json()["jobs"]
    assert name in [job["jobID"] for job in listed]
    assert "hello" in alice.log(name)
    alice.wait_for(name, "ended")  # its container is removed after it has its result
    phases = [e["phase"] for e in alice.events(name) if e["kind"] == "phase"]
    in_order = list(dict.fromkeys(phases))
    assert in_order == ["launch", "deploy", "execute", "fetch", "destroy", "ended"]
    outputs = alice.outputs(name)
    assert sorted(outputs) == ["result.json", "stderr", "stdout"]
    assert outputs["stdout"] == b"hello\n"
    nothing_left(stack, name)


def test_several_batches_have_a_folder_each_in_the_zip(agency, alice, image):
    name = agency.submit(red.shell(image, "echo $0", batches=2))
    agency.wait(name)
    assert alice.outputs(name)["batch-2/stdout"] == b"2\n"


def test_no_more_batches_than_the_limit_run_at_a_time(agency, image):
    batches = agency.run(red.shell(image, "sleep 0.7", batches=4, limit=2))
    spans = [
        (b["history"][2]["time"], b["history"][3]["time"])
        for b in batches
        if states(b)[-1] == "succeeded"
    ]
    assert len(spans) == 4
    for begin, _ in spans:
        assert sum(b <= begin < e for b, e in spans) <= 2


@pytest.mark.parametrize(("retry", "tries"), [(True, 2), (False, 1)])
def test_a_failed_batch_gets_one_more_try_when_asked_for(agency, image, retry, tries):
    [batch] = agency.run(red.shell(image, "exit 1"), retry=retry)
    assert batch["state"] == "failed"
    assert batch["attempts"] == tries
    assert states(batch).count("scheduled") == tries
    assert states(batch).count("registered") == tries


def test_memory_is_what_the_batch_asks_for(agency, image):
    script = "head -c 400000000 /dev/zero | tail"
    [batch] = agency.run(red.shell(image, script, ram=256))
    assert batch["state"] == "failed"
    assert "out of memory" in debug_info(batch)
    [batch] = agency.run(red.shell(image, script.replace("tail", "tail -c 1 | wc -c"), ram=512))
    assert batch["state"] == "succeeded"


def test_one_batch_is_cancelled_and_the_others_go_on(stack, agency, image):
    name = agency.submit(red.shell(image, "if [ $0 = 1 ]; then sleep 60; fi", batches=2))
    first = agency.batches(name)[0]
    while agency.batches(name)[0]["state"] != "processing":
        time.sleep(0.05)
    answer = agency.http.delete(f"batches/{first['_id']}")
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    first, second = agency.wait(name)
    assert (first["state"], second["state"]) == ("cancelled", "succeeded")
    assert agency.state(name)["state"] == "succeeded"
    again = agency.http.delete(f"batches/{second['_id']}")
    assert (again.status_code, again.json()["state"]) == (200, "succeeded")
    nothing_left(stack, name)


def test_a_whole_experiment_is_cancelled(stack, agency, image):
    name = agency.submit(red.shell(image, "sleep 60", batches=3, limit=1))
    while not containers(stack, name):
        time.sleep(0.05)
    assert agency.http.delete(f"experiments/{name}").status_code == 200
    assert [b["state"] for b in agency.wait(name)] == ["cancelled"] * 3
    nothing_left(stack, name)


def test_one_follows_another(agency, image):
    first = agency.submit(red.shell(image, "sleep 1"))
    second = agency.submit(red.shell(image, "true"), after=first)
    [begun], [ended] = agency.wait(second), agency.wait(first)
    assert begun["state"] == "succeeded"
    assert begun["history"][1]["time"] >= ended["history"][-1]["time"]


def test_one_that_follows_a_failure_fails_and_says_why(agency, image):
    first = agency.submit(red.shell(image, "exit 1"))
    second = agency.submit(red.shell(image, "true"), after=first)
    [batch] = agency.wait(second)
    assert batch["state"] == "cancelled"
    assert first in agency.state(second)["message"]
    unknown = agency.http.post("red", json=red.shell(image, "true"), params={"after": "0" * 24})
    assert unknown.status_code == 400


def test_a_repeated_request_makes_one_experiment(agency, image):
    document, headers = red.shell(image, "true"), {"Idempotency-Key": "again-and-again"}
    ids = {
        agency.http.post("red", json=document, headers=headers).json()["experimentId"]
        for _ in range(3)
    }
    assert len(ids) == 1
    other = agency.http.post("red", json=red.shell(image, "false"), headers=headers)
    assert other.status_code in (409, 422)


# --- what must not happen (reference, section 12) ------------------------------------------------


def test_a_gpu_request_without_vram_stops_nothing(stack, agency, image):
    gpus = {"gpus": {"vendor": "nvidia", "devices": [{}]}}
    name = agency.submit(red.shell(image, "true", settings=gpus))
    [batch] = agency.wait(name)
    assert batch["state"] == "failed"
    assert "GPU" in agency.state(name)["message"]
    assert agency.run(red.shell(image, "true"))[0]["state"] == "succeeded"


def test_more_memory_than_any_node_has_fails_only_itself(agency, image):
    name = agency.submit(red.shell(image, "true", ram=10_000_000))
    assert agency.wait(name)[0]["state"] == "failed"
    assert "memory" in agency.state(name)["message"]


def test_a_flood_of_stderr_blocks_nobody(agency, image):
    flood = agency.submit(red.shell(image, "yes fault | head -c 50000000 >&2; exit 3"))
    [small] = agency.run(red.shell(image, "true"))
    assert small["state"] == "succeeded"
    [batch] = agency.wait(flood)
    assert batch["state"] == "failed"
    assert "exit code 3" in debug_info(batch)
    assert len(json.dumps(batch)) < 200_000
    with agency.http.stream("GET", f"batches/{batch['_id']}/stderr") as answer:
        size = sum(map(len, answer.iter_bytes()))
    assert 1_000_000 < size < 20_000_000


@contextmanager
def hanging_registry() -> Iterator[str]:
    """A registry that accepts connections and never answers."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=50)
    held, closing = [], threading.Event()

    def accept():
        while not closing.is_set():
            try:
                held.append(listening.accept())
            except OSError:
                return

    thread = threading.Thread(target=accept)
    thread.start()
    yield f"127.0.0.1:{listening.getsockname()[1]}"
    closing.set()
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()
    for connection, _ in held:
        connection.close()


def test_a_pull_delays_no_neighbour_and_is_ended_by_a_cancel(agency, image):
    agency.run(red.shell(image, "true", batches=8))  # every Node has the image now
    with hanging_registry() as host:
        slow = [agency.submit(red.shell(f"{host}/a/b:{n}", "true")) for n in range(3)]
        begin = time.monotonic()
        [batch] = agency.run(red.shell(image, "true"))
        assert batch["state"] == "succeeded"
        assert time.monotonic() - begin < 10
        for name in slow:
            assert agency.state(name)["state"] not in FINAL
            begin = time.monotonic()
            assert agency.http.delete(f"experiments/{name}").status_code == 200
            assert agency.wait(name)[0]["state"] == "cancelled"
            assert time.monotonic() - begin < 10


def test_after_a_failure_the_next_begins_at_once(agency, image):
    batches = agency.run(red.shell(image, "exit 1", batches=4, limit=1))
    assert [b["state"] for b in batches] == ["failed"] * 4
    ends = sorted(b["history"][-1]["time"] for b in batches)
    begins = sorted(b["history"][1]["time"] for b in batches)
    assert all(begin - end < 1.5 for end, begin in zip(ends, begins[1:], strict=False))


def access(**auth):
    return {"url": "http://127.0.0.1:9/x", "auth": {"username": "u", **auth}}


def receiving(image, given, script="true"):
    return red.document(
        image,
        ["sh", "-c", script],
        {"text": {"type": "File", "inputBinding": {"position": 0}}},
        [{"inputs": {"text": given}, "outputs": {}}],
    )


def test_a_numeric_password_is_in_no_message(agency, image):
    given = {
        "class": "File",
        "connector": {"command": "red-connector-http", "access": access(password=987654321)},
    }
    name = agency.submit(receiving(image, given))
    [batch] = agency.wait(name)
    assert batch["state"] == "failed"
    assert "987654321" not in json.dumps(batch) + json.dumps(agency.state(name))
    assert "***" in debug_info(batch)


def test_a_user_name_of_one_letter_masks_nothing(agency, image):
    given = {
        "class": "File",
        "connector": {
            "command": "red-connector-http",
            "access": {"url": "http://127.0.0.1:9/x", "auth": {"_username": "e", "password": "("}},
        },
    }
    [batch] = agency.run(receiving(image, given))
    assert batch["state"] == "failed"
    assert "*" not in debug_info(batch)
    assert "e" in debug_info(batch)


def test_what_the_command_prints_breaks_no_result(agency, image):
    script = """
    echo '{"state": "failed", "command": null}'; echo '}{' >&2
    echo '{}' > /cc/result/result.json; mkdir -p /cc/result/x; head -c 1000 /dev/urandom"""
    [batch] = agency.run(red.shell(image, script))
    assert batch["state"] == "succeeded"
    assert batch["history"][-1]["ccagent"]["process"]["returnCode"] == 0


def test_secrets_are_not_readable_for_the_command(agency, image):
    given = {
        "class": "File",
        "connector": {
            "command": "sh-connector-that-is-not-there",
            "access": {"auth": {"password": "planted-secret"}},
        },
    }
    document = receiving(image, given)
    document["cli"]["inputs"]["text"]["type"] = "File?"
    document["batches"][0]["inputs"] = {}
    document["cli"]["baseCommand"] = ["sh", "-c", "cat /cc/*.json; ls /cc"]
    document["cli"]["stdout"] = "listing"
    [batch] = agency.run(document)
    assert "restricted_red_file" not in agency.stream(batch)


def test_an_image_without_python_is_a_clear_failure(stack, agency):
    [batch] = agency.run(red.shell(stack.images["shell"], "true"))
    assert batch["state"] == "failed"
    assert "python3" in debug_info(batch)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"redVersion": 9}, "redVersion"),
        ({"batches": []}, "batches"),
        ({"container": {"engine": "docker", "settings": {"image": {"url": "x"}}}}, "ram"),
        ({"execution": {"engine": "ccfaice", "settings": {}}}, "ccfaice"),
        ({"doc": "{{stray}}"}, "doc"),
        ({"extra": "planted"}, "extra"),
    ],
)
def test_a_wrong_document_is_refused_with_member_and_rule(agency, image, change, words):
    before = agency.http.get("experiments/count").json()
    answer = agency.http.post("red", json={**red.shell(image, "true"), **change})
    assert answer.status_code == 400
    text = answer.json()
    assert text.startswith("400 Bad Request: ")
    assert words in text
    assert "Traceback" not in text
    assert agency.http.get("experiments/count").json() == before


# --- registries -------------------------------------------------------------------------------


def test_a_registry_login_counts_each_time(stack, agency):
    engine, registry = stack.engines["node-1"], stack.registry
    reference = registry.push(
        engine, images.load(engine, ["red"])["red"], "ccp/login:1", private=True
    )
    login = {"username": USERNAME, "password": PASSWORD}
    [batch] = agency.run(red.shell(reference, "true", auth=login))
    assert batch["state"] == "succeeded", debug_info(batch)
    # The Nodes have it now; who shows a wrong login gets it all the same not.
    for _ in stack.engines:
        [batch] = agency.run(red.shell(reference, "true", auth={**login, "password": "wr0ng-one"}))
        assert batch["state"] == "failed"
        assert "wr0ng-one" not in json.dumps(batch)
        assert "login" in debug_info(batch)


def test_a_zip_of_streams_is_whole(agency, alice, image):
    name = agency.submit(red.shell(image, "seq 1 20000", batches=3))
    agency.wait(name)
    answer = alice.http.get(f"jobs/{name}/outputs/output.zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert archive.read("batch-1/stdout").split()[-1] == b"20000"
