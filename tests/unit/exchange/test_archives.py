"""Zips that lie, explode or lead elsewhere are refused; nothing is written."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccp_jupyter.hub_service.exchange.archives import Bounds, opened
from ccp_jupyter.model.errors import InvalidDocument
from tests.unit.client import zips
from tests.unit.exchange.folders import a_folder

BOUNDS = Bounds(100, 2**20)
WHOLE = zips.make({"a": b"x" * 1000, "b": b"y"})
BOMB = zips.make({"zeros": bytes(2**20 + 1)})


def packed(kind: int) -> bytes:
    return zips.make([(zips.entry("a", compress_type=kind), b"x" * 1000)])


def wrong_sum() -> bytes:
    data = bytearray(zips.make([(zips.entry("a", compress_type=zipfile.ZIP_STORED), b"x" * 1000)]))
    data[200] ^= 0xFF
    return bytes(data)


HOSTILE = {
    "nothing": (b"", "no zip"),
    "no zip": (b"x" * 1000, "no zip"),
    "cut off at the end": (WHOLE[:-10], "no zip"),
    "cut off in the middle": (WHOLE[: len(WHOLE) // 2], "no zip"),
    "cut off at the front": (WHOLE[30:], ""),
    "too many entries": (zips.make({f"{n}": b"" for n in range(101)}), "entries"),
    "too much": (BOMB, "unpacks to"),
    "an absolute path": (zips.make({"/etc/passwd": b"x"}), "absolute"),
    "a drive": (zips.make({"C:/x": b"x"}), "absolute"),
    "a drive with backslashes": (zips.make({"C:\\x": b"x"}), "absolute"),
    "a path upwards": (zips.make({"a/../../x": b"x"}), '".."'),
    "a path upwards with backslashes": (zips.make({"a\\..\\x": b"x"}), '".."'),
    "a NUL": (zips.with_name(b"a\x00b"), "NUL"),
    "no UTF-8": (zips.with_name(b"\xff\xfe\xfd"), "UTF-8"),
    "a name that is too long": (zips.make({"x" * 300: b"x"}), "255"),
    "a path that is too long": (zips.make({"x/" * 1500 + "x": b"x"}), "2000"),
    "no name": (zips.make({"./": b""}), "no name"),
    "a link": (zips.make([(zips.entry("a", stat.S_IFLNK | 0o777), b"/etc")]), "link"),
    "a device": (zips.make([(zips.entry("a", stat.S_IFCHR | 0o666), b"")]), "device"),
    "the same name twice": (zips.make({"a": b"1", "@": b"2"}).replace(b"@", b"a"), "twice"),
    "names that differ in case": (zips.make({"a/B": b"1", "A/b": b"2"}), "case"),
    "names that differ in accents": (zips.make({"\xe9": b"1", "e\u0301": b"2"}), "case"),
    "a file that is a folder": (zips.make({"a": b"1", "a/b": b"2"}), "folder"),
    "a folder with content": (
        zips.make([(zips.entry("a/", stat.S_IFDIR | 0o755), b"x")]),
        "content",
    ),
    "encrypted": (zips.encrypted(), "encrypted"),
    "shared data": (zips.with_overlap(), "shares"),
    "bzip2": (packed(zipfile.ZIP_BZIP2), "deflate"),
    "lzma": (packed(zipfile.ZIP_LZMA), "deflate"),
    "a wrong sum": (wrong_sum(), "CRC"),
    "a size that is too small": (zips.with_declared_size(10), ""),
    "a size that is too large": (zips.with_declared_size(2000), ""),
}


def read_all(path: Path, bounds: Bounds = BOUNDS) -> dict[str, bytes]:
    with opened(path, bounds) as archive:
        return {name: archive.read(name) for name in archive.files}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(tmp_path, name):
    data, rule = HOSTILE[name]
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with pytest.raises(InvalidDocument) as caught:
        read_all(path)
    assert rule in str(caught.value)
    assert len(str(caught.value)) < 500
    assert [each.name for each in tmp_path.iterdir()] == ["a.zip"]


def test_a_bomb_within_the_bound_is_known_by_its_ratio(tmp_path, monkeypatch):
    monkeypatch.setattr("ccp_jupyter.hub_service.exchange.archives._RATIO_FROM", 1000)
    path = tmp_path / "a.zip"
    path.write_bytes(BOMB)
    with pytest.raises(InvalidDocument, match="unpacks to"):
        read_all(path, Bounds(10, 2**30))


def test_nested_zips_are_files(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(zips.make({"sub/": b"", "sub/inner.zip": BOMB}))
    assert read_all(path) == {"sub/inner.zip": BOMB}


def test_documents_are_bounded_before_they_are_read(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(zips.make({"a.json": b"[" + b" " * 5000 + b"]"}))
    with opened(path, BOUNDS) as archive:
        assert archive.json("a.json") == []
        with pytest.raises(InvalidDocument, match=r"a\.json: may have at most 5000 bytes"):
            archive.json("a.json", 5000)
        with pytest.raises(InvalidDocument, match="at most"):
            archive.copy("a.json", tmp_path / "copy", 10)
    assert not (tmp_path / "copy").exists()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10**6), byte=st.integers(0, 255), cut=st.booleans())
def test_damage_anywhere_is_refused_or_harmless(tmp_path, place, byte, cut):
    data = bytearray(WHOLE)
    place %= len(data)
    data[place] = byte
    path = tmp_path / "a.zip"
    path.write_bytes(data[:place] if cut else data)
    try:
        found = read_all(path)
    except InvalidDocument:
        return
    assert set(found.values()) == {b"x" * 1000, b"y"} or len(found) < 2


def test_a_folder_of_ours_is_fine(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(zips.make(a_folder()))
    assert read_all(path).keys() == a_folder().keys()
