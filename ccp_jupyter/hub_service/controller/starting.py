"""A container is started once, whatever its engine answers; and how far its scripts came."""

from __future__ import annotations

import tarfile
from typing import IO

from ccp_jupyter.hub_service.controller.container import STATE_FILE
from ccp_jupyter.hub_service.controller.nodes.agent import NodeAgent
from ccp_jupyter.hub_service.engines.base import NotThere


async def start_once(agent: NodeAgent, container: str) -> None:
    """Start a container that was created, also when the answer of the engine is lost.

    An engine starts one that has ended again, and the scripts would run twice. What an engine that
    hung still has in its queue cannot be seen here: for that there is ``again`` in the entry
    scripts.

    Parameters
    ----------
    agent : NodeAgent
        Where it is.
    container : str
        Its id or name.
    """
    engine, asked = agent.engine, False

    async def start() -> None:
        nonlocal asked
        if asked:
            found = await engine.inspect(container)
            if found is not None and found.state != "created":
                return
        asked = True
        await engine.start(container)

    await agent.call(start)


async def has_executed(agent: NodeAgent, container: str) -> bool:
    """Tell whether execute-script was begun, by the note that the entry scripts left.

    They also report it in the log, which engines lose where their disk is full, or while they are
    down themselves.
    """
    try:
        return await agent.call(lambda: agent.engine.fetch(container, STATE_FILE, _is_executed))
    except NotThere:
        return False


def _is_executed(archive: IO[bytes]) -> bool:
    with tarfile.open(fileobj=archive, mode="r|") as tar:
        for member in tar:
            if (file := tar.extractfile(member)) is not None:
                return file.read(1) == b"2"
    return False
