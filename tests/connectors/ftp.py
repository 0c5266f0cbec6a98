"""An FTP server as a process of its own; run as a module it is that process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tests.stack.daemons import spawn
from tests.stack.ports import free_port, wait_for_port

USER = "ftpuser"
PASSWORD = "ftp pass/word"
BROKEN = "broken-off"
"""Transfers of files with this in their name end after the first part."""


@dataclass(frozen=True)
class FtpServer:
    """How to log in, and what is there."""

    host: str
    port: int
    home: Path

    def access(self, name: str, **members: object) -> dict[str, object]:
        """Return an access object for ``red-connector-ftp`` with user and password."""
        return {
            "url": f"ftp://{self.host}/{quote(name)}",
            "port": self.port,
            "auth": {"username": USER, "password": PASSWORD},
            **members,
        }


@contextmanager
def ftp_server(folder: Path, host: str = "127.0.0.1") -> Iterator[FtpServer]:
    """Serve a new folder in this one, on a free port of one address, until the block ends."""
    home = folder / "ftp"
    home.mkdir(parents=True)
    port = free_port(host)
    daemon = spawn(
        [sys.executable, "-m", "tests.connectors.ftp", host, str(port), str(home)],
        folder / "ftp.log",
        follow_parent=True,
    )
    try:
        wait_for_port(port, host=host)
        yield FtpServer(host, port, home)
    finally:
        daemon.end()


def _serve(host: str, port: int, home: str) -> None:
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import DTPHandler, FTPHandler
    from pyftpdlib.servers import FTPServer

    class Transfer(DTPHandler):
        """Breaks off when it is told to by the name of the file."""

        def handle_read_event(self) -> None:
            self.handle_read()
            self._break_off()

        def send(self, data: bytes) -> int:
            sent = int(super().send(data))
            self._break_off()
            return sent

        def _break_off(self) -> None:
            if self.file_obj is not None and BROKEN in str(self.file_obj.name):
                self._resp = ("426 Connection closed; transfer aborted.", print)
                self.close()

    class Handler(FTPHandler):
        """Knows one user, and anonymous ones who may read."""

        authorizer = DummyAuthorizer()
        dtp_handler = Transfer
        use_sendfile = False  # which goes past `Transfer.send`

    Handler.authorizer.add_user(USER, PASSWORD, home, perm="elradfmwMT")
    Handler.authorizer.add_anonymous(home)
    FTPServer((host, port), Handler).serve_forever()


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]), sys.argv[3])
