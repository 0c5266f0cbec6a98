"""From an engine's tar to output.zip: what comes back, and what hostile folders do not achieve."""

import errno
import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from ccp_jupyter.hub_service.controller.outputs import NoRoom, OutputsTooLarge, join, pack
from ccp_jupyter.model.infrastructure import Limits

LIMITS = Limits.model_validate({"output_size": "10MiB", "output_files": 50})


def make_tar(*members):
    """Build a tar as docker sends it, from (name, content or TarInfo changes)."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        root = tarfile.TarInfo("ccp_data/")
        root.type = tarfile.DIRTYPE
        tar.addfile(root)
        for name, content, *more in members:
            info = tarfile.TarInfo(name)
            info.mtime = 1_700_000_000
            info.mode = 0o644
            for key, value in (more[0] if more else {}).items():
                setattr(info, key, value)
            data = content or b""
            if info.type == tarfile.REGTYPE:
                info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    stream.seek(0)
    return stream


def packed(tmp_path, *members, limits=LIMITS):
    target = tmp_path / "part-1.zip"
    result = pack(make_tar(*members), target, limits)
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        content = {n: archive.read(n) for n in archive.namelist() if not n.endswith("/")}
    return content, result


def test_files_and_folders_come_back_as_they_were(tmp_path):
    noise = os.urandom(600_000)
    content, result = packed(
        tmp_path,
        ("ccp_data/a.txt", b"hello " * 1000),
        ("ccp_data/sub", None, {"type": tarfile.DIRTYPE}),
        ("ccp_data/sub/noise.bin", noise),
        ("ccp_data/empty", b""),
        ("ccp_data/ünï ço dé.txt", b"x"),
    )
    assert content == {
        "a.txt": b"hello " * 1000,
        "sub/noise.bin": noise,
        "empty": b"",
        "ünï ço dé.txt": b"x",
    }
    assert (result.files, result.notes) == (4, [])
    assert result.size == 6000 + 600_000 + 1


def test_compressible_is_compressed_and_noise_is_not(tmp_path):
    packed(tmp_path, ("ccp_data/a", b"0" * 100_000), ("ccp_data/b", os.urandom(100_000)))
    with zipfile.ZipFile(tmp_path / "part-1.zip") as archive:
        assert archive.getinfo("a").compress_type == zipfile.ZIP_DEFLATED
        assert archive.getinfo("b").compress_type == zipfile.ZIP_STORED


def test_modes_and_times_are_kept(tmp_path):
    packed(tmp_path, ("ccp_data/run.sh", b"#!/bin/sh", {"mode": 0o755, "mtime": 1_700_000_000}))
    with zipfile.ZipFile(tmp_path / "part-1.zip") as archive:
        info = archive.getinfo("run.sh")
    assert stat.S_IMODE(info.external_attr >> 16) == 0o755
    assert info.date_time == (2023, 11, 14, 22, 13, 20)


def test_times_before_zip_knew_any(tmp_path):
    content, _ = packed(tmp_path, ("ccp_data/old", b"x", {"mtime": 0}))
    assert content == {"old": b"x"}


def test_links_inside_become_copies_and_links_outside_are_left_out(tmp_path):
    symlink, hardlink = tarfile.SYMTYPE, tarfile.LNKTYPE
    content, result = packed(
        tmp_path,
        ("ccp_data/latest", None, {"type": symlink, "linkname": "runs/1.txt"}),
        ("ccp_data/runs/1.txt", b"one"),
        ("ccp_data/runs/same", None, {"type": hardlink, "linkname": "ccp_data/runs/1.txt"}),
        ("ccp_data/absolute", None, {"type": symlink, "linkname": "/ccp_data/runs/1.txt"}),
        ("ccp_data/passwd", None, {"type": symlink, "linkname": "/etc/passwd"}),
        ("ccp_data/up", None, {"type": symlink, "linkname": "../etc/passwd"}),
        ("ccp_data/loop", None, {"type": symlink, "linkname": "loop"}),
    )
    assert content == {
        "runs/1.txt": b"one",
        "latest": b"one",
        "runs/same": b"one",
        "absolute": b"one",
    }
    notes = "\n".join(result.notes)
    assert "passwd is a link to /etc/passwd" in notes
    assert "up is a link" in notes
    assert "loop is a link" in notes


def test_names_that_lead_out_of_the_folder_are_left_out(tmp_path):
    content, _ = packed(tmp_path, ("ccp_data/../../x", b"evil"), ("ccp_data/ok", b"fine"))
    assert content == {"ok": b"fine"}


def test_devices_and_pipes_are_left_out_with_a_note(tmp_path):
    content, result = packed(tmp_path, ("ccp_data/pipe", None, {"type": tarfile.FIFOTYPE}))
    assert content == {}
    assert result.notes == ["pipe is no ordinary file and was left out"]


def test_a_name_that_is_not_utf8_gets_percent_signs(tmp_path):
    content, result = packed(tmp_path, ("ccp_data/caf\udce9.txt", b"x"))
    assert content == {"caf%E9.txt": b"x"}
    assert "caf%E9.txt" in result.notes[0]


def test_too_much_is_refused_before_it_is_read(tmp_path):
    huge = tarfile.TarInfo("ccp_data/huge")
    huge.size = 10 * 2**30
    stream = io.BytesIO(huge.tobuf(tarfile.GNU_FORMAT))  # a header only: nothing follows it
    with pytest.raises(OutputsTooLarge, match="huge with 10737418240 bytes"):
        pack(stream, tmp_path / "part-1.zip", LIMITS)
    assert list(tmp_path.iterdir()) == []


def test_too_many_files_are_refused(tmp_path):
    members = [(f"ccp_data/{n}", b"") for n in range(51)]
    with pytest.raises(OutputsTooLarge, match="50 files"):
        pack(make_tar(*members), tmp_path / "part-1.zip", LIMITS)
    assert list(tmp_path.iterdir()) == []


def test_links_count_towards_the_limits(tmp_path):
    link = {"type": tarfile.LNKTYPE, "linkname": "ccp_data/big"}
    members = [("ccp_data/big", b"0" * (4 * 2**20))]
    members += [(f"ccp_data/l{n}", None, link) for n in range(3)]  # type: ignore[misc]
    with pytest.raises(OutputsTooLarge):
        pack(make_tar(*members), tmp_path / "part-1.zip", LIMITS)


@pytest.mark.parametrize("cut", [0, 100, 700, 2000])
def test_a_stream_that_is_cut_off_leaves_nothing(tmp_path, cut):
    whole = make_tar(("ccp_data/a", os.urandom(5000))).getvalue()
    with pytest.raises((tarfile.TarError, EOFError, OSError)):
        pack(io.BytesIO(whole[:cut]), tmp_path / "part-1.zip", LIMITS)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, small_disk):
    stream = make_tar(("ccp_data/noise", os.urandom(3 * 2**20)))
    with pytest.raises(NoRoom):
        pack(stream, small_disk / "part-1.zip", LIMITS)
    assert list(small_disk.iterdir()) == []


def part(path: Path, **files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_one_part_is_the_whole(tmp_path):
    only = part(tmp_path / "part-1.zip", a="1")
    join({"": only}, tmp_path / "output.zip", tmp_path / "manifest.json")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["manifest.json", "output.zip"]
    with zipfile.ZipFile(tmp_path / "output.zip") as archive:
        assert archive.namelist() == ["a"]


def test_parts_get_a_folder_each_and_equal_names_do_not_clash(tmp_path):
    parts = {
        f"replica-{n}": part(tmp_path / f"part-{n}.zip", same=str(n) * 5000, ö=str(n))
        for n in (1, 2, 3)
    }
    join(parts, tmp_path / "output.zip", tmp_path / "manifest.json")
    with zipfile.ZipFile(tmp_path / "output.zip") as archive:
        assert archive.testzip() is None
        assert archive.read("replica-2/same") == b"2" * 5000
        assert archive.read("replica-3/ö") == b"3"
        assert len(archive.namelist()) == 6
    assert sorted(p.name for p in tmp_path.iterdir()) == ["manifest.json", "output.zip"]


def test_other_programs_can_read_a_joined_zip(tmp_path):
    import subprocess

    parts = {str(n): part(tmp_path / f"part-{n}.zip", data="x" * 100_000) for n in (1, 2)}
    join(parts, tmp_path / "output.zip", tmp_path / "manifest.json")
    subprocess.run(["python3", "-m", "zipfile", "-t", tmp_path / "output.zip"], check=True)


def test_other_errors_of_the_disk_are_not_taken_for_a_full_one(tmp_path):
    with pytest.raises(OSError) as caught:
        pack(make_tar(), tmp_path / "file" / "x" / ("n" * 300), LIMITS)
    assert caught.value.errno == errno.ENAMETOOLONG
