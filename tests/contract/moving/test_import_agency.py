"""A CC-Agency database becomes Executions with Tasks, Attempts, journal and outputs."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socketserver
import stat
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
import zipfile
from typing import Any

import bson
import pytest

from ccp_jupyter.hub_service.api.agency import documents
from ccp_jupyter.hub_service.events.journal import read_journal
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.moving import add_commands
from ccp_jupyter.hub_service.moving.records import records
from ccp_jupyter.hub_service.old_ids import FILE, find_new_id, read_ids
from ccp_jupyter.hub_service.only_one import OnlyOne
from ccp_jupyter.hub_service.store.base import BatchQuery, ExecutionQuery
from ccp_jupyter.hub_service.store.sqlite import SqliteStore
from ccp_jupyter.model.events import StatusEvent
from ccp_jupyter.model.experiment import BatchState, batch_id, batch_name, is_id
from ccp_jupyter.model.resources import GpuWish
from ccp_jupyter.model.states import Outcome, Phase, Status, TaskState
from tests.contract.moving.agency_data import (
    FAILED_TWICE,
    START,
    Agency,
    agent,
    batch_5,
    batch_9,
    entry,
    experiment_5,
    experiment_9,
)
from tests.contract.test_sqlite_full import make_room

OK, USAGE, INVALID, REFUSED, UNREACHABLE = 0, 2, 3, 4, 5

PROGRAM = """
import argparse, sys
from ccp_jupyter.hub_service.moving import add_commands
parser = argparse.ArgumentParser()
add_commands(parser.add_subparsers(required=True))
arguments = parser.parse_args()
sys.exit(arguments.run(arguments))
"""


class Move:
    """A database, a data_dir, and the command between them."""

    def __init__(self, uri, database, folder, capsys):
        self.uri, self.name = uri, database.name
        self.agency = Agency(database)
        self.folder, self.data = folder, folder / "data"
        self.folders = Folders(folder / "none")
        self.folders.root = self.data / "executions"
        self._capsys = capsys

    def words(self, *more, mongo=None):
        return [
            *("import-agency", "--mongo", self.uri if mongo is None else mongo, "--db", self.name),
            *("--data-dir", str(self.data), *map(str, more)),
        ]

    def run(self, *more, mongo=None):
        """Run the command; returns the exit code and what was printed."""
        parser = argparse.ArgumentParser()
        add_commands(parser.add_subparsers(required=True))
        arguments = parser.parse_args(self.words(*more, mongo=mongo))
        code = arguments.run(arguments)
        said = self._capsys.readouterr()
        return code, said.out + said.err

    def stored(self):
        """Return all Executions with their Tasks, oldest first."""

        async def read():
            store = await SqliteStore.open(self.data / "store.sqlite")
            try:
                page = await store.list_executions(ExecutionQuery(limit=1000, ascending=True))
                found = [(each, await store.list_tasks(each.id)) for each in page.items]
                assert await store.open_executions() == []
                assert await store.open_tasks() == []
                counted = await store.count_batches(BatchQuery())
                assert counted == sum(len(tasks) for _, tasks in found)
                return found
            finally:
                await store.close()

        return asyncio.run(read())

    def one(self):
        ((execution, tasks),) = self.stored()
        return execution, tasks

    def ids(self):
        return read_ids(self.data / FILE)

    def entries(self, execution):
        with zipfile.ZipFile(self.folders.outputs(execution.id)) as archive:
            assert archive.testzip() is None
            return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def move(mongo_uri, database, tmp_path, capsys):
    return Move(mongo_uri, database, tmp_path, capsys)


def untimed(document):
    """Return a history as the original's API shows it, but for the times; texts as one text."""
    found = [{k: v for k, v in each.items() if k != "time"} for each in document["history"]]
    for each in found:
        if isinstance(each["debugInfo"], list):
            each["debugInfo"] = "\n".join(text.rstrip("\n") for text in each["debugInfo"])
    return found


def times(document):
    return [each["time"] for each in document["history"]]


def test_an_experiment_with_two_batches(move):
    experiment = experiment_9()
    good = batch_9(experiment, 0, "succeeded")
    bad = batch_9(experiment, 1, "failed", node="node2", attempts=2, history=FAILED_TWICE)
    old = move.agency.add(experiment, good, bad)
    move.agency.stream(good, "stdout", b"hits\n")
    move.agency.stream(bad, "stderr", b"too bad\n")
    code, said = move.run("--infrastructure", "institute")
    assert code == OK
    assert "1 experiments with 2 batches, 0 of them unfinished" in said

    execution, tasks = move.one()
    assert execution.owner == "alice"
    assert execution.infrastructure_id == "institute"
    assert execution.image == "registry.example.org/grep:1"
    assert execution.status is Status.FAILED
    assert execution.message == "1 of 2 batches failed; batch 2: Batch failed.\nsecond"
    assert execution.progress == 50
    assert execution.created.timestamp() == pytest.approx(START, abs=0.001)
    assert (execution.finished - execution.created).total_seconds() == pytest.approx(6, abs=0.002)
    assert execution.request["takenOver"]["experimentId"] == old
    assert not execution.has_secrets
    document = execution.experiment
    assert list(document.cli["inputs"]) == ["term", "text", "access"]
    assert document.cli == experiment["cli"]
    assert document.container["settings"]["ram"] == 256
    assert "auth" not in document.container["settings"]["image"]
    assert [gpu.vram for gpu in execution.gpus] == [1024, 0]
    assert (document.concurrency, document.retry, document.validate_connectors) == (8, True, False)

    first, second = tasks
    assert (first.state, second.state) == (TaskState.SUCCESSFUL, TaskState.FAILED)
    assert first.batch.inputs == good["inputs"]
    assert first.batch.outputs == good["outputs"]
    assert (first.batch.stdout, first.batch.stderr) == ("out.txt", "71cdb85c.stderr")
    assert first.attempt.gpus == ["0", "1"]
    assert first.attempt.exit_code == 0
    assert [each.phase for each in first.attempt.phases] == [
        Phase.LAUNCH,
        Phase.DEPLOY,
        Phase.ENDED,
    ]
    assert [each.outcome for each in second.attempts] == [Outcome.FAILED, Outcome.FAILED]
    assert [each.node for each in second.attempts] == ["node1", "node2"]
    assert [each.exit_code for each in second.attempts] == [1, 3]

    entries = move.entries(execution)
    assert set(entries) == {
        "batch-1/stdout",
        "batch-1/result.json",
        "batch-2/stderr",
        "batch-2/result.json",
    }
    assert entries["batch-1/stdout"] == b"hits\n"
    assert json.loads(entries["batch-2/result.json"]) == FAILED_TWICE[-1]["ccagent"]
    assert execution.output_size == move.folders.outputs(execution.id).stat().st_size


def test_the_api_shows_the_same_history(move):
    experiment = experiment_9()
    batches = [
        batch_9(experiment, 0, "succeeded"),
        batch_9(experiment, 1, "failed", history=FAILED_TWICE),
        batch_9(
            experiment,
            2,
            "cancelled",
            history=[
                entry("registered", 0),
                entry("scheduled", 1, "n"),
                entry("cancelled", 2, "n"),
            ],
        ),
        batch_9(
            experiment,
            3,
            "failed",
            node=None,
            history=[entry("registered", 0), entry("failed", 1, debugInfo="no node is sufficient")],
        ),
    ]
    move.agency.add(experiment, *batches)
    assert move.run()[0] == OK
    execution, tasks = move.one()
    for task, old in zip(tasks, batches, strict=True):
        shown = documents.batch(execution, task)
        assert untimed(shown) == untimed(old)
        assert times(shown) == pytest.approx(times(old), abs=0.002)
        for member in ("state", "batchesListIndex", "username", "inputs", "outputs", "cliStdout"):
            assert shown[member] == old[member]


def test_ids(move):
    experiment = experiment_9()
    batch = batch_9(experiment, 0, "succeeded")
    old = move.agency.add(experiment, batch)
    _, said = move.run()
    execution, (task,) = move.one()
    path = move.data / FILE
    assert str(path) in said
    assert find_new_id(path, old) == execution.id
    new = find_new_id(path, str(batch["_id"]))
    assert new == batch_id(execution.id, task.index)
    assert batch_name(new) is not None
    assert execution.id[:8] == old[:8]
    assert is_id(execution.id)
    assert move.ids() == {old: execution.id, str(batch["_id"]): new}


def test_one_batch_has_plain_names(move):
    experiment = experiment_9()
    batch = batch_9(experiment, 0, "succeeded")
    move.agency.add(experiment, batch)
    move.agency.stream(batch, "stdout", b"old")
    move.agency.stream(batch, "stdout", b"latest")  # the original stores again what it retries
    move.agency.stream(batch, "stderr", b"")
    move.run()
    execution, _ = move.one()
    entries = move.entries(execution)
    assert set(entries) == {"stdout", "stderr", "result.json"}
    assert entries["stdout"] == b"latest"
    assert execution.status is Status.SUCCESSFUL
    assert execution.progress == 100


def test_the_journal_tells_the_course(move):
    experiment = experiment_9()
    move.agency.add(experiment, batch_9(experiment, 0, "succeeded"))
    move.run()
    execution, _ = move.one()
    events = read_journal(move.folders.journal(execution.id), 0, 100).events
    assert [each.seq for each in events] == [1, 2, 3, 4, 5]
    assert [each.kind for each in events] == ["status", "phase", "phase", "phase", "status"]
    last = events[-1]
    assert isinstance(last, StatusEvent)
    assert last.status is Status.SUCCESSFUL
    assert [each.at for each in events] == sorted(each.at for each in events)


def test_version_5_with_its_secrets(move):
    experiment = experiment_5()
    done = batch_5(experiment, "cancelled")
    move.agency.add(experiment, batch_5(experiment, "processing"), done)
    code, said = move.run()
    assert code == OK
    execution, tasks = move.one()
    assert execution.experiment.red_version == "5"
    assert execution.gpus == [GpuWish(vram=2048)]
    assert execution.experiment.container["engine"] == "docker"
    assert not execution.experiment.retry
    assert [task.index for task in tasks] == [1, 2]
    assert tasks[0].batch.inputs["text"]["connector"]["access"] == ""
    assert tasks[0].batch.inputs["term"] == "QUERY"
    assert "PLANTED" not in said
    for path in move.data.rglob("*"):
        assert not path.is_file() or b"PLANTED" not in path.read_bytes(), path


def test_what_was_not_finished_is_dismissed_and_says_so(move):
    experiment = experiment_9()
    running = [entry("registered", 0), entry("scheduled", 1, "n1"), entry("processing", 2, "n1")]
    move.agency.add(
        experiment,
        batch_9(experiment, 0, "succeeded"),
        batch_9(experiment, 1, "processing", history=running),
        batch_9(experiment, 2, "registered", history=running[:1], node=None),
    )
    _, said = move.run()
    assert "2 of them unfinished and dismissed" in said
    execution, tasks = move.one()
    assert execution.status is Status.DISMISSED
    assert "Was not finished when it was taken over from CC-Agency: 2 of 3" in execution.message
    assert [task.batch_state for task in tasks] == [
        BatchState.SUCCEEDED,
        BatchState.CANCELLED,
        BatchState.CANCELLED,
    ]
    assert tasks[1].attempt.reason == tasks[2].reason
    assert tasks[1].attempt.phase is Phase.ENDED


def test_all_cancelled(move):
    experiment = experiment_9()
    move.agency.add(
        experiment,
        *(
            batch_9(experiment, n, "cancelled", history=[entry("cancelled", 1)], node=None)
            for n in range(2)
        ),
    )
    move.run()
    execution, _ = move.one()
    assert execution.status is Status.DISMISSED
    assert execution.message == "All batches cancelled"


def test_twice_is_once(move):
    for number in range(60):  # more than a page
        experiment = experiment_9()
        batch = batch_9(experiment, 0, "succeeded")
        move.agency.add(experiment, batch)
        if number % 20 == 0:
            move.agency.stream(batch, "stdout", b"hits\n")
    move.run()
    before = move.stored()
    ids = move.ids()
    code, said = move.run()
    assert code == OK
    assert "Taken over: 0 experiments" in said
    assert "There already: 60 experiments" in said
    assert move.stored() == before
    assert move.ids() == ids
    added = experiment_9()
    move.agency.add(added, batch_9(added, 0, "succeeded"))
    _, said = move.run()
    assert "Taken over: 1 experiments" in said
    assert len(move.stored()) == 61
    assert len(move.ids()) == 122


def test_a_dry_run_writes_nothing(move):
    experiment = experiment_9()
    move.agency.add(experiment, batch_9(experiment, 0, "succeeded"))
    code, said = move.run("--dry-run")
    assert code == OK
    assert "Would be taken over: 1 experiments with 1 batches" in said
    assert not move.data.exists()


def test_users(move):
    for name in ("alice", "Bob", "carol", "dave"):
        experiment = experiment_9(username=name)
        move.agency.add(experiment, batch_9(experiment, 0, "succeeded"))
    move.agency.user("alice")
    move.agency.user("carol", admin=True)
    move.agency.user("erin", admin=True)
    users = move.folder / "users.yml"
    users.write_text("alice: alina\ndave: alina\n")
    report = move.folder / "report.json"
    code, said = move.run("--user-map", users, "--report", report)
    assert code == OK
    assert "alina: 2 experiments\n" in said
    assert "carol: 1 experiments, administers CC-Agency" in said
    assert "erin: 0 experiments, administers CC-Agency" in said
    assert "Bob: most authenticators" in said
    assert sorted(execution.owner for execution, _ in move.stored()) == [
        *("Bob", "alina", "alina", "carol")
    ]
    written = json.loads(report.read_text())
    assert written["experiments"] == 4
    assert written["users"]["carol"] == {"experiments": 1, "admin": True}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- alice\n", "map of names"),
        ("alice: 3\nbob: ''\n", "'bob': must become a name"),
        ("alice: 'a\n", "line"),
        ("alice: a\nalice: b\n", "line 2"),
    ],
)
def test_a_user_map_that_is_none(move, text, said):
    users = move.folder / "users.yml"
    users.write_text(text)
    code, printed = move.run("--user-map", users)
    assert code == INVALID
    assert said in printed
    assert not move.data.exists()


def test_damaged_documents_do_not_stop_it(move):
    database = move.agency.database
    for changes in (
        {"username": None},
        {"username": ""},
        {"cli": "x"},
        {"container": None},
        {"container": {"settings": {"image": "x"}}},
    ):
        experiment = experiment_9(**changes)
        move.agency.add(experiment, batch_9(experiment_9(_id=experiment["_id"]), 0, "succeeded"))
    move.agency.add(experiment_9())  # no batches
    database.experiments.insert_one(experiment_9(_id="text"))
    deep: Any = "x"
    for _ in range(60):
        deep = {"a": deep}
    nested = experiment_9()
    move.agency.add(nested, batch_9(nested, 0, "succeeded", inputs={"term": deep}))
    strange = experiment_9(
        registrationTime=float("nan"), redVersion=9, execution=None, username="zoe"
    )
    move.agency.add(
        strange,
        batch_9(strange, 0, "succeeded", inputs="none"),
        batch_9(strange, 7, "odd", history="none", usedGPUs="all", registrationTime="now"),
        batch_9(strange, 0, None, history=[None, {"state": []}, {"state": "processing"}]),
    )
    database.batches.insert_one(batch_9(experiment_9(), 0, "succeeded"))
    whole = experiment_9()
    move.agency.add(whole, batch_9(whole, 0, "succeeded"))

    code, said = move.run()
    assert code == OK
    assert "Traceback" not in said
    for line in (
        "username is no text",
        "cli is no object",
        "container.settings.image is no object",
        "it has no batches",
        "_id is no ObjectId",
        "none of its batches can be read",
        "inputs is no object",
        "batch 1 of them: their experiment is not there",
    ):
        assert line in said
    stored = {execution.owner: tasks for execution, tasks in move.stored()}
    assert set(stored) == {"alice", "zoe"}
    assert [task.state for task in stored["zoe"]] == [TaskState.DISMISSED] * 2
    assert move.run()[0] == OK
    assert len(move.stored()) == 2


def test_a_fault_of_ours_keeps_back_one_document_only(move, monkeypatch):
    def faulty(document, *rest):
        if document["username"] == "bad":
            raise KeyError("secret")
        return records(document, *rest)

    monkeypatch.setattr("ccp_jupyter.hub_service.moving.takeover.records", faulty)
    for name in ("alice", "bad", "carol"):
        experiment = experiment_9(username=name)
        move.agency.add(experiment, batch_9(experiment, 0, "succeeded"))
    code, said = move.run()
    assert code == OK
    assert "damaged in an unforeseen way (KeyError)" in said
    assert "secret" not in said
    assert {execution.owner for execution, _ in move.stored()} == {"alice", "carol"}


def test_huge_texts_are_cut(move):
    experiment = experiment_9()
    flood = "e" * 7_000_000
    failed = entry("failed", 3, "n", debugInfo=flood, ccagent=agent("failed", 1, [flood]))
    history = [entry("registered", 0), entry("scheduled", 1, "n"), failed]
    move.agency.add(experiment, batch_9(experiment, 0, "failed", history=history))
    assert move.run()[0] == OK
    execution, (task,) = move.one()
    assert len(task.attempt.reason) == 16_384
    assert task.attempt.result["process"]["returnCode"] == 1
    assert len(execution.message) <= 1000
    assert (move.data / "store.sqlite").stat().st_size < 1_000_000


def test_a_stream_that_lacks_a_part(move):
    experiment = experiment_9()
    batch = batch_9(experiment, 0, "succeeded")
    move.agency.add(experiment, batch)
    move.agency.stream(batch, "stdout", b"x" * 700_000)
    move.agency.stream(batch, "stderr", b"whole")
    move.agency.database.fs.chunks.delete_one({"n": 1})
    code, said = move.run()
    assert code == OK
    assert "stdout of batch 1: is damaged in the database; its beginning was kept" in said
    execution, _ = move.one()
    entries = move.entries(execution)
    assert entries["stderr"] == b"whole"
    assert entries["stdout"] == b"x" * len(entries["stdout"])


def test_text_that_is_no_unicode(move, mongo_uri):
    experiment = experiment_9(username="zo\0e")
    batch = batch_9(experiment, 0, "succeeded", cliStdout="a" * 12)
    move.agency.add(experiment, batch)
    move.run()
    execution, _ = move.one()
    assert execution.owner == "zo\ufffde"


def test_a_running_service_keeps_it_away(move):
    experiment = experiment_9()
    move.agency.add(experiment, batch_9(experiment, 0, "succeeded"))
    move.data.mkdir()
    with OnlyOne(move.data):
        code, said = move.run()
    assert code == REFUSED
    assert "another service uses" in said
    assert not (move.data / "store.sqlite").exists()
    assert move.run()[0] == OK


def test_modes(move):
    experiment = experiment_9()
    batch = batch_9(experiment, 0, "succeeded")
    move.agency.add(experiment, batch)
    move.run()
    execution, _ = move.one()
    for path in (move.data, move.folders.folder(execution.id)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for path in (move.data / FILE, move.folders.journal(execution.id)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_logins(move, database):
    experiment = experiment_9()
    move.agency.add(experiment, batch_9(experiment, 0, "succeeded"))
    database.command("createUser", "ccadmin", pwd="hidden-pw", roles=["readWrite"])
    password = move.folder / "pw"
    base = move.uri.replace("/?", f"/{database.name}?")
    try:
        for text, expected in (("wrong-pw", UNREACHABLE), ("hidden-pw\n", OK)):
            password.write_text(text)
            words = ("--mongo-user", "ccadmin", "--mongo-password-file", password)
            code, said = move.run(*words, mongo=base)
            assert code == expected
            assert "-pw" not in said
            assert ("Authentication failed" in said) == (expected == UNREACHABLE)
        bad = base.replace("mongodb://", "mongodb://ccadmin:other-pw@")
        code, said = move.run(mongo=bad)
        assert code == UNREACHABLE
        assert "-pw" not in said
    finally:
        database.command("dropUser", "ccadmin")


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://u:se:cr@et@127.0.0.1",
        "http://u:secret@x",
        "mongodb://u:p@x:secret/",
        "",
        "\0",
        "db.example.org",
    ],
)
def test_addresses_that_are_none_are_not_repeated(move, uri):
    code, said = move.run(mongo=uri)
    assert code == USAGE
    assert "secret" not in said
    assert "et@" not in said
    assert "Traceback" not in said


def test_a_name_of_a_database_that_is_none(move):
    code, said = move.run("--db", "a/b c")
    assert code == USAGE
    assert "database" in said


def test_half_a_login(move):
    code, said = move.run("--mongo-user", "x")
    assert code == USAGE
    assert "need each other" in said


def test_no_server(move, monkeypatch):
    monkeypatch.setattr("ccp_jupyter.hub_service.moving.source._PATIENCE", 300)
    code, said = move.run(mongo="mongodb://u:secret@127.0.0.1:1/")
    assert code == UNREACHABLE
    assert "does not answer" in said
    assert "secret" not in said


class _OldServer(socketserver.StreamRequestHandler):
    """Says what a MongoDB 4.0 says of itself, whatever it is asked."""

    def handle(self):
        while len(head := self.rfile.read(16)) == 16:
            size, asked, _, kind = struct.unpack("<iiii", head)
            self.rfile.read(size - 16)
            said = bson.encode(
                {"ok": 1.0, "ismaster": True, "minWireVersion": 0, "maxWireVersion": 7}
            )
            if kind == 2013:  # OP_MSG
                body, answer = struct.pack("<ib", 0, 0) + said, 2013
            else:
                body, answer = struct.pack("<iqii", 8, 0, 0, 1) + said, 1
            self.wfile.write(struct.pack("<iiii", 16 + len(body), 0, asked, answer) + body)


def test_a_server_of_the_time_of_cc_agency(move):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _OldServer) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        code, said = move.run(mongo=f"mongodb://127.0.0.1:{server.server_address[1]}")
        server.shutdown()
    assert code == UNREACHABLE
    assert "the server is older than MongoDB" in said
    assert "mongorestore" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_data_dir_of_somebody_else(move):
    move.data.mkdir()
    os.chown(move.data, 12345, 12345)
    code, said = move.run()
    assert code == REFUSED
    assert "another account" in said


def test_killed_and_begun_again(move, tmp_path):
    """As often as it takes; at the end all is there once, as if it had never been killed."""
    for number in range(40):
        experiment = experiment_9()
        batches = [batch_9(experiment, index, "succeeded") for index in range(3)]
        move.agency.add(experiment, *batches)
        move.agency.stream(batches[0], "stdout", b"%d\n" % number * 20_000)
    killed = 0
    for _ in range(4):
        child = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *move.words()], stdout=subprocess.DEVNULL
        )
        before = len(list(move.data.glob("executions/*/*/events.jsonl")))
        while child.poll() is None:
            if len(list(move.data.glob("executions/*/*/events.jsonl"))) > before + 5:
                child.kill()
                killed += child.wait() < 0
            time.sleep(0.005)
    assert killed >= 2
    code, said = move.run()
    assert code == OK
    assert "There already: " in said
    stored = move.stored()
    assert len(stored) == 40
    outputs = set()
    for execution, tasks in stored:
        assert len(tasks) == 3
        entries = move.entries(execution)
        outputs.add(entries["batch-1/stdout"])
        events = read_journal(move.folders.journal(execution.id), 0, 100).events
        assert len(events) == 11
    assert len(outputs) == 40
    assert len(move.ids()) == 160
    assert not list(move.data.rglob("*.partial"))
    assert len(list(move.data.glob("executions/*/*"))) == 40


def test_a_large_stream_is_not_held_in_memory(move):
    experiment = experiment_9()
    batch = batch_9(experiment, 0, "succeeded")
    move.agency.add(experiment, batch)
    size = 96 * 2**20
    with move.agency.files.open_upload_stream(f"{batch['_id']}_stdout") as sink:
        for _ in range(96):
            sink.write(os.urandom(2**20))
    tracemalloc.start()
    try:
        code, _ = move.run()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert code == OK
    # The server answers with 16 MiB at a time, and the driver has them twice.
    assert peak < 40 * 2**20
    execution, _ = move.one()
    assert execution.output_size > size


def test_a_full_disk(move, small_disk):
    first, second = experiment_9(), experiment_9()
    batch = batch_9(second, 0, "succeeded")
    move.agency.add(first, batch_9(first, 0, "succeeded"))
    move.agency.add(second, batch)
    data = os.urandom(2_000_000)
    move.agency.stream(batch, "stdout", data)
    move.data = small_disk / "data"
    move.folders.root = move.data / "executions"
    code, said = move.run()
    assert code == REFUSED
    assert "disk is full" in said
    assert "Traceback" not in said
    assert len(move.stored()) == 1
    make_room(small_disk)
    code, said = move.run()
    assert code == OK, said
    found = {
        execution.request["takenOver"]["experimentId"]: execution for execution, _ in move.stored()
    }
    assert move.entries(found[str(second["_id"])])["stdout"] == data
    assert len(move.ids()) == 4
