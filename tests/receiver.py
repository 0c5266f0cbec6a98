"""A web server that hears of ended batches."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """Keeps what comes; answers with the codes in `codes`, then with 200.

    Parameters
    ----------
    host : str
        Address to listen at.

    Attributes
    ----------
    requests : list of tuple
        Headers and body of each request.
    headers : dict of str
        Of each answer.
    may_answer : threading.Event
        While it is not set, nobody gets an answer.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.codes: list[int] = []
        self.headers: dict[str, str] = {}
        self.may_answer = threading.Event()
        self.may_answer.set()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                owner.requests.append((dict(self.headers), body))
                owner.may_answer.wait()
                self.send_response(owner.codes.pop(0) if owner.codes else 200)
                for name, value in owner.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((host, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://{host}:{self._server.server_port}/ended"

    def told(self) -> list[tuple[str, str]]:
        """Return id and state of each batch, in the order in which they came."""
        return [
            (batch["batchId"], batch["state"])
            for _, body in self.requests
            for batch in json.loads(body)["batches"]
        ]

    def close(self) -> None:
        """End it."""
        self.may_answer.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
