"""The log: JSON lines that say what they are about."""

from __future__ import annotations

import asyncio
import json
import logging
import sys

import pytest

from ccp_jupyter.hub_service.observing import logs


def line(message: str = "hello", *args: object, failed: bool = False) -> dict[str, object]:
    info = sys.exc_info() if failed else None
    record = logging.LogRecord("ccp.test", logging.INFO, "f.py", 1, message, args, info)
    text = logs.JsonLines().format(record)
    assert "\n" not in text
    found: dict[str, object] = json.loads(text)
    return found


async def test_a_line_says_what_it_is_about():
    logs.note(execution="e1", task=2)
    logs.note(attempt=1, node="n1")
    found = line("%s is %d\nyears", "Zoë", 3)
    assert found["message"] == "Zoë is 3\nyears"
    about = {"execution": "e1", "task": 2, "attempt": 1, "node": "n1"}
    assert about.items() <= found.items()
    assert str(found["time"]).endswith("Z")


async def test_what_runs_side_by_side_is_not_mixed_and_threads_inherit():
    async def one(name: str) -> dict[str, object]:
        logs.note(execution=name)
        await asyncio.sleep(0)
        return await asyncio.to_thread(line)

    found = await asyncio.gather(*(one(f"e{number}") for number in range(5)))
    assert [each["execution"] for each in found] == [f"e{number}" for number in range(5)]
    assert "execution" not in line()


def test_exceptions_are_part_of_their_line():
    try:
        raise ValueError("odd \ud800 text")
    except ValueError:
        found = line(failed=True)
    assert "Traceback" in str(found["exception"])
    assert "odd" in str(found["exception"])


@pytest.fixture
def untouched():
    root = logging.getLogger()
    before = root.handlers[:], root.level
    quiet = {name: logging.getLogger(name).level for name in logs.QUIET}
    yield
    root.handlers[:], root.level = before
    for name, level in quiet.items():
        logging.getLogger(name).setLevel(level)


def test_set_up(untouched, capsys):
    logs.set_up_log(logging.INFO)
    logging.getLogger("any").info("told")
    logging.getLogger("any").debug("not told")
    logging.getLogger("httpx").info("not told")
    assert [json.loads(each)["message"] for each in capsys.readouterr().err.splitlines()] == [
        "told"
    ]
