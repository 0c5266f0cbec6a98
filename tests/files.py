"""A web server of this machine for linked inputs: good, slow and hostile files."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SLOW = 2.1
"""Seconds that ``/slow`` takes."""


class _Files(BaseHTTPRequestHandler):
    def do_GET(self):
        answer = {
            "/good.csv": self._good,
            "/slow": self._slow,
            "/huge": self._huge,
            "/inside": self._inside,
        }.get(self.path)
        if answer is None:
            self.send_error(404)
        else:
            answer()

    def _good(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/csv")
        self.end_headers()
        self.wfile.write(b"a,b\n1,2\n")

    def _slow(self):
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(3):
                time.sleep(SLOW / 3)
                self.wfile.write(b"x")
        except OSError:
            pass  # the service was killed meanwhile, as some tests do

    def _huge(self):
        self.send_response(200)
        self.send_header("Content-Length", str(2**30))
        self.end_headers()

    def _inside(self):
        self.send_response(302)
        self.send_header("Location", "http://10.0.0.1/secret")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def file_server() -> Iterator[str]:
    """Serve until the block ends; gives the address without a slash at the end."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Files)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
