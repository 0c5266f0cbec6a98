"""Executions that take over the outputs of an equal one, instead of running."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from ccp_jupyter.hub_service.controller.nodes.agent import NodeAgent
from ccp_jupyter.hub_service.controller.records import follow
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.manifests import manifest_of
from ccp_jupyter.hub_service.store.base import Store
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.manifest import Manifest
from ccp_jupyter.model.origin import Origin
from ccp_jupyter.model.reuse import reuse_key
from ccp_jupyter.model.sharing import Viewer
from ccp_jupyter.model.states import Status, Target
from ccp_jupyter.model.times import now

_log = logging.getLogger(__name__)

_NO_LINKS: Final = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS)
"""The file system has no hard links, or not here, or not that many."""


class Reuse:
    """Finds Executions that must have the same outputs, and takes these over.

    Parameters
    ----------
    store, folders
        Where they are.
    agents : callable
        Gives the Nodes of an Infrastructure.
    enabled : bool
        Whether this deployment allows it.
    """

    def __init__(
        self,
        store: Store,
        folders: Folders,
        agents: Callable[[str], Iterable[NodeAgent]],
        enabled: bool,
    ) -> None:
        self._store = store
        self._folders = folders
        self._agents = agents
        self._enabled = enabled

    async def find(
        self, execution: Execution, groups: frozenset[str]
    ) -> list[tuple[Execution, Manifest]]:
        """Return Executions that a new one can take its outputs from, the newest first.

        Parameters
        ----------
        execution : Execution
            As it would be kept.
        groups : frozenset of str
            Contexts of its owner, to see what is shared there. Administrators see no more here
            than others: nobody's private outputs become those of somebody else.
        """
        key = reuse_key(execution, self._image(execution)) if self._enabled else ""
        if not key:
            return []
        viewer = Viewer(name=execution.owner, groups=groups)
        found = []
        for each in await self._store.find_reusable(key, viewer):
            if each.target is Target.DELETED:
                continue
            manifest = await manifest_of(self._folders, each)
            if manifest is not None and each.output_digest in (None, manifest.digest):
                found.append((each, manifest))
        return found

    async def take(self, execution: Execution, groups: frozenset[str]) -> bool:
        """Give a new Execution, before it is kept, the outputs of an equal one.

        Returns
        -------
        bool
            False when there is none: then nothing has changed, and it has to run.
        """
        for source, manifest in await self.find(execution, groups):
            try:
                size = await asyncio.to_thread(_link, self._folders, source.id, execution.id)
            except OSError as error:
                # Removed at this moment, or the disk is full: it can still run, later.
                _log.warning("outputs of %s cannot be taken over: %s", source.id, error)
                await asyncio.to_thread(self._folders.remove, execution.id)
                continue
            _mark(execution, source, size, manifest.digest)
            return True
        return False

    def _image(self, execution: Execution) -> str:
        """Return what image would run now; empty when no Node says, or not all the same."""
        known = {
            image.digest or image.id
            for agent in self._agents(execution.infrastructure_id)
            if agent.online and (image := agent.images.known.get(execution.image)) is not None
        }
        return known.pop() if len(known) == 1 else ""


def _mark(execution: Execution, source: Execution, size: int, digest: str) -> None:
    moment = now()
    execution.status = Status.SUCCESSFUL
    execution.progress = 100
    execution.started = execution.finished = execution.updated = moment
    execution.output_size, execution.output_digest = size, digest
    execution.origin = Origin(kind="reuse", id=source.id, at=moment)
    ended = source.finished or source.created
    execution.message = (
        f"Outputs taken over from Execution {source.id} of {ended:%Y-%m-%d %H:%M} UTC"
    )
    follow(execution)


def _link(folders: Folders, source: str, target: str) -> int:
    """Put the outputs of one Execution into the folder of another, durably; returns their size.

    Nothing ever writes into these files, so both may have the same ones.
    """
    folder = folders.folder(target)
    folders.begin(target)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for find in (folders.manifest, folders.outputs):
        _link_file(find(source), find(target))
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return folders.outputs(target).stat().st_size


def _link_file(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with source.open("rb") as original, target.open("wb") as copy:
            shutil.copyfileobj(original, copy)
            copy.flush()
            os.fsync(copy.fileno())
