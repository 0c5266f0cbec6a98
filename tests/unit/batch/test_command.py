"""Running the command: streams, exit, what it leaves, what it may not see."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.unit.batch.box import Box, is_alive, peak_memory, wait_until


def test_argv_reaches_the_program_as_it_is(box: Box) -> None:
    odd = ["a b", "", "$HOME", "*", "'\"", "ünïcödé", "\udcff", "-x", "line\nend"]
    done = box.run(box.job(["printf", "%s|", *odd]))
    assert done.code == 0
    written = (box.root / "outputs/out.txt").read_bytes()
    assert written == b"".join(os.fsencode(word) + b"|" for word in odd)


def test_where_it_runs(box: Box) -> None:
    done = box.sh('pwd; [ "$(cat)" = "" ] && echo no input; echo $PATH; ulimit -c')
    lines = done.stdout.splitlines()
    assert lines[:3] == [str(box.root / "outputs"), "no input", box.environment["PATH"]]


@pytest.mark.parametrize("script", ["../inputs/folder-f/f", "ABSOLUTE", "named"])
def test_program_by_path_or_name(box: Box, script: str) -> None:
    body = "#!/bin/sh\necho ran $1\n"
    box.connector("named", body)
    script = script.replace("ABSOLUTE", str(box.bin / "named"))
    if script.startswith(".."):
        (box.bin / "named").rename(box.root / "named")
        script = "../named"
    done = box.run(box.job([script, "it"]))
    assert done.stdout == "ran it\n"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "the command (none) is neither in PATH nor an executable file of the image"),
        ([""], "the command  is neither in PATH"),
        (["nope", "x"], "the command nope is neither in PATH"),
        (["/etc/passwd"], "the command /etc/passwd is neither in PATH"),
        (["/usr"], "the command /usr is neither in PATH"),
        (["noformat"], "noformat cannot be executed: Exec format error"),
        (["noshebang"], "noshebang cannot be executed: No such file or directory"),
        (["true", "x" * 200_000], "true cannot be executed: Argument list too long"),
        (["true", "a\0b"], "a path or an argument with a zero character"),
        (["true", "\ud800"], "a text that is not valid Unicode"),
    ],
)
def test_what_cannot_run(box: Box, argv: list[str], message: str) -> None:
    box.connector("noformat", "\x01\x02")
    box.connector("noshebang", "#!/nowhere/at/all\n")
    done = box.run(box.job(argv))
    assert (done.code, done.result["process"]["executed"]) == (1, False)
    assert message in done.info


def test_exit_code_and_last_lines(box: Box) -> None:
    done = box.sh("seq 100000 >&2; echo out; echo the reason >&2; exit 42")
    assert (done.code, done.result["process"]["returnCode"]) == (1, 42)
    info = done.result["debugInfo"]
    assert info[0] == "the command ended with exit code 42"
    assert info[-1] == "the reason"
    assert "the command ended with exit code 42" in done.stderr


def test_killed_by_signal(box: Box) -> None:
    done = box.sh("kill -KILL $$")
    assert done.result["process"]["returnCode"] == -9
    assert done.info == "the command was killed by signal 9 (SIGKILL)"


def test_streams_live_and_complete(box: Box) -> None:
    process = box.start(box.job(["sh", "-c", "echo one; sleep 30; echo two"]))
    assert process.stdout is not None
    assert process.stdout.readline() == b"one\n", "at once, not at the end"
    process.terminate()
    box.finish(process)


def test_live_lines_are_bounded_and_files_are_not(box: Box) -> None:
    done = box.sh("seq 20000; seq 20000 >&2", limit=1000)
    whole = "".join(f"{number}\n" for number in range(1, 20001))
    for name, live in (("out.txt", done.stdout), ("err.txt", done.stderr.split("execute\n")[1])):
        assert (box.root / "outputs" / name).read_text() == whole
        head, _, note = live.partition("\n[only 1000 bytes of std")
        assert head == whole[:1000]
        assert len(note) < 60
    for name in ("stdout", "stderr"):
        kept = (box.root / "result" / name).read_text()
        missing = len(whole) - 1000
        assert kept == f"{whole[:500]}\n[... {missing} bytes left out ...]\n{whole[-500:]}"


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 1500])
def test_kept_streams_at_the_limit(box: Box, size: int) -> None:
    box.sh(f"head -c {size} /dev/zero | tr '\\0' x", limit=1000)
    kept = (box.root / "result/stdout").read_text()
    if size <= 1000:
        assert kept == "x" * size
    else:
        assert kept == f"{'x' * 500}\n[... {size - 1000} bytes left out ...]\n{'x' * 500}"


def test_50_mb_pass_at_constant_memory(box: Box, tmp_path: Path) -> None:
    script = "head -c 50000000 /dev/zero; head -c 50000000 /dev/zero >&2; sleep 1"
    process = box.start(box.job(["sh", "-c", script], limit=30_000))  # that fits into the pipes
    file, peak = box.root / "outputs/err.txt", 0

    def written() -> bool:
        nonlocal peak
        peak = max(peak, peak_memory(process.pid))
        return file.exists() and file.stat().st_size == 50_000_000

    wait_until(written, 60)
    assert box.finish(process).code == 0
    assert 0 < peak < 60_000, "kB"
    assert (box.root / "outputs/out.txt").stat().st_size == 50_000_000
    assert (box.root / "result/stdout").stat().st_size < 30_100


def test_bytes_that_are_no_text(box: Box) -> None:
    done = box.sh(
        r"printf '\377\376' >&2; touch \"$(printf 'x\351')\"; exit 1".replace('\\"', '"'),
        declared={"o": {"type": "File", "outputBinding": {"glob": "x*"}}},
    )
    assert done.info.endswith("��")
    assert (box.root / "result/stderr").read_bytes() == b"\xff\xfe"
    ok = Box(box.root / "second")
    done = ok.sh(
        "touch \"$(printf 'x\\351')\"",
        outputs={"o": ok.output()},
        declared={"o": {"type": "File", "outputBinding": {"glob": "x*"}}},
    )
    assert done.code == 0
    assert done.result["outputs"]["o"]["path"].endswith("/x�")
    assert (ok.root / "sent").exists()


def test_one_file_for_both_streams(box: Box) -> None:
    job = box.job(["sh", "-c", "echo 1; echo 2 >&2; sleep 0.2; echo 3"])
    job["cli"].update(stdout="both", stderr="both")
    box.run(job)
    lines = (box.root / "outputs/both").read_text().splitlines()
    assert sorted(lines) == ["1", "2", "3"]
    assert lines[2] == "3"


def test_stream_file_in_a_folder(box: Box) -> None:
    job = box.job(["echo", "x"])
    job["cli"]["stdout"] = "logs/deep/out"
    assert box.run(job).code == 0
    assert (box.root / "outputs/logs/deep/out").read_text() == "x\n"


@pytest.mark.parametrize("name", ["../escaped", "/etc/escaped", "", "a/../..", "."])
def test_stream_file_elsewhere(box: Box, name: str) -> None:
    job = box.job(["echo", "x"])
    job["cli"]["stdout"] = name
    done = box.run(job)
    assert "the file for stdout must be in the outputs folder" in done.info
    assert not done.result["process"]["executed"]


def test_background_processes_do_not_hold_the_agent(box: Box) -> None:
    begin = time.monotonic()
    done = box.sh(f"sleep 100 & echo $! >{box.root}/pid; echo done")
    assert time.monotonic() - begin < 15
    assert (done.code, done.stdout) == (0, "done\n")
    assert not is_alive(int((box.root / "pid").read_text()))


def test_daemons_of_the_command_are_gone_before_anything_is_sent(box: Box) -> None:
    # It left its group, session and parent, and waits for the access file of the send.
    spy = (
        "setsid sh -c 'echo $$ >pid; while :; do cat ../.*/access.json >>seen; done'"
        " >/dev/null 2>&1 & while ! [ -s pid ]; do sleep 0.01; done"
    )
    outputs = {"o": box.output("stdout", access={"sleep": 0.5, "password": "geheim"})}
    done = box.sh(spy, outputs=outputs, declared={"o": {"type": "stdout"}})
    assert done.code == 0
    assert not is_alive(int((box.root / "outputs/pid").read_text()))
    seen = box.root / "outputs/seen"
    assert not seen.exists() or b"geheim" not in seen.read_bytes()


def test_orphans_do_not_pile_up_as_zombies(box: Box) -> None:
    script = (
        "for i in $(seq 50); do (true &) ; done; sleep 0.3;"
        " grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | while read f; do"
        ' grep -q "^PPid:.$PPID$" $f && echo zombie; done; true'
    )
    assert box.sh(script).stdout == ""


def test_the_agent_imports_nothing_of_the_command(box: Box) -> None:
    names = ("traceback", "shutil", "glob", "_strptime", "stringprep", "encodings/idna")
    script = "".join(f'echo \'open("{box.root}/evil", "w")\' >{name}.py;' for name in names[:5])
    done = box.sh(script + "exit 1")
    assert done.code == 1
    assert not (box.root / "evil").exists()


def test_terminated_while_the_command_runs(box: Box) -> None:
    inputs = {"d": box.directory(mount=True)}
    script = f"echo $$ >{box.root}/pid; trap '' TERM; while :; do sleep 0.1; done"
    process = box.start(box.job(["sh", "-c", script], inputs=inputs))
    wait_until(lambda: (box.root / "pid").exists() and (box.root / "pid").read_text())
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    done = box.finish(process, 20)
    assert (done.code, done.result["state"]) == (143, "failed")
    assert done.info.startswith("stopped: the container was asked to end")
    assert done.result["process"]["returnCode"] == -9
    assert not is_alive(int((box.root / "pid").read_text()))
    assert box.calls[-1].startswith("umount-dir")


@pytest.mark.parametrize("function", ["receive-file-validate", "receive-file", "send-file"])
def test_terminated_while_a_connector_hangs(box: Box, function: str) -> None:
    access = {"on": function, "sleep": 100}
    job = box.job(
        ["sh", "-c", "touch o"],
        inputs={"f": box.file(access=access)},
        outputs={"o": box.output(access=access)},
        cli={
            "outputs": {"o": {"type": "File", "outputBinding": {"glob": "o"}}},
            "stdout": "out",
            "stderr": "err",
        },
    )
    process = box.start(job)
    wait_until(lambda: any(call.split()[0] == function for call in box.calls))
    process.send_signal(signal.SIGTERM)
    done = box.finish(process, 20)
    assert (done.code, done.info) == (143, "stopped: the container was asked to end")


def test_phases_begin_lines_of_their_own(box: Box) -> None:
    done = box.sh("printf 'no end' >&2")
    lines = ["MARK deploy", "MARK execute", "no end", "MARK fetch", "MARK end 0"]
    assert done.stderr.splitlines() == lines


def test_disk_full_of_the_streams(small_disk: Path) -> None:
    box = Box(small_disk)
    done = box.sh("head -c 3000000 /dev/zero")
    assert (done.code, done.result["process"]["returnCode"]) == (1, 0)
    assert "the file for stdout is not complete: No space left on device" in done.info
