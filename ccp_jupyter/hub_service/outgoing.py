"""The one HTTP client for everything that the service fetches or sends because a user said so.

A user must not reach through the service what only the service can reach. So a name is resolved
here, every address is checked, and the connection goes to an address that was checked:
`outgoing_network.GuardedNetwork` is the only place from which HTTP connections are opened, it gets
names and opens literal addresses.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn

import httpcore
import httpx

from ccp_jupyter.hub_service.addresses import Network
from ccp_jupyter.hub_service.outgoing_network import (
    GuardedNetwork,
    NoName,
    NotAllowed,
    Resolve,
    refused_host,
)
from ccp_jupyter.hub_service.outgoing_urls import (
    AddressRefused,
    BadAnswer,
    NoAnswer,
    OutgoingError,
    TooLarge,
    checked_url,
    port_of,
    shown_url,
)

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = [
    "AddressRefused",
    "Answered",
    "BadAnswer",
    "Fetched",
    "NoAnswer",
    "Outgoing",
    "OutgoingError",
    "TooLarge",
]

_log = logging.getLogger(__name__)

_AGENT = f"ccp-jupyter/{version('ccp-jupyter')}"
_REDIRECTS = {301, 302, 303, 307, 308}
_NOT_ALLOWED = "its address is not public, and not in an allowed network"
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}")
# Written in larger pieces than they arrive in, since each piece costs a change of threads.
_PIECE = 2**20


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was fetched."""

    size: int
    sha256: str
    media_type: str | None
    """Type and subtype in lower case, without parameters; None when the server names none."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a server said to something that was sent; its body is not read."""

    status: int
    retry_after: str
    """The header ``Retry-After``; empty when there is none."""


class Outgoing:
    """Fetches files from public servers, and sends documents to them.

    Neither proxies nor credentials from the environment are used.

    Parameters
    ----------
    allowed : sequence of networks
        Reachable although they are not public.
    connect_timeout : float
        Seconds to connect to one address, and for the TLS handshake.
    idle_timeout : float
        Longest silence, seconds.
    total_timeout : float
        For one fetch with all its redirects, seconds.
    max_redirects : int
        Most redirects to follow; each goes through the same checks.
    ca_file : Path, optional
        Certificates (PEM) to trust in addition to the system's.
    resolve : callable, optional
        Instead of the system's resolver.
    """

    def __init__(
        self,
        *,
        allowed: Sequence[Network] = (),
        connect_timeout: float = 10.0,
        idle_timeout: float = 30.0,
        total_timeout: float = 1800.0,
        max_redirects: int = 5,
        ca_file: Path | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        self._total_timeout = total_timeout
        self._timeouts = {"connect": connect_timeout, "read": idle_timeout, "write": idle_timeout}
        self._max_redirects = max_redirects
        self._allowed = tuple(allowed)
        self._tls = ssl.create_default_context()
        if ca_file is not None:
            self._tls.load_verify_locations(ca_file)
        # Not the loop's own threads: a name server that does not answer would block them all.
        self._resolvers = ThreadPoolExecutor(8, "outgoing-resolve")
        self._network = GuardedNetwork(resolve or self._looked_up, self._allowed)

    async def fetch(self, url: str, sink: BinaryIO, max_bytes: int) -> Fetched:
        """Write what a URL stands for into a file.

        Parameters
        ----------
        url : str
            ``http`` or ``https``.
        sink : BinaryIO
            Written to in a worker thread. After an error it may hold a part.
        max_bytes : int
            Most bytes to write.

        Returns
        -------
        Fetched
            Size, digest and type.

        Raises
        ------
        AddressRefused, TooLarge, NoAnswer, BadAnswer
            What the names say; all are `OutgoingError`.
        OSError
            The sink cannot be written to.
        """
        shown = shown_url(url)
        try:
            async with asyncio.timeout(self._total_timeout) as timer:
                return await self._followed(url, shown, sink, max_bytes)
        except TimeoutError:
            if not timer.expired():
                raise
            reason = f"not complete after {self._total_timeout:g} s"
            raise NoAnswer(shown, reason) from None

    def refusal(self, url: str) -> str:
        """Return why a URL is refused, as far as can be told without a name server, or nothing."""
        try:
            target = checked_url(url)
        except AddressRefused as error:
            return error.reason
        return _NOT_ALLOWED if refused_host(target.host, self._allowed) else ""

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout: float
    ) -> Answered:
        """Send a document; redirects are not followed.

        Parameters
        ----------
        url : str
            ``http`` or ``https``.
        body : bytes
            The document.
        headers : mapping of str
            Besides those that every request has.
        timeout : float
            Seconds until the answer must have begun.

        Raises
        ------
        AddressRefused, NoAnswer, BadAnswer
            What the names say; all are `OutgoingError`. An HTTP error is no error here.
        """
        more = [("Content-Length", str(len(body))), *headers.items()]
        try:
            async with (
                asyncio.timeout(timeout) as timer,
                self._answer(checked_url(url), "POST", more, body) as answer,
            ):
                return Answered(answer.status, _header(answer, b"retry-after"))
        except TimeoutError:
            if not timer.expired():
                raise
            raise NoAnswer(shown_url(url), f"no answer within {timeout:g} s") from None

    async def close(self) -> None:
        """Let go of threads."""
        self._resolvers.shutdown(wait=False, cancel_futures=True)

    async def _followed(self, url: str, shown: str, sink: BinaryIO, max_bytes: int) -> Fetched:
        target = checked_url(url)
        for redirects in range(self._max_redirects + 1):
            try:
                async with self._answer(target) as answer:
                    if answer.status not in _REDIRECTS:
                        return await _saved(answer, target, sink, max_bytes)
                    following = _redirected(answer, target)
            except OutgoingError as error:
                if not redirects:
                    raise
                reason = f"redirected to {error.url}: {error.reason}"
                raise type(error)(shown, reason) from error
            target = following
        raise BadAnswer(shown, f"more than {self._max_redirects} redirects")

    @asynccontextmanager
    async def _answer(
        self,
        url: httpx.URL,
        method: str = "GET",
        headers: Sequence[tuple[str, str]] = (),
        content: bytes | None = None,
    ) -> AsyncIterator[httpcore.Response]:
        port = port_of(url)
        origin = httpcore.Origin(url.raw_scheme, url.raw_host, port)
        request = httpcore.Request(
            method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=port, target=url.raw_path),
            headers=[
                ("Host", url.netloc),
                ("User-Agent", _AGENT),
                ("Accept", "*/*"),
                ("Accept-Encoding", "identity"),
                ("Connection", "close"),
                *headers,
            ],
            content=content,
            extensions={"timeout": self._timeouts},
        )
        try:
            async with httpcore.AsyncHTTPConnection(
                origin, ssl_context=self._tls, network_backend=self._network
            ) as connection:
                answer = await connection.handle_async_request(request)
                try:
                    yield answer
                finally:
                    await answer.aclose()
        except (httpcore.NetworkError, httpcore.TimeoutException) as error:
            _raise_unreachable(shown_url(str(url)), error, self._timeouts)
        except httpcore.ProtocolError as error:
            _raise_protocol(shown_url(str(url)), error)
        except ssl.SSLError as error:
            raise BadAnswer(shown_url(str(url)), f"TLS failed: {error.reason}") from error
        except NoName as error:
            raise NoAnswer(shown_url(str(url)), str(error)) from error
        except NotAllowed as error:
            _log.info("refused %s: %s", shown_url(str(url)), error)
            raise AddressRefused(shown_url(str(url)), _NOT_ALLOWED) from error

    async def _looked_up(self, host: str, port: int) -> Sequence[str]:
        def look_up() -> list[str]:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            return [str(entry[4][0]) for entry in found]

        return await asyncio.get_running_loop().run_in_executor(self._resolvers, look_up)


def _redirected(answer: httpcore.Response, url: httpx.URL) -> httpx.URL:
    location = _header(answer, b"location")
    if not location:
        raise BadAnswer(shown_url(str(url)), f"answers {answer.status} without saying where to go")
    try:
        return checked_url(str(url.join(location)))
    except AddressRefused as error:
        reason = f"redirected to {error.url}: {error.reason}"
        raise AddressRefused(shown_url(str(url)), reason) from error
    except (httpx.InvalidURL, ValueError) as error:
        raise BadAnswer(shown_url(str(url)), "redirects to something that is no URL") from error


async def _saved(
    answer: httpcore.Response, url: httpx.URL, sink: BinaryIO, max_bytes: int
) -> Fetched:
    shown = shown_url(str(url))
    if answer.status != 200:
        raise BadAnswer(shown, f"the server answers {answer.status}")
    # Never unpacked: a few bytes can become as many as there is room for.
    encoding = _header(answer, b"content-encoding").strip().lower()
    if encoding not in ("", "identity"):
        raise BadAnswer(shown, f"sent as {encoding[:40]}, although asked for as it is")
    too_large = TooLarge(shown, f"larger than the {max_bytes} bytes that are left for it")
    length = _header(answer, b"content-length")
    if length.isdecimal() and int(length) > max_bytes:
        raise too_large
    digest = hashlib.sha256()
    size = 0
    piece = bytearray()
    async for data in answer.aiter_stream():
        size += len(data)
        if size > max_bytes:
            raise too_large
        piece += data
        if len(piece) >= _PIECE:
            await _write(sink, digest, bytes(piece))
            piece.clear()
    await _write(sink, digest, bytes(piece))
    return Fetched(size, digest.hexdigest(), _media_type(answer))


async def _write(sink: BinaryIO, digest: _Hash, data: bytes) -> None:
    def write() -> None:
        digest.update(data)
        rest = memoryview(data)
        while rest:
            rest = rest[sink.write(rest) :]

    writing = asyncio.ensure_future(asyncio.to_thread(write))
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        # The caller closes the sink as soon as this ends; the thread must be done with it.
        await asyncio.wait([writing])
        raise


def _header(answer: httpcore.Response, name: bytes) -> str:
    values = [value for key, value in answer.headers if key.lower() == name]
    return b", ".join(values).decode("latin-1")


def _media_type(answer: httpcore.Response) -> str | None:
    match = _MEDIA_TYPE.match(_header(answer, b"content-type").strip())
    return match[0].lower() if match else None


def _raise_unreachable(
    shown: str,
    error: httpcore.NetworkError | httpcore.TimeoutException,
    timeouts: dict[str, float],
) -> NoReturn:
    cause = error.__cause__
    if isinstance(error, httpcore.ConnectTimeout):
        raise NoAnswer(shown, f"no connection within {timeouts['connect']:g} s") from error
    if isinstance(error, httpcore.TimeoutException):
        raise NoAnswer(shown, f"silent for {timeouts['read']:g} s") from error
    if isinstance(cause, ssl.SSLCertVerificationError):
        reason = f"its certificate is not trusted: {cause.verify_message}"
        raise BadAnswer(shown, reason) from error
    if isinstance(cause, ssl.SSLError):
        raise BadAnswer(shown, f"TLS failed: {cause.reason}") from error
    if isinstance(error, httpcore.ConnectError):
        raise NoAnswer(shown, "no connection") from error
    raise BadAnswer(shown, "the connection broke off") from error


def _raise_protocol(shown: str, error: httpcore.ProtocolError) -> NoReturn:
    text = str(error)
    if "without sending a response" in text:
        raise NoAnswer(shown, "the server closed the connection without an answer") from error
    if text.startswith("peer closed connection"):
        raise BadAnswer(shown, "the connection broke off") from error
    raise BadAnswer(shown, "the answer is not valid HTTP") from error
