"""The sealed vault's files: one encrypted file a record, written before anything is acknowledged.

A file is ``CCPV1``, the id of its key, the nonce, a checksum of these and of the file's name, and
the record as JSON in AES-256-GCM. The checksum tells a file of another key (a mistake of the
operator: the vault does not start) from a damaged one (it alone is lost). Names are random and say
nothing; a file under another name is damaged.
"""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import secrets as random
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ccp_jupyter.hub_service.vault.bounds import Refusal
from ccp_jupyter.hub_service.vault.kept import Key, Record
from ccp_jupyter.hub_service.vault.keys import SealKey
from ccp_jupyter.hub_service.vault.process import Refused, Taken, check_folder
from ccp_jupyter.hub_service.vault.wire import FAILED, FULL

_log = logging.getLogger("ccp_jupyter.vault")

_MAGIC: Final = b"CCPV1"
_HEAD: Final = struct.Struct("5s8s12s")
_CHECK: Final = struct.Struct(">I")
_RECORD, _NEW, _GONE = "r-", "n-", "g-"  # how names of files begin
_BLOCK: Final = 2**20


class UnknownKey(Exception):
    """A file is whole, and none of the keys is its own."""


class Damaged(Exception):
    """A file is not what was written."""


class Spool:
    """Records in encrypted files.

    Parameters
    ----------
    folder : Path
        Made with mode 0700 when it is not there; of this vault alone.
    keys : sequence of SealKey
        The first encrypts, all decrypt.

    Raises
    ------
    Taken
        Another vault uses the folder.
    Refused
        The folder is open to other users, or cannot be used.
    """

    def __init__(self, folder: Path, keys: Sequence[SealKey]) -> None:
        self.place: str | None = str(folder)
        self._folder = folder
        self._keys = {key.id: key for key in reversed(keys)}
        self._first = keys[0]
        self._names: dict[Key, str] = {}
        try:
            check_folder(folder)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except BlockingIOError:
            raise Taken(f"another vault uses the spool {folder}") from None
        except OSError as error:
            raise Refused(f"spool {folder}: {error.strerror}") from error

    def load(self) -> Iterator[tuple[Key, Record]]:
        """Yield every record that survived, then encrypted with the first key.

        What a crash left half done is brought to its end, and damaged files are removed.

        Raises
        ------
        Refused
            Files need a key that is not there (nothing has been changed then), or the folder
            cannot be used.
        """
        try:
            names = sorted(path.name for path in self._folder.iterdir())
            records = [name for name in names if name.startswith(_RECORD)]
            damaged, others = self._look_through(records)
            for name in names:
                if name.startswith((_NEW, _GONE)):
                    self._wipe(self._folder / name)
            for name in damaged:
                size = (self._folder / name).stat().st_size
                _log.error(
                    "spool: %s is damaged or cut off (%d bytes); what it kept is lost, the file is"
                    " removed",
                    name,
                    size,
                )
                self._wipe(self._folder / name)
            for name in records:
                if name not in damaged:
                    yield self._taken_up(name, rewrite=name in others)
        except OSError as error:
            raise Refused(f"spool {self._folder}: {error.strerror}") from error
        if others:
            _log.info("spool: %d file(s) encrypted anew with the first key", len(others))

    def write(self, key: Key, record: Record) -> None:
        """Keep a record in the place of an earlier one, durably."""
        name = self._names.setdefault(key, _RECORD + random.token_hex(16))
        try:
            self._replace(name, self._sealed(name, json.dumps([key, record]).encode()))
        except OSError as error:
            raise _refusal(error) from error

    def erase(self, key: Key) -> None:
        """Destroy a record, durably; no error when there is none."""
        name = self._names.get(key)
        if name is None:
            return
        path, gone = self._paths(name)
        try:
            if path.exists():
                # From here on it does not come back, whenever this process ends.
                path.rename(gone)
            if gone.exists():
                self._wipe(gone)
        except OSError as error:
            raise _refusal(error) from error
        del self._names[key]

    def holds(self, key: Key) -> bool:
        """Tell whether there is a file of a record."""
        name = self._names.get(key)
        return name is not None and any(path.exists() for path in self._paths(name))

    def _paths(self, name: str) -> tuple[Path, Path]:
        return self._folder / name, self._folder / (_GONE + name)

    # --- loading ---

    def _look_through(self, names: Sequence[str]) -> tuple[set[str], set[str]]:
        """Return the damaged files, and those of other keys than the first."""
        damaged, others, unknown = set(), set(), 0
        for name in names:
            try:
                key, _ = self._opened(name)
            except Damaged:
                damaged.add(name)
            except UnknownKey:
                unknown += 1
            else:
                if key.id != self._first.id:
                    others.add(name)
        if unknown:
            raise Refused(
                f"spool {self._folder}: {unknown} of {len(names)} files are encrypted with a key"
                " that is not in the key file. Add the key they need as a further line, or, to"
                " give up what they keep, remove the spool"
            )
        return damaged, others

    def _taken_up(self, name: str, rewrite: bool) -> tuple[Key, Record]:
        _, plain = self._opened(name)
        key, record = json.loads(plain)
        self._names[tuple(key)] = name
        if rewrite:
            self._replace(name, self._sealed(name, plain))
        return tuple(key), record

    def _opened(self, name: str) -> tuple[SealKey, bytes]:
        data = (self._folder / name).read_bytes()
        start = _HEAD.size + _CHECK.size
        if len(data) < start or not data.startswith(_MAGIC):
            raise Damaged
        head = data[: _HEAD.size]
        if data[_HEAD.size : start] != _check(head, name):
            raise Damaged
        _, key_id, nonce = _HEAD.unpack(head)
        key = self._keys.get(key_id)
        if key is None:
            raise UnknownKey
        try:
            return key, AESGCM(key.key).decrypt(nonce, data[start:], head + name.encode())
        except InvalidTag:
            raise Damaged from None

    # --- writing ---

    def _sealed(self, name: str, plain: bytes) -> bytes:
        nonce = random.token_bytes(12)
        head = _HEAD.pack(_MAGIC, self._first.id, nonce)
        sealed = AESGCM(self._first.key).encrypt(nonce, plain, head + name.encode())
        return head + _check(head, name) + sealed

    def _replace(self, name: str, data: bytes) -> None:
        path, new = self._folder / name, self._folder / (_NEW + name)
        old = _opened_if_there(path)
        try:
            try:
                _write(new, data)
                new.replace(path)
            except OSError:
                new.unlink(missing_ok=True)
                raise
            os.fsync(self._directory)
            if old is not None:
                _overwrite(old)
        finally:
            if old is not None:
                os.close(old)

    def _wipe(self, path: Path) -> None:
        file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            _overwrite(file)
        finally:
            os.close(file)
        path.unlink()
        os.fsync(self._directory)


def _check(head: bytes, name: str) -> bytes:
    return _CHECK.pack(zlib.crc32(head + name.encode()))


def _write(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _opened_if_there(path: Path) -> int | None:
    try:
        return os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None


def _overwrite(file: int) -> None:
    """Fill a file that is about to be removed with zeros, durably."""
    try:
        size = os.fstat(file).st_size
        for at in range(0, size, _BLOCK):
            os.pwrite(file, bytes(min(_BLOCK, size - at)), at)
        os.fsync(file)
    except OSError as error:
        # A full disk that copies on writing; removing the file must go on all the same.
        _log.warning("spool: a file could not be overwritten before its removal: %s", error)


def _refusal(error: OSError) -> Refusal:
    _log.error("spool: %s", error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Refusal(FULL, "the disk of its spool is full")
    return Refusal(FAILED, f"its spool cannot be written: {error.strerror}")
