"""From log frames to events, kept in a real journal."""

import asyncio

import pytest

from ccp_jupyter.hub_service.controller.container import Mark
from ccp_jupyter.hub_service.controller.logs import LogCollector, Resume, resume_point
from ccp_jupyter.hub_service.engines.base import LogFrame
from ccp_jupyter.hub_service.events.log import FileEventLog
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.masking import Masker
from ccp_jupyter.model.events import LogEvent, PhaseEvent
from ccp_jupyter.model.states import Phase
from ccp_jupyter.model.times import now

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

    collector = LogCollector(
        events, "alice", MARK, size, Masker(secrets), reached, resume or Resume({}, 0)
    )
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


@pytest.mark.parametrize("before", [16_380, 16_384, 20_000, 0])
@pytest.mark.parametrize("cut", [1, 5, 11])
async def test_a_secret_across_frames_and_cuts_is_masked(events, before, cut):
    secret = "s3cr3t-key-1"
    await collect(
        events,
        ("stdout", "x" * before + secret[:cut]),
        ("stdout", secret[cut:] + "y" * 20_000),
        ("stdout", "z\n"),
        ("stdout", "next\n"),
        size=100_000,
        secrets=[secret],
    )
    found = await lines(events)
    assert "".join(found[:-1]) == "x" * before + "***" + "y" * 20_000 + "z"
    assert found[-1] == "next"


async def test_a_secret_at_the_end_of_a_log_without_line_end(events):
    pieces = (("stdout", "x" * 17_000 + "s3cr"), ("stdout", "3t"))
    await collect(events, *pieces, size=100_000, secrets=["s3cr3t"])
    assert "".join(await lines(events)).replace("x", "") == "***"


async def test_streams_do_not_mix(events):
    await collect(
        events,
        ("stdout", "x" * 17_000 + "s3c"),
        ("stderr", "r3t\n"),
        ("stdout", "r3t\n"),
        size=100_000,
        secrets=["s3cr3t"],
    )
    assert (await lines(events, "stderr")) == ["r3t"]
    assert "".join(await lines(events, "stdout")).endswith("x***")


@pytest.mark.parametrize("before", range(16_355, 16_390))
async def test_a_report_across_a_cut_is_a_report(events, before):
    report = f"{MARK.text}execute\n"
    phases = await collect(
        events,
        ("stderr", "x" * before + report[:10]),
        ("stderr", report[10:25]),
        ("stderr", report[25:] + "after\n"),
        size=100_000,
        secrets=["execute"],
    )
    assert phases == ["execute"]
    found = await lines(events)
    assert "".join(found[:-1]) == "x" * before
    assert found[-1] == "after"


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


async def test_only_the_end_of_a_long_journal_is_read(events, monkeypatch):
    await collect(events, ("stderr", "early\n"), *(("stdout", f"{n}\n") for n in range(5)))
    begun = await events.last("e1")
    phase = {"execution_id": "e1", "at": now(), "task": 2, "attempt": 1, "node": "n"}
    for _ in range(900):
        await events.append("alice", PhaseEvent(**phase, phase=Phase.DEPLOY))
    resume = await resume_point(events, MARK)
    await collect(events, ("stdout", "late\n"), resume=resume, start=100)
    read = []
    true_read = events.read

    async def noted(execution_id, after=0, limit=1000):
        found = await true_read(execution_id, after, limit)
        read.append(len(found))
        return found

    monkeypatch.setattr(events, "read", noted)
    resume = await resume_point(events, MARK)
    assert sum(read) <= 200
    assert resume.size == len("early\n" + "0\n" * 5 + "late\n")
    assert set(resume.stamps) == {"stdout", "stderr"}
    assert await events.last("e1") == begun + 901


async def test_a_silent_container_is_not_looked_for_before_its_launch(events):
    await collect(events, *(("stdout", f"{n}\n") for n in range(5)))
    about = {"execution_id": "e1", "at": now(), "task": 1, "attempt": 2, "node": "n"}
    for phase in (Phase.LAUNCH, Phase.DEPLOY):
        await events.append("alice", PhaseEvent(**about, phase=phase))
    assert await resume_point(events, Mark("e1", 1, 2, "m")) == Resume({}, 0)
    assert await resume_point(events, Mark("other", 1, 1, "m")) == Resume({}, 0)


async def test_other_attempts_do_not_count_for_resuming(events):
    await collect(events, ("stdout", "x\n"))
    assert await resume_point(events, Mark("e1", 1, 2, "m")) == Resume({}, 0)
