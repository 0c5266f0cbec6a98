"""The vault: a process that keeps secrets in memory, and in an encrypted spool if it is told to.

``python -m ccp_jupyter.hub_service.vault.server --socket PATH [--key-file FILE --spool FOLDER]``

It is a process of its own so that secrets survive a restart of the service, and so that a dump or
a debugger of the service sees only those in use.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ccp_jupyter.hub_service.vault.bounds import Refusal
from ccp_jupyter.hub_service.vault.process import Detached, Place, Refused, Taken, protect_memory
from ccp_jupyter.hub_service.vault.requests import Conversation, Secrets
from ccp_jupyter.hub_service.vault.wire import (
    EXIT_TAKEN,
    MAX_MESSAGE,
    TOO_LARGE,
    encoded,
    peer_uid,
)

_log = logging.getLogger("ccp_jupyter.vault")


class Server:
    """Connections of the vault.

    Parameters
    ----------
    secrets : Secrets
        What it keeps.
    leave_after : float, optional
        Seconds without a request after which it ends; default: never.
    """

    def __init__(self, secrets: Secrets, leave_after: float | None = None) -> None:
        self._secrets = secrets
        self._leave_after = leave_after
        self._asked_at = time.monotonic()
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def run(self, place: Place, ready: Callable[[], None]) -> None:
        """Answer until SIGTERM or SIGINT, or until nobody asks any more.

        `ready` is called as soon as the vault answers.
        """
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
            await self._end(stop)
        finally:
            server.close()
            for writer in self._connections.values():
                writer.transport.abort()
            if self._connections:
                await asyncio.wait(self._connections, timeout=5)
            place.leave()
            _log.info("vault %d ends", os.getpid())

    async def _end(self, stop: asyncio.Event) -> None:
        if self._leave_after is None:
            await stop.wait()
            return
        while not stop.is_set():
            left = self._asked_at + self._leave_after - time.monotonic()
            if left <= 0:
                _log.info("nobody has asked for %g s", self._leave_after)
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), left)

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
        conversation = Conversation(self._secrets)
        try:
            await self._converse(conversation, reader, writer)
        finally:
            conversation.drop()

    async def _converse(
        self,
        conversation: Conversation,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        while True:
            try:
                line = await reader.readline()
            except ValueError:
                message = f"a request has at most {MAX_MESSAGE} bytes"
                _log.warning("refused a request: %s", message)
                writer.write(encoded(Refusal(TOO_LARGE, message).answer))
                await writer.drain()
                return
            if not line.endswith(b"\n"):
                return
            self._asked_at = time.monotonic()
            for answer in conversation.answers(line):
                writer.write(encoded(answer))
                await writer.drain()


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
    options = _options(arguments)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    detached = None
    try:
        place = Place(options.socket.absolute())
        detached = Detached() if options.detach else None
        if detached is not None and detached.is_parent:
            return detached.wait()
        # After the fork: a child does not inherit locked memory.
        protect_memory()
        secrets = _secrets(options.key_file, options.spool)
        ready = detached.ready if detached is not None else lambda: None
        asyncio.run(Server(secrets, options.leave_after).run(place, ready))
    except Refused as refused:
        _log.error("%s", refused)
        if not isinstance(refused, Taken):
            return 1
        if detached is not None:
            detached.taken()
        return EXIT_TAKEN
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ccp-vault", description="Keep secrets.")
    parser.add_argument("--socket", type=Path, required=True, help="unix socket to listen on")
    parser.add_argument(
        "--key-file",
        type=Path,
        help="keys, 32 bytes as base64, one a line; the first encrypts, all decrypt (mode 0600)",
    )
    parser.add_argument(
        "--spool", type=Path, help="folder of the encrypted files that survive a restart"
    )
    parser.add_argument(
        "--leave-after",
        type=float,
        metavar="SECONDS",
        help="end when nobody has asked for so long; the spool has all that must survive",
    )
    parser.add_argument(
        "--detach", action="store_true", help="go on in the background once the vault answers"
    )
    options = parser.parse_args(arguments)
    if (options.key_file is None) != (options.spool is None):
        parser.error("--key-file and --spool belong together")
    if options.leave_after is not None and options.spool is None:
        parser.error("--leave-after needs a --spool: what is in memory only would be lost")
    return options


def _secrets(key_file: Path | None, folder: Path | None) -> Secrets:
    """Return what the vault keeps, with what has survived.  Raises `Refused`."""
    if key_file is None or folder is None:
        return Secrets()
    # Only here: a vault without a spool does not need the library.
    from ccp_jupyter.hub_service.vault.keys import read_keys
    from ccp_jupyter.hub_service.vault.spool import Spool

    spool = Spool(folder.resolve(), read_keys(key_file))
    secrets = Secrets(durable=spool)
    for key, record in spool.load():
        secrets.load(key, record)
    return secrets


if __name__ == "__main__":
    sys.exit(main())
