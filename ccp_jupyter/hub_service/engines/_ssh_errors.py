"""What ``ssh`` says when it fails, in words that tell what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ccp_jupyter.model.ssh_address import SshAddress

# Of OpenSSH 8 and 9; first match first, each tried on all lines.
_MEANINGS = (
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED",
        "the host key of {host} is another one than {known_hosts} has: it was set up anew, or"
        " another machine answers",
    ),
    (
        r"No .*host key is known for|Host key verification failed",
        "the host key of {host} is unknown: it is not in {known_hosts}",
    ),
    (r"Could not resolve hostname", "there is no such host: {host}"),
    (r"Connection refused", "no SSH server answers on {host}, port {port}"),
    (
        r"Connection timed out|No route to host|Network is unreachable",
        "{host} cannot be reached",
    ),
    (
        r"UNPROTECTED PRIVATE KEY FILE|bad permissions",
        "the private key is readable by others, so ssh does not use it",
    ),
    (
        r"(no such identity|Identity file .* not accessible|Load key )",
        "the private key cannot be used",
    ),
    (
        r"Permission denied|Too many authentication failures|no supported authentication",
        "{host} does not let {user} in with this key",
    ),
    (
        r"administratively prohibited|forwarding (is |has been )?disabled",
        "{host} refuses forwarding to {socket} (AllowStreamLocalForwarding of its SSH server)",
    ),
    (
        r"open failed: connect failed",
        "no engine listens on {socket} of {host}, or {user} may not use it, or the SSH server"
        " refuses forwarding (AllowStreamLocalForwarding)",
    ),
    (r"not responding", "{host} does not answer any more"),
    (r"\[Errno 2\].*'ssh'|No such file or directory.*\bssh\b", "ssh is not installed here"),
    (
        r"closed by remote host|Connection reset|Broken pipe|Connection to .* closed",
        "{host} ended the connection",
    ),
)


def meaning(lines: Sequence[str], address: SshAddress, known_hosts: Path | None) -> str:
    """Say what went wrong.

    Parameters
    ----------
    lines : sequence of str
        The end of what ssh wrote to stderr, oldest first.
    address : SshAddress
        Where it was to go.
    known_hosts : Path or None
        As in `Node.ssh_known_hosts`.
    """
    about = {
        "host": address.host,
        "port": address.port or 22,
        "user": address.user or "this user",
        "socket": address.socket,
        "known_hosts": known_hosts or "ssh's known_hosts file",
    }
    for pattern, text in _MEANINGS:
        for line in reversed(lines):
            if re.search(pattern, line, re.IGNORECASE):
                return f"SSH: {text.format_map(about)} ({line})"
    return f"SSH: {lines[-1]}" if lines else f"SSH: the connection to {address.host} ended"
