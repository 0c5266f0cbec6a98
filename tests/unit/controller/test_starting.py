"""How far the scripts of a Method came, by what they left in the container."""

import io
import tarfile
from typing import cast

import pytest

from ccp_jupyter.hub_service.controller.nodes.agent import NodeAgent
from ccp_jupyter.hub_service.controller.starting import has_executed
from ccp_jupyter.hub_service.controller.tars import add_text
from ccp_jupyter.hub_service.engines.base import NotThere


class Agent:
    """A Node whose container has a file, or has none."""

    def __init__(self, text):
        self.engine = self
        self._text = text

    async def call(self, do):
        return await do()

    async def fetch(self, container, path, take):
        if self._text is None:
            raise NotThere(path)
        spool = io.BytesIO()
        with tarfile.open(fileobj=spool, mode="w") as tar:
            add_text(tar, path.rpartition("/")[2], self._text, 0o666)
        return take(io.BytesIO(spool.getvalue()))


@pytest.mark.parametrize(
    ("text", "executed"),
    [("2\n", True), ("1\n", False), ("0\n", False), ("", False), (None, False)],
)
async def test_only_the_note_of_execute_counts(text, executed):
    agent = cast("NodeAgent", Agent(text))
    assert await has_executed(agent, "c") is executed
