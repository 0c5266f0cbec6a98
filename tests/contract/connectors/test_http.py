"""red-connector-http and its relatives against a real web server."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from typing import Any

import pytest

from tests.connectors.web import PASSWORD, USER, WebServer
from tests.contract.connectors.container import Runner, connector, directory, file

AUTH = {"username": USER, "password": PASSWORD}
CONTENT = bytes(range(256)) * 1000
CHECKSUM = "sha1$" + hashlib.sha1(CONTENT).hexdigest()


def send(web: WebServer, name: str, area: str = "open", kind: str = "File", **members: Any) -> Any:
    access = {"url": web.url(area, name), **members}
    return {"class": kind, "connector": connector("http", access)}


def glob(pattern: str) -> dict[str, Any]:
    return {"type": "File", "outputBinding": {"glob": pattern}}


@pytest.mark.parametrize("method", ["Basic", "Digest"])
async def test_there_and_back_with_a_login(runner: Runner, web: WebServer, method: str) -> None:
    web.files["in.bin"] = CONTENT
    area, auth = method.lower(), {**AUTH, "method": method}
    access = {"url": web.url(area, "in.bin"), "auth": auth}
    done = await runner.sh(
        "cp ../inputs/in-f/f copy",
        inputs={"f": file("f", "http", access, checksum=CHECKSUM, size=len(CONTENT))},
        outputs={
            "put": send(web, "put", area, auth=auth, method="PUT"),
            "post": send(web, "post", area, auth=auth),
        },
        declared={"put": glob("copy"), "post": glob("copy")},
    )
    done.succeeded()
    assert web.files["put"] == web.files["post"] == CONTENT
    assert any(request == ("POST", f"/{area}/post", 201) for request in web.requests)


@pytest.mark.parametrize(
    ("area", "text"),
    [("basic", "401"), ("digest", "401"), ("error", "500"), ("open", "404"), ("broken", "")],
)
async def test_what_cannot_be_received(
    runner: Runner, web: WebServer, area: str, text: str
) -> None:
    if area != "open":
        web.files["f"] = CONTENT
    access: dict[str, Any] = {"url": web.url(area, "f")}
    if area in ("basic", "digest"):
        auth = {"username": USER, "password": "wrong-Password", "method": area.capitalize()}
        access["auth"] = auth
    value = file("f", "http", access, checksum=CHECKSUM, size=len(CONTENT))
    done = await runner.sh("echo never", inputs={"f": value})
    done.failed("input f: ", text)
    assert "wrong-Password" not in done.debug + done.stderr
    assert not done.result["process"]["executed"]
    assert done.stdout == ""


async def test_a_broken_transfer_is_noticed_by_its_size(runner: Runner, web: WebServer) -> None:
    """Also where the connector takes half a file for a whole one."""
    web.files["f"] = CONTENT
    value = file("f", "http", {"url": web.url("broken", "f")}, size=len(CONTENT))
    (await runner.sh("true", inputs={"f": value})).failed("input f: ")


async def test_wrong_checksum(runner: Runner, web: WebServer) -> None:
    web.files["f"] = CONTENT + b"!"
    value = file("f", "http", {"url": web.url("open", "f")}, checksum=CHECKSUM)
    done = await runner.sh("true", inputs={"f": value})
    done.failed("input f: /cc/inputs/in-f/f has the checksum sha1$", CHECKSUM)


async def test_slow_files_side_by_side(runner: Runner, web: WebServer) -> None:
    web.files["f"] = b"slow and steady"
    names = ["a", "b", "c", "d"]
    inputs = {name: file(name, "http", {"url": web.url("slow", "f")}) for name in names}
    done = await runner.sh("cat ../inputs/*/?", inputs=inputs, validate=False)
    done.succeeded()
    assert done.stdout == "slow and steady" * 4 + "\n"
    assert web.most_at_once > 1


async def test_wrong_access_is_found_before_anything_moves(runner: Runner, web: WebServer) -> None:
    web.files["f"] = b"x"
    inputs = {
        "good": file("good", "http", {"url": web.url("open", "f")}),
        "bad": file("bad", "http", {"urll": web.url("open", "f"), "auth": {"password": 987654321}}),
    }
    done = await runner.sh("true", inputs=inputs)
    done.failed("input bad: red-connector-http receive-file-validate ended with exit code")
    assert web.requests == []
    assert "987654321" not in done.debug + done.stderr


async def test_directory_by_listing(runner: Runner, web: WebServer) -> None:
    web.files |= {"dir/a": b"A", "dir/sub/b": b"BB"}
    listing: list[dict[str, Any]] = [
        {"class": "File", "basename": "a", "size": 1},
        {"class": "Directory", "basename": "sub", "listing": [{"class": "File", "basename": "b"}]},
    ]
    access = {"url": web.url("open", "dir")}
    inputs = {"d": directory("d", "http", access, listing=listing)}
    done = (await runner.sh("cat ../inputs/d/a ../inputs/d/sub/b", inputs=inputs)).succeeded()
    assert done.stdout == "ABB\n"
    assert done.result["inputs"]["d"]["listing"] == listing
    listing[0]["size"] = 2
    done = await runner.sh("true", inputs=inputs)
    done.failed("input d: /cc/inputs/d/a has 1 bytes, its size shall be 2")


def zipped(files: dict[str, bytes]) -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return output.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return output.getvalue()


@pytest.mark.parametrize(("form", "pack"), [("zip", zipped), ("gztar", tarred)])
async def test_archives(runner: Runner, web: WebServer, form: str, pack: Any) -> None:
    web.files["archive"] = pack({"top/a": b"A", "top/sub/b": b"BB"})
    access = {"url": web.url("open", "archive"), "archiveFormat": form}
    inputs = {"d": directory("d", "http-archive", access)}
    done = await runner.sh("cd ../inputs/d; find . -type f | sort | xargs cat", inputs=inputs)
    assert done.succeeded().stdout == "ABB\n"
    web.files["archive"] = web.files["archive"][:-30]
    done = await runner.sh("true", inputs=inputs)
    done.failed("input d: red-connector-http-archive receive-dir ended with exit code")


async def test_json(runner: Runner, web: WebServer) -> None:
    web.files["in"] = b'{"a": [1, 2]}'
    done = await runner.sh(
        "cat ../inputs/in-f/f >out.json",
        inputs={"f": file("f", "http-json", {"url": web.url("open", "in")})},
        outputs={
            "o": {
                "class": "File",
                "connector": connector("http-json", {"url": web.url("open", "out")}),
            }
        },
        declared={"o": glob("out.json")},
    )
    done.succeeded()
    assert json.loads(web.files["out"]) == {"a": [1, 2]}


async def test_sends_go_on_when_one_breaks_off(runner: Runner, web: WebServer) -> None:
    done = await runner.sh(
        "echo 1 >one; head -c 3000000 /dev/zero >two; echo 3 >three; echo said",
        outputs={
            "one": send(web, "one", "error"),
            "two": send(web, "two", "broken"),
            "three": send(web, "three"),
            "out": send(web, "out", kind="stdout"),
        },
        declared={
            "one": glob("one"),
            "two": glob("two"),
            "three": glob("three"),
            "out": {"type": "stdout"},
        },
    )
    done.failed("output one: ", "500", "output two: ")
    assert "output three" not in done.debug
    assert web.files == {"three": b"3\n", "out": b"said\n"}
    assert done.debug.index("output one") < done.debug.index("output two")
    assert done.result["process"]["returnCode"] == 0
