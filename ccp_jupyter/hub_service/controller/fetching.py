"""Getting what a container has left, through outages of engine and disk."""

from __future__ import annotations

import asyncio
import tarfile
from collections.abc import Awaitable, Callable
from typing import IO, Final

from ccp_jupyter.hub_service.controller.judgement import Ended
from ccp_jupyter.hub_service.controller.nodes.agent import NodeAgent
from ccp_jupyter.hub_service.controller.outputs import NoRoom, OutputsTooLarge, Packed
from ccp_jupyter.hub_service.engines.base import NodeUnreachable, NotThere
from ccp_jupyter.model.states import Outcome

_LONGEST_WAIT: Final = 30.0  # seconds between two tries


async def fetch(
    agent: NodeAgent,
    container: str,
    folder: str,
    take: Callable[[IO[bytes]], Packed],
    patience: float,
    tell: Callable[[str], Awaitable[None]],
) -> Packed:
    """Fetch a folder of an ended container.

    Parameters
    ----------
    agent : NodeAgent
        Where the container is.
    container, folder : str
        What to fetch.
    take : callable
        Makes something of the engine's tar; blocks, runs in a worker thread.
    patience : float
        Seconds that the outputs wait in their container while the service's disk is full.
    tell : callable
        Awaited with what the user should know.

    Raises
    ------
    ccp_jupyter.hub_service.controller.judgement.Ended
        There is too much of it, it is not there, or the disk stays full.
    """

    async def once() -> Packed:
        try:
            return await agent.engine.fetch(container, folder, take)
        except tarfile.TarError as error:
            raise NodeUnreachable(f"outputs: {error}") from error

    delay = 1.0
    while True:
        try:
            return await agent.call(once)
        except NotThere as error:
            # Of the two only the folder can be the user's doing.
            if await agent.call(lambda: agent.engine.inspect(container)) is None:
                raise Ended(
                    Outcome.PLATFORM, f"Fetch: the container is gone from Node {agent.id}"
                ) from error
            raise Ended(Outcome.FAILED, f"Fetch: {error}") from error
        except OutputsTooLarge as error:
            raise Ended(Outcome.FAILED, f"Fetch: {error}") from error
        except NoRoom as error:
            if patience <= 0:
                raise Ended(
                    Outcome.FAILED, "Fetch: the service's disk is full; tell its admin"
                ) from error
            await tell(f"{error}; the outputs wait in their container")
            await asyncio.sleep(min(delay, patience))
            patience -= delay
            delay = min(delay * 2, _LONGEST_WAIT)
