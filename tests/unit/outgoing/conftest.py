"""A client that may reach this machine."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_network
from typing import Any

import pytest

from ccp_jupyter.hub_service.outgoing import Outgoing

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@pytest.fixture
async def make_outgoing() -> AsyncIterator[Callable[..., Outgoing]]:
    """Return a maker of clients; loopback is allowed unless `allowed` says otherwise."""
    made = []

    def make(**options: Any) -> Outgoing:
        made.append(Outgoing(**({"allowed": LOOPBACK} | options)))
        return made[-1]

    yield make
    for outgoing in made:
        await outgoing.close()


@pytest.fixture
def outgoing(make_outgoing: Callable[..., Outgoing]) -> Outgoing:
    return make_outgoing(idle_timeout=2.0, total_timeout=20.0)


@pytest.fixture
def sink() -> io.BytesIO:
    return io.BytesIO()
