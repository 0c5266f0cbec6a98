"""HTTP to the service: one place for token, retries, limits and errors."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from weakref import WeakKeyDictionary, WeakSet

import httpx
from pydantic import SecretStr

from ccp_jupyter.client.answers import error_of
from ccp_jupyter.client.errors import ServiceError, ServiceUnavailable

LARGEST_ANSWER = 64 * 2**20
"""Bytes of an answer that is read into memory."""
_LARGEST_ERROR = 2**20
_SLOWEST_UPLOAD = 2**20
"""Bytes per second that the service may need to take in a large request."""
_TRANSPORTS: WeakSet[Transport] = WeakSet()
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True)
class Body:
    """A request body that can be made again for a retry without being held in memory."""

    size: int
    chunks: Callable[[], AsyncIterator[bytes]]
    media_type: str = "application/json"


@dataclass(frozen=True)
class Call:
    """One call to the service.

    Attributes
    ----------
    method, path
        The path is relative to the service's address and already quoted (`path_of`).
    repeatable : bool, optional
        May be sent twice; default: yes, except for POST.
    """

    method: str
    path: str
    params: dict[str, str] = field(default_factory=dict)
    body: Body | None = None
    headers: dict[str, str] = field(default_factory=dict)
    repeatable: bool | None = None

    @property
    def may_repeat(self) -> bool:
        """Whether sending it a second time does no harm."""
        return self.method != "POST" if self.repeatable is None else self.repeatable


@dataclass(frozen=True)
class Answer:
    """A complete answer."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def media_type(self) -> str:
        """Content type without parameters, in lower case."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    def json(self) -> Any:
        """Return the decoded JSON document.

        Raises
        ------
        ServiceError
            It is none.
        """
        if not self.content:
            return None
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            found = self.media_type or "something without a type"
            raise ServiceError(
                f"the service answered with {found} where JSON belongs; is the url right?",
                status=self.status,
            ) from None


def path_of(*parts: str) -> str:
    """Return a path below the service from unquoted parts, each one step."""
    # A step of dots would climb; httpx and proxies would resolve it before the service sees it.
    return "/".join(
        "%2E" * len(part) if part in (".", "..") else quote(part, safe="") for part in parts
    )


def delays(first: float = 0.25, longest: float = 10.0) -> Iterator[float]:
    """Yield seconds to wait before the next try: doubling, with some chance in them."""
    delay = first
    while True:
        yield delay * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load, guards nothing
        delay = min(delay * 2, longest)


class Transport:
    """Calls to one service as one user.

    May be used from several event loops, one after the other or at once: each has connections of
    its own.

    Parameters
    ----------
    url : str
        With a slash at its end.
    token : SecretStr
        Of the user.
    timeout : float
        Seconds that one call waits for its answer, tries repeated meanwhile included.
    """

    def __init__(self, url: str, token: SecretStr, timeout: float) -> None:
        self.url = url
        self.timeout = timeout
        self._token = token
        _TRANSPORTS.add(self)
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = (
            WeakKeyDictionary()
        )

    def __repr__(self) -> str:
        return f"Transport({self.url!r})"

    async def json(self, call: Call, *, patience: float | None = None) -> Any:
        """Make a call and return the decoded JSON of its answer; see `answer`."""
        return (await self.answer(call, patience=patience)).json()

    async def answer(self, call: Call, *, patience: float | None = None) -> Answer:
        """Make a call, again while that may help, and return its answer.

        Parameters
        ----------
        call : Call
            What to send.
        patience : float, optional
            Seconds during which it is tried again; default: the client's timeout.

        Raises
        ------
        ServiceError
            A subclass that fits.
        """
        deadline = time.monotonic() + (self.timeout if patience is None else patience)
        pauses = delays()
        tries = 0
        while True:
            tries += 1
            try:
                return await self._once(call)
            except ServiceUnavailable as error:
                pause = error.retry_after if error.retry_after is not None else next(pauses)
                too_late = time.monotonic() + pause > deadline
                if too_late or (error.maybe_done and not call.may_repeat):
                    raise
            except ServiceError as error:
                if call.method == "DELETE" and tries > 1 and error.status in (404, 410):
                    return Answer(204, {}, b"")  # an earlier try did it
                raise
            await asyncio.sleep(pause)

    @asynccontextmanager
    async def stream(
        self, call: Call, *, silence: float | None = None
    ) -> AsyncIterator[httpx.Response]:
        """Make a call once and give its answer as it arrives; errors are mapped as everywhere.

        Parameters
        ----------
        call : Call
            What to send.
        silence : float, optional
            Longest time without a byte, seconds; default: the client's timeout.
        """
        read = self._answer_time(call) if silence is None else silence
        timeout = httpx.Timeout(self.timeout, read=read)
        headers = {"Accept": "application/json", **call.headers}
        if call.body is not None:
            headers["Content-Type"] = call.body.media_type
            headers["Content-Length"] = str(call.body.size)
        try:
            async with self._client().stream(
                call.method,
                self.url + call.path,
                params=call.params or None,
                content=call.body.chunks() if call.body else None,
                headers=headers,
                timeout=timeout,
            ) as response:
                if response.status_code >= 300:
                    body = await read_all(response, _LARGEST_ERROR, cut=True)
                    raise error_of(response.status_code, response.headers, body)
                yield response
        except httpx.HTTPError as error:
            # `from None`: the frames below hold headers, and so the token, as local variables.
            raise self._unreachable(error) from None
        except httpx.InvalidURL:
            raise ServiceError("the service's url cannot be used") from None

    async def _once(self, call: Call) -> Answer:
        async with self.stream(call) as response:
            try:
                async with asyncio.timeout(self.timeout):
                    content = await read_all(response, LARGEST_ANSWER)
            except TimeoutError:
                raise ServiceUnavailable(
                    f"the answer was not complete after {self.timeout:g} s"
                ) from None
            return Answer(response.status_code, response.headers, content)

    def _answer_time(self, call: Call) -> float:
        return self.timeout + (call.body.size / _SLOWEST_UPLOAD if call.body else 0)

    def _unreachable(self, error: httpx.HTTPError) -> ServiceUnavailable:
        what = str(error) or type(error).__name__
        if isinstance(error, httpx.TimeoutException):
            what = f"no answer within {self.timeout:g} s"
        return ServiceUnavailable(
            f"the service at {self.url} cannot be reached: {what}",
            maybe_done=not isinstance(error, _NEVER_SENT),
        )

    def _client(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = httpx.AsyncClient(
                headers={
                    "Authorization": f"token {self._token.get_secret_value()}",
                    "Accept-Encoding": "identity",
                },
                limits=httpx.Limits(max_connections=50, max_keepalive_connections=8),
                follow_redirects=False,
            )
        return client

    async def close(self) -> None:
        """Close the connections that belong to the running event loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()


async def close_all() -> None:
    """Close all connections that belong to the running event loop, which is about to end."""
    for transport in list(_TRANSPORTS):
        await transport.close()


async def read_all(response: httpx.Response, limit: int, *, cut: bool = False) -> bytes:
    """Return the body of an answer, which may have at most `limit` bytes.

    Raises
    ------
    ServiceError
        It is longer, and is not to be `cut`.
    """
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > limit:
            if cut:
                break
            raise ServiceError(f"the service's answer is longer than {limit} bytes")
    return bytes(content[:limit])
