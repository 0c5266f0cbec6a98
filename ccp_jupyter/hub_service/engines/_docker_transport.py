"""The docker SDK's client with connections that another thread can break off."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

import docker
import requests
from docker.constants import MINIMUM_DOCKER_API_VERSION
from docker.errors import create_api_error_from_http_exception
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from ccp_jupyter.model.infrastructure import Node, Tls

if TYPE_CHECKING:
    from urllib3._base_connection import BaseHTTPConnection

# Idle connections that are kept; more are made when needed and closed after use.
_KEPT_CONNECTIONS = 16
# A peer that vanished without a word (power, network) is noticed after about 25 s.
_KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
)
# An orderly end leaves an engine that is just sending, and whose peer has no window open, hanging
# for minutes, with the container locked.
_RESET_ON_CLOSE = (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
_NO_ANSWER_AT_ALL = 300.0

Dial = Callable[[], socket.socket]
"""Connects to a unix socket, or raises OSError."""


class Call:
    """One piece of work in a thread of its own, which `abort` ends from outside.

    Attributes
    ----------
    begun : float
        Monotonic time when it was made.
    touched : float
        Monotonic time when the engine last gave or took something.
    """

    _current: ClassVar = threading.local()

    def __init__(self) -> None:
        self.begun = self.touched = time.monotonic()
        self.aborted = False
        self._sock: socket.socket | None = None
        self._lock = threading.Lock()

    @classmethod
    def current(cls) -> Call | None:
        """Return the call that the running thread works on."""
        return getattr(cls._current, "call", None)

    def __enter__(self) -> Call:
        Call._current.call = self
        return self

    def __exit__(self, *_: object) -> None:
        Call._current.call = None
        with self._lock:
            if self.aborted and self._sock is not None:
                self._sock.close()
            self._sock = None

    def touch(self) -> None:
        """Note that the engine gave or took something.

        Raises
        ------
        ConnectionAbortedError
            When nobody waits for this call any more: a TCP socket that was shut down still gives
            data as long as some comes.
        """
        self.touched = time.monotonic()
        self.check()

    def check(self) -> None:
        """Raise ConnectionAbortedError when nobody waits for this call any more."""
        if self.aborted:
            raise ConnectionAbortedError("nobody waits for this call any more")

    def attach(self, sock: socket.socket | None) -> None:
        """Note the socket in use.

        Raises
        ------
        ConnectionAbortedError
            When nobody waits for this call any more.
        """
        with self._lock:
            self.check()
            self._sock = sock

    def abort(self) -> None:
        """Break off: what the thread reads or writes fails at once."""
        with self._lock:
            self.aborted = True
            if self._sock is not None:
                with contextlib.suppress(OSError):
                    self._sock.setsockopt(*_RESET_ON_CLOSE)
                    # Not SSLSocket.shutdown, which would let the reader go on without TLS.
                    socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def leave(self) -> None:
        """Prepare for closing the connection before all was read."""
        with self._lock:
            if self._sock is not None:
                with contextlib.suppress(OSError):
                    self._sock.setsockopt(*_RESET_ON_CLOSE)


class _Breakable(HTTPConnection):
    """A connection that tells the call of its thread about its socket."""

    def connect(self) -> None:
        super().connect()
        _attach(self.sock)

    def request(self, *args: Any, **kwargs: Any) -> None:
        _attach(self.sock)
        super().request(*args, **kwargs)


class _TcpConnection(_Breakable):
    pass


class _TlsConnection(_Breakable, HTTPSConnection):
    _before_tls: socket.socket | None = None

    def connect(self) -> None:
        try:
            super().connect()
        finally:
            if self._before_tls is not None:
                self._before_tls.close()

    def _new_conn(self) -> socket.socket:
        # During the handshake the socket is in nobody's hands but the TLS library's.
        sock = super()._new_conn()
        try:
            self._before_tls = sock.dup()
            _attach(self._before_tls)
        except BaseException:
            sock.close()
            raise
        return sock


class _UnixConnection(_Breakable):
    def __init__(self, *args: Any, dial: Dial, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._dial = dial

    def connect(self) -> None:
        self.sock = self._dial()
        _attach(self.sock)


class _Pool(HTTPConnectionPool):
    def _put_conn(self, conn: BaseHTTPConnection | None) -> None:
        # As the base does, without a warning in the log for every stream that ends.
        if conn is not None and self.pool is not None and self.pool.full():
            conn.close()
        else:
            super()._put_conn(conn)


class _TcpPool(_Pool):
    ConnectionCls = _TcpConnection


class _TlsPool(_Pool, HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _UnixPool(_Pool):
    ConnectionCls = _UnixConnection


class _Adapter(HTTPAdapter):
    """All requests over one pool (the SDK's own adapter for sockets has a pool for each URL)."""

    def __init__(self, pool: HTTPConnectionPool) -> None:
        super().__init__()
        self._pool = pool

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        return self._pool

    def cert_verify(self, *_: Any) -> None:
        """Leave the pool's TLS settings as they are."""

    def request_url(self, request: requests.PreparedRequest, _: object) -> str:
        return request.path_url

    def close(self) -> None:
        super().close()
        self._pool.close()


class Client(docker.APIClient):
    """The SDK's client for one Node, for use by many threads.

    It speaks the API version of the engine, which it asks for once, here. It never reads proxy
    settings, ``.netrc`` or certificate bundles from the environment.

    Parameters
    ----------
    node : Node
    connect_timeout : float
        Seconds.
    dial : callable, optional
        Makes the connections, in place of the node's `base_url`.

    Attributes
    ----------
    is_podman : bool
        Whether it is Podman's imitation of a docker engine.
    is_rootless : bool
        Whether it is that, run by a user other than root.
    limits_disk : bool or None
        Whether containers may have a quota; None until somebody asked.

    Raises
    ------
    docker.errors.DockerException, OSError
        When the engine does not answer.
    """

    def __init__(self, node: Node, connect_timeout: float, dial: Dial | None = None) -> None:
        # The version given here keeps the constructor from connecting by the SDK's own adapter.
        super().__init__(version=MINIMUM_DOCKER_API_VERSION)
        self.trust_env = False
        self.base_url = "http+docker://localhost"
        # Hung engines are noticed elsewhere, much sooner; see `_docker_threads`.
        self.timeout = (connect_timeout, _NO_ANSWER_AT_ALL)  # type: ignore[assignment]
        self._connect_timeout = connect_timeout
        self.limits_disk: bool | None = None
        # The engine would compress archives.
        self.headers["Accept-Encoding"] = "identity"
        self.mount("http+docker://", _Adapter(_pool(node, dial, connect_timeout)))
        try:
            about = self.version(api_version=False)
            self._version = str(about["ApiVersion"])
            parts = about.get("Components") or ()
            self.is_podman = any("podman" in str(part.get("Name")).lower() for part in parts)
            # Docker without root has bridges of its own.
            self.is_rootless = self.is_podman and bool(self.info().get("Rootless"))
        except BaseException:
            self.close()
            raise

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
        longer: float = 0.0,
    ) -> requests.Response:
        """Make a request for which the SDK's method would make another one first, or decode.

        Parameters
        ----------
        method, path : str
            The path begins after the version.
        params : mapping, optional
            Of the query.
        headers : mapping, optional
            Besides the usual ones.
        stream : bool
            Return when the headers are there, and wait for the body as long as it takes.

        longer : float
            Seconds that the engine may take more than usual.

        Raises
        ------
        docker.errors.APIError
            For status 400 and above.
        """
        response = self.request(
            method,
            f"{self.base_url}/v{self._version}{path}",
            params=params,
            headers=headers,
            stream=stream,
            timeout=(self._connect_timeout, None if stream else _NO_ANSWER_AT_ALL + longer),
        )
        try:
            response.raise_for_status()
        except requests.HTTPError as error:
            raise create_api_error_from_http_exception(error) from error
        return response


def _attach(sock: socket.socket | None) -> None:
    call = Call.current()
    if call is not None:
        call.attach(sock)


def dial_unix(path: str, timeout: float) -> socket.socket:
    """Connect to a unix socket within some seconds."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout)
        sock.connect(path)
    except BaseException:
        sock.close()
        raise
    return sock


def _pool(node: Node, dial: Dial | None, timeout: float) -> HTTPConnectionPool:
    if dial is None and node.base_url.startswith("unix://"):
        path = "/" + node.base_url.removeprefix("unix://").lstrip("/")
        dial = partial(dial_unix, path, timeout)
    if dial is not None:
        return _UnixPool("localhost", maxsize=_KEPT_CONNECTIONS, dial=dial)
    address = urlsplit(node.base_url)
    host, secure = address.hostname or "", node.tls is not None or address.scheme == "https"
    port = address.port or (2376 if secure else 2375)
    if secure:
        name = True if node.tls is None else node.tls.hostname
        return _TlsPool(
            host,
            port,
            maxsize=_KEPT_CONNECTIONS,
            ssl_context=_context(node.tls),
            # None: the host above.
            assert_hostname=None if name is True else name,
            socket_options=_KEEPALIVE,
        )
    return _TcpPool(host, port, maxsize=_KEPT_CONNECTIONS, socket_options=_KEEPALIVE)


def _context(tls: Tls | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=None if tls is None else str(tls.ca))
    if tls is not None:
        context.load_cert_chain(tls.cert, tls.key)
    return context
