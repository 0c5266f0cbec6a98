"""red-connector-ssh against Debian's sshd, red-connector-ftp against an FTP server."""

from __future__ import annotations

import hashlib
import io
import shutil
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.ftp import BROKEN, FtpServer
from tests.connectors.ssh import PASSWORD, SshServer
from tests.contract.connectors.container import Runner, connector, directory, file

CONTENT = bytes(range(256)) * 3000
CHECKSUM = "sha1$" + hashlib.sha1(CONTENT).hexdigest()
LISTING = [
    {"class": "File", "basename": "a", "size": 1},
    {"class": "Directory", "basename": "sub", "listing": [{"class": "File", "basename": "b"}]},
]


@pytest.fixture
def place(ssh: SshServer) -> Iterator[Path]:
    """A folder in the user's home, for one test."""
    folder = ssh.home / uuid.uuid4().hex
    folder.mkdir()
    fill(folder)
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, ssh.user)
    yield folder
    shutil.rmtree(folder)


def fill(folder: Path) -> None:
    (folder / "in.bin").write_bytes(CONTENT)
    (folder / "dir/sub").mkdir(parents=True)
    (folder / "dir/a").write_text("A")
    (folder / "dir/sub/b").write_text("BB")
    (folder / "dir/unlisted").write_text("?")


def output(kind: str, command: str, access: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"class": kind, "connector": connector(command, access), **members}


def declared(**globs: str) -> dict[str, Any]:
    """Return declarations; names of directories begin with d."""
    return {
        name: {
            "type": "Directory" if name.startswith("d") else "File",
            "outputBinding": {"glob": glob},
        }
        for name, glob in globs.items()
    }


@pytest.mark.parametrize("key", [False, True], ids=["password", "key"])
async def test_ssh_file(runner: Runner, ssh: SshServer, place: Path, key: bool) -> None:
    access = ssh.access(key=key, filePath=f"{place}/in.bin")
    sent = ssh.access(key=key, filePath=f"~/{place.name}/new/out.bin")
    done = await runner.sh(
        "cp ../inputs/in-f/f out.bin",
        inputs={"f": file("f", "ssh", access, checksum=CHECKSUM, size=len(CONTENT))},
        outputs={"o": output("File", "ssh", sent, checksum=CHECKSUM)},
        declared=declared(o="out.bin"),
    )
    done.succeeded()
    assert (place / "new/out.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("listed", [False, True], ids=["whole", "listing"])
async def test_ssh_directory(runner: Runner, ssh: SshServer, place: Path, listed: bool) -> None:
    members = {"listing": LISTING} if listed else {}
    done = await runner.sh(
        "cd ../inputs/d; find . -type f | sort; mkdir -p ../../outputs/r/sub;"
        " cp -r $(find . -name a) $(find . -name sub) ../../outputs/r",
        inputs={"d": directory("d", "ssh", ssh.access(dirPath=f"{place}/dir"), **members)},
        outputs={"do": output("Directory", "ssh", ssh.access(dirPath=f"{place}/back"), **members)},
        declared=declared(do="r"),
    )
    done.succeeded()
    # Without a listing the folder itself comes into the one that the agent has made.
    prefix = "./" if listed else "./dir/"
    names = ["a", "sub/b"] if listed else ["a", "sub/b", "unlisted"]
    assert done.stdout.split() == [prefix + name for name in names]
    assert (place / "back/a").read_text() == "A"
    assert (place / "back/sub/b").read_text() == "BB"


@pytest.mark.parametrize("wrong", ["password", "file", "host", "listing"])
async def test_ssh_failures(runner: Runner, ssh: SshServer, place: Path, wrong: str) -> None:
    access: dict[str, Any] = ssh.access(filePath=f"{place}/in.bin")
    value = file("f", "ssh", access)
    if wrong == "password":
        access["auth"]["password"] = PASSWORD + "-no"
    elif wrong == "file":
        access["filePath"] += ".none"
    elif wrong == "host":
        access.update(port=1, timeout=3)
    else:
        missing = [*LISTING, {"class": "File", "basename": "none"}]
        value = directory("f", "ssh", ssh.access(dirPath=f"{place}/dir"), listing=missing)
    done = await runner.sh("true", inputs={"f": value})
    done.failed("input f: ")
    assert PASSWORD not in done.debug + done.stderr
    assert not done.result["process"]["executed"]


@pytest.fixture
def shelf(ftp: FtpServer) -> Iterator[Path]:
    """A folder of the FTP server, for one test."""
    folder = ftp.home / uuid.uuid4().hex
    folder.mkdir()
    fill(folder)
    (folder / BROKEN).write_bytes(CONTENT)
    yield folder
    shutil.rmtree(folder)


async def test_ftp_file(runner: Runner, ftp: FtpServer, shelf: Path) -> None:
    access = ftp.access(f"{shelf.name}/in.bin")
    done = await runner.sh(
        "cp ../inputs/in-f/f out.bin",
        inputs={"f": file("f", "ftp", access, checksum=CHECKSUM, size=len(CONTENT))},
        outputs={"o": output("File", "ftp", ftp.access(f"{shelf.name}/out.bin"))},
        declared=declared(o="out.bin"),
    )
    done.succeeded()
    assert (shelf / "out.bin").read_bytes() == CONTENT


async def test_ftp_anonymous(runner: Runner, ftp: FtpServer, shelf: Path) -> None:
    access = ftp.access(f"{shelf.name}/in.bin")
    del access["auth"]
    done = await runner.sh("true", inputs={"f": file("f", "ftp", access, checksum=CHECKSUM)})
    done.succeeded()


async def test_ftp_directory(runner: Runner, ftp: FtpServer, shelf: Path) -> None:
    access = ftp.access(f"{shelf.name}/dir")
    inputs = {"d": directory("d", "ftp", access, listing=LISTING)}
    done = await runner.sh("cd ../inputs/d; cat a sub/b", inputs=inputs)
    assert done.succeeded().stdout == "ABB\n"


async def test_ftp_archive(runner: Runner, ftp: FtpServer, shelf: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a", "A")
    (shelf / "x.zip").write_bytes(packed.getvalue())
    # This connector takes no notice of `port`.
    url = f"ftp://{ftp.host}:{ftp.port}/{shelf.name}/x.zip"
    access = ftp.access("", url=url, archiveFormat="zip")
    done = await runner.sh(
        "cd ../inputs/d; find . -type f -exec cat {} +",
        inputs={"d": directory("d", "ftp-archive", access)},
    )
    assert done.succeeded().stdout == "A\n"


@pytest.mark.parametrize("wrong", ["login", "name", "connection"])
async def test_ftp_failures(runner: Runner, ftp: FtpServer, shelf: Path, wrong: str) -> None:
    name = {"login": "in.bin", "name": "none", "connection": BROKEN}[wrong]
    access = ftp.access(f"{shelf.name}/{name}")
    if wrong == "login":
        access["auth"] = {"username": "ftpuser", "password": "no-no"}
    done = await runner.sh("true", inputs={"f": file("f", "ftp", access, size=len(CONTENT))})
    done.failed("input f: ")
    assert "no-no" not in done.debug + done.stderr


async def test_ftp_send_that_breaks_off(runner: Runner, ftp: FtpServer, shelf: Path) -> None:
    done = await runner.sh(
        "head -c 3000000 /dev/zero >big; echo x >small",
        outputs={
            "big": output("File", "ftp", ftp.access(f"{shelf.name}/{BROKEN}-too")),
            "small": output("File", "ftp", ftp.access(f"{shelf.name}/small")),
        },
        declared=declared(big="big", small="small"),
    )
    done.failed("output big: red-connector-ftp send-file")
    assert (shelf / "small").read_text() == "x\n"
