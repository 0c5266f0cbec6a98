"""Run linters and tests in layers, bounded in time, and leave nothing running.

    python -m scripts.check                 everything, as `make test` does
    python -m scripts.check unit service    some layers
    python -m scripts.check unit -- -k states    what follows goes to pytest

Each layer is a pytest process of its own. What it started is found by a mark in the environment
(tests/stack/marks.py) and ended, however the layer ended.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from tests.stack.engines import EngineHandle
from tests.stack.marks import TEST_RUN, end_marked

ROOT = Path(__file__).resolve().parents[1]
_MINUTE = 60.0


@dataclass(frozen=True)
class Job:
    """One thing to run: the linters, or one layer of tests."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    timeout: float


@dataclass(frozen=True)
class Result:
    """How a job went."""

    job: Job
    ok: bool
    closing: str
    seconds: float
    output: str


def lint() -> Job:
    """Return the linters; all of them run even when the first complains."""
    python = sys.executable
    return Job(
        "lint",
        (
            (python, "-m", "ruff", "format", "--check", "."),
            (python, "-m", "ruff", "check", "."),
            (python, "-m", "mypy"),
            (str(Path(python).with_name("lint-imports")),),
            ("npm", "run", "--prefix", "labextension", "check"),
            ("npm", "test", "--prefix", "labextension"),
            (python, "-m", "scripts.api_types", "--check"),
        ),
        8 * _MINUTE,
    )


def layer(name: str, minutes: float, arguments: list[str]) -> Job:
    """Return one folder of tests."""
    command = (sys.executable, "-m", "pytest", f"tests/{name}", "--color=no", "--durations=10")
    return Job(name, ((*command, *arguments),), minutes * _MINUTE)


# Lanes of one stage run side by side; what is in one lane, one after the other. Two keep two cores
# busy. Chaos mostly waits, so that it can have four; but it kills, so no other layer is beside it.
STAGES: tuple[tuple[tuple[str, ...], ...], ...] = (
    (("lint", "service", "e2e"), ("contract", "unit")),
    (("chaos/one",), ("chaos/many",), ("chaos/around",), ("chaos/random",)),
)
# Bounds for what hangs; on a quiet machine each takes about half.
MINUTES = {
    "unit": 18,
    "contract": 22,
    "service": 22,
    "e2e": 14,
    "chaos/one": 14,
    "chaos/many": 16,
    "chaos/around": 16,
    "chaos/random": 8,
}


def main() -> int:
    """Run what the command line asks for; returns the exit status."""
    names, arguments = _asked()
    run = Path(tempfile.mkdtemp(prefix="ccp-check-"))
    run.chmod(0o711)  # some tests run as another user and must get through to their own folder
    results: list[Result] = []
    begin = time.monotonic()
    signal.signal(signal.SIGTERM, _interrupt)
    # Shells start what is in the background with SIGINT ignored, and tests would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for stage in STAGES:
            lanes = [
                [
                    lint() if name == "lint" else layer(name, MINUTES[name], arguments)
                    for name in lane
                    if name in names
                ]
                for lane in stage
            ]
            results += _side_by_side(lanes, run)
    except KeyboardInterrupt:
        print("\nstopped", flush=True)
        return 130
    finally:
        clean(run)
    return _summary(results, time.monotonic() - begin)


def _side_by_side(lanes: list[list[Job]], run: Path) -> list[Result]:
    results: list[Result] = []
    stopped = Event()

    def follow(lane: list[Job]) -> None:
        for job in lane:
            if not stopped.is_set():
                results.append(_run(job, run))
                _show(results[-1])

    with ThreadPoolExecutor(max_workers=len(lanes)) as pool:
        try:
            for future in [pool.submit(follow, lane) for lane in lanes]:
                future.result()
        except KeyboardInterrupt:
            stopped.set()
            end_marked(TEST_RUN, str(run))  # the pool waits for its threads, and they for these
            raise
    return results


def clean(run: Path) -> None:
    """End all that a test run started and did not end, and remove its folder."""
    if count := end_marked(TEST_RUN, str(run)):
        print(f"ended {count} processes that tests had left running", flush=True)
    for state in sorted(run.rglob("engine.json")):
        EngineHandle.attach(state.parent).stop()
    shutil.rmtree(run, ignore_errors=True)


def _asked() -> tuple[list[str], list[str]]:
    own, arguments = sys.argv[1:], []
    if "--" in own:
        split = own.index("--")
        own, arguments = own[:split], own[split + 1 :]
    known = ["lint", *MINUTES]
    parser = argparse.ArgumentParser(prog="python -m scripts.check", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="layer", help=", ".join(known))
    names = [name for asked in parser.parse_args(own).names for name in _parts(asked, known)]
    if unknown := [name for name in names if name not in known]:
        parser.error(f"no such layer: {', '.join(unknown)} (there are {', '.join(known)})")
    return names or known, arguments


def _parts(asked: str, known: list[str]) -> list[str]:
    """Return the parts of a layer that runs in several; else what was asked for."""
    return [name for name in known if name.partition("/")[0] == asked] or [asked]


def _run(job: Job, run: Path) -> Result:
    folder = run / job.name.replace("/", "-")
    folder.mkdir()
    env = {**os.environ, TEST_RUN: str(run), "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"}
    # Where the system has no Node, there is one in the virtual environment.
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    begin = time.monotonic()
    ok, output = True, ""
    for command in job.commands:
        left = max(1.0, job.timeout - (time.monotonic() - begin))
        status, text = _call(command, env, folder / "output.txt", left)
        ok = ok and status == 0
        output += f"$ {' '.join(_short(part) for part in command)}\n{text.rstrip()}\n"
        if status != 0:
            output += f"exit status {status}\n"
    lines = output.strip().splitlines()
    closing = next((line for line in reversed(lines) if re.match(r"=+ .*\bin [\d.]+s", line)), "")
    return Result(job, ok, closing, time.monotonic() - begin, output)


def _call(
    command: tuple[str, ...], env: dict[str, str], log: Path, timeout: float
) -> tuple[int, str]:
    with log.open("w") as out:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = process.wait(timeout)
            note = ""
        except subprocess.TimeoutExpired:
            # SIGINT first: pytest then runs the fixtures' clean-up and says where it was.
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            status, note = process.wait() or 1, f"\nstopped after {timeout:.0f} s\n"
    return status, log.read_text(errors="replace") + note


def _show(result: Result) -> None:
    """Print how a job went; all that it printed only when it failed, so that this is found."""
    head = f"\n######## {result.job.name} ({result.seconds:.0f} s)"
    if not result.ok:
        print(f"{head}\n{result.output}", flush=True)
        return
    slowest = re.findall(r"^ *[\d.]+s (?:call|setup|teardown) .*", result.output, re.MULTILINE)
    print("\n".join([f"{head} {result.closing}", *slowest]), flush=True)


def _summary(results: list[Result], seconds: float) -> int:
    counts: Counter[str] = Counter()
    print()
    for result in results:
        # Once more beside the verdict: whoever is shown only the end finds what went wrong.
        for line in [] if result.ok else _reasons(result.output):
            print(f"{result.job.name}: {line}")
    for result in results:
        verdict = "ok    " if result.ok else "FAILED"
        closing = result.closing.strip("= ") or f"in {result.seconds:.1f}s"
        print(f"{verdict} {result.job.name:9} {closing}")
        for number, word in re.findall(r"(\d+) (passed|failed|errors?|skipped)", result.closing):
            counts[word.rstrip("s") if word.startswith("error") else word] += int(number)
    failed = [result.job.name for result in results if not result.ok]
    text = ", ".join(f"{number} {word}" for word, number in counts.items())
    text = f"{text or 'no tests'}; not ok: {', '.join(failed)}" if failed else text or "ok"
    print(f"==== {text} in {seconds:.2f}s ====", flush=True)
    return 1 if failed else 0


def _reasons(output: str, most: int = 8) -> list[str]:
    """Return what a failed layer's tests complained of, each kind with its number and a test."""
    kinds: dict[str, list[str]] = {}
    for test, text in re.findall(r"^(?:FAILED|ERROR) (tests/\S+)(.*)$", output, re.MULTILINE):
        kinds.setdefault(text.removeprefix(" - ")[:200], []).append(test)
    said = [f"{len(tests)} x {text} ({tests[0]})" for text, tests in kinds.items()]
    # The first one in full: an error of a fixture often has the end of a server's log.
    first = re.search(r"^E   .*\n(?:E  .*\n|E\n)*", output, re.MULTILINE)
    lines = first[0].splitlines() if first else output.splitlines()[-most:]
    return [*said[:most], *(line[:200] for line in lines[:2] + lines[2:][-most:])]


def _short(part: str) -> str:
    return os.path.relpath(part, ROOT) if part.startswith(str(ROOT)) else part


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
