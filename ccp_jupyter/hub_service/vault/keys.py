"""Keys of the sealed vault, as its operator gives them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from ccp_jupyter.hub_service.vault.process import Refused

_SIZE = 32
_LARGEST_FILE = 2**16


@dataclass(frozen=True, slots=True)
class SealKey:
    """A key for AES-256-GCM."""

    key: bytes = field(repr=False)

    @property
    def id(self) -> bytes:
        """Eight bytes that tell this key from others and say nothing of it."""
        return hashlib.sha256(b"ccp-vault key id" + self.key).digest()[:8]


def read_keys(path: Path) -> list[SealKey]:
    """Read a key file: 32 bytes as base64, one key a line; empty lines and ``#`` lines are skipped.

    Parameters
    ----------
    path : Path
        A file of this user (or of root) that nobody else may read.

    Returns
    -------
    list of SealKey
        At least one; the first is the one to encrypt with.

    Raises
    ------
    Refused
        The file is not there, others may read it, or a line is no key; the text shows no key.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise Refused(f"key file {path}: {error.strerror}") from error
    try:
        _check_private(path, os.fstat(file))
        content = os.read(file, _LARGEST_FILE + 1)
    finally:
        os.close(file)
    if len(content) > _LARGEST_FILE:
        raise Refused(f"key file {path}: has more than {_LARGEST_FILE} bytes")
    keys = [
        _key(line.strip(), f"key file {path}, line {number}")
        for number, line in enumerate(content.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith(b"#")
    ]
    if not keys:
        raise Refused(f"key file {path}: holds no key; make one with: openssl rand -base64 32")
    return keys


def _check_private(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise Refused(f"key file {path}: is no regular file")
    if found.st_uid not in (os.geteuid(), 0):
        raise Refused(f"key file {path}: belongs to user {found.st_uid}")
    if found.st_mode & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        raise Refused(f"key file {path}: has mode {mode:04o}, so others may read it; chmod 600")


def _key(line: bytes, place: str) -> SealKey:
    try:
        key = base64.b64decode(line.translate(bytes.maketrans(b"-_", b"+/")), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != _SIZE:
        raise Refused(f"{place}: must be {_SIZE} bytes as base64 (openssl rand -base64 {_SIZE})")
    return SealKey(key)
