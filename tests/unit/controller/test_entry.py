"""The shell around a Method's scripts, run by the real shells that images have."""

import shutil
import subprocess
from pathlib import Path

import pytest

import ccp_jupyter.hub_service.controller as package

SHELLS = [["dash"], ["busybox", "sh"], ["bash"], ["bash", "--posix"]]


@pytest.fixture(params=SHELLS, ids=" ".join)
def run(request, tmp_path):
    """Run deploy and execute lines; returns exit code, phases reported, other output."""
    if shutil.which(request.param[0]) is None:
        pytest.fail(f"{request.param[0]} is not installed")
    source = Path(package.__file__).parent
    for name in ("deploy-entry.sh", "execute-entry.sh"):
        text = (source / name).read_text()
        text = text.replace("/ccp_run", str(tmp_path)).replace("/ccp_data", str(tmp_path / "data"))
        (tmp_path / name).write_text(text)
    (tmp_path / "data").mkdir()

    def go(deploy, execute):
        (tmp_path / "deploy.sh").write_text(deploy)
        (tmp_path / "execute.sh").write_text(execute)
        (tmp_path / "state").write_text("0\n")
        return start()

    def start():
        done = subprocess.run(
            [*request.param, str(tmp_path / "deploy-entry.sh"), "MARK"],
            capture_output=True,
            text=True,
            timeout=20,
        )
        lines = done.stderr.splitlines()
        reports = [line.split() for line in lines if line.startswith("MARK ")]
        go.ends = [int(words[2]) for words in reports if words[1] == "end"]  # type: ignore[attr-defined]
        phases = [words[1] for words in reports if words[1] != "end"]
        return done.returncode, phases, done.stdout

    go.folder = tmp_path / "data"  # type: ignore[attr-defined]
    go.again = start  # type: ignore[attr-defined]
    go.state = tmp_path / "state"  # type: ignore[attr-defined]
    return go


BOTH = ["deploy", "execute"]


@pytest.mark.parametrize(
    ("deploy", "execute", "code", "phases", "output"),
    [
        ("", "", 0, BOTH, ""),
        ("export A=1; B=2", "echo $A$B", 0, BOTH, "12\n"),
        ("exit 0", "echo ran", 0, BOTH, "ran\n"),
        ("exit 3", "echo no", 3, ["deploy"], ""),
        ("false", "echo no", 1, ["deploy"], ""),
        ("set -e\nfalse\ntrue", "echo no", 1, ["deploy"], ""),
        ("set -e", "false\necho no", 1, BOTH, ""),
        ("", "exit 4", 4, BOTH, ""),
        ("", "false", 1, BOTH, ""),
        ("no-such-program", "echo no", 127, ["deploy"], ""),
        ("", "kill -9 $$", -9, BOTH, ""),
        ("exec 2>/dev/null", "echo x >&2", 0, BOTH, ""),
    ],
)
def test_phases_exit_code_and_shared_environment(run, deploy, execute, code, phases, output):
    assert run(deploy, execute) == (code, phases, output)


def test_syntax_errors_are_failures_of_their_script(run):
    code, phases, _ = run("", "if then")
    assert code != 0
    assert phases == BOTH
    code, phases, _ = run("if then", "echo no")
    assert code != 0
    assert phases == ["deploy"]


def test_relative_files_are_outputs(run):
    run("", "echo x > result.txt")
    assert (run.folder / "result.txt").read_text() == "x\n"


def test_a_deploy_script_that_takes_over_the_end_is_noticed(run):
    # Exit code 0 without the report "execute": the controller calls that a failure.
    assert run("trap 'echo mine' EXIT; exit 0", "echo no") == (0, ["deploy"], "mine\n")


def test_what_was_started_once_is_not_run_again(run):
    assert run("echo deploy", "echo execute") == (0, BOTH, "deploy\nexecute\n")
    for _ in range(2):
        assert run.again() == (255, ["again"], "")


@pytest.mark.parametrize(
    ("deploy", "state"), [("", "2"), ("exit 0", "2"), ("exit 3", "1"), ("exec true", "1")]
)
def test_how_far_it_came_is_noted(run, deploy, state):
    run(deploy, "true")
    assert run.state.read_text() == f"{state}\n"


@pytest.mark.parametrize(
    ("deploy", "execute", "ends"),
    [
        ("", "true", [0]),
        ("", "false", [1]),
        ("", "exit 4", [4]),
        ("exit 3", "", [3]),
        ("", "no-such-program", [127]),
        ("exit 0", "false", [1]),
        ("set -e", "false", [1]),
        # Only the engine knows of these.
        ("", "kill -9 $$", []),
        ("", "exec true", []),
        ("", "trap 'true' EXIT; exit 5", []),
    ],
)
def test_its_end_is_reported(run, deploy, execute, ends):
    code, _, _ = run(deploy, execute)
    assert run.ends == ends
    assert ends in ([], [code])
