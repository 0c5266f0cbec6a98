"""A batch's result folder: what is kept of it, and what a hostile batch does not achieve."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from typing import Any

import pytest

from ccp_jupyter.hub_service.controller.batch_result import read_result
from ccp_jupyter.hub_service.masking import Masker

REPORT: dict[str, Any] = {
    "job": 1,
    "command": ["grep"],
    "process": {"returnCode": 0, "executed": True, "stdout": "out.txt", "stderr": "x.stderr"},
    "inputs": {"text": {"class": "File", "path": "/cc/inputs/u/text", "size": 16}},
    "outputs": {"hits": {"class": "File", "glob": "hits.txt", "path": "/cc/outputs/hits.txt"}},
    "state": "succeeded",
    "debugInfo": None,
}


def make_tar(*members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, data, *changes in members:
            info = tarfile.TarInfo(f"result/{name}")
            info.size = len(data)
            for key, value in (changes[0] if changes else {}).items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(data))
    stream.seek(0)
    return stream


def read(tmp_path, *members, size=1000, masker=None):
    target = tmp_path / "part-1.zip"
    packed = read_result(make_tar(*members), target, size, masker or Masker([]))
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        return packed, {name: archive.read(name) for name in archive.namelist()}


def report(**changes):
    return json.dumps({**REPORT, **changes}).encode()


def test_streams_and_report_come_back(tmp_path):
    packed, found = read(
        tmp_path, ("stdout", b"a\n"), ("stderr", b"b\n"), ("result.json", report())
    )
    assert found["stdout"], found["stderr"] == (b"a\n", b"b\n")
    assert json.loads(found["result.json"]) == packed.result
    assert packed.result is not None
    assert packed.result["outputs"]["hits"]["glob"] == "hits.txt"
    assert packed.notes == []


def test_secrets_are_masked_everywhere_also_across_pieces(tmp_path):
    secret = "s3cret-of-the-user"
    noise = b"x" * (64 * 1024 - 5)
    packed, found = read(
        tmp_path,
        ("stdout", noise + secret.encode() + b"\n"),
        ("result.json", report(debugInfo=[f"login with {secret} failed"], state="failed")),
        size=200_000,
        masker=Masker([secret]),
    )
    assert packed.result is not None
    assert packed.result["debugInfo"] == ["login with *** failed"]
    assert found["stdout"] == noise + b"***\n"
    assert not any(secret.encode() in data for data in found.values())


def test_without_a_masker_what_may_hold_a_secret_is_left_out(tmp_path):
    target = tmp_path / "part-1.zip"
    tar = make_tar(("stdout", b"secret"), ("result.json", report(debugInfo=["secret"])))
    packed = read_result(tar, target, 1000, None)
    assert packed.result is not None
    assert packed.result["state"] == "succeeded"
    assert packed.result["debugInfo"] is None
    assert "the vault has lost" in packed.notes[0]
    with zipfile.ZipFile(target) as archive:
        assert archive.namelist() == ["result.json"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        report(state="done"),
        report(command="grep"),
        report(process={"returnCode": 0}),
        report(process={**REPORT["process"], "returnCode": 10**30}),
        report(debugInfo="text"),
        json.dumps({k: v for k, v in REPORT.items() if k != "outputs"}).encode(),
        b" " * (5 * 2**20),
    ],
    ids=lambda data: repr(data[:40]),
)
def test_a_damaged_report_is_no_report_and_says_so(tmp_path, data):
    packed, found = read(tmp_path, ("stdout", b"kept"), ("result.json", data))
    assert packed.result is None
    assert packed.notes[0].startswith("the agent's report")
    assert found == {"stdout": b"kept"}


def test_a_long_report_is_cut_for_the_store_and_whole_in_the_zip(tmp_path):
    listing = {f"f{n}": {"class": "File", "path": "/x" * 100} for n in range(2000)}
    packed, found = read(tmp_path, ("result.json", report(inputs=listing)))
    assert packed.result is not None
    assert packed.result["inputs"] is None
    assert "too long" in packed.result["debugInfo"][-1]
    assert len(json.loads(found["result.json"])["inputs"]) == 2000


def test_other_names_links_and_doubles_are_left_out(tmp_path):
    _, found = read(
        tmp_path,
        ("stdout", b"first"),
        ("stdout", b"second"),
        ("../stderr", b"outside"),
        ("sub/stderr", b"below"),
        ("more", b"more"),
        ("result.json", b"", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}),
    )
    assert found == {"stdout": b"first"}


def test_streams_are_bounded(tmp_path):
    packed, found = read(tmp_path, ("stderr", b"x" * 500_000), size=10_000)
    assert len(found["stderr"]) < 100_000
    assert packed.notes == ["stderr was cut"]


def test_a_tar_that_is_cut_off_is_an_error_and_leaves_nothing(tmp_path):
    data = make_tar(("stdout", b"x" * 5000), ("result.json", report())).read()
    for end in (700, 3000, 6500):
        with pytest.raises(tarfile.TarError):
            read_result(io.BytesIO(data[:end]), tmp_path / "part-1.zip", 10**6, Masker([]))
    assert list(tmp_path.iterdir()) == []
