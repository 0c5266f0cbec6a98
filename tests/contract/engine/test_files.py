"""Streaming folders out of containers."""

from __future__ import annotations

import asyncio
import errno
import os
import tarfile
import threading
import time
from pathlib import Path
from typing import IO

import pytest

from ccp_jupyter.hub_service.engines.docker import DockerEngine
from tests.contract.engine.conftest import Run
from tests.contract.engine.helpers import all_of, untarred


async def test_names_in_the_archive(engine: DockerEngine, run: Run) -> None:
    container = await run(
        "mkdir -p /a/data/sub; cd /a/data; echo 1 >sub/x; ln -s /etc/passwd link;"
        " printf bytes >\"$(printf 'caf\\351')\"; truncate -s 5G sparse; mkfifo pipe;"
        ' echo long >"$(printf %0200d 0)"'
    )
    await all_of(engine.logs(container))

    def take(file: IO[bytes]) -> dict[str, tarfile.TarInfo]:
        found = {}
        with tarfile.open(fileobj=file, mode="r|", errors="surrogateescape") as archive:
            for member in archive:
                found[member.name] = member
                if member.name.endswith("sparse"):
                    break
        return found

    found = await engine.fetch(container, "/a/data", take)
    assert next(iter(found)) == "data"
    assert found["data"].isdir()
    assert found["data/link"].linkname == "/etc/passwd"
    assert os.fsencode("data/caf\udce9") in [os.fsencode(name) for name in found]
    assert found["data/pipe"].isfifo()
    assert found["data/" + "0" * 200].size == 5
    assert found["data/sparse"].size == 5 * 2**30


async def test_200_megabytes_in_constant_memory(engine: DockerEngine, run: Run) -> None:
    container = await run("mkdir /data; head -c 200000000 /dev/zero >/data/zeros")
    await all_of(engine.logs(container))

    def take(file: IO[bytes]) -> tuple[int, int]:
        total, most = 0, 0
        while block := file.read(65536):
            total += len(block)
            most = max(most, _resident())
        return total, most

    before = _resident()
    total, most = await engine.fetch(container, "/data", take)
    assert total > 200_000_000
    assert most - before < 10_000_000


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


async def test_taking_part_of_it(engine: DockerEngine, run: Run) -> None:
    container = await run("mkdir /data; truncate -s 9G /data/sparse")
    await all_of(engine.logs(container))
    began = time.monotonic()
    assert len(await engine.fetch(container, "/data", lambda file: file.read(5000))) == 5000
    assert await engine.fetch(container, "/data", lambda _: 42) == 42
    assert time.monotonic() - began < 5  # all of it would take far longer
    assert (await engine.inspect(container)) is not None


async def test_many_small_files(engine: DockerEngine, run: Run) -> None:
    container = await run("mkdir /data; cd /data; for i in $(seq 3000); do echo $i >$i; done")
    await all_of(engine.logs(container))
    found = await engine.fetch(container, "/data", untarred)
    assert len(found) == 3000
    assert found["data/1234"] == b"1234\n"


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space"), KeyError("x")])
async def test_errors_of_the_taker_are_its_own(
    engine: DockerEngine, run: Run, error: Exception
) -> None:
    container = await run("true", start=False)

    def take(file: IO[bytes]) -> None:
        file.read(10)
        raise error

    with pytest.raises(type(error)) as caught:
        await engine.fetch(container, "/etc", take)
    assert caught.value is error


async def test_fetch_works_in_a_thread(engine: DockerEngine, run: Run) -> None:
    container = await run("true", start=False)
    threads = []

    def take(file: IO[bytes]) -> None:
        threads.append(threading.current_thread())
        time.sleep(2)

    fetching = asyncio.create_task(engine.fetch(container, "/etc", take))
    longest, last = 0.0, time.monotonic()
    while not fetching.done():
        await asyncio.sleep(0.01)
        now = time.monotonic()
        longest, last = max(longest, now - last), now
    assert longest < 1.5
    assert threads[0] is not threading.current_thread()
