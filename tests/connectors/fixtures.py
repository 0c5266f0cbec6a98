"""The servers as fixtures, where containers of the fixture ``server_host`` reach them.

A conftest imports those it wants and defines ``server_host``, the address to listen at.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import missing
from tests.connectors.ftp import FtpServer, ftp_server
from tests.connectors.ssh import SshServer, ssh_server
from tests.connectors.web import WebServer, web_server
from tests.stack.engines import CannotStart


@pytest.fixture
def web(server_host: str) -> Iterator[WebServer]:
    """A web server, empty for each test."""
    with web_server(server_host) as server:
        yield server


@pytest.fixture(scope="session")
def ssh(server_host: str) -> Iterator[SshServer]:
    """An sshd for the whole session."""
    try:
        with ssh_server(server_host) as server:
            yield server
    except CannotStart as error:
        missing(str(error))


@pytest.fixture(scope="session")
def ftp(server_host: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FtpServer]:
    """An FTP server for the whole session."""
    with ftp_server(tmp_path_factory.mktemp("ftp"), server_host) as server:
        yield server
