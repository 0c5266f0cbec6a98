"""The vault: a process that keeps secrets in memory only.

``python -m ccp_jupyter.hub_service.vault.server --socket PATH``

It is a process of its own so that secrets survive a restart of the service, and so that a dump or
a debugger of the service sees only those in use.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ccp_jupyter.hub_service.vault.process import Detached, Place, Refused, Taken, protect_memory
from ccp_jupyter.hub_service.vault.wire import (
    EXIT_TAKEN,
    FULL,
    LOST,
    MALFORMED,
    MAX_MESSAGE,
    TOO_LARGE,
    peer_uid,
)

_log = logging.getLogger("ccp_jupyter.vault")

_LONGEST_ID = 200
_MOST_BYTES = 2**29

Answer = dict[str, Any]


class _Refusal(Exception):
    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.answer: Answer = {"ok": False, "error": error, "message": message}


class Secrets:
    """Secrets by Execution; answers requests.

    Parameters
    ----------
    most_bytes : int
        Most text to keep, all Executions together.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: dict[str, dict[str, str]] = {}
        self._sizes: dict[str, int] = {}
        self._bytes = 0

    def answer(self, line: bytes) -> Answer:
        """Do what one request asks for; never raises."""
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            # The exception quotes the request.
            return _Refusal(MALFORMED, "not JSON").answer
        try:
            return {"ok": True} | self._do(request, len(line))
        except _Refusal as refusal:
            return refusal.answer

    def _do(self, request: object, size: int) -> Answer:
        if not isinstance(request, dict):
            raise _Refusal(MALFORMED, "not an object")
        operations: dict[object, Callable[[str], Answer]] = {
            "put": lambda name: self._put(name, request.get("secrets"), size),
            "get": self._get,
            "forget": self._forget,
        }
        op = request.get("op")
        if op == "ping":
            return {"pid": os.getpid()}
        operation = operations.get(op) if isinstance(op, str) else None
        if operation is None:
            raise _Refusal(MALFORMED, "op: one of ping, put, get, forget")
        return operation(_checked_id(request.get("id")))

    def _put(self, name: str, secrets: object, size: int) -> Answer:
        if not isinstance(secrets, dict) or not all(isinstance(v, str) for v in secrets.values()):
            raise _Refusal(MALFORMED, "secrets: an object of texts")
        others = self._bytes - self._sizes.get(name, 0)
        if others + size > self._most_bytes:
            raise _Refusal(FULL, f"the vault is full: it keeps {others} bytes")
        self._kept[name] = secrets
        self._sizes[name] = size
        self._bytes = others + size
        return {}

    def _get(self, name: str) -> Answer:
        if name not in self._kept:
            raise _Refusal(LOST, "nothing is kept for this Execution")
        return {"secrets": self._kept[name]}

    def _forget(self, name: str) -> Answer:
        self._kept.pop(name, None)
        self._bytes -= self._sizes.pop(name, 0)
        return {}


def _checked_id(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_ID:
        raise _Refusal(MALFORMED, f"id: a text of 1 to {_LONGEST_ID} characters")
    return value


class Server:
    """Connections of the vault."""

    def __init__(self) -> None:
        self._secrets = Secrets()
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def run(self, place: Place, ready: Callable[[], None]) -> None:
        """Answer until SIGTERM or SIGINT; `ready` is called as soon as the vault answers."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        # The limit bounds what one connection makes the vault hold.
        server = await asyncio.start_unix_server(
            self._accept, sock=place.listen(), limit=MAX_MESSAGE
        )
        _log.info("vault %d listens on %s", os.getpid(), place.path)
        ready()
        try:
            await stop.wait()
        finally:
            server.close()
            for writer in self._connections.values():
                writer.transport.abort()
            if self._connections:
                await asyncio.wait(self._connections, timeout=5)
            place.leave()
            _log.info("vault %d ends", os.getpid())

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._connections[task] = writer
        task.add_done_callback(self._connections.pop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            uid = peer_uid(writer.get_extra_info("socket"))
            if uid != os.geteuid():
                _log.warning("refused a connection of user %d", uid)
                return
            await self._answer_all(reader, writer)
        except ConnectionError:
            _log.debug("a connection broke off")
        finally:
            writer.close()

    async def _answer_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                line = await reader.readline()
            except ValueError:
                message = f"a request has at most {MAX_MESSAGE} bytes"
                _log.warning("refused a request: %s", message)
                writer.write(_line(_Refusal(TOO_LARGE, message).answer))
                await writer.drain()
                return
            if not line.endswith(b"\n"):
                return
            writer.write(_line(self._secrets.answer(line)))
            await writer.drain()


def _line(answer: Answer) -> bytes:
    return json.dumps(answer).encode() + b"\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a vault.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.

    Returns
    -------
    int
        0 after SIGTERM (with ``--detach``: as soon as the vault answers), `EXIT_TAKEN` when
        another vault lives there, 1 when it cannot start.
    """
    parser = argparse.ArgumentParser(prog="ccp-vault", description="Keep secrets in memory.")
    parser.add_argument("--socket", type=Path, required=True, help="unix socket to listen on")
    parser.add_argument(
        "--detach", action="store_true", help="go on in the background once the vault answers"
    )
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    try:
        place = Place(options.socket.absolute())
        detached = Detached() if options.detach else None
        if detached is not None and detached.is_parent:
            return 0 if detached.wait() else 1
        # After the fork: a child does not inherit locked memory.
        protect_memory()
        ready = detached.ready if detached is not None else lambda: None
        asyncio.run(Server().run(place, ready))
    except Refused as refused:
        _log.error("%s", refused)
        return EXIT_TAKEN if isinstance(refused, Taken) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
