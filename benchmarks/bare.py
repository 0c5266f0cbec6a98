"""A Tornado handler that does nothing but return bytes, in a process of its own.

``python -m benchmarks.bare PORT FILE`` serves the content of FILE at every path.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from tornado import web

_START_TIMEOUT = 15.0


class _Same(web.RequestHandler):
    """The same bytes for everybody."""

    def initialize(self, content: bytes) -> None:
        self._content = content

    def compute_etag(self) -> str | None:
        """Do without, as the service does."""
        return None

    def get(self) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish(self._content)

    def post(self) -> None:
        self.get()


async def _serve(port: int, content: bytes) -> None:
    app = web.Application([(r".*", _Same, {"content": content})], log_function=lambda _: None)
    app.listen(port, "127.0.0.1")
    await asyncio.Event().wait()


@contextmanager
def bare_server(content: bytes) -> Iterator[str]:
    """Serve some bytes; yields the address.

    Raises
    ------
    RuntimeError
        It did not start.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with TemporaryDirectory() as folder:
        file = Path(folder, "content")
        file.write_bytes(content)
        process = subprocess.Popen([sys.executable, "-m", "benchmarks.bare", str(port), str(file)])
        try:
            url = f"http://127.0.0.1:{port}/"
            _wait(url, process)
            yield url
        finally:
            process.terminate()
            process.wait(10)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_TIMEOUT
    while True:
        try:
            httpx.get(url).raise_for_status()
            return
        except httpx.HTTPError as error:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the bare handler does not answer: {error}") from error
            time.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), Path(sys.argv[2]).read_bytes()))
