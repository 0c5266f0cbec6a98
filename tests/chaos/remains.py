"""What may be left over when all work has ended, and must not be."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from ccp_jupyter.hub_service.store.base import Store
from ccp_jupyter.hub_service.vault.client import VaultClient
from ccp_jupyter.model.execution import Execution
from tests.stack.service import data_dir, vault_socket
from tests.stack.stack import Stack

PATIENCE = 180.0
"""Seconds that clearing up may take after the last fault."""
_IN_FOLDER = {"events.jsonl", "output.zip", "manifest.json", "inputs"}
_CLAIM = "-claim-"
_CONTEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-|\bnode-\d|ccp-[0-9a-f]{8}")
_WRONG = (
    "was never retrieved",
    "was never awaited",
    "was destroyed but it is pending",
    "the stop takes too long",
)


def on_engines(stack: Stack) -> Iterator[str]:
    """Wait until no engine has a container or token any more; say what stays."""
    deadline = time.monotonic() + PATIENCE
    for name, engine in stack.engines.items():
        client = engine.client()
        try:
            while True:
                left = [each["Names"][0].strip("/") for each in client.containers(all=True)]
                volumes = [each["Name"] for each in client.volumes()["Volumes"] or ()]
                claims = [volume for volume in volumes if _CLAIM in volume]
                # The service that runs holds its claim on the engine; its earlier lives none.
                if not left and len(claims) <= 1 and claims == volumes:
                    break
                if time.monotonic() > deadline:
                    yield f"{name} still has the containers {left} and the volumes {volumes}"
                    break
                time.sleep(0.5)
        finally:
            client.close()


def in_vault(stack: Stack) -> Iterator[str]:
    """Wait until the vault has no secrets of Executions any more; say what stays."""

    async def ask() -> set[str]:
        client = VaultClient(vault_socket(stack.folder))
        try:
            return await client.executions()
        finally:
            await client.close()

    deadline = time.monotonic() + PATIENCE
    while left := asyncio.run(ask()):
        if time.monotonic() > deadline:
            yield f"the vault still has secrets of {sorted(left)}"
            return
        time.sleep(0.5)


def in_spool(stack: Stack) -> Iterator[str]:
    """Say what the vault has left on the disk."""
    spool = data_dir(stack.folder) / "vault-spool"
    left = sorted(path.name for path in spool.glob("*") if path.name != "lock")
    if left:
        yield f"the vault's spool still has {left}"


async def in_store(store: Store, wanted: Collection[str], found: Sequence[Execution]) -> list[str]:
    """Say what the store has too much, too little, or counted wrong.

    Parameters
    ----------
    store : Store
        Of a service that does not run.
    wanted : collection of str
        Ids that were acknowledged and not deleted.
    found : sequence of Execution
        All of the store.
    """
    problems: list[str] = []
    ids = {execution.id for execution in found}
    if extra := ids - set(wanted):
        problems.append(f"nobody was told of the Executions {sorted(extra)}")
    if left := await store.open_executions():
        problems.append(f"there is work left with the Executions {[e.id for e in left]}")
    if tasks := await store.open_tasks():
        problems.append(f"there is work left with the Tasks {[task.id for task in tasks]}")
    for owner, place in {(e.owner, e.infrastructure_id) for e in found}:
        own = [e for e in found if (e.owner, e.infrastructure_id) == (owner, place)]
        usage = await store.usage(owner, place)
        size = sum(e.output_size or 0 for e in own)
        if (usage.executions, usage.bytes) != (len(own), size):
            problems.append(
                f"{owner} is said to keep {usage}, and keeps {len(own)} with {size} bytes"
            )
    return problems


def on_disk(stack: Stack, found: Sequence[Execution]) -> Iterator[str]:
    """Say which files of the service belong to nothing."""
    root = data_dir(stack.folder) / "executions"
    folders = {path.name: path for path in root.glob("*/*") if path.is_dir()}
    stray = [
        path
        for path in root.rglob("*")
        if path.is_file() and path.parent in (root, *root.glob("*"))
    ]
    if stray:
        yield f"files outside of any Execution's folder: {[str(p) for p in stray]}"
    if unknown := set(folders) - {execution.id for execution in found}:
        yield f"folders of Executions that are not there: {sorted(unknown)}"
    for execution in found:
        folder = folders.get(execution.id)
        names = {path.name for path in folder.iterdir()} if folder else set()
        if more := names - _IN_FOLDER:
            yield f"{execution.id}: left over: {sorted(more)}"
        if partial := [p.name for p in folder.rglob(".*")] if folder else []:
            yield f"{execution.id}: left over: {partial}"
        size = (folder / "output.zip").stat().st_size if folder and "output.zip" in names else None
        if size != execution.output_size:
            yield f"{execution.id}: output.zip has {size} bytes, and should {execution.output_size}"


def of_secrets(stack: Stack, begin: str) -> Iterator[str]:
    """Say which files of hub and service have a secret in them, in clear or in base64.

    Parameters
    ----------
    stack : Stack
        Whose files are read.
    begin : str
        How every secret begins.
    """
    whole = begin[: len(begin) // 3 * 3].encode()
    forms = (begin.encode(), base64.b64encode(whole))
    for folder in (data_dir(stack.folder), stack.folder / "logs", stack.folder / "state"):
        for path in folder.rglob("*"):
            if path.is_file() and any(form in path.read_bytes() for form in forms):
                yield f"{path} has a secret in it"


def in_log(log: Path) -> Iterator[str]:
    """Say which errors in the service's log do not tell what they are about."""
    for number, line in enumerate(log.read_text(errors="replace").splitlines(), 1):
        try:
            entry = json.loads(line)
        except ValueError:
            if line.startswith("Traceback") or any(wrong in line for wrong in _WRONG):
                yield f"{log.name}, line {number}: not an entry of the log: {line[:200]}"
            continue
        about = " ".join(str(value) for key, value in entry.items() if key != "exception")
        if any(wrong in about for wrong in _WRONG):
            yield f"{log.name}, line {number}: {about[:300]}: {entry.get('exception', '')[-300:]}"
        elif "exception" in entry and not _CONTEXT.search(about):
            yield (
                f"{log.name}, line {number}: a traceback without Execution, Task or Node:"
                f" {about[:200]}: {entry['exception'][-400:]}"
            )
