"""What is put into a container before it starts: the scripts and the input files, as one tar."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from ccp_jupyter.hub_service.controller.container import RUN_FOLDER, STATE_FILE
from ccp_jupyter.hub_service.controller.tars import add_folder, add_text, writing
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.outgoing import Outgoing, OutgoingError
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.method import Method, parse_method
from ccp_jupyter.model.request import script_values
from ccp_jupyter.model.script import render
from ccp_jupyter.model.values import (
    DATA_FOLDER,
    FileValue,
    InputValue,
    LinkValue,
    file_name,
)

_ENTRY_SCRIPTS: Final = ("deploy-entry.sh", "execute-entry.sh")
_IN_MEMORY: Final = 2**20


class InputsFailed(Exception):
    """A linked input cannot be had; the text says which and why."""


class Stager:
    """Makes the tar for each replica; fetches what is linked, once for all replicas.

    Parameters
    ----------
    folders : Folders
        Where input files lie, and where linked ones are put.
    outgoing : Outgoing
        Fetches links.
    """

    def __init__(self, folders: Folders, outgoing: Outgoing) -> None:
        self._folders = folders
        self._outgoing = outgoing
        self._locks: dict[str, asyncio.Lock] = {}

    async def fetch_links(self, execution: Execution) -> None:
        """Fetch every linked input of an Execution that is not there yet.

        Raises
        ------
        InputsFailed
        """
        links = [
            (name, file, value)
            for name, file, value in _numbered(execution)
            if isinstance(value, LinkValue)
        ]
        if not links:
            return
        lock = self._locks.setdefault(execution.id, asyncio.Lock())
        async with lock:
            room = int(execution.limits.input_size)
            for name, file, value in links:
                target = self._linked_file(execution.id, file)
                if not target.exists():
                    await self._fetch(name, value, target, room)
                room -= target.stat().st_size
        self._locks.pop(execution.id, None)

    def archive(
        self, execution: Execution, index: int, secrets: dict[str, str]
    ) -> contextlib.AbstractContextManager[IO[bytes]]:
        """Return the tar for one replica, positioned at its start; blocks, for worker threads."""
        return self._archive(execution, index, secrets)

    @contextlib.contextmanager
    def _archive(
        self, execution: Execution, index: int, secrets: dict[str, str]
    ) -> Iterator[IO[bytes]]:
        deploy, execute = scripts(parse_method(execution.method), execution, index, secrets)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(self._folders.root)) as spool:
            with writing(spool) as tar:
                add_folder(tar, RUN_FOLDER, 0o755)
                for name in _ENTRY_SCRIPTS:
                    text = (Path(__file__).parent / name).read_text()
                    add_text(tar, f"{RUN_FOLDER}/{name}", text, 0o755)
                add_text(tar, f"{RUN_FOLDER}/deploy.sh", deploy, 0o755)
                add_text(tar, f"{RUN_FOLDER}/execute.sh", execute, 0o755)
                # Anybody may write there: images run as any user.
                add_text(tar, STATE_FILE, "0\n", 0o666)
                add_folder(tar, DATA_FOLDER, 0o777)
                add_folder(tar, f"{DATA_FOLDER}/input", 0o777)
                for source, path in self._files(execution):
                    info = tar.gettarinfo(str(source), path.strip("/"))
                    info.uid = info.gid = 0
                    info.uname = info.gname = ""
                    info.mode = 0o666
                    with source.open("rb") as content:
                        tar.addfile(info, content)
            spool.seek(0)
            yield spool

    def _files(self, execution: Execution) -> Iterator[tuple[Path, str]]:
        for _, name, value in _numbered(execution):
            path = f"{DATA_FOLDER}/input/{name}"
            if isinstance(value, FileValue):
                yield self._folders.file(execution.id, value.path), path
            elif isinstance(value, LinkValue):
                yield self._linked_file(execution.id, name), path

    def _linked_file(self, execution_id: str, name: str) -> Path:
        return self._folders.file(execution_id, f"inputs/{name}")

    async def _fetch(self, name: str, value: LinkValue, target: Path, room: int) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.partial")
        try:
            with partial.open("wb") as sink:
                await self._outgoing.fetch(value.href, sink, room)
            partial.replace(target)
        except OutgoingError as error:
            raise InputsFailed(f"input {name}: {error}") from error
        finally:
            partial.unlink(missing_ok=True)


def scripts(
    method: Method, execution: Execution, index: int, secrets: dict[str, str]
) -> tuple[str, str]:
    """Return deploy-script and execute-script of one replica with all variables filled in.

    Parameters
    ----------
    method : Method
        That of the Execution.
    execution : Execution
        Whose inputs are filled in.
    index : int
        Which replica, from 1.
    secrets : dict
        Values of secret inputs, by their name in the vault.

    Raises
    ------
    ccp_jupyter.model.errors.InvalidDocument
        A variable is unknown, or a value cannot be written safely where it stands.
    """
    values = script_values(method, execution.inputs, secrets, execution.id, index)
    return (
        render(method.script("deploy-script"), values),
        render(method.script("execute-script"), values),
    )


def _numbered(execution: Execution) -> Iterator[tuple[str, str, InputValue]]:
    """Yield each value of each input, with the input's id and the name that a file of it has."""
    descriptors = parse_method(execution.method).inputs
    for name, values in execution.inputs.items():
        for number, value in enumerate(values, 1):
            yield name, file_name(name, number, descriptors[name].many), value
