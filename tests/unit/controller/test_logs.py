"""From log frames to events, kept in a real journal."""

import asyncio

import pytest

from ccp_jupyter.hub_service.controller.container import Mark
from ccp_jupyter.hub_service.controller.logs import LogCollector, Resume, resume_point
from ccp_jupyter.hub_service.engines.base import LogFrame
from ccp_jupyter.hub_service.events.log import FileEventLog
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.model.events import LogEvent

MARK = Mark("e1", 1, 1, "ccp-0123456789abcdef")


@pytest.fixture
async def events(tmp_path):
    log = FileEventLog(Folders(tmp_path))
    yield log
    await log.close()


async def frames(*items, start=0, then=None):
    """Yield (stream, text) as frames with rising stamps."""
    for number, (stream, data) in enumerate(items, start + 1):
        stamp = f"2026-11-21T10:00:00.{number:09d}Z"
        yield LogFrame(stream, data if isinstance(data, bytes) else data.encode(), stamp)
    if then is not None:
        await then()


async def collect(events, *items, size=10_000, secrets=(), resume=None, start=0, then=None):
    phases: list[str] = []

    async def reached(name):
        phases.append(name)

    collector = LogCollector(events, "alice", MARK, size, secrets, reached, resume or Resume({}, 0))
    await collector.run(frames(*items, start=start, then=then))
    return phases


async def lines(events, stream=None):
    found = [e for e in await events.read("e1") if isinstance(e, LogEvent)]
    return [line for e in found if stream in (None, e.stream) for line in e.lines]


async def test_lines_of_both_streams_in_order(events):
    await collect(events, ("stdout", "a\n"), ("stderr", "b\n"), ("stdout", "c\n"))
    assert await lines(events) == ["a", "b", "c"]
    assert await lines(events, "stderr") == ["b"]


async def test_pieces_of_a_long_line_are_put_together(events):
    await collect(events, ("stdout", "x" * 100), ("stdout", "y\nz\n"), ("stdout", "end"))
    assert await lines(events) == ["x" * 100 + "y", "z", "end"]


async def test_a_line_without_end_is_cut_and_not_kept_in_memory(events):
    await collect(events, *[("stdout", "x" * 10_000)] * 5, size=100_000)
    found = await lines(events)
    assert sum(map(len, found)) == 50_000
    assert max(map(len, found)) <= 30_000


async def test_reports_become_phases_and_do_not_show(events):
    phases = await collect(
        events,
        ("stderr", f"{MARK.text} deploy\n"),
        ("stderr", "mine\n"),
        ("stderr", f"no line end{MARK.text} execute\n"),
        ("stdout", f"{MARK.text} fetch\n"),
    )
    assert phases == ["deploy", "execute"]
    # On stdout it is only text: reports come on stderr.
    assert await lines(events) == ["mine", "no line end", f"{MARK.text} fetch"]


async def test_the_log_ends_at_its_limit_and_says_so(events):
    await collect(events, *[("stdout", "0123456789\n")] * 100, size=100)
    found = [e for e in await events.read("e1") if isinstance(e, LogEvent)]
    assert found[-1].truncated
    assert sum(len(e.lines) for e in found) == 10
    assert not any(e.truncated for e in found[:-1])


async def test_phases_are_seen_after_the_limit_too(events):
    phases = await collect(
        events, ("stdout", "x" * 500 + "\n"), ("stderr", f"{MARK.text} execute\n"), size=100
    )
    assert phases == ["execute"]


async def test_secrets_never_reach_the_journal(events):
    await collect(
        events,
        ("stdout", "key is s3cr3t-key!\n"),
        ("stderr", "s3cr3t\n"),
        secrets=["s3cr3t", "s3cr3t-key"],
    )
    assert await lines(events) == ["key is ***!", "***"]


async def test_bytes_that_are_not_utf8_are_replaced(events):
    await collect(events, ("stdout", b"caf\xe9\n"))
    assert await lines(events) == ["caf\ufffd"]


async def test_lines_arrive_while_the_container_runs(events):
    async def check():
        async with asyncio.timeout(1):
            while await lines(events) != ["early"]:
                await asyncio.sleep(0.01)

    await collect(events, ("stdout", "early\n"), then=check)


async def test_a_restarted_service_continues_without_gap_or_repetition(events):
    everything = [("stdout", f"o{n}\n") if n % 3 else ("stderr", f"e{n}\n") for n in range(30)]
    await collect(events, *everything[:17])
    resume = await resume_point(events, MARK)
    await collect(events, *everything, resume=resume)
    expected = [text.strip() for _, text in everything]
    assert await lines(events) == expected


async def test_a_restarted_service_learns_the_phase_again(events):
    everything = [
        ("stderr", f"{MARK.text} deploy\n"),
        ("stderr", f"{MARK.text} execute\n"),
        ("stderr", "x\n"),
    ]
    await collect(events, *everything)
    resume = await resume_point(events, MARK)
    assert await collect(events, *everything, resume=resume) == ["deploy", "execute"]
    assert await lines(events) == ["x"]


async def test_other_attempts_do_not_count_for_resuming(events):
    await collect(events, ("stdout", "x\n"))
    assert await resume_point(events, Mark("e1", 1, 2, "m")) == Resume({}, 0)
