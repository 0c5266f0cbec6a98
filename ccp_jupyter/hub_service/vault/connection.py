"""One connection to the vault, made when needed and again when it broke."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ccp_jupyter.hub_service.vault.base import (
    OwnerFull,
    SecretsLost,
    VaultFull,
    VaultUnreachable,
)
from ccp_jupyter.hub_service.vault.wire import (
    ANSWER_LISTS,
    FAILED,
    FULL,
    LOST,
    MAX_MESSAGE,
    OWNER_FULL,
    encoded,
    peer_uid,
)

Message = dict[str, Any]


class Connection:
    """Asks the vault, one request after the other.

    Parameters
    ----------
    socket : Path
        The vault's unix socket.
    timeout : float
        Seconds for one request, waiting for others included.
    """

    def __init__(self, socket: Path, timeout: float) -> None:
        self._socket = socket
        self._timeout = timeout
        self._one_at_a_time = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, *messages: Message) -> Message:
        """Send the messages of one request, and return the answer to the last.

        Raises
        ------
        SecretsLost, OwnerFull, VaultFull, VaultUnreachable
        ValueError
            The vault refuses the request for what it is.
        """
        lines = [encoded(message) for message in messages]
        if max(map(len, lines)) > MAX_MESSAGE:
            raise ValueError(f"a message to the vault has at most {MAX_MESSAGE} bytes")
        try:
            async with asyncio.timeout(self._timeout), self._one_at_a_time:
                return await self._exchanged(lines, messages[0])
        except TimeoutError:
            raise self.unreachable(f"no answer within {self._timeout:g} s") from None

    def drop(self) -> None:
        """Let go of the connection; the next request makes a new one."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    def unreachable(self, reason: str) -> VaultUnreachable:
        """Return the error that says which vault does not answer, and why."""
        return VaultUnreachable(f"vault at {self._socket}: {reason}")

    async def _exchanged(self, lines: Sequence[bytes], request: Message) -> Message:
        # All requests may be repeated. An old connection may have broken unnoticed, say, since
        # the vault was restarted; a new one that breaks is an error.
        if self._streams is not None:
            try:
                return await self._sent(*self._streams, lines, request)
            except OSError:
                pass
        self._streams = await self._connected()
        try:
            return await self._sent(*self._streams, lines, request)
        except OSError as error:
            raise self.unreachable(str(error)) from error

    async def _sent(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        lines: Sequence[bytes],
        request: Message,
    ) -> Message:
        answer: Message = {}
        try:
            for line in lines:
                writer.write(line)
                await writer.drain()
                answer = await self._answer(reader)
                if answer["ok"] is not True:
                    break
        except BaseException:
            # Also when cancelled: the answer that is under way must not meet the next request.
            self.drop()
            raise
        if answer["ok"] is not True:
            raise self._refused(answer, request)
        return answer

    async def _answer(self, reader: asyncio.StreamReader) -> Message:
        """Read the lines of one answer, put together."""
        whole: Message = {}
        more = True
        while more:
            try:
                line = await reader.readline()
            except ValueError:
                raise self.unreachable("it answers with more than a vault would") from None
            if not line.endswith(b"\n"):
                raise ConnectionResetError("it closed the connection")
            try:
                answer = json.loads(line)
                more = answer.pop("more", False)
                if answer["ok"] is not True:
                    return {each: answer[each] for each in ("ok", "error", "message")}
                for member in ANSWER_LISTS:
                    if member in answer and member in whole:
                        answer[member] = _joined(whole[member], answer[member])
            except (ValueError, TypeError, LookupError, AttributeError):
                raise self.unreachable("what answers there is no vault") from None
            whole = answer
        return whole

    def _refused(self, answer: Message, request: Message) -> Exception:
        error, message = answer["error"], answer["message"]
        if error == LOST:
            return SecretsLost(
                f"the vault has no secrets of Execution {request['id']}, or not all that it should"
                " have: it was restarted since they were given, or they were deleted"
            )
        if error == OWNER_FULL:
            return OwnerFull(message)
        if error == FULL:
            return VaultFull(f"vault at {self._socket}: {message}")
        if error == FAILED:
            return self.unreachable(message)
        return ValueError(f"the vault refuses the request: {message}")

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            streams = await asyncio.open_unix_connection(str(self._socket), limit=MAX_MESSAGE)
        except OSError as error:
            raise self.unreachable(error.strerror or str(error)) from error
        uid = peer_uid(streams[1].get_extra_info("socket"))
        if uid != os.geteuid():
            streams[1].close()
            raise self.unreachable(f"it belongs to user {uid}, not to {os.geteuid()}")
        return streams


def _joined(first: Any, second: Any) -> Any:
    """Return two pieces of a list or of an object as one; what differs raises `TypeError`."""
    return first | second if isinstance(first, dict) else [*first, *second]
