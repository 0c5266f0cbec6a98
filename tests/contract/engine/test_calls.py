"""Containers from creation to removal."""

from __future__ import annotations

import asyncio
import io
import json
import re
import time
from datetime import UTC, datetime
from typing import IO

import pytest
from docker.utils import version_lt

from ccp_jupyter.hub_service.engines.base import (
    AlreadyThere,
    BadRequest,
    ContainerSpec,
    EngineError,
    ImageMissing,
    NoResources,
    NotThere,
)
from ccp_jupyter.hub_service.engines.docker import DockerEngine
from tests.contract.engine.conftest import NOSHELL, SHELL, Run
from tests.contract.engine.helpers import (
    all_of,
    ended,
    joined,
    output,
    requests_of,
    tar_of,
    untarred,
)
from tests.stack.engines import EngineHandle

HOSTILE = ["", "../../images/json", "a b", "x?y=z", "x/../y", "x#y", "-x", "é", "x" * 256, "x\0y"]


async def test_info_describes_the_machine(engine: DockerEngine) -> None:
    info = await engine.info()
    assert re.match(r"\d+\.\d+", info.version)
    assert info.memory > 2**28
    assert info.cpus >= 1


async def test_info_counts_running_containers(engine: DockerEngine, run: Run) -> None:
    before = (await engine.info()).containers_running
    await run("sleep 60")
    assert (await engine.info()).containers_running == before + 1


async def test_images(engine: DockerEngine) -> None:
    found = await engine.find_image(SHELL)
    assert found is not None
    assert found.id.startswith("sha256:")
    assert found.digest is None
    assert found in await engine.images()
    assert await engine.find_image(found.id) == found
    assert await engine.find_image("no-such-image:1") is None


@pytest.mark.parametrize(
    "reference", ["", "UPPER", "a b", "../../containers/json", "x:y:z", "http://x/y", "x" * 600]
)
async def test_what_is_no_reference_is_refused(
    engine: DockerEngine, run: Run, reference: str
) -> None:
    for call in (engine.find_image(reference), engine.pull(reference), run("", image=reference)):
        with pytest.raises(BadRequest, match="no image reference"):
            await call


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_is_no_name_is_refused(engine: DockerEngine, run: Run, name: str) -> None:
    for call in (
        run("true", name=name),
        engine.start(name),
        engine.inspect(name),
        engine.stop(name),
        engine.remove(name),
        engine.stats(name),
        engine.put_files(name, "/", tar_of({})),
        engine.fetch(name, "/x", untarred),
        all_of(engine.logs(name)),
    ):
        with pytest.raises(BadRequest, match="no name of a container"):
            await call


async def test_a_life(engine: DockerEngine, run: Run) -> None:
    started = datetime.now(UTC)
    container = await run("cat /in/a >/out; echo text; exit 3", start=False, labels={"k": "v"})
    created = await engine.inspect(container)
    assert created is not None
    assert (created.state, created.exit_code, created.started_at) == ("created", None, None)
    await engine.put_files(container, "/", tar_of({"in/a": b"content"}))
    await engine.start(container)
    assert await output(engine, container) == "text\n"
    info = await ended(engine, container)
    assert (info.id, info.state, info.exit_code) == (container, "exited", 3)
    assert info.labels == {"k": "v"}
    assert not info.out_of_memory
    assert info.started_at is not None
    assert info.finished_at is not None
    assert abs((info.started_at - started).total_seconds()) < 10
    assert info.finished_at >= info.started_at
    assert await engine.fetch(container, "/out", untarred) == {"out": b"content"}
    await engine.remove(container)
    assert await engine.inspect(container) is None


async def test_a_life_takes_six_requests(
    engine: DockerEngine, server: EngineHandle, run: Run
) -> None:
    await run("true", start=False)  # the image's command is checked once
    before = len(requests_of(server))
    container = await run("mkdir /ccp_data; echo x >/ccp_data/y", start=False)
    await engine.put_files(container, "/", tar_of({"a": b"b"}))
    await engine.start(container)
    await all_of(engine.logs(container))
    await engine.fetch(container, "/ccp_data", untarred)
    await engine.remove(container)
    requests = requests_of(server)[before:]
    client = server.client()
    old = version_lt(client.version()["ApiVersion"], "1.42")  # logs are read twice
    client.close()
    assert len([r for r in requests if "version" not in r]) == 6 + old, requests


async def test_same_name_twice(engine: DockerEngine, run: Run) -> None:
    await run("true", name="twice", start=False)
    with pytest.raises(AlreadyThere, match="twice"):
        await run("true", name="twice", start=False)


async def test_same_name_at_the_same_time(engine: DockerEngine, run: Run) -> None:
    results = await asyncio.gather(
        *(run("true", name="race", start=False) for _ in range(8)), return_exceptions=True
    )
    assert sum(isinstance(r, str) for r in results) == 1
    assert sum(isinstance(r, AlreadyThere) for r in results) == 7


async def test_image_that_is_not_there(run: Run) -> None:
    with pytest.raises(ImageMissing, match="no-such-image:1"):
        await run("true", image="no-such-image:1")


async def test_image_without_the_command(engine: DockerEngine, run: Run) -> None:
    for _ in range(2):
        with pytest.raises(BadRequest, match=rf"{NOSHELL}: the image has no /bin/sh"):
            await run("true", image=NOSHELL, name="noshell", labels={"noshell": ""})
    assert await engine.containers("noshell") == []


async def test_image_without_shell_runs_what_it_has(engine: DockerEngine, run: Run) -> None:
    container = await run("", image=NOSHELL, command=("/cat", "/etc/hostname"))
    assert await output(engine, container) == container[:12] + "\n"


async def test_impossible_specifications(run: Run) -> None:
    with pytest.raises(BadRequest, match="no command"):
        await run("", command=())
    with pytest.raises(NoResources, match="fewer CPUs"):
        await run("true", cpus=100_000)
    with pytest.raises(BadRequest, match=r"(?i)memory"):
        await run("true", memory=1000)
    with pytest.raises(BadRequest, match="NO_SUCH_CAPABILITY"):
        await run("true", capabilities=("NO_SUCH_CAPABILITY",))


async def test_network_that_is_not_there(engine: DockerEngine, run: Run) -> None:
    with pytest.raises(EngineError, match="no-such-network"):
        await run("true", network="no-such-network")


async def test_no_network(engine: DockerEngine, run: Run) -> None:
    container = await run("ip -o link | wc -l", network="none")
    assert await output(engine, container) == "1\n"


async def test_containers_reach_servers_of_this_machine(
    engine: DockerEngine, server: EngineHandle, run: Run
) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()
        await writer.wait_closed()

    listener = await asyncio.start_server(answer, server.host_address, 0)
    port = listener.sockets[0].getsockname()[1]
    container = await run(f"nc {server.host_address} {port} </dev/null")
    assert await output(engine, container) == "hello"
    listener.close()
    await listener.wait_closed()


async def test_environment_and_labels_come_through(engine: DockerEngine, run: Run) -> None:
    value = "a 'b' \"c\" $d `e` \\ é\nsecond line"
    container = await run(
        'printf %s "$VALUE"; printf "|%s" "$EMPTY"',
        environment={"VALUE": value, "EMPTY": ""},
        labels={"text": value},
    )
    assert await output(engine, container) == value + "|"
    info = await engine.inspect(container)
    assert info is not None
    assert info.labels == {"text": value}


async def test_own_settings_of_the_image_do_not_count(
    engine: DockerEngine, server: EngineHandle, run: Run
) -> None:
    base = await run("true", start=False)
    client = server.client()
    settings = {
        "Entrypoint": ["/bin/false"],
        "Cmd": ["unwanted"],
        "Volumes": {"/volume": {}},
        "StopSignal": "SIGUSR1",
        "Healthcheck": {"Test": ["CMD", "touch", "/unwanted"], "Interval": 10**9},
    }
    client.commit(base, "with-settings", "1", conf=settings)
    image = client.inspect_image("with-settings:1")
    kept = image["Config"]
    assert {key: kept[key] for key in settings} == settings
    container = await run(
        "trap 'echo got TERM; exit' TERM; touch /volume/x; echo ready; while :; do sleep 0.1; done",
        image="with-settings:1",
    )
    volume = client.inspect_container(container)["Mounts"][0]["Name"]
    await asyncio.sleep(1.5)
    await engine.stop(container, grace=10)
    assert await output(engine, container) == "ready\ngot TERM\n"
    with pytest.raises(NotThere):
        await engine.fetch(container, "/unwanted", untarred)
    await engine.remove(container)
    assert volume not in json.dumps(client.volumes())
    client.remove_image("with-settings:1")
    client.close()


async def test_start_twice_and_start_nothing(engine: DockerEngine, run: Run) -> None:
    container = await run("sleep 60")
    await engine.start(container)
    with pytest.raises(NotThere, match="no-such"):
        await engine.start("no-such")


async def test_stop_at_once(engine: DockerEngine, run: Run) -> None:
    container = await run("trap '' TERM; sleep 60")
    began = time.monotonic()
    await engine.stop(container)
    info = await engine.inspect(container)
    assert info is not None
    assert (info.state, info.exit_code) == ("exited", 137)
    assert time.monotonic() - began < 5
    await engine.stop(container)


async def test_stop_with_grace(engine: DockerEngine, run: Run) -> None:
    polite = await run("trap 'exit 5' TERM; echo; while :; do sleep 0.05; done")
    stubborn = await run("trap '' TERM; echo; while :; do sleep 0.05; done")
    for container in (polite, stubborn):
        await anext(aiter(engine.logs(container)))
    await asyncio.gather(engine.stop(polite, grace=10), engine.stop(stubborn, grace=1))
    assert (await ended(engine, polite)).exit_code == 5
    assert (await ended(engine, stubborn)).exit_code == 137


async def test_stop_and_remove_are_repeatable(engine: DockerEngine, run: Run) -> None:
    await engine.stop("no-such")
    await engine.stop("no-such", grace=1)
    await engine.remove("no-such")
    container = await run("true", start=False)
    await engine.stop(container)
    await engine.stop(container, grace=1)
    await asyncio.gather(*(engine.remove(container) for _ in range(4)))
    await engine.remove(container)
    running = await run("sleep 60")
    await engine.remove(running)
    assert await engine.inspect(running) is None


async def test_containers_by_label(engine: DockerEngine, run: Run) -> None:
    one = await run("exit 7", labels={"group": "a", "n": "1"})
    two = await run("sleep 60", labels={"group": "a", "n": "2"})
    three = await run("true", start=False, labels={"group": "b"})
    await ended(engine, one)
    found = {info.id: info for info in await engine.containers("group")}
    assert set(found) == {one, two, three}
    assert [(found[c].state, found[c].exit_code) for c in (one, two, three)] == [
        ("exited", 7),
        ("running", None),
        ("created", None),
    ]
    assert found[one].labels == {"group": "a", "n": "1"}
    assert found[two].name.startswith("test-")
    assert {info.id for info in await engine.containers("group=a")} == {one, two}
    assert await engine.containers("group=c") == []


async def test_stats(engine: DockerEngine, run: Run) -> None:
    container = await run("while :; do :; done")
    await asyncio.sleep(0.5)
    first = await engine.stats(container)
    await asyncio.sleep(0.5)
    second = await engine.stats(container)
    assert 0 < first.memory < 2**26
    assert first.cpu_seconds < second.cpu_seconds < first.cpu_seconds + 5
    await engine.stop(container)
    assert (await engine.stats(container)).cpu_seconds == 0
    with pytest.raises(NotThere):
        await engine.stats("no-such")


async def test_put_files_into_a_running_container(engine: DockerEngine, run: Run) -> None:
    container = await run("while ! [ -s /in/late ]; do sleep 0.02; done; cat /in/late", start=False)
    await engine.put_files(container, "/", tar_of({"in/early": b""}))
    await engine.start(container)
    await engine.put_files(container, "/in", tar_of({"late": b"came"}))
    assert await output(engine, container) == "came"


@pytest.mark.parametrize("size", [0, 10, 5_000_000])
async def test_put_files_nowhere(engine: DockerEngine, run: Run, size: int) -> None:
    with pytest.raises(NotThere, match="no-such"):
        await engine.put_files("no-such", "/", tar_of({"a": bytes(size)}))
    container = await run("true", start=False)
    with pytest.raises(NotThere, match="/no/folder"):
        await engine.put_files(container, "/no/folder", tar_of({"a": bytes(size)}))


async def test_put_files_that_cannot_be_read(engine: DockerEngine, run: Run) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("this disk is broken")

    container = await run("true", start=False)
    with pytest.raises(OSError, match="this disk is broken"):
        await engine.put_files(container, "/", Broken(b"x" * 1000))
    with pytest.raises(EngineError):
        await engine.put_files(container, "/", io.BytesIO(b"this is no tar" * 1000))


async def test_put_files_from_the_middle_of_a_file(engine: DockerEngine, run: Run) -> None:
    container = await run("cat /a", start=False)
    archive = io.BytesIO(b"header" + tar_of({"a": b"b"}).read())
    archive.seek(6)
    await engine.put_files(container, "/", archive)
    await engine.start(container)
    assert await output(engine, container) == "b"


async def test_two_containers_at_once(engine: DockerEngine, run: Run) -> None:
    containers = await asyncio.gather(*(run(f"sleep 0.5; echo {n}") for n in range(2)))
    assert await asyncio.gather(*(output(engine, c) for c in containers)) == ["0\n", "1\n"]


async def test_command_that_init_cannot_find(engine: DockerEngine, run: Run) -> None:
    container = await run("", command=("no-such-program",))
    frames = await all_of(engine.logs(container))
    assert b"no-such-program" in joined(frames, "stderr")
    assert (await ended(engine, container)).exit_code == 127


async def test_specification_is_not_changed(engine: DockerEngine) -> None:
    spec = ContainerSpec(
        name="unchanged", image=SHELL, command=("/bin/true",), environment={"a": "b"}
    )
    await engine.create(spec)
    assert spec.environment == {"a": "b"}
    await engine.remove("unchanged")


def _unused(_: IO[bytes]) -> None:
    raise AssertionError("there is nothing to take")


async def test_fetch_of_nothing(engine: DockerEngine, run: Run) -> None:
    container = await run("true", start=False)
    for name, path in ((container, "/no/folder"), ("no-such", "/etc")):
        with pytest.raises(NotThere, match=f"{name}:{path}"):
            await engine.fetch(name, path, _unused)
