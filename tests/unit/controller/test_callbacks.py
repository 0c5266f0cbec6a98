"""Callbacks from a real store to real receivers that are sometimes unwell."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import re
import socket
import sys
import time
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from ccp_jupyter.hub_service.api.callbacks import CallbackDocuments
from ccp_jupyter.hub_service.api.services import Services
from ccp_jupyter.hub_service.controller.callbacks import CallbackSender, Means, again
from ccp_jupyter.hub_service.controller.jobs import Jobs
from ccp_jupyter.hub_service.controller.records import Records, finish
from ccp_jupyter.hub_service.controller.settings import Settings
from ccp_jupyter.hub_service.events.log import FileEventLog
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.outgoing import Outgoing
from ccp_jupyter.hub_service.signing_keys import SigningKeys
from ccp_jupyter.hub_service.store.sqlite import SqliteStore
from ccp_jupyter.model.callbacks import CallbackState, callbacks_of
from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.states import Status, Target
from ccp_jupyter.model.times import now
from tests.contract.store_data import an_execution
from tests.receiver import Receiver
from tests.stack.daemons import find
from tests.unit.controller.test_controller import World as ControllerWorld

BASE = "https://hub.example.org/services/ccp/"
LOOPBACK = (ip_network("127.0.0.0/8"),)
GUIDE = Path("docs/callbacks.md").read_text()
PATIENCE = 60.0
DUE, DELIVERED, GIVEN_UP = CallbackState.DUE, CallbackState.DELIVERED, CallbackState.GIVEN_UP
WAITING, NOT_NEEDED = CallbackState.WAITING, CallbackState.NOT_NEEDED


class World:
    """A store with Executions, and who sends their callbacks."""

    def __init__(self, folder: Path, store: SqliteStore) -> None:
        self.store = store
        self.folders = Folders(folder / "executions")
        self.events = FileEventLog(self.folders)
        self.keys = SigningKeys(folder / "keys")
        self.services = Services(
            store,
            None,  # type: ignore[arg-type]  # documents of Executions ask neither of these
            self.events,
            self.folders,
            None,  # type: ignore[arg-type]
            "/",
            self.keys,
        )
        self.jobs = Jobs()

    def start(self, outgoing: Outgoing | None = None, **settings: float) -> None:
        """Begin to send; what the store has is not taken up yet."""
        self.records = Records(self.store, self.events)
        self.outgoing = outgoing or Outgoing(allowed=LOOPBACK)
        documents = CallbackDocuments(lambda: self.services, "http://elsewhere/")
        quick: dict[str, Any] = {"callback_delay": 0.01, **settings}
        self.sender = CallbackSender(
            self.records,
            self.outgoing,
            Means(documents, self.keys.callback_key),
            Settings(**quick),
            self.jobs,
        )
        self.records.due.append(self.sender.note)
        self.jobs.spawn(self.sender.run())

    async def stop(self) -> None:
        await self.jobs.stop()
        await self.outgoing.close()

    async def add(self, name: str = "e1", **changes: Any) -> str:
        """Keep an Execution with callbacks to these addresses; returns its id."""
        subscriber = changes.pop("subscriber")
        request = {"subscriber": subscriber}
        await self.store.add_execution(
            an_execution(
                name,
                **{
                    "request": request,
                    "callbacks": callbacks_of(request),
                    "base_url": BASE,
                    **changes,
                },
            ),
            [],
        )
        return name

    async def run(self, name: str) -> None:
        """Let an Execution begin to run."""

        def change(execution: Execution) -> bool:
            execution.status, execution.started = Status.RUNNING, now()
            return True

        await self.records.change_execution(name, change)

    async def end(self, name: str, status: Status = Status.SUCCESSFUL) -> None:
        """Give an Execution its final status, by way of running where it must."""

        def change(execution: Execution) -> bool:
            if status is Status.SUCCESSFUL:
                execution.status = Status.RUNNING
            return finish(execution, status, "Over")

        await self.records.change_execution(name, change)
        await self.records.settle(name)

    async def until(self, name: str, *states: CallbackState | None) -> Execution:
        """Wait until the callbacks of an Execution stand like this; None: anyhow."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = await self.store.get_execution(name)
                assert found is not None
                pairs = zip(found.callbacks, states, strict=True)
                if all(wanted in (None, each.state) for each, wanted in pairs):
                    return found
                await asyncio.sleep(0.01)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = await SqliteStore.open(tmp_path / "store.sqlite")
    made = World(tmp_path, store)
    yield made
    await made.stop()
    await made.events.close()
    await store.close()


@pytest.fixture
def receivers() -> Iterator[Callable[..., Receiver]]:
    made: list[Receiver] = []

    def make(host: str = "127.0.0.1") -> Receiver:
        made.append(Receiver(host))
        return made[-1]

    yield make
    for receiver in made:
        receiver.close()


def to(receiver: Receiver, *members: str) -> dict[str, str]:
    names = members or ("successUri", "inProgressUri", "failedUri")
    return {name: f"{receiver.url}/{name}?secret=hunter2" for name in names}


async def test_they_come_in_order_signed_and_with_documents(
    world: World, receivers: Callable[..., Receiver]
) -> None:
    world.start()
    receiver = receivers()
    name = await world.add(subscriber=to(receiver))
    await world.run(name)
    await world.end(name)
    found = await world.until(name, DELIVERED, DELIVERED, NOT_NEEDED)
    kinds = [headers["X-Ccp-Delivery"] for headers, _ in receiver.requests]
    assert kinds == ["e1.inProgress", "e1.success"]
    status = json.loads(receiver.requests[0][1])
    assert (status["status"], status["jobID"]) == ("running", "e1")
    assert status["links"][0]["href"] == BASE + "jobs/e1"
    assert "callbacks" not in status
    assert json.loads(receiver.requests[1][1]) == {}
    key = world.keys.callback_key("alice").encode()
    for headers, body in receiver.requests:
        stamp, delivery = headers["X-Ccp-Timestamp"], headers["X-Ccp-Delivery"]
        assert abs(int(stamp) - time.time()) < 300
        signed = f"{stamp}.{delivery}.".encode() + body
        wanted = hmac.new(key, signed, hashlib.sha256).hexdigest()
        assert headers["X-Ccp-Signature"] == f"sha256={wanted}"
        assert b"hunter2" not in body
    assert all(each.delivered and not each.problem for each in found.callbacks[:2])


async def test_a_status_and_what_is_due_are_one_write(
    world: World, receivers: Callable[..., Receiver]
) -> None:
    world.start()
    world.records.due.clear()  # as if the process ended right after the write
    receiver = receivers()
    name = await world.add(subscriber=to(receiver))
    await world.run(name)
    await world.end(name, Status.DISMISSED)
    assert [each.id for each in await world.store.open_executions()] == [name]
    await world.until(name, DUE, NOT_NEEDED, DUE)
    assert receiver.requests == []
    for execution in await world.store.open_executions():
        world.sender.note(execution)
    await world.until(name, DELIVERED, NOT_NEEDED, DELIVERED)
    first, second = (json.loads(body) for _, body in receiver.requests)
    # Told late, and still as it was then.
    assert (first["status"], second["status"]) == ("running", "dismissed")
    assert "finished" not in first
    assert await world.store.open_executions() == []


async def test_it_is_tried_again_until_it_is_taken(
    world: World, receivers: Callable[..., Receiver]
) -> None:
    world.start()
    receiver = receivers()
    receiver.codes = [500, 302, 404, 401]
    name = await world.add(subscriber=to(receiver, "failedUri", "successUri"))
    await world.end(name, Status.FAILED)
    found = await world.until(name, NOT_NEEDED, DELIVERED)
    assert len(receiver.requests) == found.callbacks[1].tries == 5
    assert len({headers["X-Ccp-Delivery"] for headers, _ in receiver.requests}) == 1
    assert len({body for _, body in receiver.requests}) == 1


async def test_retry_after_is_honoured_and_survives_in_the_store(
    world: World, receivers: Callable[..., Receiver]
) -> None:
    world.start()
    receiver = receivers()
    receiver.codes, receiver.headers = [503], {"Retry-After": "1200"}
    name = await world.add(subscriber=to(receiver, "successUri"))
    await world.end(name)
    async with asyncio.timeout(PATIENCE):
        while not (await world.until(name, DUE)).callbacks[0].problem:
            await asyncio.sleep(0.01)
    callback = (await world.until(name, DUE)).callbacks[0]
    assert callback.problem == "the receiver answers 503"
    assert callback.next_try is not None
    wait = callback.next_try - now()
    assert timedelta(seconds=1000) < wait <= timedelta(seconds=1200)


async def test_given_up_after_the_configured_time_and_sent_again_on_request(
    world: World, receivers: Callable[..., Receiver]
) -> None:
    world.start(callback_patience=0.0)
    receiver = receivers()
    receiver.codes = [500]
    name = await world.add(subscriber=to(receiver, "successUri"))
    await world.end(name)
    found = await world.until(name, GIVEN_UP)
    assert (found.callbacks[0].tries, found.callbacks[0].problem) == (
        1,
        "the receiver answers 500",
    )
    assert await world.store.open_executions() == []
    await world.records.change_execution(name, again)
    await world.until(name, DELIVERED)
    assert len(receiver.requests) == 2


@pytest.mark.parametrize(
    ("code", "problem"), [(410, "the receiver answers 410"), (None, "not public")]
)
async def test_given_up_at_once(
    world: World, receivers: Callable[..., Receiver], code: int | None, problem: str
) -> None:
    receiver = receivers()
    if code is None:
        world.start(Outgoing())  # reaches public addresses only
    else:
        world.start()
        receiver.codes = [code]
    name = await world.add(subscriber=to(receiver, "successUri"))
    await world.end(name)
    found = await world.until(name, GIVEN_UP)
    assert problem in found.callbacks[0].problem
    assert "127.0.0.1" not in found.callbacks[0].problem
    assert len(receiver.requests) == (1 if code else 0)


async def test_who_does_not_take_in_progress_still_hears_of_the_end(
    world: World, receivers: Callable[..., Receiver]
) -> None:
    world.start(callback_delay=1e6, longest_callback_delay=1e6, callback_patience=1e7)
    good, bad = receivers(), receivers()
    bad.codes = [500] * 9
    subscriber = {"inProgressUri": bad.url, "successUri": good.url}
    name = await world.add(subscriber=subscriber)
    await world.run(name)
    async with asyncio.timeout(PATIENCE):
        while not (await world.until(name, DUE, WAITING)).callbacks[0].tries:
            await asyncio.sleep(0.01)
    await world.end(name)
    found = await world.until(name, GIVEN_UP, DELIVERED)
    assert "has ended" in found.callbacks[0].problem
    assert len(bad.requests) == 2


async def test_a_slow_receiver_delays_only_itself(
    world: World, receivers: Callable[..., Receiver]
) -> None:
    world.start()
    slow, quick = receivers(), receivers("127.0.0.2")
    slow.may_answer.clear()
    names = [await world.add(f"slow{n}", subscriber=to(slow, "successUri")) for n in range(5)]
    for name in names:
        await world.end(name)
    async with asyncio.timeout(PATIENCE):
        while len(slow.requests) < 2:
            await asyncio.sleep(0.01)
    other = await world.add("other", subscriber=to(quick, "successUri"))
    await world.end(other)
    await world.until(other, DELIVERED)
    assert len(slow.requests) == 2  # no more at one time
    slow.may_answer.set()
    for name in names:
        await world.until(name, DELIVERED)
    assert len(slow.requests) == 5


async def test_deleting_ends_them(world: World, receivers: Callable[..., Receiver]) -> None:
    world.start(callback_delay=1e6, longest_callback_delay=1e6, callback_patience=1e7)
    receiver = receivers()
    receiver.codes = [500]
    name = await world.add(subscriber=to(receiver, "failedUri", "successUri"))
    await world.end(name, Status.FAILED)
    async with asyncio.timeout(PATIENCE):
        while not receiver.requests:
            await asyncio.sleep(0.01)

    def delete(execution: Execution) -> bool:
        execution.target = Target.DELETED
        return True

    await world.records.change_execution(name, delete)
    found = await world.until(name, NOT_NEEDED, NOT_NEEDED)
    assert not again(found)
    world.sender.note(found)
    await asyncio.sleep(0)
    assert len(receiver.requests) == 1


async def test_large_results_go_by_reference(
    world: World, receivers: Callable[..., Receiver]
) -> None:
    world.start()
    receiver = receivers()
    outputs = {
        name: {
            "schema": {"type": "string", "contentMediaType": "text/plain"},
            "metadata": [{"role": "file", "href": f"/ccp_data/{name}"}],
        }
        for name in ("large", "small")
    }
    name = await world.add(
        subscriber=to(receiver, "successUri"),
        method={"id": "m1", "outputs": outputs},
        output_size=1,
    )
    archive = world.folders.outputs(name)
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("large", "x" * 100_000)
        target.writestr("small", "y")
    await world.end(name)
    await world.until(name, DELIVERED)
    document = json.loads(receiver.requests[0][1])
    assert document["small"] == "y"
    assert document["large"]["href"] == f"{BASE}jobs/e1/outputs/large"


async def test_a_start_takes_up_what_is_due(
    tmp_path: Path, receivers: Callable[..., Receiver]
) -> None:
    """Also what another process over the same store has left, right after its last write."""
    world = ControllerWorld(tmp_path)
    receiver = receivers()
    documents = CallbackDocuments(lambda: None, BASE)  # type: ignore[arg-type, return-value]
    means = Means(documents, SigningKeys(tmp_path / "keys").callback_key)
    await world.start()  # it sends nothing
    try:
        subscriber = to(receiver, "successUri", "failedUri")
        submission = world.submission({"inputs": {}, "subscriber": subscriber})
        with pytest.raises(InvalidDocument, match="not public"):
            await world.controller.submit(submission)
        await world.stop()
        await world.start(allowed=LOOPBACK)
        execution = await world.controller.submit(submission)
        await world.controller.dismiss(execution.id)
        await world.stop()
        assert receiver.requests == []
        await world.start(allowed=LOOPBACK, means=means)
        async with asyncio.timeout(PATIENCE):
            while not receiver.requests:
                await asyncio.sleep(0.01)
        ((headers, body),) = receiver.requests
        assert headers["X-Ccp-Delivery"] == f"{execution.id}.failed"
        assert json.loads(body)["status"] == "dismissed"
        assert b"hunter2" not in body
    finally:
        await world.stop()
        find(world.vault_pid).end()


PRIVATE = (
    "http://127.0.0.1/x?token=hunter2",
    "http://LOCALHOST./x",
    "http://a.localhost/",
    "http://0x7f.1/",
    "http://2130706433/",
    "http://[::1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://169.254.169.254/latest/meta-data",
    "http://10.1.2.3:8080/",
)


async def test_what_is_private_is_refused_at_submission() -> None:
    outgoing = Outgoing()
    sender = CallbackSender(None, outgoing, None, Settings(), Jobs())  # type: ignore[arg-type]
    for uri in PRIVATE:
        with pytest.raises(
            InvalidDocument, match=r"subscriber\.successUri: .*not public"
        ) as refused:
            sender.check(callbacks_of({"subscriber": {"successUri": uri}}))
        assert "hunter2" not in str(refused.value)
    # Names are looked up later, each time anew.
    sender.check(callbacks_of({"subscriber": {"successUri": "https://nowhere.invalid/x"}}))
    await outgoing.close()


async def test_the_receiver_of_the_guide(world: World) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    assert len(code.splitlines()) <= 25
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    world.start()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        env={
            **os.environ,
            "CCP_CALLBACK_KEY": world.keys.callback_key("alice"),
            "PORT": str(port),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}/"
        name = await world.add(subscriber={"inProgressUri": url, "successUri": url})
        await world.run(name)
        await world.until(name, DELIVERED, WAITING)
        # Of somebody else, and so signed with another key.
        other = await world.add("e2", owner="mallory", subscriber={"successUri": url})
        await world.end(other)
        async with asyncio.timeout(PATIENCE):
            while "403" not in (await world.until(other, DUE)).callbacks[0].problem:
                await asyncio.sleep(0.01)
        await world.end(name)
        await world.until(name, DELIVERED, DELIVERED)
        assert process.stdout is not None
        lines = [await asyncio.wait_for(process.stdout.readline(), PATIENCE) for _ in range(2)]
        assert [line.split()[0] for line in lines] == [b"e1.inProgress", b"e1.success"]
    finally:
        process.kill()
        await process.wait()
