"""The file of one journal: whole lines only, whatever happened to it."""

from __future__ import annotations

import logging
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ccp_jupyter.hub_service.events.journal import (
    Journal,
    JournalFull,
    encoded,
    last_number,
    read_journal,
)
from ccp_jupyter.model.events import Event
from tests.unit.events.samples import log_event, phase_event, status_event


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ab" / "abcd" / "events.jsonl"


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let the kernel refuse to make files larger than this, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def write(path: Path, count: int, text: str = "hello") -> None:
    journal = Journal(path)
    try:
        assert journal.append([encoded(log_event(text)) for _ in range(count)]) == (count, None)
    finally:
        journal.close()


def numbers(path: Path, after: int = 0, limit: int = 10**6) -> list[int]:
    return [event.seq for event in read_journal(path, after, limit, max_bytes=10**12).events]


def test_no_file_is_an_empty_journal(path: Path) -> None:
    part = read_journal(path, 0, 10)
    assert (part.events, part.offset) == ([], 0)
    assert not path.parent.exists()


def test_what_comes_back_equals_what_went_in(path: Path) -> None:
    events: list[Event] = [
        status_event(),
        phase_event(),
        log_event('line\n"quoted"\\ \x00\u2028 ü 𝄞'),
    ]
    journal = Journal(path)
    journal.append([encoded(event) for event in events])
    journal.close()
    expected = [event.model_copy(update={"seq": n}) for n, event in enumerate(events, 1)]
    assert read_journal(path, 0, 10).events == expected


def test_the_last_number_is_that_of_the_last_whole_event(path: Path) -> None:
    assert last_number(path) == 0
    write(path, 3, "x" * 200_000)
    assert last_number(path) == 3
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert last_number(path) == 2
    assert path.stat().st_size == len(whole) - 1, "reading cuts nothing off"
    path.write_bytes(b"\x00" * 100)
    assert last_number(path) == 0


def test_files_and_folders_are_private(path: Path) -> None:
    write(path, 1)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_every_cut_of_the_last_line_loses_that_line_only(path: Path) -> None:
    write(path, 2)
    whole = path.read_bytes()
    last_line = whole.index(b"\n") + 1
    for size in range(last_line, len(whole)):
        path.write_bytes(whole[:size])
        assert numbers(path) == [1], f"cut at {size}: readers"
        journal = Journal(path)
        assert journal.last == 1, f"cut at {size}: writer"
        journal.append([encoded(log_event("again"))])
        journal.close()
        events = read_journal(path, 0, 10).events
        assert [event.seq for event in events] == [1, 2]
        assert events[1].lines == ["again"]  # type: ignore[union-attr]


def test_every_cut_of_the_only_line_leaves_an_empty_journal(path: Path) -> None:
    write(path, 1)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        journal = Journal(path)
        assert journal.last == 0
        assert path.stat().st_size == 0
        journal.close()


@pytest.mark.parametrize(
    "rest",
    [
        b"\0" * 200_000,
        b"\0" * 100 + b"\n" + b"\0" * 100 + b"\n",
        b'{"seq":0,"a":1}\n',
        b'{"seq":99999999999999999999999,"a":1}\n',
        b"\n\n\n",
        b'{"seq":4,' + b"x" * 300_000,
        b"\xff\xfe\n",
    ],
    ids=["zeros", "lines of zeros", "number 0", "huge number", "empty lines", "long cut", "bytes"],
)
def test_rubbish_at_the_end_is_cut_off(
    path: Path, rest: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    write(path, 3)
    good = path.stat().st_size
    with path.open("ab") as file:
        file.write(rest)
    with caplog.at_level(logging.WARNING):
        journal = Journal(path)
    journal.close()
    assert journal.last == 3
    assert path.stat().st_size == good
    assert f"cut off {len(rest)} bytes after event 3" in caplog.text


def test_a_damaged_line_in_the_middle_is_left_out_with_a_warning(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(path, 3)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"\0" * (len(lines[1]) - 1) + b"\n" + lines[2])
    assert numbers(path) == [1, 3]
    assert "no event" in caplog.text


def test_reading_finds_every_place_in_a_long_journal(path: Path) -> None:
    # Lines of very different length, some longer than one block of the search.
    journal = Journal(path)
    texts = ["x" * (200_000 if n % 40 == 7 else (n * 37) % 900) for n in range(1, 401)]
    journal.append([encoded(log_event(text)) for text in texts])
    journal.close()
    assert path.stat().st_size > 2_000_000
    for after in range(403):
        assert numbers(path, after, 2) == [n for n in (after + 1, after + 2) if n <= 400]


def test_reading_near_the_end_of_a_long_journal_reads_little_of_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(path, 50_000, "x" * 300)
    import os

    taken = 0
    pread = os.pread

    def counting(descriptor: int, size: int, offset: int) -> bytes:
        nonlocal taken
        data = pread(descriptor, size, offset)
        taken += len(data)
        return data

    monkeypatch.setattr(os, "pread", counting)
    assert numbers(path, 49_990) == list(range(49_991, 50_001))
    assert taken < path.stat().st_size / 10
    taken = 0
    Journal(path).close()
    assert taken < 200_000


def test_limit_and_bytes_end_a_read_and_the_offset_continues_it(path: Path) -> None:
    write(path, 100, "x" * 1000)
    part = read_journal(path, 0, 10)
    assert [event.seq for event in part.events] == list(range(1, 11))
    part = read_journal(path, 10, 100, offset=part.offset, max_bytes=5_000)
    assert [event.seq for event in part.events] == list(range(11, 16))
    part = read_journal(path, 15, 1000, offset=part.offset)
    assert [event.seq for event in part.events] == list(range(16, 101))
    assert part.offset == path.stat().st_size
    assert read_journal(path, 0, 0).events == []
    assert read_journal(path, 0, -1).events == []
    assert numbers(path, -5, 2) == [1, 2]


def test_a_full_disk_keeps_whole_events_only(path: Path) -> None:
    write(path, 5)
    size = path.stat().st_size
    line = size // 5
    journal = Journal(path)
    with file_size_limit(size + 2 * line + line // 2):
        kept, error = journal.append([encoded(log_event()) for _ in range(4)])
    journal.close()
    assert kept == 2
    assert isinstance(error, JournalFull)
    assert str(path) in str(error)
    assert path.stat().st_size == size + 2 * line + line // 2, "the test shall leave half a line"
    assert numbers(path) == [1, 2, 3, 4, 5, 6, 7]
    journal = Journal(path)
    assert journal.last == 7
    assert journal.append([encoded(log_event())]) == (1, None)
    journal.close()
    assert numbers(path) == list(range(1, 9))


def test_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogate"):
        encoded(log_event("a\udcffb"))
