"""What ssh says when it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccp_jupyter.hub_service.engines._ssh_errors import meaning
from ccp_jupyter.model.ssh_address import SshAddress

ADDRESS = SshAddress("me", "big", 2222, "/run/x.sock")

# Of OpenSSH 9.2, as they came, and of its source.
SAID = [
    (
        ["No ED25519 host key is known for [big]:2222 and ...", "Host key verification failed."],
        "the host key of big is unknown: it is not in /etc/known",
    ),
    (
        ["@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @", "Host key verification failed."],
        "the host key of big is another one than /etc/known has",
    ),
    (
        ["ssh: Could not resolve hostname big: Name or service not known"],
        "there is no such host: big",
    ),
    (
        ["ssh: connect to host big port 2222: Connection refused"],
        "no SSH server answers on big, port 2222",
    ),
    (["ssh: connect to host big port 2222: No route to host"], "big cannot be reached"),
    (["me@big: Permission denied (publickey)."], "big does not let me in with this key"),
    (
        ['Load key "/k": invalid format', "me@big: Permission denied (publickey)."],
        "the private key cannot be used",
    ),
    (
        ["@  WARNING: UNPROTECTED PRIVATE KEY FILE!  @", 'Load key "/k": bad permissions'],
        "the private key is readable by others",
    ),
    (
        ["channel 2: open failed: administratively prohibited: open failed"],
        "big refuses forwarding to /run/x.sock",
    ),
    (
        ["channel 2: open failed: connect failed: open failed"],
        "no engine listens on /run/x.sock of big, or me may not use it",
    ),
    (["Timeout, server big not responding."], "big does not answer any more"),
    (["Connection to big closed by remote host."], "big ended the connection"),
    (["[Errno 2] No such file or directory: 'ssh'"], "ssh is not installed here"),
    (["Something new", "and unheard of"], "and unheard of"),
    ([], "the connection to big ended"),
]


@pytest.mark.parametrize(("lines", "words"), SAID)
def test_meanings(lines: list[str], words: str) -> None:
    assert meaning(lines, ADDRESS, Path("/etc/known")).startswith(f"SSH: {words}")


def test_what_the_configuration_leaves_open() -> None:
    said = meaning(["Permission denied (publickey)."], SshAddress(None, "big", None, "/x"), None)
    assert "does not let this user in" in said
