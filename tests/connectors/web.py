"""A web server that keeps files in memory: with logins, broken off, slow, failing.

=============  ====================================================================
``/open/x``    anybody
``/basic/x``   HTTP Basic, `USER` and `PASSWORD`
``/digest/x``  HTTP Digest, the same
``/broken/x``  sends half of a file, or reads half of one, and breaks off
``/slow/x``    a byte at a time, `SLOW` seconds in all
``/error/x``   500
=============  ====================================================================
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USER = "webuser"
PASSWORD = "web/pass word+1"
SLOW = 2.0
_REALM = "files"
_NONCE = "5ccc069c403ebaf9f0171e9517f40e41"


class WebServer:
    """Its address, and what it has.

    Attributes
    ----------
    files : dict
        Path without the first part, as ``folder/x``, to content. All areas share it.
    requests : list of tuple
        Method, path and status of each answer, in order.
    most_at_once : int
        Slow answers that were under way at the same time.
    """

    def __init__(self, host: str, port: int) -> None:
        self._address = f"http://{host}:{port}"
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, str, int]] = []
        self.most_at_once = 0
        self._now = 0
        self._lock = threading.Lock()

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count a slow answer while the block runs."""
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            yield
        finally:
            with self._lock:
                self._now -= 1

    def url(self, area: str, name: str = "") -> str:
        """Return the URL of a file in an area."""
        return f"{self._address}/{area}/{name}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    web: WebServer

    def do_GET(self):
        area, name = self._place()
        if not self._admitted(area):
            return
        content = self.web.files.get(name)
        if content is None:
            self._answer(404)
        elif area == "broken":
            self._begin(200, len(content))
            self.wfile.write(content[: len(content) // 2])
            self._break_off()
        elif area == "slow":
            self._begin(200, len(content))
            with self.web.counted():
                for byte in content:
                    time.sleep(SLOW / len(content))
                    self.wfile.write(bytes([byte]))
        else:
            self._answer(200, content)

    def do_PUT(self):
        area, name = self._place()
        if area == "broken":
            self.rfile.read(int(self.headers.get("Content-Length", 2)) // 2)
            self._break_off()
            return
        body = self._body()
        if self._admitted(area):
            self.web.files[name] = body
            self._answer(201)

    def do_POST(self):
        self.do_PUT()

    def _place(self) -> tuple[str, str]:
        area, _, name = self.path.lstrip("/").partition("/")
        return area, name

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _admitted(self, area: str) -> bool:
        given = self.headers.get("Authorization", "")
        if area == "error":
            self._answer(500, b"the server has a problem")
            return False
        if area == "basic":
            wanted = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            if given != f"Basic {wanted}":
                self._answer(401, challenge=f'Basic realm="{_REALM}"')
                return False
        if area == "digest" and not self._digest_is_right(given):
            challenge = f'Digest realm="{_REALM}", nonce="{_NONCE}", qop="auth", algorithm=MD5'
            self._answer(401, challenge=challenge)
            return False
        return True

    def _digest_is_right(self, given: str) -> bool:
        """Compare as RFC 7616, section 3.4.1, says."""
        part = dict(re.findall(r'(\w+)="?([^",]*)"?', given.removeprefix("Digest ")))

        def md5(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        first = md5(f"{USER}:{_REALM}:{PASSWORD}")
        second = md5(f"{self.command}:{self.path}")
        middle = ":".join(part.get(name, "") for name in ("nonce", "nc", "cnonce", "qop"))
        return part.get("response") == md5(f"{first}:{middle}:{second}")

    def _answer(self, status: int, content: bytes = b"", challenge: str = "") -> None:
        self._begin(status, len(content), challenge)
        self.wfile.write(content)

    def _begin(self, status: int, size: int, challenge: str = "") -> None:
        self.web.requests.append((self.command, self.path, status))
        self.send_response(status)
        self.send_header("Content-Length", str(size))
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.end_headers()

    def _break_off(self) -> None:
        self.wfile.flush()
        self.close_connection = True

    def handle(self):
        with suppress(ConnectionError):  # a connector was killed, as some tests do
            super().handle()

    def log_message(self, *_):
        pass


@contextmanager
def web_server(host: str = "127.0.0.1") -> Iterator[WebServer]:
    """Serve on a free port of one address until the block ends."""

    class Handler(_Handler):
        web: WebServer

    server = ThreadingHTTPServer((host, 0), Handler)
    server.daemon_threads = True
    Handler.web = web = WebServer(host, server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
