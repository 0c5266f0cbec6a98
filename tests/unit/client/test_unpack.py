"""Unpacking: everything or nothing, and nothing outside."""

from __future__ import annotations

import os
import stat
import threading
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccp_jupyter.client import FetchFailed
from ccp_jupyter.client import unpack as module
from ccp_jupyter.client.unpack import Stopped, unpack
from ccp_jupyter.model import zip_rules
from tests.unit.client import zips


def unpacked(tmp_path, data: bytes, **options):
    archive = tmp_path / "a.zip"
    archive.write_bytes(data)
    return unpack(archive, tmp_path / "out", **options)


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def tree(folder) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def refuse(tmp_path, data: bytes, match: str, **options) -> None:
    with pytest.raises(FetchFailed, match=match):
        unpacked(tmp_path, data, **options)
    assert names(tmp_path) == ["a.zip"]


def test_ordinary(tmp_path):
    files = {"a.txt": b"one", "sub/b.bin": bytes(range(256)) * 5000, "empty": b"", "ä/ö €": b"x"}
    result = unpacked(tmp_path, zips.make({"folder/": b"", **files}))
    assert tree(tmp_path / "out") == files
    assert (tmp_path / "out/folder").is_dir()
    assert (result.files, result.size, result.notes) == (4, 5000 * 256 + 4, [])


def test_empty_archive(tmp_path):
    unpacked(tmp_path, zips.make({}))
    assert tree(tmp_path / "out") == {}


def test_modes_are_plain(tmp_path):
    data = zips.make(
        [
            (zips.entry("run.sh", stat.S_IFREG | 0o6755), b"#!/bin/sh"),
            (zips.entry("data", stat.S_IFREG | 0o000), b"x"),
        ]
    )
    old = os.umask(0o022)
    try:
        unpacked(tmp_path, data)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "out/run.sh").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "out/data").stat().st_mode) == 0o644


def test_many_files(tmp_path):
    files = {f"{n:04}": str(n).encode() for n in range(600)}
    assert unpacked(tmp_path, zips.make(files)).files == 600
    assert tree(tmp_path / "out") == files


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "a/../../x",
        "..",
        "a/..",
        "/etc/x",
        "//x",
        "\\x",
        "C:/x",
        "c:\\x",
        "..\\x",
        "a\\..\\x",
    ],
)
def test_ways_out(tmp_path, name):
    refuse(tmp_path, zips.with_name(name.encode()), 'refused.*(absolute|".." in)')


@pytest.mark.parametrize("name", [b"a\x00b", b"\x00"])
def test_nul(tmp_path, name):
    refuse(tmp_path, zips.with_name(name), "NUL in its name")


def test_name_that_is_not_utf8(tmp_path):
    refuse(tmp_path, zips.with_name(b"a\xff\xfe"), "name that is not UTF-8")


def test_utf8_without_the_flag(tmp_path):
    unpacked(tmp_path, zips.with_name("größe".encode()))
    assert names(tmp_path / "out") == ["größe"]


@pytest.mark.parametrize("name", ["n" * 300, "é" * 200, "/".join(["d" * 100] * 30)])
def test_over_long(tmp_path, name):
    refuse(tmp_path, zips.make({name: b"x"}), "bytes")


@pytest.mark.parametrize("name", [".", "./", "//", "./."])
def test_no_name(tmp_path, name):
    refuse(tmp_path, zips.with_name(name.encode()), "no name|absolute")


@pytest.mark.parametrize(
    "kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFDIR]
)
def test_no_plain_files(tmp_path, kind):
    data = zips.make([(zips.entry("a", kind | 0o777), b"/etc/passwd")])
    refuse(tmp_path, data, "link or a device")


def test_writing_through_a_link_is_impossible(tmp_path):
    data = zips.make(
        [
            (zips.entry("a", stat.S_IFLNK | 0o777), b"/tmp"),
            (zips.entry("a/x"), b"pwned"),
        ]
    )
    refuse(tmp_path, data, "link or a device")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_twice(tmp_path):
    refuse(tmp_path, zips.make([(zips.entry("a"), b"1"), (zips.entry("./a"), b"2")]), "twice")


def test_file_and_folder_of_one_name(tmp_path):
    refuse(tmp_path, zips.make({"a": b"1", "a/b": b"2"}), "below something that is a file")
    refuse(tmp_path, zips.make({"a/b": b"2", "a": b"1"}), "below something that is a file")
    refuse(tmp_path, zips.make({"a": b"1", "a/": b""}), "below something that is a file")


def test_awkward_names_are_changed_and_told(tmp_path):
    files = {"a\\b": b"1", "tab\there": b"2", "c:notes": b"3", "fine": b"4"}
    result = unpacked(tmp_path, zips.make(files))
    assert set(tree(tmp_path / "out")) == {"a%5Cb", "tab%09here", "c%3Anotes", "fine"}
    assert len(result.notes) == 3
    assert "'c:notes' became c%3Anotes" in result.notes


def test_change_that_meets_another_name(tmp_path):
    refuse(tmp_path, zips.make({"a\\b": b"1", "a%5Cb": b"2"}), "twice")


def test_case_matters_where_the_file_system_says_so(tmp_path):
    files = {"A": b"1", "a": b"2", "Dir/x": b"3", "dir/x": b"4"}
    unpacked(tmp_path, zips.make(files))
    assert tree(tmp_path / "out") == files


def test_case_collisions_elsewhere(tmp_path):
    files = {
        "A.txt": b"1",
        "a.txt": b"2",
        "a.TXT": b"3",
        "Dir/x": b"4",
        "dir/x": b"5",
        "dir/y": b"",
    }
    result = unpacked(tmp_path, zips.make(files), case_sensitive=False)
    found = tree(tmp_path / "out")
    assert sorted(found.values()) == sorted(files.values())
    assert len({name.casefold() for name in found}) == len(files)
    assert {"a (2).txt", "dir (2)/x", "dir (2)/y"} <= set(found)
    assert any("differs only in case" in note for note in result.notes)


@pytest.mark.parametrize("size", [0, 10, 999, 1001, 2**31])
def test_declared_size_is_a_lie(tmp_path, size):
    refuse(tmp_path, zips.with_declared_size(size), "broken|announced|need")


def test_shared_data(tmp_path):
    refuse(tmp_path, zips.with_overlap(), "shares its data")


def test_encrypted(tmp_path):
    refuse(tmp_path, zips.encrypted(), "encrypted")


def test_too_many_entries(tmp_path):
    refuse(tmp_path, zips.make({str(n): b"" for n in range(11)}), "11 entries", most_entries=10)


def test_list_of_contents_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr(zip_rules, "_LARGEST_DIRECTORY", 50)
    refuse(tmp_path, zips.make({"a" * 100: b""}), "list of contents")


def test_bomb_meets_the_disk(tmp_path, small_disk):
    data = zips.make({"zeros": bytes(50 * 2**20)})
    assert len(data) < 100_000
    archive = small_disk / "a.zip"
    archive.write_bytes(data)
    with pytest.raises(FetchFailed, match="need 52428800 bytes"):
        unpack(archive, small_disk / "out")
    assert names(small_disk) == ["a.zip"]


def test_disk_full_half_way(tmp_path, small_disk, monkeypatch):
    """Somebody else fills the disk between the look and the writing."""
    monkeypatch.setattr(module, "_check_room", lambda *_: None)
    archive = tmp_path / "a.zip"
    archive.write_bytes(zips.make({"a": b"ok", "zeros": bytes(2 * 2**20)}))
    with pytest.raises(FetchFailed, match="disk of the workspace is full"):
        unpack(archive, small_disk / "out")
    assert names(small_disk) == []


@pytest.mark.parametrize(
    "data", [b"", b"PK", b"not a zip" * 100, b"PK\x05\x06" + b"\xff" * 18, b"PK\x05\x06\x00"]
)
def test_no_zip(tmp_path, data):
    refuse(tmp_path, data, "broken|entries|contents")


def test_zip64(tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as target, target.open("a", "w", force_zip64=True) as file:
        file.write(b"x" * 1000)
    assert unpack(archive, tmp_path / "out").files == 1


def test_stops_when_told(tmp_path):
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        unpacked(tmp_path, zips.make({"a": b"x"}), stop=stop)
    assert names(tmp_path) == ["a.zip"]


def test_target_that_is_there_is_not_touched(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("mine")
    with pytest.raises(FileExistsError):
        unpacked(tmp_path, zips.make({"a": b"x"}))
    assert tree(tmp_path / "out") == {"mine": b"mine"}


GOOD = zips.make({"a.txt": b"hello" * 100, "sub/b": b"x" * 3000, "c/": b""})


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=6),
    st.integers(0, len(GOOD)),
)
def test_damaged_archives(tmp_path_factory, changes, length):
    """Whatever bytes are changed or missing: a clear refusal and nothing left, or only inside."""
    data = bytearray(GOOD)
    for place, value in changes:
        data[place] = value
    folder = tmp_path_factory.mktemp("damaged")
    archive = folder / "a.zip"
    archive.write_bytes(data[:length])
    try:
        unpack(archive, folder / "out")
    except FetchFailed:
        assert names(folder) == ["a.zip"]
    else:
        assert names(folder) == ["a.zip", "out"]
