"""schemathesis over the whole OpenAPI document: all checks, as two users, on what is really there.

``fuzzing/schemathesis.toml`` beside this file says where a schema does not know what is right.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from tests.jobs import method
from tests.service.conftest import CheckedCaller
from tests.service.documents import OPENAPI
from tests.stack.hub import repository
from tests.stack.stack import Stack

CONFIG: Final = Path(__file__).parent / "fuzzing" / "schemathesis.toml"
ENDLESS: Final = {"GET /events", "GET /agency/experiments/{job_id}/events"}
"""They answer as long as somebody listens, so that no such client gets to the end of an answer;
``test_streams.py`` reads them."""
LIMIT: Final = 420.0
"""Seconds; it takes about 60 on two cores that have nothing else to do."""


def seed(caller: CheckedCaller, shell: str) -> dict[str, list[str]]:
    """Make something of each kind; return its names by path parameter."""
    document = method(shell, "true", keywords=["fuzzed"])
    caller.deploy(document)
    request = {"inputs": {"echo": "text", "numbers": [1]}}
    later = {"Prefer": "respond-async"}
    jobs = []
    for _ in range(5):
        answer = caller.http.post("processes/echo/execution", json=request, headers=later)
        jobs.append(str(answer.json()["jobID"]))
    caller.wait(jobs[-1])
    return {
        "process_id": ["echo", "red", document["id"]],
        "job_id": jobs,
        "output_id": ["echo", "numbers"],
        "number": ["0"],
        "revision": ["1"],
        "path": ["output.zip", "echo.txt"],
        "infrastructure_id": ["local-docker"],
        "node_id": ["node-1"],
    }


def start(
    folder: Path, url: str, user: str, token: str, names: Mapping[str, list[str]]
) -> subprocess.Popen[bytes]:
    """Begin to run schemathesis as a user; its files go into a folder."""
    folder.mkdir()
    given = folder / "given.json"
    given.write_text(json.dumps({"user": user, "token": token, "names": names}))
    (folder / "api.json").write_text(json.dumps(OPENAPI))
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"]
    command += [str(folder / "api.json"), "--url", url.rstrip("/"), "--seed", "1"]
    command += ["--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "2"]
    # Shrinking takes up to five minutes for each failure, and tells little more.
    command += ["--continue-on-failure", "--no-shrink", "--request-timeout", "60"]
    command += ["--report", "ndjson", "--report-ndjson-path", str(folder / "report.ndjson")]
    for name in ENDLESS:
        command += ["--exclude-name", name]
    hooks = {
        "SCHEMATHESIS_HOOKS": "tests.service.fuzzing.hooks",
        "CCP_FUZZ": str(given),
        "PYTHONPATH": str(repository()),
        "PYTHONWARNINGS": "ignore",
    }
    with (folder / "out.txt").open("wb") as out:
        return subprocess.Popen(
            command,
            cwd=folder,  # where it leaves files of its own
            env={**os.environ, **hooks},
            stdout=out,
            stderr=subprocess.STDOUT,
        )


def ended(run: subprocess.Popen[bytes], seconds: float) -> int | str:
    """Return the exit code, or what is done to one that takes too long: it tells what it found."""
    try:
        return run.wait(seconds)
    except subprocess.TimeoutExpired:
        run.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            run.wait(20)
        return f"interrupted after {seconds:.0f} s"
    finally:
        run.kill()


def exercised(report: Path) -> set[str]:
    """Return the operations that got at least one answer."""
    found = set()
    with report.open() as lines:
        for line in lines:
            ended: dict[str, Any] = json.loads(line).get("ScenarioFinished") or {}
            recorder = ended.get("recorder") or {}
            answers = (recorder.get("interactions") or {}).values()
            if any(answer.get("response") for answer in answers):
                found.add(str(recorder.get("label")))
    return found


@pytest.mark.timeout(2 * LIMIT + 120)
def test_whatever_the_document_allows_is_answered_as_it_says(stack: Stack, shell, tmp_path):
    runs: dict[str, subprocess.Popen[bytes]] = {}
    names: dict[str, list[str]] = {}
    with stack.hub() as hub:
        for user in ("dora", "emil"):
            hub.add_user(user)
            token = hub.token(user)
            if not names:  # what there is belongs to the first, and is tried by both
                caller = CheckedCaller(stack.service_url, token)
                names = seed(caller, shell)
                caller.close()
            runs[user] = start(tmp_path / user, stack.service_url, user, token, names)
    codes = {user: ended(run, LIMIT) for user, run in runs.items()}
    said = {user: (tmp_path / user / "out.txt").read_text() for user in runs}
    assert set(codes.values()) == {0}, "\n".join([f"{codes}", *(t[-6000:] for t in said.values())])
    operations = {
        f"{verb.upper()} {path}"
        for path, item in OPENAPI["paths"].items()
        for verb in item
        if verb != "parameters"
    }
    for user in runs:
        missing = operations - exercised(tmp_path / user / "report.ndjson") - ENDLESS
        assert not missing, (user, missing)
