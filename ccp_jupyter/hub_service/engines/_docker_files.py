"""Archives on their way into and out of containers, without being held in memory."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, TypeVar

import requests

from ccp_jupyter.hub_service.engines._docker_errors import CallersError
from ccp_jupyter.hub_service.engines._docker_transport import Call

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

T = TypeVar("T")

_BLOCK = 256 * 1024


class Outgoing:
    """A caller's file as the body of a request; keeps the caller's errors apart from ours."""

    def __init__(self, file: IO[bytes], call: Call) -> None:
        self._file = file
        self._call = call
        try:
            place = file.tell()
            self.len = file.seek(0, os.SEEK_END) - place
            file.seek(place)
        except (OSError, ValueError) as error:
            raise CallersError("the archive is no seekable file") from error

    def read(self, size: int = _BLOCK) -> bytes:
        """Return the next bytes."""
        self._call.touch()
        try:
            return self._file.read(size)
        except Exception as error:
            raise CallersError("the archive cannot be read") from error

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.read(), b"")


class Incoming(io.RawIOBase):
    """The body of a response as a file; remembers that the engine failed."""

    def __init__(self, response: requests.Response, call: Call) -> None:
        super().__init__()
        self._raw = response.raw
        self._call = call
        self.failure: Exception | None = None
        self.complete = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        try:
            data = self._raw.read(len(view), decode_content=False)
            self._call.touch()
        except Exception as error:
            self.failure = error
            raise
        self.complete = not data
        view[: len(data)] = data
        return len(data)


def taken(response: requests.Response, call: Call, take: Callable[[IO[bytes]], T]) -> T:
    """Let a caller's function read a response's body.

    Returns
    -------
    object
        What it returned.

    Raises
    ------
    CallersError
        With what it raised as cause.
    Exception
        What went wrong with the engine, even when the function hid it.
    """
    incoming = Incoming(response, call)
    try:
        with io.BufferedReader(incoming, _BLOCK) as file:
            try:
                result = take(file)
            except Exception as error:
                if incoming.failure is not None:
                    raise incoming.failure from error
                raise CallersError("the function that takes the archive failed") from error
        if incoming.failure is not None:
            raise incoming.failure
        return result
    finally:
        if not incoming.complete:
            call.leave()
        response.close()
