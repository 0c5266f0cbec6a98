"""The service's end of the vault, and how the vault's process is started."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from ccp_jupyter.hub_service.vault.base import SecretsLost, VaultUnreachable
from ccp_jupyter.hub_service.vault.wire import EXIT_TAKEN, FULL, LOST, MAX_MESSAGE, peer_uid

_START_TIME = 10.0
_IMPORT_FOLDER = Path(__file__).resolve().parents[3]
# The vault gets no more of the environment: the service's own holds its tokens.
_ENVIRONMENT = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "TZ")


class VaultClient:
    """Speaks with the vault over one connection, made when needed and again when it broke.

    Implements `ccp_jupyter.hub_service.vault.base.Vault`.

    Parameters
    ----------
    socket : Path
        The vault's unix socket.
    timeout : float
        Seconds for one call, waiting for other calls included.
    """

    def __init__(self, socket: Path, timeout: float = 5.0) -> None:
        self._socket = socket
        self._timeout = timeout
        self._one_at_a_time = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def put(self, execution_id: str, secrets: dict[str, str]) -> None:
        """Keep the secret inputs of an Execution, by input id; replaces what was there.

        Raises
        ------
        ValueError
            They are longer than one message may be (4 MiB as JSON).
        VaultUnreachable
            No vault answers, or it is full; try again later.
        """
        await self._ask({"op": "put", "id": execution_id, "secrets": secrets})

    async def get(self, execution_id: str) -> dict[str, str]:
        """Return the secret inputs of an Execution.

        Raises
        ------
        SecretsLost
            The vault has nothing for it.
        VaultUnreachable
            No vault answers; try again later.
        """
        answer = await self._ask({"op": "get", "id": execution_id})
        secrets: dict[str, str] = answer["secrets"]
        return secrets

    async def forget(self, execution_id: str) -> None:
        """Delete the secret inputs of an Execution; no error when there are none.

        Raises
        ------
        VaultUnreachable
            No vault answers; try again later.
        """
        await self._ask({"op": "forget", "id": execution_id})

    async def ping(self) -> int:
        """Return the process id of the vault.

        Raises
        ------
        VaultUnreachable
            No vault answers.
        """
        pid: int = (await self._ask({"op": "ping"}))["pid"]
        return pid

    async def close(self) -> None:
        """Let go of the connection; the vault process goes on."""
        self._drop()

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        data = json.dumps(request).encode() + b"\n"
        if len(data) > MAX_MESSAGE:
            raise ValueError(
                f"secrets of one Execution take at most {MAX_MESSAGE} bytes (found {len(data)})"
            )
        try:
            async with asyncio.timeout(self._timeout), self._one_at_a_time:
                line = await self._exchanged(data)
        except TimeoutError:
            raise self._unreachable(f"no answer within {self._timeout:g} s") from None
        return self._checked(line, request)

    def _checked(self, line: bytes, request: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = json.loads(line)
            if answer["ok"] is True:
                return dict(answer)
            error, message = answer["error"], answer["message"]
        except (ValueError, TypeError, LookupError):
            self._drop()
            raise self._unreachable("what answers there is no vault") from None
        if error == LOST:
            raise SecretsLost(
                f"the vault has no secrets of Execution {request['id']}: it was restarted since"
                " they were given, or they were deleted"
            )
        if error == FULL:
            raise self._unreachable(message)
        raise ValueError(f"the vault refuses the request: {message}")

    async def _exchanged(self, data: bytes) -> bytes:
        # All requests may be repeated. An old connection may have broken unnoticed, say, since
        # the vault was restarted; a new one that breaks is an error.
        if self._streams is not None:
            try:
                return await self._sent(*self._streams, data)
            except OSError:
                pass
        self._streams = await self._connected()
        try:
            return await self._sent(*self._streams, data)
        except OSError as error:
            raise self._unreachable(str(error)) from error

    async def _sent(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes
    ) -> bytes:
        try:
            writer.write(data)
            await writer.drain()
            line = await reader.readline()
            if not line.endswith(b"\n"):
                raise ConnectionResetError("it closed the connection")
        except ValueError:
            self._drop()
            raise self._unreachable("it answers with more than a vault would") from None
        except BaseException:
            # Also when cancelled: the answer that is under way must not meet the next request.
            self._drop()
            raise
        return line

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            streams = await asyncio.open_unix_connection(str(self._socket), limit=MAX_MESSAGE)
        except OSError as error:
            raise self._unreachable(error.strerror or str(error)) from error
        uid = peer_uid(streams[1].get_extra_info("socket"))
        if uid != os.geteuid():
            streams[1].close()
            raise self._unreachable(f"it belongs to user {uid}, not to {os.geteuid()}")
        return streams

    def _drop(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    def _unreachable(self, reason: str) -> VaultUnreachable:
        return VaultUnreachable(f"vault at {self._socket}: {reason}")


async def ensure_running(socket: Path, log: Path) -> int:
    """Start a vault when none answers. Any number of callers may do so at once.

    Parameters
    ----------
    socket : Path
        Its unix socket; the folder must belong to this user and have mode 0700, and is made when
        it is not there.
    log : Path
        Where a vault that is started writes what it has to say; no secrets.

    Returns
    -------
    int
        Process id of the vault that answers. It runs in a session of its own and is no child of
        this process, so that it lives on when this process and its group are killed.

    Raises
    ------
    VaultUnreachable
        It could not be started; the text says where to look.
    """
    client = VaultClient(socket)
    try:
        deadline = time.monotonic() + _START_TIME
        while True:
            try:
                return await client.ping()
            except VaultUnreachable:
                if time.monotonic() > deadline:
                    raise
            code = await _start(socket, log)
            if code == EXIT_TAKEN:
                # Another one has the place; it is about to answer, or about to end.
                await asyncio.sleep(0.05)
            elif code != 0:
                raise VaultUnreachable(
                    f"vault at {socket} did not start (exit code {code}): see {log}"
                )
    finally:
        await client.close()


async def _start(socket: Path, log: Path) -> int:
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    environment["PYTHONPATH"] = str(_IMPORT_FOLDER)
    log.parent.mkdir(parents=True, exist_ok=True)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = await asyncio.create_subprocess_exec(
            *_command(socket),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=environment,
            start_new_session=True,
        )
    finally:
        os.close(output)
    return await process.wait()


def _command(socket: Path) -> list[str]:
    # -P: a module in the present folder must not stand in for one of ours.
    python = [sys.executable, "-P", "-m", "ccp_jupyter.hub_service.vault.server"]
    return [*python, "--socket", str(socket.absolute()), "--detach"]
