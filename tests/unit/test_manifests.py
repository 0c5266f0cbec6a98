"""What output zips hold, by digest: computed while they are written, and made anew when lost."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import io
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccp_jupyter.hub_service import manifests
from ccp_jupyter.hub_service.controller.batch_result import read_result
from ccp_jupyter.hub_service.controller.outputs import join, manifest_beside, pack
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.masking import Masker
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.manifest import Manifest, OutputFile
from tests.contract.store_data import an_execution
from tests.unit.controller.test_outputs import make_tar


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def listed(manifest: Manifest) -> dict[str, tuple[int, str]]:
    return {file.path: (file.size, file.sha256) for file in manifest.files}


def packed(folder: Path, number: int, **files: bytes) -> Path:
    target = folder / f"part-{number}.zip"
    pack(make_tar(*((f"ccp_data/{n}", c) for n, c in files.items())), target, Limits())
    return target


@given(files=st.dictionaries(st.sampled_from("abcdef"), st.binary(max_size=2000)))
@settings(max_examples=30, deadline=None)
def test_what_is_noted_while_packing_is_what_reading_finds(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("packed")
    target = packed(folder, 1, **files)
    noted = manifests.read(manifest_beside(target))
    assert noted == manifests.from_zip(target)
    assert listed(noted) == {name: (len(data), sha(data)) for name, data in files.items()}
    shutil.rmtree(folder)


def test_large_and_linked_and_doubled_files(tmp_path):
    noise = os.urandom(700_000)
    link = {"type": tarfile.SYMTYPE, "linkname": "noise"}
    archive = make_tar(
        ("ccp_data/noise", noise),
        ("ccp_data/link", None, link),
        ("ccp_data/folder", None, {"type": tarfile.DIRTYPE}),
        ("ccp_data/twice", b"first"),
        ("ccp_data/twice", b"second"),
        ("ccp_data/bad\udcff", b"x"),
    )
    target = tmp_path / "part-1.zip"
    with pytest.warns(UserWarning, match="Duplicate name"):
        pack(archive, target, Limits())
    noted = manifests.read(manifest_beside(target))
    assert noted == manifests.from_zip(target)
    found = listed(noted)
    assert found["noise"] == found["link"] == (700_000, sha(noise))
    assert found["twice"] == (6, sha(b"second"))
    assert sorted(found) == ["bad%FF", "link", "noise", "twice"]


def test_a_batch_has_digests_of_what_is_kept_not_of_what_came(tmp_path):
    archive = make_tar(("ccp_batch/stdout", b"the word is hunter2\n"))
    target = tmp_path / "part-1.zip"
    read_result(archive, target, 1000, Masker(["hunter2"]))
    noted = manifests.read(manifest_beside(target))
    assert noted == manifests.from_zip(target)
    assert listed(noted)["stdout"][1] != sha(b"the word is hunter2\n")


def test_joined_zips(tmp_path):
    parts = {f"replica-{n}": packed(tmp_path, n, a=b"%d" % n, b=b"same") for n in (2, 1)}
    manifest_beside(parts["replica-1"]).unlink()  # as after a crash
    target, listing = tmp_path / "output.zip", tmp_path / "manifest.json"
    made = join(parts, target, listing)
    assert made == manifests.read(listing) == manifests.from_zip(target)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["manifest.json", "output.zip"]
    assert list(listed(made)) == [f"replica-{n}/{name}" for n in (1, 2) for name in "ab"]


def test_the_same_files_have_the_same_digest_whenever_zipped(tmp_path):
    for name, mtime in (("one", 1_600_000_000), ("two", 1_700_000_000)):
        (tmp_path / name).mkdir()
        members = [("ccp_data/x", b"1", {"mtime": mtime}), ("ccp_data/y", b"2")]
        archive = make_tar(*(members if name == "one" else members[::-1]))
        pack(archive, tmp_path / name / "part-1.zip", Limits())
    one, two = (manifests.from_zip(tmp_path / name / "part-1.zip") for name in ("one", "two"))
    assert one.digest == two.digest
    other = Manifest.of([one.files[0], one.files[1].model_copy(update={"path": "z"})])
    assert other.digest != one.digest


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"files": [{"path": "a"}]}',
        '{"files": [{"path": "a", "size": -1, "sha256": "' + "0" * 64 + '"}]}',
        '{"files": [{"path": "a", "size": 1, "sha256": "' + "Z" * 64 + '"}]}',
        '{"files": []}',  # of another zip
        '{"files": [{"path": "a", "size": 999, "sha256": "' + "0" * 64 + '"}]}',
        "\x00" * 100,
        "[" * 100_000,
    ],
)
def test_a_manifest_that_is_missing_damaged_or_of_another_zip_is_made_anew(tmp_path, text):
    target = packed(tmp_path, 1, a=b"hello")
    listing = tmp_path / "manifest.json"
    listing.write_text(text)
    made = manifests.kept(listing, target)
    assert listed(made) == {"a": (5, sha(b"hello"))}
    assert manifests.read(listing) == made


def test_a_full_disk_leaves_the_manifest_that_was_there(tmp_path, monkeypatch):
    listing = tmp_path / "manifest.json"
    old = Manifest.of([OutputFile(path="a", size=1, sha256=sha(b"x"))])
    manifests.write(listing, old)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        manifests.write(listing, Manifest.of([]))
    assert manifests.read(listing) == old
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


async def test_asked_for_by_many_it_is_made_once(tmp_path, monkeypatch):
    folders = Folders(tmp_path)
    execution = an_execution().model_copy(update={"output_size": 1})
    target = folders.outputs(execution.id)
    target.parent.mkdir(parents=True)
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a", "hello")
    made: list[Path] = []
    read = manifests.from_zip

    def counted(path: Path) -> Manifest:
        made.append(path)
        return read(path)

    monkeypatch.setattr(manifests, "from_zip", counted)
    asked = (manifests.manifest_of(folders, execution) for _ in range(8))
    found = await asyncio.gather(*asked)
    assert all(each == found[0] for each in found)
    assert made == [target]
    assert folders.manifest(execution.id).exists()


async def test_no_zip_no_manifest(tmp_path):
    execution = an_execution()
    assert await manifests.manifest_of(Folders(tmp_path), execution) is None
    gone = execution.model_copy(update={"output_size": 1})
    assert await manifests.manifest_of(Folders(tmp_path), gone) is None


def test_a_hashed_sink_passes_everything_on():
    sink = io.BytesIO()
    hashed = manifests.Hashed(sink)
    assert hashed.write(b"ab") == 2
    hashed.write(b"")
    hashed.write(b"c")
    assert sink.getvalue() == b"abc"
    assert hashed.file("x") == OutputFile(path="x", size=3, sha256=sha(b"abc"))
