"""Job in, result out: damaged jobs, hostile results, secrets, full disks, old Pythons."""

from __future__ import annotations

import ast
import json
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccp_jupyter.hub_service.batch import agent
from tests.unit.batch.box import AGENT, Box

PYTHONS = sorted(
    {
        *(
            path
            for minor in range(4, 20)
            if (path := shutil.which(f"python3.{minor}")) and "shims" not in path
        ),
        *map(str, Path("~/.pyenv/versions").expanduser().glob("3.*/bin/python3")),
    }
)


def test_grammar_of_python_3_4() -> None:
    ast.parse(AGENT.read_text(), feature_version=(3, 4))


@pytest.mark.parametrize("python", PYTHONS)
def test_other_pythons(box: Box, python: str) -> None:
    if subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode:
        pytest.skip("cannot run here")
    box.python = python
    box.environment |= {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    inputs = {"f": box.file("fä"), "d": box.directory("ö", mount=True)}
    done = box.sh(
        "cat ../inputs/*/fä; echo ü >oü",
        inputs=inputs,
        outputs={"o": box.output()},
        declared={"o": {"type": "File", "outputBinding": {"glob": "oü"}}},
    )
    assert (done.code, done.info, done.stdout) == (0, "", "hello\n")
    assert (box.root / "sent").read_text() == "ü\n"


@pytest.mark.parametrize(
    ("job", "message"),
    [
        (b"", "the job is no valid JSON (0 bytes)"),
        (b'{"job": 1, "command": ["x"', "the job is no valid JSON (26 bytes)"),
        (b'{"job": 1}\xff', "the job is no valid JSON"),
        (b"[" * 200_000, "the job is no valid JSON"),
        (b"[]", "this agent knows jobs of version 1 only"),
        (b'{"job": 2}', "this agent knows jobs of version 1 only"),
        (b'{"job": 1}', "the job: the member command is missing or is no list"),
        (b'{"job": 1, "command": [1]}', "the job: the member command is no list of texts"),
    ],
)
def test_damaged_jobs(box: Box, job: bytes, message: str) -> None:
    done = box.run(job)
    assert (done.code, done.result["state"], done.result["command"]) == (1, "failed", [])
    assert message in done.info
    assert message in done.stderr


def test_no_job(box: Box) -> None:
    process = box.start(b"")
    process.communicate()
    process = box.start(box.job())
    box.finish(process)
    box.job_file.unlink(missing_ok=True)
    box.job_file.mkdir()  # neither readable nor removable as a file
    with pytest.raises(IsADirectoryError):
        box.start(box.job())
    code = os.spawnlp(
        *(os.P_WAIT, box.python, box.python, str(AGENT), str(box.job_file)),
        *("--root", str(box.root)),
    )
    result = json.loads((box.root / "result/result.json").read_text())
    assert code == 1
    assert "the job, which has secrets, cannot be deleted" in result["debugInfo"][0]


def test_started_again_it_touches_nothing(box: Box) -> None:
    done = box.run(box.job())
    assert done.code == 0
    left = (box.root / "result/result.json").read_bytes()
    command = [box.python, str(AGENT), str(box.job_file), "--root", str(box.root)]
    again = subprocess.run(command, capture_output=True, timeout=60)
    assert (again.returncode, again.stdout) == (255, b"")
    assert (box.root / "result/result.json").read_bytes() == left


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("File")
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_jobs_of_any_shape_are_read_or_refused(data: st.DataObject) -> None:
    """One member of a good job, somewhere, is replaced by anything."""
    job: Any = {
        "job": 1,
        "command": ["x"],
        "argv": ["x"],
        "protected": ["abcd"],
        "inputs": {
            "f": {
                "class": "File",
                "connector": {"command": "c", "access": {"password": "p"}},
                "path": "/p",
            }
        },
        "outputs": {},
        "cli": {"outputs": {"o": {"type": "stdout"}}, "stdout": "o", "stderr": "e"},
    }
    place = job
    while True:
        key = data.draw(st.sampled_from(sorted(place)))
        if isinstance(place[key], dict) and place[key] and data.draw(st.booleans()):
            place = place[key]
            continue
        place[key] = data.draw(ANYTHING)
        break
    list(agent.secrets_of(job))
    try:
        agent.Job(job)
    except agent.Failure as failure:
        assert failure.messages


def test_document_order_is_kept(box: Box) -> None:
    inputs = {name: box.file(name, content=None) for name in ("z", "a", "m")}
    done = box.sh("true", inputs=inputs)
    assert done.info.startswith("input z: ")


HOSTILE = {
    "a file in place of the result": 'echo \'{"state": "succeeded"}\' >../result/result.json',
    "a folder in place of the result": "mkdir -p ../result/result.json/x",
    "a link in place of the result": "ln -s $PWD/../victim ../result/result.json",
    "a link in place of the folder": "rm -rf ../result; mkdir ../other; ln -s ../other ../result",
    "a file in place of the folder": "rm -rf ../result; touch ../result",
    "no folder": "rm -rf ../result",
    "links in place of the streams": "ln -s $PWD/../victim ../result/stdout",
    "a folder that nobody may read": "chmod 0 ../result",
    "a full folder": "touch ../result/$(seq -s ' ../result/' 50)",
    "no reserve": "rm ../.reserve; mkdir ../.reserve",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_command_cannot_forge_the_result(box: Box, name: str) -> None:
    victim = box.root / "victim"
    victim.write_text("untouched")
    script = HOSTILE[name] + "; echo said; exit 5"
    process = box.start(box.job(["sh", "-c", script]))
    process.communicate(timeout=30)
    result = box.root / "result"
    assert not result.is_symlink()
    assert sorted(path.name for path in result.iterdir()) == ["result.json", "stderr", "stdout"]
    for path in result.iterdir():
        mode = path.lstat().st_mode
        assert stat.S_ISREG(mode)
        assert mode & 0o444 == 0o444
    document = json.loads((result / "result.json").read_text())
    assert (process.returncode, document["state"]) == (1, "failed")
    assert (result / "stdout").read_text() == "said\n"
    assert victim.read_text() == "untouched"


def test_disk_full_when_the_result_is_written(small_disk: Path) -> None:
    box = Box(small_disk)
    # The copies of the streams do not fit into what was kept in reserve.
    script = "cat /dev/zero >fill 2>/dev/null; head -c 400000 /dev/zero >&2; echo; echo x >&2"
    done = box.sh(script + "; exit 3", limit=1_000_000)
    assert (done.code, done.result["state"]) == (1, "failed")
    assert done.result["process"]["returnCode"] == 3
    assert "the result cannot be written as a whole: No space left on device" in done.info
    assert done.result["debugInfo"][-1].endswith("x")


def test_no_room_at_all(small_disk: Path) -> None:
    box = Box(small_disk)
    script = "rm ../.reserve; cat /dev/zero >fill 2>/dev/null; mkdir ../.reserve; true"
    process = box.start(box.job(["sh", "-c", script]))
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"the result cannot be written as a whole: No space left on device" in stderr
    assert list((box.root / "result").iterdir()) == []


SECRET = 'pa"ss wörd/(1'


def test_no_secret_in_any_message(box: Box) -> None:
    forms = [SECRET, json.dumps(SECRET), repr(SECRET), quote(SECRET, safe=""), "987654321", "abc"]
    access = {"password": SECRET, "auth": {"_key": 987654321}, "on": "receive-file", "exit": 1}
    access["stderr"] = "\n".join(forms)
    done = box.sh("true", inputs={"f": box.file(access=access)}, protected=["kept-aside"])
    assert done.result["debugInfo"] == [
        "input f: conn receive-file ended with exit code 1: ***",
        '"***"',
        "'***'",
        "***",
        "***",
        "abc",
    ]
    assert "987654321" not in done.stderr


def test_named_secrets_are_masked_longest_first(box: Box) -> None:
    access = {"on": "receive-file", "exit": 1, "stderr": "secret-longer secret x"}
    done = box.sh(
        "true", inputs={"f": box.file(access=access)}, protected=["secret", "secret-longer", "x"]
    )
    assert done.info.endswith("exit code 1: *** *** x")


def test_stderr_of_the_command_is_masked_in_debug_info(box: Box) -> None:
    done = box.sh("echo my-secret >&2; exit 1", protected=["my-secret"])
    assert "my-secret" not in done.info
    assert "***" in done.info


@pytest.mark.parametrize("shift", range(0, 40, 3))
def test_no_half_secret_where_text_was_cut(box: Box, shift: int) -> None:
    secret = "0123456789abcdefghij"
    access = {"on": "receive-file", "exit": 1, "password": secret}
    access["stderr"] = "." * shift + secret * 3000
    info = box.sh("true", inputs={"f": box.file(access=access)}, validate=False).info
    assert "bytes left out" in info
    for size in range(4, len(secret)):
        assert secret[:size] not in info
        assert secret[-size:] not in info


def test_debug_info_is_bounded(box: Box) -> None:
    access = {"on": "receive-file-validate", "exit": 1, "stderr": '"\x00' * 50_000}
    inputs = {f"n{number}": box.file(f"n{number}", access=access) for number in range(12)}
    done = box.sh("true", inputs=inputs)
    assert len(json.dumps(done.result["debugInfo"])) <= 64 * 1024
    assert done.result["debugInfo"][-1].endswith("lines left out ...]")
    assert len(done.stderr) < 20_000


def test_debug_info_has_room_for_the_commands_stderr(box: Box) -> None:
    done = box.sh("seq 1000000 >&2; exit 1", limit=10_000_000)
    assert len(json.dumps(done.result["debugInfo"])) <= 64 * 1024
    assert done.result["debugInfo"][-1] == "1000000"
