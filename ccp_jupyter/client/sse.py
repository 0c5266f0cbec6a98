"""Server-sent events, parsed piece by piece as they arrive."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx

from ccp_jupyter.client.errors import ServiceError

LARGEST_MESSAGE = 4 * 2**20
"""Bytes of one message; the service's own are below 100 KiB."""
MEDIA_TYPE = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Message:
    """One server-sent event."""

    event: str
    id: str
    data: str


class Parser:
    """Turns bytes into messages; what is cut off at the end of the stream is no message."""

    def __init__(self) -> None:
        self.received = 0
        """Bytes so far, signs of life included."""
        self._rest = b""
        self._start()

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """Take the next bytes and yield the messages that they complete.

        Raises
        ------
        ServiceError
            A line or message is longer than any that the service sends.
        """
        self.received += len(chunk)
        # A "\r" at the very end may be half of "\r\n": it waits for the next chunk.
        lines = (self._rest + chunk).splitlines(keepends=True)
        self._rest = b""
        if lines and (not lines[-1].endswith((b"\n", b"\r")) or lines[-1].endswith(b"\r")):
            self._rest = lines.pop()
        for line in lines:
            message = self._line(line.rstrip(b"\r\n"))
            if message is not None:
                yield message
        if len(self._rest) + self._size > LARGEST_MESSAGE:
            raise ServiceError(f"the event stream has a message of over {LARGEST_MESSAGE} bytes")

    def _start(self) -> None:
        self._event, self._id = "message", ""
        self._data: list[str] = []
        self._size = 0

    def _line(self, line: bytes) -> Message | None:
        if not line:
            message = Message(self._event, self._id, "\n".join(self._data))
            empty = not self._data
            self._start()
            return None if empty else message
        self._size += len(line)
        name, _, value = line.decode(errors="replace").partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id":
            self._id = value
        return None


async def messages(
    response: httpx.Response, parser: Parser | None = None
) -> AsyncIterator[Message]:
    """Yield the messages of an answer as they arrive.

    Parameters
    ----------
    response : httpx.Response
        Open, as `Transport.stream` gives it.
    parser : Parser, optional
        A new one; give it to see how many bytes came.

    Raises
    ------
    ServiceError
        The answer is no event stream.
    """
    found = response.headers.get("content-type", "")
    if found.split(";")[0].strip().lower() != MEDIA_TYPE:
        raise ServiceError(f"the service answered with {found or 'no type'} instead of events")
    parser = parser or Parser()
    async for chunk in response.aiter_bytes():
        for message in parser.feed(chunk):
            yield message
