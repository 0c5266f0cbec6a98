"""What others run on an engine, who works there, and how both are heard of."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from ccp_jupyter.hub_service.engines.base import (
    TOKEN_PREFIX,
    BadRequest,
    ContainerEvent,
    Outsider,
    Token,
)
from ccp_jupyter.hub_service.engines.docker import DockerEngine
from tests.contract.engine.conftest import SHELL, Run
from tests.contract.engine.helpers import ended, requests_of
from tests.stack.engines import EngineHandle

OURS = "ccp.service=us"
MIB = 2**20


@pytest.fixture
async def token(engine: DockerEngine) -> AsyncIterator[str]:
    """A name that no token has yet; what has it is removed after the test."""
    name = f"{TOKEN_PREFIX}{uuid.uuid4().hex}"
    yield name
    await engine.remove_token(name)


async def _by_name(engine: DockerEngine) -> dict[str, Outsider]:
    return {outsider.name: outsider for outsider in await engine.outsiders(OURS)}


async def test_the_clock_of_the_machine(engine: DockerEngine) -> None:
    before = datetime.now(UTC)
    told = (await engine.info()).time
    assert told is not None
    assert told.utcoffset() == timedelta(0)
    assert before - timedelta(seconds=1) < told < datetime.now(UTC) + timedelta(seconds=1)


async def test_limits_of_others(engine: DockerEngine, run: Run) -> None:
    sleep = "sleep 600"
    await run(sleep, name="ours", labels={"ccp.service": "us"})
    await run(sleep, name="theirs", labels={"ccp.service": "them"}, memory=64 * MIB, cpus=0.5)
    await run(sleep, name="nobodys", memory=32 * MIB, cpus=1.25)
    await run(sleep, name="never-started", start=False)
    await ended(engine, await run("true", name="has-ended"))
    assert await _by_name(engine) == {
        "theirs": Outsider("theirs", 64 * MIB, 0.5, ()),
        "nobodys": Outsider("nobodys", 32 * MIB, 1.25, ()),
    }


async def test_use_of_others_without_limits(engine: DockerEngine, server: EngineHandle) -> None:
    """One that somebody else started by hand, as `docker run` does: no limits at all."""
    client = server.client()
    filled = "head -c 30000000 /dev/zero >/dev/shm/x; echo filled; sleep 600"
    host = client.create_host_config(cpu_quota=70_000, shm_size=2**26)
    made = client.create_container(
        SHELL, ["/bin/sh", "-c", filled], name="unlimited", host_config=host
    )["Id"]
    try:
        client.start(made)
        assert await anext(aiter(engine.logs(made)))
        found = (await _by_name(engine))["unlimited"]
        assert 30_000_000 < found.memory < 60_000_000
        assert (found.cpus, found.gpus) == (0.7, ())
    finally:
        client.remove_container(made, force=True)
        client.close()
    assert "unlimited" not in await _by_name(engine)


async def test_each_is_inspected_once(engine: DockerEngine, server: EngineHandle, run: Run) -> None:
    await run("sleep 600", name="first")
    await run("sleep 600", labels={"ccp.service": "us"})
    await engine.outsiders(OURS)
    await run("sleep 600", name="second")
    before = len(requests_of(server))
    for _ in range(3):
        assert set(await _by_name(engine)) == {"first", "second"}
    made = requests_of(server)[before:]
    assert len(made) == 4, made
    assert sum("/json" in r and "/containers/json" not in r for r in made) == 1, made


async def test_a_token_stays_until_it_is_removed(
    engine: DockerEngine, server: EngineHandle, token: str
) -> None:
    labels = {"ccp.claim": "us", "text": "a 'b' \"c\" é"}
    await engine.put_token(Token(token, labels))
    assert await engine.tokens("ccp.claim") == [Token(token, labels)]
    other = DockerEngine(server.node(id="other"))
    await other.put_token(Token(token, {"ccp.claim": "them"}))
    assert await other.tokens("ccp.claim") == [Token(token, labels)]
    assert await other.tokens("ccp.other") == []
    for _ in range(2):
        await other.remove_token(token)
    await other.close()
    assert await engine.tokens("ccp.claim") == []


async def test_many_at_once_leave_one_token(engine: DockerEngine, token: str) -> None:
    wanted = [Token(token, {"ccp.claim": str(number)}) for number in range(8)]
    await asyncio.gather(*map(engine.put_token, wanted))
    [found] = await engine.tokens("ccp.claim")
    assert found in wanted


async def test_a_volume_of_somebody_else_is_no_token(
    engine: DockerEngine, server: EngineHandle
) -> None:
    client = server.client()
    client.create_volume("somebodys", labels={"ccp.claim": "us"})
    try:
        assert await engine.tokens("ccp.claim") == []
    finally:
        client.remove_volume("somebodys")
        client.close()


@pytest.mark.parametrize(
    "name", ["", "x", TOKEN_PREFIX, f"{TOKEN_PREFIX}a/b", f"{TOKEN_PREFIX}\n", "../" + TOKEN_PREFIX]
)
async def test_what_is_no_name_of_a_token_is_refused(engine: DockerEngine, name: str) -> None:
    for call in (engine.put_token(Token(name, {})), engine.remove_token(name)):
        with pytest.raises(BadRequest, match="no name of a token"):
            await call


async def _until(
    engine: DockerEngine, last: Callable[[ContainerEvent], bool], since_ns: int
) -> list[ContainerEvent]:
    found = []
    async with asyncio.timeout(30):
        async for event in engine.events(OURS, since_ns):
            found.append(event)
            if last(event):
                return found
    raise AssertionError("the stream ended")


async def test_others_and_tokens_are_heard_of(
    engine: DockerEngine, server: EngineHandle, run: Run, token: str
) -> None:
    began = time.time_ns()
    watching = asyncio.create_task(_until(engine, lambda e: e.kind == "destroy", began))
    client = server.client()
    client.create_volume("others")
    client.remove_volume("others")
    client.close()
    theirs = await run("exit 3", labels={"ccp.service": "them"})
    await ended(engine, theirs)
    await engine.remove(theirs)
    await engine.put_token(Token(token, {"ccp.claim": "us"}))
    ours = await run("exit 4", labels={"ccp.service": "us"})
    await ended(engine, ours)
    await engine.remove(ours)
    heard = await watching
    assert [(e.kind, e.container_id, e.labels, e.exit_code) for e in heard] == [
        ("outside", theirs, {}, None),
        ("outside", theirs, {}, None),
        ("token", token, {}, None),
        ("start", ours, {"ccp.service": "us"}, None),
        ("die", ours, {"ccp.service": "us"}, 4),
        ("destroy", ours, {"ccp.service": "us"}, None),
    ]
    times = [event.time_ns for event in heard]
    assert times == sorted(set(times))


async def test_listening_costs_one_request(
    engine: DockerEngine, server: EngineHandle, run: Run
) -> None:
    began = time.time_ns()
    await engine.info()
    before = len(requests_of(server))
    watching = asyncio.create_task(_until(engine, lambda e: e.kind == "destroy", began))
    containers = [await run("true", labels=labels) for labels in ({}, {"ccp.service": "us"})]
    for container in containers:
        await ended(engine, container)
        await engine.remove(container)
    await watching
    assert sum("/events" in request for request in requests_of(server)[before:]) == 1
