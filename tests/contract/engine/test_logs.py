"""Following what containers write."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime

import pytest

from ccp_jupyter.hub_service.engines.base import BadRequest, LogFrame, NotThere
from ccp_jupyter.hub_service.engines.docker import DockerEngine
from tests.contract.engine.conftest import Run
from tests.contract.engine.helpers import all_of, ended, joined

PIECE = 16 * 1024


async def test_both_streams_in_order(engine: DockerEngine, run: Run) -> None:
    container = await run(
        "for i in $(seq 20); do echo o$i; sleep 0.02; echo e$i >&2; sleep 0.02; done"
    )
    frames = await all_of(engine.logs(container))
    for stream, letter in (("stdout", "o"), ("stderr", "e")):
        lines = [frame.data for frame in frames if frame.stream == stream]
        assert lines == [f"{letter}{number}\n".encode() for number in range(1, 21)]
    assert len({frame.stream for frame in frames[:10]}) == 2
    assert await all_of(engine.logs(container)) == frames


async def test_the_end_is_never_lost(engine: DockerEngine, run: Run) -> None:
    async def life(number: int) -> bytes:
        container = await run(f"sleep 0.0{number % 10}; printf {number}; printf end >&2")
        frames = await all_of(engine.logs(container))
        return joined(frames, "stdout") + joined(frames, "stderr")

    for begin in range(0, 16, 8):
        found = await asyncio.gather(*map(life, range(begin, begin + 8)))
        assert found == [b"%dend" % number for number in range(begin, begin + 8)]


async def test_stamps_rise_and_have_one_width(engine: DockerEngine, run: Run) -> None:
    container = await run(
        "head -c 100000 /dev/zero | tr '\\0' x; echo; seq 500; seq 500 >&2; seq 500"
    )
    frames = await all_of(engine.logs(container))
    stamps = [frame.stamp for frame in frames]
    assert len(frames) > 1500
    assert stamps == sorted(set(stamps))
    assert {len(stamp) for stamp in stamps} == {30}
    assert all(stamp.endswith("Z") for stamp in stamps)


async def test_long_lines_come_in_pieces(engine: DockerEngine, run: Run) -> None:
    container = await run("head -c 100000 /dev/zero | tr '\\0' x; echo; echo short")
    frames = await all_of(engine.logs(container))
    assert joined(frames, "stdout") == b"x" * 100_000 + b"\nshort\n"
    assert max(len(frame.data) for frame in frames) <= PIECE + 1
    assert [f.data.endswith(b"\n") for f in frames] == [False] * (len(frames) - 2) + [True, True]


async def test_characters_are_whole_where_a_line_is_cut(engine: DockerEngine, run: Run) -> None:
    container = await run("printf x; for i in $(seq 20000); do printf 'é'; done; echo")
    frames = await all_of(engine.logs(container))
    assert joined(frames, "stdout").decode() == "x" + "é" * 20_000 + "\n"


async def test_binary_output(engine: DockerEngine, run: Run) -> None:
    container = await run(
        "head -c 300000 /dev/urandom >/random; cat /random; sha256sum /random >&2"
    )
    frames = await all_of(engine.logs(container))
    digest = joined(frames, "stderr").split()[0].decode()
    assert hashlib.sha256(joined(frames, "stdout")).hexdigest() == digest


async def test_no_newline_at_the_end_and_empty_lines(engine: DockerEngine, run: Run) -> None:
    container = await run("printf '\\n\\nlast'")
    assert joined(await all_of(engine.logs(container)), "stdout") == b"\n\nlast"
    silent = await run("true")
    assert await all_of(engine.logs(silent)) == []


async def test_lines_come_at_once(engine: DockerEngine, run: Run) -> None:
    container = await run("for i in 1 2 3; do echo $i; sleep 1; done")
    delays = [
        (datetime.now(UTC) - datetime.fromisoformat(frame.stamp)).total_seconds()
        async for frame in engine.logs(container)
    ]
    assert len(delays) == 3
    assert max(delays) < 1.5  # the first would have 3 s if they came at the end


async def test_a_created_container_has_no_log(engine: DockerEngine, run: Run) -> None:
    container = await run("echo now", start=False)
    assert await all_of(engine.logs(container)) == []


async def test_continue_after_each_frame(engine: DockerEngine, run: Run) -> None:
    container = await run(
        "echo one; echo two >&2; head -c 70000 /dev/zero | tr '\\0' x; echo; seq 30;"
        " seq 30 >&2; printf end"
    )
    frames = await all_of(engine.logs(container))
    assert len(frames) > 60
    for place in range(0, len(frames), 3):
        rest = await all_of(engine.logs(container, after=frames[place].stamp))
        assert rest == frames[place + 1 :]
    assert await all_of(engine.logs(container, after=frames[-1].stamp)) == []


async def test_continue_a_line_while_it_is_written(engine: DockerEngine, run: Run) -> None:
    piece = "head -c 16384 /dev/zero | tr '\\0'"
    container = await run(f"{piece} a; sleep 0.6; echo other >&2; {piece} b; sleep 0.6; echo c")
    frames: list[LogFrame] = []
    stamp = None
    while len(frames) < 4:
        async for frame in engine.logs(container, after=stamp):
            frames.append(frame)
            stamp = frame.stamp
            break
        else:
            break
    assert joined(frames, "stdout") == b"a" * PIECE + b"b" * PIECE + b"c\n"
    assert joined(frames, "stderr") == b"other\n"


@pytest.mark.parametrize("stamp", ["", "yesterday", "2026-13-45T00:00:00.000000000Z", "0"])
async def test_continue_from_nonsense(engine: DockerEngine, run: Run, stamp: str) -> None:
    container = await run("true")
    with pytest.raises(BadRequest, match="no stamp"):
        await all_of(engine.logs(container, after=stamp))


async def test_slow_reader_gets_everything(engine: DockerEngine, run: Run) -> None:
    container = await run("seq 50000")
    info = await ended(engine, container)
    assert info.exit_code == 0
    count, text = 0, hashlib.sha256()
    async for frame in engine.logs(container):
        text.update(frame.data)
        count += 1
        if count % 10_000 == 0:
            await asyncio.sleep(0.1)
    expected = "".join(f"{number}\n" for number in range(1, 50_001))
    assert text.hexdigest() == hashlib.sha256(expected.encode()).hexdigest()


async def test_many_readers(engine: DockerEngine, run: Run) -> None:
    container = await run("for i in $(seq 5); do sleep 0.2; echo $i; done")
    logs = await asyncio.gather(*(all_of(engine.logs(container)) for _ in range(40)))
    assert {joined(frames, "stdout") for frames in logs} == {b"1\n2\n3\n4\n5\n"}


async def test_removal_ends_the_log(engine: DockerEngine, run: Run) -> None:
    container = await run("echo begun; sleep 60")
    frames = engine.logs(container)
    assert (await anext(aiter(frames))).data == b"begun\n"
    await engine.remove(container)
    assert await all_of(frames) == []


async def test_logs_of_nothing(engine: DockerEngine) -> None:
    with pytest.raises(NotThere, match="no-such"):
        await all_of(engine.logs("no-such"))
