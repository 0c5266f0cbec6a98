"""One Execution's journal: a file with one event a line, numbered from 1 without gaps.

A line is written whole or, when the process is killed or the disk is full, cut off somewhere. Only
what ends with a line break counts: readers ignore the rest, and the next writer cuts it off.
"""

from __future__ import annotations

import errno
import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ccp_jupyter.model.events import Event

_log = logging.getLogger(__name__)

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)
# The number comes first in every line, so that a search needs to parse nothing else.
_NUMBER = re.compile(rb'\{"seq":([1-9][0-9]{0,17}),')
_LONGEST_NUMBER = 32
_BLOCK = 64 * 1024
# Below this distance reading on is cheaper than searching on.
_NEAR = 2 * _BLOCK
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class JournalFull(OSError):
    """There is no room on the disk (or in the quota) for an event; it was not kept."""


@dataclass(frozen=True, slots=True)
class Part:
    """Events read from a journal."""

    events: list[Event]
    offset: int
    """Byte where the next line begins; a later `read_journal` may start there."""


def encoded(event: Event) -> bytes:
    """Return an event as JSON without its number, which only the journal knows.

    Raises
    ------
    ValueError
        The event holds text that is not Unicode (lone surrogates).
    """
    return event.model_dump_json(exclude={"seq"}).encode()


def no_room(error: OSError, path: Path) -> OSError:
    """Return `JournalFull` for an error that means so, any other error as it is."""
    if error.errno in _NO_ROOM:
        return JournalFull(error.errno, "no room on the disk for an event", str(path))
    return error


class Journal:
    """The writing end of a journal: one for each file, used by one thread at a time.

    Parameters
    ----------
    path : Path
        The file, made (with its folder, mode 0700) when it is not there. What follows the last
        whole event is cut off.

    Attributes
    ----------
    last : int
        Number of the last event; 0 when there is none.

    Raises
    ------
    JournalFull, OSError
        The file cannot be made or opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise no_room(error, path) from error
        try:
            self.last = _repair(self._fd, path)
        except BaseException:
            os.close(self._fd)
            raise

    def append(self, bodies: Sequence[bytes]) -> tuple[int, OSError | None]:
        """Write events with the next numbers, in one piece when the disk allows.

        Parameters
        ----------
        bodies : sequence of bytes
            Each as `encoded` returns it.

        Returns
        -------
        kept : int
            How many of them, counted from the first, are in the journal now.
        error : OSError or None
            Why the others are not. After an error the file may end in the middle of a line: close
            this object and open the journal anew.
        """
        lines = [b'{"seq":%d,' % (self.last + n) + b[1:] + b"\n" for n, b in enumerate(bodies, 1)]
        data = memoryview(b"".join(lines))
        written = 0
        failure: OSError | None = None
        while written < len(data):
            try:
                written += os.write(self._fd, data[written:])
            except OSError as error:
                failure = no_room(error, self.path)
                break
        kept = len(lines) if failure is None else _whole_lines(lines, written)
        self.last += kept
        return kept, failure

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)


def sync(path: Path) -> None:
    """Make a journal and its place in the folders safe against loss of power.

    Parameters
    ----------
    path : Path
        The journal's file; no error when it was removed meanwhile.

    Raises
    ------
    OSError
        What was written may not be on the disk.
    """
    for place in (path, path.parent, path.parent.parent):
        try:
            descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def last_number(path: Path) -> int:
    """Return the number of the last whole event; 0 when there is none, or no file.

    Reads from the end, whether or not somebody writes at the same time.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        return _last(descriptor, os.fstat(descriptor).st_size)[0]
    finally:
        os.close(descriptor)


def read_journal(
    path: Path, after: int, limit: int, *, offset: int | None = None, max_bytes: int = 2**23
) -> Part:
    """Read events, whether or not somebody writes at the same time.

    Parameters
    ----------
    path : Path
        The journal's file; no file is the same as an empty one.
    after : int
        Only events with higher numbers are returned.
    limit : int
        At most so many events.
    offset : int, optional
        `Part.offset` of an earlier read of the same journal up to `after`. Without it the place is
        found by bisection of the file, so that a read near the end of a long journal is cheap.
    max_bytes : int
        Stop after the event with which this much text is reached.

    Returns
    -------
    Part
        Events in order. Lines that are no events (a damaged disk) are left out, with a warning in
        the service's log.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return Part([], 0)
    try:
        end = os.fstat(descriptor).st_size
        start = offset if offset is not None and offset <= end else _search(descriptor, after, end)
        return _read_on(descriptor, path, start, after, limit, max_bytes)
    finally:
        os.close(descriptor)


def _read_on(
    descriptor: int, path: Path, offset: int, after: int, limit: int, max_bytes: int
) -> Part:
    events: list[Event] = []
    rest = b""
    taken = 0
    while len(events) < limit and taken < max_bytes:
        block = os.pread(descriptor, _BLOCK, offset + len(rest))
        if not block:
            break
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            if len(events) >= limit or taken >= max_bytes:
                break
            offset += len(line) + 1
            number = _NUMBER.match(line)
            if number is not None and int(number[1]) <= after:
                continue
            event = _parsed(line, path)
            if event is not None:
                events.append(event)
                taken += len(line)
    return Part(events, offset)


def _parsed(line: bytes, path: Path) -> Event | None:
    try:
        return _EVENT.validate_json(line)
    except ValidationError:
        _log.warning("%s: left out a line of %d bytes that is no event", path, len(line))
        return None


def _search(descriptor: int, after: int, end: int) -> int:
    """Return where a line begins that is not far before number ``after + 1``."""
    low, high = 0, end
    while high - low > _NEAR:
        middle = (low + high) // 2
        found = _next_line(descriptor, middle, high)
        if found is None or found[1] > after + 1:
            high = middle
        else:
            low = found[0]
    return low


def _next_line(descriptor: int, position: int, end: int) -> tuple[int, int] | None:
    """Return offset and number of the first event that begins after `position`, before `end`."""
    while position < end:
        block = os.pread(descriptor, _BLOCK, position)
        if not block:
            return None
        line_break = block.find(b"\n")
        if line_break < 0:
            position += len(block)
            continue
        position += line_break + 1
        number = _NUMBER.match(os.pread(descriptor, _LONGEST_NUMBER, position))
        if number is not None and position < end:
            return position, int(number[1])
    return None


def _whole_lines(lines: Sequence[bytes], written: int) -> int:
    count = 0
    for line in lines:
        written -= len(line)
        if written < 0:
            break
        count += 1
    return count


def _repair(descriptor: int, path: Path) -> int:
    """Cut off what is no whole event at the end; return the number of the last one."""
    size = os.fstat(descriptor).st_size
    last, end = _last(descriptor, size)
    if end < size:
        _log.warning("%s: cut off %d bytes after event %d", path, size - end, last)
        os.ftruncate(descriptor, end)
    return last


def _last(descriptor: int, end: int) -> tuple[int, int]:
    """Return number and end of the last whole event before `end`; zeros when there is none."""
    while end > 0:
        start = _line_start(descriptor, end)
        number = _NUMBER.match(os.pread(descriptor, _LONGEST_NUMBER, start))
        if number is not None and os.pread(descriptor, 2, end - 2) == b"}\n":
            return int(number[1]), end
        end = start
    return 0, 0


def _line_start(descriptor: int, end: int) -> int:
    """Return where the line begins whose last byte is just before `end`."""
    position = end - 1
    while position > 0:
        start = max(0, position - _BLOCK)
        line_break = os.pread(descriptor, position - start, start).rfind(b"\n")
        if line_break >= 0:
            return start + line_break + 1
        position = start
    return 0
