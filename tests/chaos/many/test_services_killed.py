"""Three service processes over one MongoDB: whichever dies, freezes or leaves, work goes on."""

from __future__ import annotations

import asyncio
import hashlib
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import pytest

from ccp_jupyter.client import Client, Execution
from ccp_jupyter.client.loop import complete
from ccp_jupyter.hub_service.leadership import LEASE
from ccp_jupyter.hub_service.store.base import Lease
from ccp_jupyter.hub_service.store.mongodb.store import MongoStore
from ccp_jupyter.model.events import LogEvent, PhaseEvent, StatusEvent
from ccp_jupyter.model.execution import Task
from ccp_jupyter.model.states import Outcome
from tests import red
from tests.agency import Agency
from tests.chaos.checks import numbered
from tests.jobs import Caller, method, nothing_left
from tests.receiver import Receiver
from tests.stack.stack import Stack

pytestmark = pytest.mark.timeout(300)  # the first test starts the stack, each waits for takeovers

STACK = {"store": "mongodb", "services": 3}

LINES = 5
SCRIPT = f"n=0; while [ $n -lt {LINES} ]; do echo line $n; n=$((n+1)); sleep 0.2; done"
EXPECTED = "".join(f"line {n}\n" for n in range(LINES))
SUBMITTERS = 2
FILE = {"schema": {"type": "string", "format": "file", "contentEncoding": "base64"}}
VALUE = "correct-horse-battery-staple"


@pytest.fixture
def alice(stack: Stack) -> Iterator[Caller]:
    """Return alice; all processes are up when a test begins."""
    stack.start_mongod()
    for name in stack.services:
        stack.start_service(name=name)
    caller = Caller(stack.service_url, stack.users["alice"])
    yield caller
    caller.close()


@pytest.fixture(scope="module")
def document(stack: Stack) -> dict[str, object]:
    return method(stack.images["shell"], SCRIPT)


def eventually(true: Callable[[], bool], what: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)


class Load:
    """Users who submit, and one who follows live, as long as the block lasts."""

    def __init__(self, stack: Stack, alice: Caller, document: dict[str, object]) -> None:
        self._stack = stack
        self._alice = alice
        self._document = document
        self._stop = threading.Event()
        self._errors: list[BaseException] = []
        self.acknowledged: list[str] = []
        self.seen: dict[str, list[int]] = {}

    def __enter__(self) -> Load:
        with self._client() as client:
            if not [each for each in client.methods() if each.id == self._document["id"]]:
                client.deploy(self._document)
        work = [self._submit] * SUBMITTERS + [self._follow]
        self._threads = [threading.Thread(target=self._guarded, args=(each,)) for each in work]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(120)
        if error is None:
            assert not self._errors, self._errors
            assert not any(thread.is_alive() for thread in self._threads)

    def more(self, count: int = 4) -> None:
        """Wait until so many more Executions were acknowledged."""
        wanted = len(self.acknowledged) + count
        eventually(lambda: bool(self._errors) or len(self.acknowledged) >= wanted, "submits")
        assert not self._errors, self._errors

    def check(self) -> None:
        """Check that all went well, and once."""
        assert len(self.acknowledged) == len(set(self.acknowledged))
        for job in self.acknowledged:
            done = self._alice.wait(job, 120)
            assert done["status"] == "successful", done
            self._alice.wait_for(job, "ended")
            numbered(self._alice.events(job))
            assert self._alice.log(job, stream="stdout") == EXPECTED
        nothing_left(self._stack, "ccp-")
        for numbers in self.seen.values():
            assert numbers == list(range(1, len(numbers) + 1))
        for task in asyncio.run(tasks(self._stack, self.acknowledged)):
            good = [a for a in task.attempts if a.outcome is Outcome.SUCCESSFUL]
            assert len(good) == 1, task

    def _client(self) -> Client:
        return Client(self._stack.service_url, self._stack.users["alice"])

    def _guarded(self, work: Callable[[Client], None]) -> None:
        try:
            with self._client() as client:
                work(client)
        except BaseException as error:
            self._errors.append(error)

    def _submit(self, client: Client) -> None:
        while not self._stop.is_set():
            self.acknowledged.append(client.run(str(self._document["id"])).id)
            self._stop.wait(0.5)

    def _follow(self, client: Client) -> None:
        while not self._stop.is_set():
            execution = client.run(str(self._document["id"]))
            self.acknowledged.append(execution.id)
            self.seen[execution.id] = []
            complete(self._events(execution))

    async def _events(self, execution: Execution) -> None:
        async for item in execution._inner.follow(timeout=120):
            if isinstance(item, StatusEvent | PhaseEvent | LogEvent):
                self.seen[execution.id].append(item.seq)


async def tasks(stack: Stack, executions: list[str]) -> list[Task]:
    """Return the Tasks of Executions as the database has them."""
    store = await MongoStore.open(stack.document["mongodb"])
    try:
        return [task for each in executions for task in await store.list_tasks(each)]
    finally:
        await store.close()


@pytest.fixture
def load(stack: Stack, alice: Caller, document: dict[str, object]) -> Load:
    return Load(stack, alice, document)


def test_every_process_answers_for_the_one_that_drives(stack, alice):
    """Live events, a large upload and a large download by way of each of them."""
    driver = stack.driver()
    script = "sha256sum {{ data }}; head -c 30000000 /dev/urandom > noise; sha256sum noise > sum"
    document = method(stack.images["shell"], script, inputs={"data": FILE})
    alice.deploy(document)
    given = b"x" * 8_000_000
    for url in stack.service_urls.values():
        caller = Caller(url, stack.users["alice"])
        with Client(url, stack.users["alice"]) as client:
            execution = client.run(document["id"], data=given)
            seen = complete(follow(execution))
            assert execution.wait(timeout=60, progress=False).status == "successful"
        assert seen == list(range(1, len(seen) + 1))
        assert hashlib.sha256(given).hexdigest() in caller.log(execution.id, stream="stdout")
        found = caller.outputs(execution.id)
        assert found["sum"].split()[0].decode() == hashlib.sha256(found["noise"]).hexdigest()
        caller.close()
    assert stack.driver() == driver


async def follow(execution: Execution) -> list[int]:
    return [
        item.seq
        async for item in execution._inner.follow(timeout=60)
        if isinstance(item, StatusEvent | PhaseEvent | LogEvent)
    ]


def test_the_driver_is_killed(stack, alice, load, files, tmp_path: Path):
    """While submits, live events, a download, a RED experiment and a secret are under way."""
    image, agency = stack.images["shell"], Agency(stack)
    big = method(image, "head -c 80000000 /dev/urandom > noise; sha256sum noise > sum")
    secret = {"key": {"schema": {"type": "string", "format": "secret"}}, "file": FILE}
    secretive = method(image, "echo {{ key }} | sha256sum", inputs=secret)
    with Client(stack.service_url, stack.users["alice"]) as client:
        result = client.run(client.deploy(big))
        result.wait(timeout=60, progress=False)
        with load:
            load.more()
            name = agency.submit(red.shell(stack.images["red"], "echo ran $0; sleep 2", batches=2))
            waiting = alice.start(secretive, key=VALUE, file={"href": f"{files}/slow"})
            alice.wait_for(waiting, "launch")
            fetching = threading.Thread(target=result.fetch, args=(tmp_path / "here",))
            fetching.start()
            first = stack.driver()
            stack.kill_service(name=first)
            assert stack.driver() != first
            load.more()
        fetching.join(90)
    noise = (tmp_path / "here/noise").read_bytes()
    assert (tmp_path / "here/sum").read_text().split()[0] == hashlib.sha256(noise).hexdigest()
    assert alice.wait(waiting)["status"] == "successful"
    digest = hashlib.sha256(f"{VALUE}\n".encode()).hexdigest()
    assert alice.log(waiting, stream="stdout") == f"{digest}  -\n"
    ended = agency.wait(name, 90)
    assert [(b["state"], b["attempts"]) for b in ended] == [("succeeded", 1)] * 2
    agency.close()
    load.check()


def test_callbacks_and_reuse_outlive_the_driver(stack, alice):
    """By way of each process; the first try of each callback is refused."""
    receiver = Receiver()
    receiver.codes = [503] * len(stack.services)
    path = f"processes/{alice.deploy(method(stack.images['shell'], 'echo hello > word'))}/execution"
    body = {"subscriber": {"successUri": receiver.url}}
    callers = [Caller(url, stack.users["alice"]) for url in stack.service_urls.values()]
    try:
        jobs = [each.http.post(path, json=body).json()["jobID"] for each in callers]
        for job in jobs:
            assert alice.wait(job)["status"] == "successful"
        eventually(lambda: len(receiver.requests) >= len(jobs), "the first try of each callback")
        first = stack.driver()
        stack.kill_service(name=first)
        assert stack.driver() != first
        eventually(lambda: all(delivered(alice, job) for job in jobs), "the second try of each")
        told = Counter(headers["X-Ccp-Delivery"] for headers, _ in receiver.requests)
        # Once more only when the driver was killed between an answer and writing it down.
        assert all(told[f"{job}.success"] in (2, 3) for job in jobs), told
        stack.start_service(name=first)
        assert alice.wait(alice.http.post(path, json={}).json()["jobID"])["status"] == "successful"
        for each in callers:
            taken = each.http.post(f"{path}?reuse=true", json={}).json()
            assert taken["origin"]["kind"] == "reuse", taken
            assert each.outputs(taken["jobID"]) == {"word": b"hello\n"}
    finally:
        receiver.close()
        for each in callers:
            each.close()


def delivered(caller: Caller, job: str) -> bool:
    return [each["state"] for each in caller.status(job)["callbacks"]] == ["delivered"]


def test_the_driver_freezes(stack, alice, load):
    with load:
        load.more()
        first = stack.driver()
        frozen = stack.services[first]
        frozen.stop_running()
        assert stack.driver() != first
        load.more()
        frozen.send(signal.SIGCONT)
        eventually(lambda: not frozen.alive(), "the end of a driver that was frozen", 30)
    assert "ending at once" in frozen.tail()
    load.check()


def test_the_database_is_killed(stack, alice, load):
    with load:
        load.more()
        first = stack.driver()
        stack.mongod.kill()
        driver = stack.services[first]
        eventually(lambda: not driver.alive(), "the end of a driver without a database", 30)
        stack.start_mongod()
        assert stack.driver() != first
        load.more()
    load.check()


def test_all_are_restarted_one_after_the_other(stack, alice, load):
    """Each gives its lease back; no user hears of it."""
    with load:
        for name in stack.services:
            load.more(2)
            before = stack.driver()
            stack.kill_service(signal.SIGTERM, name)
            held = asyncio.run(lease(stack))
            if name == before:
                assert held is None or held.address not in stack.service_urls[name]
            stack.start_service(name=name)
        load.more(2)
    load.check()


async def lease(stack: Stack) -> Lease | None:
    store = await MongoStore.open(stack.document["mongodb"])
    try:
        return await store.find_lease(LEASE)
    finally:
        await store.close()
