"""Keys with which the service signs: shareable links, and callbacks for each user.

They lie in the data_dir, which all processes of a service share, readable for nobody else:

* ``keys/links``: one key a line. The first signs, all verify; an administrator rotates them by
  adding a line before the others, and ends old links by removing one. Read anew when it changes.
* ``keys/callbacks``: the one key from which the keys of users are derived, and ``keys/rotations``:
  how often each user has asked for another one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import threading
from base64 import urlsafe_b64encode
from contextlib import suppress
from pathlib import Path
from typing import Final

_LINK: Final = b"ccp link\x00"
_CALLBACK: Final = b"ccp callback\x00"
_SHORTEST: Final = 16


class SigningKeys:
    """The keys of one service; made when they are asked for the first time. All methods block.

    Parameters
    ----------
    folder : Path
        Where they lie; made when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._read: dict[str, tuple[tuple[int, int, int], str]] = {}

    def link_signature(self, link_id: str) -> str:
        """Return the signature of a shareable link."""
        return _link_signature(self._keys("links")[0], link_id)

    def is_link_signature(self, link_id: str, signature: str) -> bool:
        """Tell whether a signature is right, in a time that does not depend on how wrong it is."""
        given = signature.encode("utf-8", "replace")
        right = [
            hmac.compare_digest(given, _link_signature(key, link_id).encode())
            for key in self._keys("links")
        ]
        return any(right)

    def callback_key(self, owner: str) -> str:
        """Return the key with which callbacks of a user's Executions are signed: 64 characters."""
        return self._callback_key(owner, self._rotations().get(owner, 0))

    def rotate_callback_key(self, owner: str) -> str:
        """Give a user another key; returns it.

        Raises
        ------
        OSError
            It cannot be kept; the old one counts.
        """
        with self._lock:
            rotations = self._rotations()
            rotations[owner] = rotations.get(owner, 0) + 1
            self._write("rotations", json.dumps(rotations))
            return self._callback_key(owner, rotations[owner])

    def _callback_key(self, owner: str, rotation: int) -> str:
        message = _CALLBACK + json.dumps([owner, rotation]).encode()
        return hmac.new(self._keys("callbacks")[0].encode(), message, hashlib.sha256).hexdigest()

    def _rotations(self) -> dict[str, int]:
        found: dict[str, int] = json.loads(self._text("rotations") or "{}")
        return found

    def _keys(self, name: str) -> list[str]:
        if not self._text(name):
            with suppress(FileExistsError):  # made at the same time
                self._write(name, secrets.token_urlsafe(32) + "\n", new=True)
        keys = [line.strip() for line in self._text(name).splitlines() if line.strip()]
        if not keys or min(map(len, keys)) < _SHORTEST:
            path = self._folder / name
            raise ValueError(
                f"{path}: must hold keys of {_SHORTEST} or more characters, one a line"
            )
        return keys

    def _text(self, name: str) -> str:
        """Return what a file holds, read again only when it has changed; empty without one."""
        path = self._folder / name
        try:
            stat = path.stat()
        except FileNotFoundError:
            return ""
        mark = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        if self._read.get(name, (None, ""))[0] != mark:
            self._read[name] = (mark, path.read_text())
        return self._read[name][1]

    def _write(self, name: str, text: str, *, new: bool = False) -> None:
        """Write a file whole or not at all, durably."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._folder / f".{name}-{secrets.token_hex(8)}"
        try:
            with os.fdopen(
                os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w"
            ) as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if new:
                os.link(draft, self._folder / name)
            else:
                draft.replace(self._folder / name)
        finally:
            draft.unlink(missing_ok=True)


def _link_signature(key: str, link_id: str) -> str:
    digest = hmac.digest(key.encode(), _LINK + link_id.encode("utf-8", "replace"), hashlib.sha256)
    return urlsafe_b64encode(digest).decode().rstrip("=")
