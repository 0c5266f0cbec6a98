"""Connections to addresses that were checked: where outgoing HTTP may go, and where not."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence

import httpcore

from ccp_jupyter.hub_service.addresses import Network, is_allowed

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From host name and port to addresses; raises OSError when there are none."""


class NotAllowed(Exception):
    """The text is for the administrator: it holds an address that users need not know."""


class NoName(Exception):
    """There is no such name, or no name server answers."""


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Opens connections to addresses that it has checked itself, a moment ago."""

    def __init__(self, resolve: Resolve, allowed: Sequence[Network]) -> None:
        self._resolve = resolve
        self._allowed = allowed
        self._tcp = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of `host` that answers; refuse if any is not allowed."""
        failure: Exception = httpcore.ConnectError("no address")
        for address in await self._checked_addresses(host, port):
            try:
                return await self._tcp.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _checked_addresses(self, host: str, port: int) -> list[str]:
        try:
            # Names that are too long or have empty parts are UnicodeErrors of the idna codec.
            addresses = list(dict.fromkeys(await self._resolve(host, port)))
        except (OSError, UnicodeError) as error:
            raise NoName("there is no such name, or no name server answers") from error
        for address in addresses:
            if not is_allowed(address, self._allowed):
                raise NotAllowed(f"{host} is at {address}")
        return addresses


def refused_host(host: str, allowed: Sequence[Network]) -> bool:
    """Tell whether a host is refused whatever name servers say; no name server is asked.

    Parameters
    ----------
    host : str
        A name, or an address in any form that resolvers take, such as ``0x7f.1``.
    allowed : sequence of networks
        Reachable although they are not public.
    """
    host = host.rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        host = "127.0.0.1"  # RFC 6761, section 6.3
    try:
        found = socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return False
    return not all(is_allowed(str(entry[4][0]), allowed) for entry in found)
