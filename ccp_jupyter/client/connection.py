"""The connection of a client to the service: opened, closed, and lists that come in pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Self

from pydantic import SecretStr

from ccp_jupyter.client.errors import ServiceError
from ccp_jupyter.client.record import Records
from ccp_jupyter.client.settings import hidden, service_token, service_url
from ccp_jupyter.client.transport import Call, Transport, path_of

PAGE = 1000
"""Members that are asked for at a time."""


class AsyncConnection:
    """What all calls of `AsyncClient` need; its parameters are those of that class."""

    def __init__(
        self, url: str | None = None, token: str | SecretStr | None = None, timeout: float = 30
    ) -> None:
        token = hidden(token)  # at once, so that no traceback shows it as a local variable
        if not timeout > 0:
            raise ValueError(f"timeout: must be more than 0 seconds (found {timeout!r})")
        self._transport = Transport(
            service_url(url),
            service_token(token),
            float(timeout),
        )

    @property
    def url(self) -> str:
        """Address of the service."""
        return self._transport.url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close connections; a later call opens new ones."""
        await self._transport.close()

    async def _pages(self, path: str, member: str, params: dict[str, str]) -> AsyncIterator[Any]:
        offset = 0
        while True:
            page = {"limit": str(PAGE), **params, "offset": str(offset)}
            document = await self._transport.json(Call("GET", path, page))
            found = document.get(member) if isinstance(document, dict) else None
            if not isinstance(found, list):
                raise ServiceError(f"the service sent no list of {member}; is the url right?")
            for each in found:
                yield each
            offset += len(found)
            if len(found) < int(page["limit"]):
                return

    async def _records(self, member: str, *steps: str) -> Records:
        document = await self._transport.json(Call("GET", path_of(*steps)))
        found = document.get(member) if isinstance(document, dict) else None
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise ServiceError(f"the service sent no list of {member}; is the url right?")
        return Records({k: v for k, v in each.items() if k != "links"} for each in found)
