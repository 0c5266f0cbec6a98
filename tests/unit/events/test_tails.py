"""The end of a log that may be huge, as pages show it."""

from __future__ import annotations

from ccp_jupyter.hub_service.api.html.tails import tail
from ccp_jupyter.hub_service.events.log import FileEventLog
from ccp_jupyter.model.events import LogEvent, StatusEvent
from ccp_jupyter.model.states import Status
from ccp_jupyter.model.times import now

JOB = "0f8fad5b-d9cb-469f-a165-70867728950e"


async def write(log: FileEventLog, lines: list[str], task: int = 1, stream: str = "stdout") -> None:
    event = LogEvent(
        execution_id=JOB,
        at=now(),
        task=task,
        attempt=1,
        stream=stream,
        lines=lines,
    )
    await log.append("alice", event)


async def test_nothing_was_written(log):
    found = await tail(log, JOB, 10)
    assert (found.text, found.cut, found.last) == ("", False, 0)


async def test_the_last_lines_come_and_whether_there_are_more(log):
    for number in range(130):
        await write(log, [f"line {number}.{part}" for part in range(3)])
    await log.append(
        "alice",
        StatusEvent(execution_id=JOB, at=now(), status=Status.RUNNING, message="", progress=1),
    )
    found = await tail(log, JOB, 4)
    assert found.text.split("\n") == ["line 128.2", "line 129.0", "line 129.1", "line 129.2"]
    assert found.cut and found.last == 131
    whole = await tail(log, JOB, 1000)
    assert whole.text.startswith("line 0.0\n") and not whole.cut


async def test_one_replica_or_stream(log):
    await write(log, ["one"], task=1)
    await write(log, ["two"], task=2)
    await write(log, ["wrong"], task=2, stream="stderr")
    assert (await tail(log, JOB, 9, task=2)).text == "two\nwrong"
    assert (await tail(log, JOB, 9, stream="stdout")).text == "one\ntwo"
    assert (await tail(log, JOB, 9, 2, "stderr")).text == "wrong"


async def test_very_long_lines_are_cut(log):
    for _ in range(6):
        await write(log, ["x" * 60_000])
    found = await tail(log, JOB, 5000)
    assert len(found.text) == 200_000 and found.cut
