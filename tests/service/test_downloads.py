"""Output files: the list, single ones, output.zip with ranges, and the Execution folder."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import time
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from ccp_jupyter.hub_service.api.errors import NO_SUCH_JOB, RESULT_NOT_AVAILABLE
from tests.jobs import method
from tests.service.conftest import CheckedCaller
from tests.service.documents import check_error
from tests.service.test_bodies import MIB, peak

ZIP = "outputs/output.zip"


@pytest.fixture
def place(finished) -> str:
    return f"jobs/{finished.job}"


def test_list_of_files(alice, place):
    document = alice.http.get(f"{place}/outputs").json()
    files = {each["path"]: each for each in document["files"]}
    assert set(files) == {
        "input/table",
        "output/stats.json",
        "output/tä & b.csv",
        "page.html",
        "random.bin",
        "long.txt",
    }
    assert files["random.bin"]["size"] == 3_000_000
    assert files["long.txt"]["compressed"] < 20_000
    assert document["count"] == 6
    for each in files.values():
        assert len(alice.http.get(each["href"]).content) == each["size"]
    page = alice.http.get(f"{place}/outputs", params={"limit": 2, "offset": 1}).json()
    assert page["files"] == document["files"][1:3]
    assert {each["rel"] for each in page["links"]} == {"self", "next", "prev", "alternate"}


def test_files_are_never_shown_as_part_of_the_site(alice, place):
    answer = alice.http.get(f"{place}/outputs/page.html")
    assert answer.content == b"<script>\n"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    answer = alice.http.get(f"{place}/outputs/output/t%C3%A4%20%26%20b.csv")
    assert answer.headers["content-disposition"].endswith("''t%C3%A4%20%26%20b.csv")
    assert answer.headers["content-type"] == "text/csv"


@pytest.mark.parametrize(
    "path",
    ["none", "output", "output/", "..%2fevents.jsonl", "%2fetc%2fpasswd"],
)
def test_files_that_are_not_there(alice, place, path):
    check_error(alice.http.get(f"{place}/outputs/{path}"), 404, RESULT_NOT_AVAILABLE)


def test_jobs_without_files(alice, shell):
    job = alice.start(method("no-such-image:1", "true"))
    assert alice.wait(job)["status"] == "failed"
    for path in ("outputs", ZIP, "outputs/x"):
        error = check_error(alice.http.get(f"jobs/{job}/{path}"), 404, RESULT_NOT_AVAILABLE)
        assert "no-such-image" in error["detail"]


def test_ranges(alice, place):
    whole = alice.http.get(f"{place}/{ZIP}")
    size = len(whole.content)
    tag = whole.headers["etag"]
    assert whole.headers["accept-ranges"] == "bytes"
    assert int(whole.headers["content-length"]) == size
    for asked, start, end in (
        ("0-99", 0, 100),
        (f"{size - 10}-", size - 10, size),
        ("-7", size - 7, size),
        (f"100-{size * 2}", 100, size),
        (f"-{size * 2}", 0, size),
    ):
        answer = alice.http.get(f"{place}/{ZIP}", headers={"Range": f"bytes={asked}"})
        assert answer.status_code == 206, asked
        assert answer.content == whole.content[start:end]
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
    for ignored in ("bytes=5-2", "bytes=0-1,4-5", "lines=1-2", "bytes=-", "bytes=a-b"):
        answer = alice.http.get(f"{place}/{ZIP}", headers={"Range": ignored})
        assert (answer.status_code, len(answer.content)) == (200, size), ignored
    for outside in (f"bytes={size}-", "bytes=-0"):
        answer = alice.http.get(f"{place}/{ZIP}", headers={"Range": outside})
        check_error(answer, 416)
        assert answer.headers["content-range"] == f"bytes */{size}"
    same = {"Range": "bytes=0-9", "If-Range": tag}
    assert alice.http.get(f"{place}/{ZIP}", headers=same).status_code == 206
    other = {"Range": "bytes=0-9", "If-Range": '"other"'}
    assert alice.http.get(f"{place}/{ZIP}", headers=other).status_code == 200
    assert alice.http.get(f"{place}/{ZIP}", headers={"If-None-Match": tag}).status_code == 304


def folder(caller: CheckedCaller, place: str) -> zipfile.ZipFile:
    answer = caller.http.get(f"{place}/folder")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    return archive


def test_execution_folder(alice, place, finished, stack):
    archive = folder(alice, place)
    assert set(archive.namelist()) == {
        "metadata/request.json",
        "metadata/method.json",
        "metadata/infrastructure.json",
        "metadata/instance.json",
        "metadata/jobStatus.json",
        "metadata/folder.json",
        "metadata/events.jsonl",
        "metadata/provo.xml",
        "metadata/provo.ttl",
        "metadata/provo.json",
        "ro-crate-metadata.json",
        "metadata/manifest.json",
        "auth/jwt.json",
        "inputs/table",
        "outputs/output.zip",
        "outputs/stdout.1.txt",
        "outputs/stderr.1.txt",
    }

    def document(name: str):
        return json.loads(archive.read(name))

    assert archive.read("inputs/table") == b"hello"
    assert "aGVsbG8=" not in json.dumps(document("metadata/request.json"))
    assert document("metadata/method.json")["id"] == finished.method["id"]
    assert document("metadata/jobStatus.json")["status"] == "successful"
    instance = document("metadata/instance.json")["instances"][0]
    assert instance["exitCode"] == 0 and instance["containerID"]
    assert instance["node"] in stack.engines
    claims = document("auth/jwt.json")
    assert claims["name"] == "alice"
    assert archive.read("outputs/stdout.1.txt") == b"to stdout\n"
    assert archive.read("outputs/stderr.1.txt") == b"to stderr\n"
    assert archive.getinfo("outputs/output.zip").compress_type == zipfile.ZIP_STORED
    assert archive.read("outputs/output.zip") == alice.http.get(f"{place}/{ZIP}").content
    everything = b"".join(archive.read(name) for name in archive.namelist())
    assert alice.token.encode() not in everything
    assert b".sock" not in everything


def test_execution_folder_of_a_running_job(alice, sleeping):
    archive = folder(alice, f"jobs/{sleeping}")
    assert json.loads(archive.read("metadata/jobStatus.json"))["status"] == "running"
    assert archive.read("outputs/stdout.1.txt") == b"asleep\n"
    assert "outputs/output.zip" not in archive.namelist()


def test_logs_of_replicas(alice, shell):
    job = alice.start(method(shell, "echo out $ccptaskid; echo err $ccptaskid >&2"), ccpreplicas=2)
    alice.wait(job)
    archive = folder(alice, f"jobs/{job}")
    for number in (1, 2):
        assert archive.read(f"outputs/stdout.{number}.txt") == f"out {number}\n".encode()
        assert alice.log(job, task=number, stream="stderr") == f"err {number}\n"
    assert sorted(alice.log(job).splitlines()) == ["err 1", "err 2", "out 1", "out 2"]
    assert alice.log(job, task=3) == ""
    for query in ({"task": 0}, {"task": "x"}, {"stream": "stdin"}):
        assert alice.http.get(f"jobs/{job}/log", params=query).status_code == 400


@pytest.fixture(scope="module")
def large(callers, shell):
    """A job with 200 MiB that cannot be compressed."""
    alice = callers["alice"]
    job = alice.start(method(shell, "head -c 209715200 /dev/urandom > /ccp_data/large"))
    assert alice.wait(job)["status"] == "successful"
    return job


@pytest.mark.parametrize("path", ["folder", ZIP, "outputs/large"])
def test_large_downloads_need_little_memory(alice, large, stack, path):
    before = peak(stack.service.pid)
    size = 0
    with alice.http.stream("GET", f"jobs/{large}/{path}") as answer:
        assert answer.status_code == 200
        for chunk in answer.iter_raw():
            size += len(chunk)
    assert size >= 200 * MIB
    assert peak(stack.service.pid) - before < 40 * MIB


def test_readers_that_are_slow_or_go_away_cost_nothing(alice, large, stack):
    url = urlsplit(stack.service_url)
    assert url.hostname
    before = peak(stack.service.pid)
    connections = []
    for path in ("folder", ZIP, "outputs/large") * 4:
        connection = socket.create_connection((url.hostname, url.port or 80))
        connection.sendall(
            f"GET {url.path}jobs/{large}/{path} HTTP/1.1\r\nHost: {url.netloc}\r\n"
            f"Authorization: token {alice.token}\r\n\r\n".encode()
        )
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        connections.append(connection)
    time.sleep(1)
    assert alice.http.get("health").elapsed.total_seconds() < 1
    assert peak(stack.service.pid) - before < 100 * MIB
    for connection in connections:
        connection.close()
    deadline = time.monotonic() + 20
    while left := [p for p in (_open_files(stack.service.pid)) if p.endswith("output.zip")]:
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


def _open_files(pid: int) -> list[str]:
    found = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(str(each.readlink()))
        except FileNotFoundError:
            continue
    return found


def test_an_archive_that_breaks_off_is_not_taken_for_complete(alice, shell, stack):
    job = alice.start(method(shell, "head -c 50000000 /dev/urandom > /ccp_data/large"))
    alice.wait(job)
    archive = next((stack.data_dir / "executions").rglob(f"{job}/output.zip"))
    digest = hashlib.sha256(alice.http.get(f"jobs/{job}/{ZIP}").content).hexdigest()
    assert digest == hashlib.sha256(archive.read_bytes()).hexdigest()
    data = bytearray(archive.read_bytes())
    data[25_000_000] ^= 0xFF  # as a failing disk would
    archive.write_bytes(data)
    with pytest.raises(httpx.HTTPError):
        # The service cuts the connection; the hub's proxy leaves its own side open.
        alice.http.get(f"jobs/{job}/outputs/large", timeout=10)
    assert alice.http.delete(f"jobs/{job}").status_code == 200
    check_error(alice.http.get(f"jobs/{job}/{ZIP}"), 404, NO_SUCH_JOB)
