"""The service's end of the vault, and how the vault's process is started."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from ccp_jupyter.hub_service.vault.base import (
    PersonalSecret,
    SecretsTooLarge,
    SecretUse,
    VaultUnreachable,
)
from ccp_jupyter.hub_service.vault.connection import Connection, Message
from ccp_jupyter.hub_service.vault.wire import (
    EXIT_TAKEN,
    MAX_EXECUTION,
    ROOM,
    entry_size,
    in_pieces,
)

_START_TIME = 10.0
_IMPORT_FOLDER = Path(__file__).resolve().parents[3]
# The vault gets no more of the environment: the service's own holds its tokens.
_ENVIRONMENT = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "TZ")


class OtherSpool(VaultUnreachable):
    """The vault that runs does not keep its secrets where it should."""


class VaultClient:
    """Speaks with the vault over one connection, made when needed and again when it broke.

    Implements `ccp_jupyter.hub_service.vault.base.Vault`, which says what every method does.
    Any of them raises `VaultUnreachable` when no vault answers, or it is full, and `ValueError`
    for what the vault would never take.

    Parameters
    ----------
    socket : Path
        The vault's unix socket.
    timeout : float
        Seconds for one call, waiting for other calls included.
    """

    def __init__(self, socket: Path, timeout: float = 5.0) -> None:
        self._connection = Connection(socket, timeout)
        self._ask = self._connection.ask

    async def put(self, execution_id: str, secrets: dict[str, str], owner: str = "") -> None:
        """Keep the secrets of an Execution by name; replaces what was there, all or nothing.

        Raises
        ------
        OwnerFull
            The owner's Executions keep as much as they may.
        SecretsTooLarge
            They take more than `wire.MAX_EXECUTION` bytes as JSON, or one takes more than
            `wire.ROOM`.
        VaultUnreachable
            No vault answers, or it is full; try again later.
        """
        await self._ask(*_put_messages(execution_id, secrets, owner))

    async def get(
        self, execution_id: str, names: Iterable[str] | None = None, attempt: str = ""
    ) -> dict[str, str]:
        """Return secrets of an Execution: those named, or all.

        Raises
        ------
        SecretsLost
            It has nothing for the Execution, or not all that was asked for.
        VaultUnreachable
            No vault answers; try again later.
        """
        wanted = None if names is None else list(dict.fromkeys(names))
        request = {"op": "get", "id": execution_id, "names": wanted, "attempt": attempt}
        secrets: dict[str, str] = (await self._ask(request))["secrets"]
        return secrets

    async def forget(self, execution_id: str) -> None:
        """Delete the secrets of an Execution, and make sure; no error when there are none.

        Raises
        ------
        VaultUnreachable
            No vault answers, or it still has them; try again later.
        """
        await self._ask({"op": "forget", "id": execution_id})
        if (await self._ask({"op": "kept", "id": execution_id}))["kept"]:
            raise self._connection.unreachable(f"it still keeps secrets of {execution_id}")

    async def executions(self) -> set[str]:
        """Return the ids of the Executions that it keeps secrets for."""
        return set((await self._ask({"op": "executions"}))["executions"])

    async def save_secret(
        self,
        owner: str,
        name: str,
        value: str,
        registry: str | None = None,
        username: str | None = None,
    ) -> None:
        """Keep a personal secret; replaces one of this name, and its uses."""
        request = {"op": "save", "owner": owner, "name": name, "value": value}
        await self._ask(request | {"registry": registry, "username": username})

    async def list_secrets(self, owner: str) -> list[PersonalSecret]:
        """Return what the owner may know of their secrets, by name."""
        answer = await self._ask({"op": "list", "owner": owner})
        return [_personal(each) for each in answer["personal"]]

    async def remove_secret(self, owner: str, name: str) -> bool:
        """Delete a personal secret; tells whether there was one."""
        answer = await self._ask({"op": "remove", "owner": owner, "name": name})
        return bool(answer["removed"])

    async def use_secrets(
        self, owner: str, names: Iterable[str], execution_id: str
    ) -> dict[str, str]:
        """Return the values of those named that there are, and note the use."""
        wanted = list(dict.fromkeys(names))
        request = {"op": "use", "owner": owner, "names": wanted, "id": execution_id}
        secrets: dict[str, str] = (await self._ask(request))["secrets"]
        return secrets

    async def use_login(
        self, owner: str, registry: str, execution_id: str
    ) -> tuple[str, str] | None:
        """Return user name and password for a registry, and note the use; None when unknown."""
        request = {"op": "login", "owner": owner, "registry": registry, "id": execution_id}
        login = (await self._ask(request))["login"]
        return None if login is None else (login[0], login[1])

    async def open_session(self, key: str, data: dict[str, str], seconds: float) -> None:
        """Keep a session for so long."""
        await self._ask({"op": "open", "key": key, "data": data, "seconds": seconds})

    async def session(self, key: str) -> dict[str, str] | None:
        """Return a session's data; None when there is none, or it is over."""
        data: dict[str, str] | None = (await self._ask({"op": "session", "key": key}))["data"]
        return data

    async def close_session(self, key: str) -> None:
        """End a session; no error when there is none."""
        await self._ask({"op": "close", "key": key})

    async def survives_restart(self) -> bool:
        """Tell whether secrets outlive the vault's process."""
        return (await self.spool()) is not None

    async def ping(self) -> int:
        """Return the process id of the vault."""
        pid: int = (await self._ask({"op": "ping"}))["pid"]
        return pid

    async def spool(self) -> str | None:
        """Return the folder of the vault's encrypted spool; None when it has none."""
        place: str | None = (await self._ask({"op": "ping"}))["spool"]
        return place

    async def close(self) -> None:
        """Let go of the connection; the vault process goes on."""
        self._connection.drop()


def _put_messages(execution_id: str, secrets: dict[str, str], owner: str) -> Iterator[Message]:
    sizes = {name: entry_size(name, value) for name, value in secrets.items()}
    for name, size in sizes.items():
        if size > ROOM:
            rule = f"secret {name[:100]!r}: takes at most {ROOM} bytes as JSON (found {size})"
            raise SecretsTooLarge(rule)
    if (size := sum(sizes.values())) > MAX_EXECUTION:
        raise SecretsTooLarge(
            f"secrets of one Execution take at most {MAX_EXECUTION} bytes as JSON (found {size})"
        )
    pieces = list(in_pieces((name, size) for name, size in sizes.items()))
    for part, names in enumerate(pieces):
        yield {
            "op": "put",
            "id": execution_id,
            "owner": owner,
            "secrets": {name: secrets[name] for name in names},
            "part": part,
            "last": part == len(pieces) - 1,
        }


def _personal(record: dict[str, Any]) -> PersonalSecret:
    return PersonalSecret(
        record["name"],
        datetime.fromisoformat(record["created"]),
        record["registry"],
        record["username"],
        tuple(SecretUse(datetime.fromisoformat(at), name) for at, name in record["uses"]),
    )


async def ensure_running(
    socket: Path,
    log: Path,
    key_file: Path | None = None,
    spool: Path | None = None,
    leave_after: float | None = None,
) -> int:
    """Start a vault when none answers. Any number of callers may do so at once.

    Parameters
    ----------
    socket : Path
        Its unix socket; the folder must belong to this user and have mode 0700, and is made when
        it is not there.
    log : Path
        Where a vault that is started writes what it has to say; no secrets.
    key_file, spool : Path, optional
        Keys and folder of an encrypted spool that survives a restart of the vault; both or none.
    leave_after : float, optional
        Seconds without a request after which a vault that is started ends; only with a spool.
        Services on several machines share a spool, and only one vault may have it.

    Returns
    -------
    int
        Process id of the vault that answers. It runs in a session of its own and is no child of
        this process, so that it lives on when this process and its group are killed.

    Raises
    ------
    VaultUnreachable
        It could not be started, or the one that runs has another spool; the text says where to
        look.
    """
    if (key_file is None) != (spool is None):
        raise ValueError("key_file and spool: both or none")
    command = _command(socket, key_file, spool, leave_after)
    client = VaultClient(socket)
    try:
        deadline = time.monotonic() + _START_TIME
        while True:
            try:
                pid = await client.ping()
                _check_spool(socket, pid, await client.spool(), spool)
                return pid
            except OtherSpool:
                raise
            except VaultUnreachable:
                if time.monotonic() > deadline:
                    raise
            code = await _start(command, log)
            if code == EXIT_TAKEN:
                # Another one has the place; it is about to answer, or about to end.
                await asyncio.sleep(0.05)
            elif code != 0:
                raise VaultUnreachable(
                    f"vault at {socket} did not start (exit code {code}): see {log}, which ends"
                    f" with: {_last_line(log)}"
                )
    finally:
        await client.close()


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return lines[-1][:500] if lines else "nothing"


def _check_spool(socket: Path, pid: int, found: str | None, wanted: Path | None) -> None:
    if found == (None if wanted is None else str(wanted.resolve())):
        return
    raise OtherSpool(
        f"vault at {socket} runs already and keeps secrets in {found or 'memory only'}, not in"
        f" {wanted or 'memory only'}: when no Execution needs it, end process {pid} and start again"
    )


async def _start(command: list[str], log: Path) -> int:
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    environment["PYTHONPATH"] = str(_IMPORT_FOLDER)
    log.parent.mkdir(parents=True, exist_ok=True)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
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


def _command(
    socket: Path, key_file: Path | None, spool: Path | None, leave_after: float | None
) -> list[str]:
    # -P: a module in the present folder must not stand in for one of ours.
    python = [sys.executable, "-P", "-m", "ccp_jupyter.hub_service.vault.server"]
    command = [*python, "--socket", str(socket.absolute()), "--detach"]
    if key_file is not None and spool is not None:
        command += ["--key-file", str(key_file.absolute()), "--spool", str(spool.absolute())]
    if leave_after is not None:
        command += ["--leave-after", str(leave_after)]
    return command
