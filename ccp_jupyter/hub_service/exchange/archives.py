"""A zip that somebody sent, opened with every entry checked; nothing of it is written anywhere.

All functions block and run in worker threads.
"""

from __future__ import annotations

import errno
import hashlib
import lzma
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from ccp_jupyter.hub_service.api.bodies import parse_json
from ccp_jupyter.model import zip_rules
from ccp_jupyter.model.errors import InvalidDocument, Problem, shown
from ccp_jupyter.model.manifest import OutputFile

MIB: Final = 2**20
LARGEST_DOCUMENT: Final = 16 * MIB
"""Bytes of one JSON document in a zip."""
_CHUNK: Final = 256 * 1024
_RATIO: Final = 300
"""Most bytes that each byte of a zip may become; what people compute compresses less."""
_RATIO_FROM: Final = 256 * MIB
"""Below this much the ratio does not matter: what is written often, such as zeros, is small."""
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    IndexError,
    NotImplementedError,  # a feature of zips that Python does not have
    OverflowError,
    RuntimeError,  # encrypted
    ValueError,  # names that are not UTF-8, nonsense numbers
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a zip may be."""

    entries: int
    total: int
    """Bytes, unpacked."""
    tells_case: bool = False
    """Whether names may differ only in case or in the way that accents are written."""


class Archive:
    """An open zip; made by `opened`.

    Attributes
    ----------
    files : dict of str to ZipInfo
        Its files by name; folders are left out.
    """

    def __init__(self, source: zipfile.ZipFile, files: dict[str, zipfile.ZipInfo]) -> None:
        self._source = source
        self.files = files

    def __contains__(self, name: str) -> bool:
        return name in self.files

    def below(self, folder: str) -> Archive:
        """Return what lies in a folder, given with its slash, under names without it."""
        found = {
            name.removeprefix(folder): info
            for name, info in self.files.items()
            if name.startswith(folder)
        }
        return Archive(self._source, found)

    def read(self, name: str, most: int = LARGEST_DOCUMENT) -> bytes:
        """Return a file's content.

        Raises
        ------
        InvalidDocument
            It is larger, or damaged.
        """
        self._check_size(name, most)
        found = bytearray()
        self._pieces(name, found.extend)
        return bytes(found)

    def json(self, name: str, most: int = LARGEST_DOCUMENT) -> Any:
        """Return a decoded JSON document.  Raises `InvalidDocument`, which names the file."""
        data = self.read(name, most)
        with naming(name):
            return parse_json(data)

    def json_object(self, name: str) -> dict[str, Any]:
        """Return a decoded JSON object; an empty one where there is none.

        Raises
        ------
        InvalidDocument
            The file is no JSON.
        """
        found = self.json(name) if name in self else {}
        return found if isinstance(found, dict) else {}

    def copy(self, name: str, target: Path, most: int) -> OutputFile:
        """Write a file's content to the disk; returns its size and digest.

        Raises
        ------
        InvalidDocument
            It is larger, or damaged.
        OSError
            It cannot be written.
        """
        self._check_size(name, most)
        digest = hashlib.sha256()
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with target.open("xb") as sink:

            def take(piece: bytes) -> None:
                digest.update(piece)
                sink.write(piece)

            self._pieces(name, take)
        return OutputFile(path=name, size=self.files[name].file_size, sha256=digest.hexdigest())

    @contextmanager
    def lines(self, name: str, most: int) -> Iterator[IO[bytes]]:
        """Give a file, open for reading line by line.  Raises `InvalidDocument`."""
        self._check_size(name, most)
        with readable(name), self._source.open(self.files[name]) as content:
            yield content

    def _check_size(self, name: str, most: int) -> None:
        size = self.files[name].file_size
        if size > most:
            raise _wrong(name, f"may have at most {most} bytes", f"{size} bytes")

    def _pieces(self, name: str, take: Callable[[bytes], object]) -> None:
        info = self.files[name]
        left = info.file_size
        with readable(name), self._source.open(info) as content:
            while piece := content.read(_CHUNK):
                left -= len(piece)
                if left < 0:
                    break
                take(piece)
        if left:
            raise _wrong(name, "has not the size that the archive announces")


@contextmanager
def opened(path: Path, bounds: Bounds) -> Iterator[Archive]:
    """Open a zip.

    Parameters
    ----------
    path : Path
        Where it lies.
    bounds : Bounds
        What is too much.

    Raises
    ------
    InvalidDocument
        No zip, cut off, too much, or an entry that could do harm: a path that leads elsewhere, a
        link or device, encrypted, twice there, sharing its data with another.
    """
    with path.open("rb") as file:
        with readable(""):
            zip_rules.check_directory(file, bounds.entries)
            source = zipfile.ZipFile(file)
        with source:
            with readable(""):
                files = _checked(source, path.stat().st_size, bounds)
            yield Archive(source, files)


def _checked(source: zipfile.ZipFile, size: int, bounds: Bounds) -> dict[str, zipfile.ZipInfo]:
    infos = source.infolist()
    zip_rules.check_overlaps(infos, source.start_dir)
    _check_total(infos, size, bounds)
    files: dict[str, zipfile.ZipInfo] = {}
    taken: set[str] = set()
    above: set[str] = set()
    for info in infos:
        zip_rules.check_kind(info)
        parts = zip_rules.parts_of(zip_rules.safe_name(info))
        above.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
        if zip_rules.is_folder(info):
            continue
        if info.compress_type not in _METHODS:
            raise zip_rules.refused(info, "is compressed in an unusual way, not by deflate")
        name = "/".join(parts)
        key = name if bounds.tells_case else unicodedata.normalize("NFC", name).casefold()
        if key in taken:
            raise zip_rules.refused(info, "is there twice, or differs from another only in case")
        taken.add(key)
        files[name] = info
    if below := sorted(above & files.keys()):
        raise zip_rules.refused(files[below[0]], "is a file and a folder")
    return files


def _check_total(infos: list[zipfile.ZipInfo], size: int, bounds: Bounds) -> None:
    total = sum(info.file_size for info in infos)
    most = min(bounds.total, max(_RATIO_FROM, _RATIO * size))
    if total > most:
        raise zip_rules.UnsafeZip(
            f"the archive of {size} bytes unpacks to {total} bytes; at most {most} are taken"
        )


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Turn what goes wrong with a zip into `InvalidDocument`."""
    try:
        yield
    except zip_rules.UnsafeZip as error:
        raise _wrong(error.entry or name, error.rule) from error
    except InvalidDocument:
        raise
    except _BROKEN as error:
        raise _wrong(name, f"the archive is broken: {str(error)[:200]}") from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # it leads before its own beginning
            raise
        raise _wrong(name, "the archive is broken: its parts are not where it says") from error


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Say in which file of a zip the members of an `InvalidDocument` are."""
    try:
        yield
    except InvalidDocument as error:
        raise InvalidDocument(
            Problem(f"{name}: {each.member}" if each.member else name, each.rule, each.value)
            for each in error.problems
        ) from error


def _wrong(name: str, rule: str, value: str = "") -> InvalidDocument:
    member = name if len(name) <= 200 else shown(name)
    return InvalidDocument([Problem(member, rule, value)])
