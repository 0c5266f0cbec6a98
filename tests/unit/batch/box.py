"""A folder in place of ``/cc``, with connectors, in which the agent runs as a process."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ccp_jupyter.hub_service import batch

AGENT = Path(batch.__file__).with_name("agent.py")

CONNECTOR = f"""#!{sys.executable} -IS
import json, os, sys, time
name, arguments = sys.argv[1], sys.argv[2:]
if name == "cli-version":
    print("1")
    sys.exit()
with open(os.path.join(os.path.dirname(__file__), "calls"), "a", errors="surrogateescape") as calls:
    calls.write(" ".join([name, *arguments[1:]]) + "\\n")
if name == "umount-dir":
    os.remove(os.path.join(arguments[0], "mounted"))
    sys.exit()
access = json.load(open(arguments[0]))
assert os.stat(arguments[0]).st_mode & 0o777 == 0o600, "others may read the access file"
assert os.stat(os.path.dirname(arguments[0])).st_mode & 0o777 == 0o700
on = access.get("on", name)  # the function that misbehaves
if on == name:
    time.sleep(access.get("sleep", 0))
    if "meet" in access:  # waits until so many do
        folder = os.path.dirname(__file__)
        open(os.path.join(folder, "met-%d" % os.getpid()), "w").close()
        end = time.monotonic() + 30
        while sum(each.startswith("met-") for each in os.listdir(folder)) < access["meet"]:
            assert time.monotonic() < end, "nobody else came"
            time.sleep(0.01)
    sys.stdout.write(access.get("stdout", ""))
    sys.stderr.write(access.get("stderr", ""))
    sys.stdout.flush()
    sys.stderr.flush()
    if "signal" in access:
        os.kill(os.getpid(), access["signal"])
    if access.get("exit"):
        sys.exit(access["exit"])
if name == "receive-file" and "content" in access:
    with open(arguments[1], "w") as file:
        file.write(access["content"])
if name == "receive-dir":
    for path, content in access["files"].items():
        path = os.path.join(arguments[1], path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(content)
if name == "mount-dir":
    open(os.path.join(arguments[1], "mounted"), "w").close()
if name in ("send-file", "send-dir"):
    os.rename(arguments[1], access["to"])
"""


@dataclass
class Done:
    """What an agent left."""

    code: int
    stdout: str
    stderr: str
    result: dict[str, Any]

    @property
    def info(self) -> str:
        return "\n".join(self.result["debugInfo"] or [])

    @property
    def reports(self) -> list[str]:
        return [line[5:] for line in self.stderr.splitlines() if line.startswith("MARK ")]

    @property
    def phases(self) -> list[str]:
        """Reports without the last one, which tells of the end."""
        *phases, last = self.reports
        assert last == f"end {self.code}"
        return phases


class Box:
    """See the module."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "cc"
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        self.root.mkdir()
        for name in ("inputs", "outputs", "cloud", "result"):
            (self.root / name).mkdir(mode=0o777)
        self.connector("conn", CONNECTOR)
        self.python = sys.executable
        self.environment = {"PATH": f"{self.bin}:/usr/bin:/bin"}
        self.job_file = self.root / "restricted_red_file.json"

    def connector(self, name: str, text: str) -> None:
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        """Calls of ``conn`` without access files."""
        path = self.bin / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def file(self, name: str = "f", content: str | None = "hello\n", **members: Any) -> Any:
        """Return an input file; members of ``access`` in ``access=``."""
        access = {} if content is None else {"content": content}
        access |= members.pop("access", {})
        command = members.pop("command", "conn")
        return {
            "class": "File",
            "connector": {"command": command, "access": access},
            "path": str(self.root / "inputs" / f"folder-{name}" / name),
            "basename": name,
            **members,
        }

    def directory(self, name: str = "d", mount: bool = False, **members: Any) -> Any:
        """Return an input directory."""
        access = {"files": {"a": "A", "sub/b": "BB"}, **members.pop("access", {})}
        connector = {"command": "conn", "access": access, **({"mount": True} if mount else {})}
        path = str(self.root / "inputs" / name)
        return {
            "class": "Directory",
            "connector": connector,
            "path": path,
            "basename": name,
            **members,
        }

    def output(self, kind: str = "File", **members: Any) -> Any:
        """Return an output that is sent to the file ``sent`` of this box."""
        access = {"to": str(self.root / "sent"), **members.pop("access", {})}
        return {"class": kind, "connector": {"command": "conn", "access": access}, **members}

    def job(self, argv: Sequence[str] = ("true",), **members: Any) -> dict[str, Any]:
        declared = members.pop("declared", {})
        return {
            "job": 1,
            "command": list(argv)[:1],
            "argv": list(argv),
            "inputs": {},
            "outputs": {},
            "cli": {"outputs": declared, "stdout": "out.txt", "stderr": "err.txt"},
            "validate": True,
            "mark": "MARK",
            "limit": 10_000,
            **members,
        }

    def sh(self, script: str, **members: Any) -> Done:
        """Run a job with a shell script as its command."""
        return self.run(self.job(["sh", "-c", script], **members))

    def run(self, job: Any, **options: Any) -> Done:
        process = self.start(job, **options)
        return self.finish(process)

    def start(self, job: Any, **options: Any) -> subprocess.Popen[bytes]:
        if not isinstance(job, bytes):
            job = json.dumps(job).encode()
        self.job_file.write_bytes(job)
        return subprocess.Popen(
            [self.python, str(AGENT), str(self.job_file), "--root", str(self.root)],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,
        )

    def finish(self, process: subprocess.Popen[bytes], timeout: float = 60) -> Done:
        stdout, stderr = process.communicate(timeout=timeout)
        text = stderr.decode(errors="replace")
        result = json.loads((self.root / "result/result.json").read_text() or "null")
        assert not self.job_file.exists()
        assert not self.hidden(), "access files or other temporary files are left"
        return Done(process.returncode, stdout.decode(errors="replace"), text, result)

    def hidden(self) -> list[Path]:
        return [*self.root.glob(".*"), *(self.root / "result").glob(".*")]


def wait_until(condition: Callable[[], object], timeout: float = 20) -> None:
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def peak_memory(pid: int) -> int:
    """Return the most memory that a process had until now, kB; 0 when it has ended."""
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found else 0
