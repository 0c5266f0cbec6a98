"""Generated code, run against the real service, does what the Execution did."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from ccp_jupyter.cli import main
from ccp_jupyter.client import Client, InvalidRequest
from ccp_jupyter.client.errors import ServiceError
from ccp_jupyter.codegen.languages import LANGUAGES
from ccp_jupyter.hub_service.api.errors import (
    INVALID_DOCUMENT,
    INVALID_PARAMETER,
    NO_SUCH_JOB,
    NO_SUCH_PROCESS,
    NOT_EXECUTABLE,
)
from tests import red
from tests.conftest import missing
from tests.jobs import method
from tests.receiver import Receiver
from tests.service.conftest import FILE, CheckedCaller
from tests.service.documents import check_error

LONGEST = 240.0
"""Seconds that all of them may take together, on a busy machine."""
pytestmark = pytest.mark.timeout(LONGEST + 240)

SECRET = "planted-code-secret \"'\\ $(id) `id` ü"
TITLE = 'Hard to "write" <&> ☃ $(touch owned) `touch owned`'
NOTEBOOK = """\
import sys, nbformat
from nbclient import NotebookClient
NotebookClient(nbformat.read(sys.argv[1], as_version=4), timeout=200).execute()
"""
COMMANDS = {
    "python": [sys.executable],
    "notebook": [sys.executable, "-c", NOTEBOOK],
    "bash": ["bash"],
    "r": ["Rscript", "--vanilla"],
}
INPUTS: dict[str, dict[str, Any]] = {
    "hard": {},
    "many": {"maxOccurs": 9},
    "number": {"schema": {"type": "number"}},
    "big": {"schema": {"type": "integer"}},
    "flag": {"schema": {"type": "boolean"}},
    "area": {"schema": {"type": "object"}},
    "text": FILE,
    "table": FILE,
    "key": {"schema": {"type": "string", "format": "secret"}},
}
SCRIPT = [
    *(f"printf %s {{{{ {name} }}}} >{name}" for name in ("hard", "number", "big", "flag", "area")),
    "for each in {{ many }}; do printf '%s|' \"$each\"; done >many",
    "printf %s {{ key }} | sha256sum >key",
]
HARD = 'it\'s "\\$HOME $(id) `id` ${x}\n\tüber ☃ 😀 \'\'\'""" \\n %s #= =# )--" JSON\nJSON\n\x1b[0m'
VALUES: dict[str, Any] = {
    "hard": HARD,
    "many": ["", "two words", "\"'", "$x", "-n", "\\"],
    "number": -1.5e-300,
    "big": 2**63 - 1,
    "flag": True,
    "area": {"type": "Point", "coordinates": [1, 2.5, None], "empty": [{}, []], "q": "\"'$"},
    "text": {"value": "YSxiCjEsw7wK", "mediaType": "text/csv"},
    "table": {"value": "AAEC/w==", "mediaType": "application/x-table"},
    "key": SECRET,
}
TABLE = bytes([0, 1, 2, 255])


@dataclass
class Past:
    """An Execution of alice with values that are hard to write down."""

    job: str
    document: dict[str, Any]
    outputs: dict[str, bytes]


@pytest.fixture(scope="module")
def past(callers: dict[str, CheckedCaller], shell: str) -> Past:
    alice, receiver = callers["alice"], Receiver()
    document = method(shell, SCRIPT, inputs=INPUTS, title=TITLE)
    alice.deploy(document)
    try:
        body = {"inputs": VALUES, "subscriber": {"successUri": f"{receiver.url}?t=planted"}}
        answer = alice.http.post(f"processes/{document['id']}/execution", json=body)
        assert answer.status_code == 201, answer.text
        job = str(answer.json()["jobID"])
        ended = alice.wait(job)
    finally:
        receiver.close()
    assert ended["status"] == "successful", ended
    outputs = alice.outputs(job)
    assert outputs["hard"].decode() == HARD and outputs["input/table"] == TABLE
    return Past(job, document, outputs)


def code_of(caller: CheckedCaller, job: str, language: str) -> str:
    answer = caller.http.get(f"jobs/{job}/code", params={"language": language})
    assert answer.status_code == 200, answer.text
    kind = LANGUAGES[language].media_type
    assert answer.headers["content-type"].partition(";")[0] == kind
    assert answer.headers["content-disposition"].startswith("attachment;")
    for planted in (caller.token, "planted", SECRET):
        assert planted not in answer.text
    return answer.text


@dataclass
class Ran:
    """What became of a snippet."""

    code: int
    said: str
    folder: Path


def run_all(
    codes: dict[str, str], folder: Path, token: str, files: Iterable[str] = ("table",)
) -> dict[str, Ran]:
    """Run snippets, all at once, each in a folder of its own with a file."""
    running = {}
    for language, code in codes.items():
        command = COMMANDS[language]
        if shutil.which(command[0]) is None:
            missing(f"{command[0]} (Debian: r-base-core, r-cran-httr2, r-cran-jsonlite)")
        place = folder / language
        place.mkdir()
        for name in files:
            (place / name).write_bytes(TABLE)
        snippet = place / f"snippet{LANGUAGES[language].suffix}"
        snippet.write_text(code, encoding="utf-8")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(place),
            "LC_ALL": "C.UTF-8",
            "NO_PROXY": "127.0.0.1",
            "JUPYTERHUB_API_TOKEN": token,
            "CCP_SECRET_KEY": SECRET,
        }
        with (place / "said.txt").open("wb") as said:
            running[language] = subprocess.Popen(
                [*command, str(snippet)],
                cwd=place,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # without a terminal, nobody can be asked
            )
    try:
        codes_of = {language: process.wait(LONGEST) for language, process in running.items()}
    finally:
        for process in running.values():
            process.kill()
            process.wait()
    return {
        language: Ran(code, (folder / language / "said.txt").read_text(), folder / language)
        for language, code in codes_of.items()
    }


def unpacked(ran: Ran) -> tuple[str, dict[str, bytes]]:
    """Return the id of the Execution that a snippet made, and the files that it fetched."""
    [folder] = [each for each in ran.folder.glob("execution-*") if each.is_dir()]
    files = [path for path in folder.rglob("*") if path.is_file()]
    contents = {str(path.relative_to(folder)): path.read_bytes() for path in files}
    return folder.name.removeprefix("execution-"), contents


def test_every_snippet_does_what_the_execution_did(alice, past, tmp_path):
    codes = {language: code_of(alice, past.job, language) for language in COMMANDS}
    for language, ran in run_all(codes, tmp_path, alice.token).items():
        assert ran.code == 0, (language, ran.said)
        job, files = unpacked(ran)
        assert files == past.outputs, language
        status = alice.status(job)
        assert (status["status"], status["processID"]) == ("successful", past.document["id"])
        assert "callbacks" not in status
        inputs = alice.http.get(f"jobs/{job}/inputs").json()["inputs"]
        plain = ("hard", "many", "number", "big", "flag", "area")
        assert {name: inputs[name] for name in plain} == {name: VALUES[name] for name in plain}
        # The notebook is not written back, so what its cells printed is nowhere.
        assert language == "notebook" or f"Execution {job}" in ran.said
        assert SECRET not in ran.said and alice.token not in ran.said
        assert not list(tmp_path.rglob("owned"))


def test_a_failed_execution_is_told_with_its_log(alice, failed, tmp_path):
    codes = {language: code_of(alice, failed, language) for language in COMMANDS}
    message = alice.status(failed)["message"]
    for language, ran in run_all(codes, tmp_path, alice.token).items():
        assert ran.code != 0, (language, ran.said)
        assert "broken" in ran.said, (language, ran.said)
        assert message in ran.said, (language, ran.said)
        assert not list(ran.folder.glob("execution-*"))


def test_a_file_that_is_missing_is_told_and_nothing_is_sent(alice, past, tmp_path):
    before = alice.http.get("jobs?limit=1").json()["jobs"][0]["id"]
    codes = {language: code_of(alice, past.job, language) for language in ("python", "bash")}
    for ran in run_all(codes, tmp_path, alice.token, files=()).values():
        assert ran.code != 0
        place = f"inputs/table in {alice.http.base_url}jobs/{past.job}/folder"
        assert f"table: there is no such file here. It came with the Execution, and is {place}" in (
            ran.said
        )
    assert alice.http.get("jobs?limit=1").json()["jobs"][0]["id"] == before


def test_julia_and_what_every_snippet_says(alice, past):
    page = alice.http.get(f"jobs/{past.job}", headers={"Accept": "text/html"}).text
    for language in LANGUAGES:
        assert f"jobs/{past.job}/code?language={language}" in page
        text = code_of(alice, past.job, language)
        for said in (past.job, past.document["id"], "?revision=1", "1.0.0", '"a,b'):
            assert said in text, (language, said)
        assert "whom to tell of its end" in text


def test_code_for_a_request_that_was_filled_in(alice, past, tmp_path):
    path = f"processes/{past.document['id']}/code"
    body = {"inputs": {**VALUES, "many": ["x"]}, "response": "document"}
    answer = alice.http.post(f"{path}?language=python", json=body)
    assert answer.status_code == 200, answer.text
    assert "planted" not in answer.text and "revision" not in answer.text
    ran = run_all({"python": answer.text}, tmp_path, alice.token)["python"]
    assert ran.code == 0, ran.said
    _, files = unpacked(ran)
    assert files == {**past.outputs, "many": b"x|"}

    answer = alice.http.post(f"{path}?language=notebook&revision=1", json=body)
    nbformat.validate(nbformat.reads(answer.text, as_version=4))
    assert "?revision=1" in answer.text


@pytest.mark.parametrize(
    "changes",
    [{"hard": None}, {"number": "x"}, {"no-such": "planted"}, {"key": {"$secret": "no-such"}}],
)
def test_it_refuses_what_a_dry_run_refuses(alice, past, changes):
    body = {"inputs": {**VALUES, **changes}}
    path = f"processes/{past.document['id']}"
    refused = alice.http.post(f"{path}/code?language=r", json=body)
    found = check_error(refused, 400, INVALID_DOCUMENT)
    dry = check_error(alice.http.post(f"{path}/dry-run", json=body), 400, INVALID_DOCUMENT)
    assert found["problems"] == dry["problems"]
    assert "planted" not in refused.text


def test_who_may_have_it(alice, bob, past):
    job, process = f"jobs/{past.job}/code", f"processes/{past.document['id']}/code"
    body = {"inputs": VALUES}
    check_error(bob.http.get(f"{job}?language=r"), 404, NO_SUCH_JOB)
    check_error(bob.http.post(f"{process}?language=r", json=body), 404, NO_SUCH_PROCESS)
    for wrong in ("", "?language=", "?language=cobol", "?language=r&language=r"):
        check_error(alice.http.get(job + wrong), 400, INVALID_PARAMETER)
    shared = alice.http.put(f"jobs/{past.job}/sharing", json={"users": ["bob"]})
    assert shared.status_code == 200
    mine, seen = code_of(alice, past.job, "bash"), code_of(bob, past.job, "bash")
    assert mine == seen
    assert alice.token not in seen


def test_of_what_runs_in_the_service_itself(alice):
    body = {"inputs": {"echo": "it's", "numbers": [1, 2]}}
    later = {"Prefer": "respond-async"}
    job = alice.http.post("processes/echo/execution", json=body, headers=later).json()["jobID"]
    assert '"echo": "it\'s"' in code_of(alice, job, "python")
    answer = alice.http.post("processes/echo/code?language=julia", json=body)
    assert '"echo": "it\'s"' in answer.text


def test_an_experiment_has_none(alice, stack):
    with Client(stack.service_url, alice.token) as client:
        execution = client.submit_red(red.shell(stack.images["shell"], "true"))
    answer = alice.http.get(f"jobs/{execution.id}/code?language=python")
    assert "RED" in check_error(answer, 409, NOT_EXECUTABLE)["detail"]
    document = red.shell(stack.images["shell"], "true")
    document["container"]["settings"]["image"]["auth"] = {"username": "u", "password": "planted"}
    body = {"inputs": {"document": document}}
    answer = alice.http.post("processes/red/code?language=python", json=body)
    check_error(answer, 409, NOT_EXECUTABLE)
    assert "planted" not in answer.text


def test_from_python_and_from_the_command_line(stack, alice, past, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("CCP_SERVICE_URL", stack.service_url)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", alice.token)
    wanted = code_of(alice, past.job, "r")
    with Client() as client:
        execution = client.execution(past.job)
        assert execution.code("r") == wanted
        assert "urllib.request" in execution.code()
        given = {**VALUES, "text": b"a,b\n", "table": TABLE}
        text = client.code(past.document["id"], "bash", replicas=2, inputs=given)
        assert '"ccpreplicas": 2' in text and "json_string" in text and "planted" not in text
        with pytest.raises(InvalidRequest, match="hard"):
            client.code(past.document["id"], number=1)
        with pytest.raises(ServiceError, match="language"):
            execution.code("cobol")
    assert main(["code", past.job, "--language", "r"]) == 0
    assert capsys.readouterr().out == wanted
    target = tmp_path / "code.R"
    assert main(["code", past.job, "--language", "r", "--output", str(target)]) == 0
    assert target.read_text() == wanted
    assert main(["code", past.job, "--output", str(target)]) == 2
    assert main(["code", past.job, "--output", str(target), "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"language": "python", "path": str(target)}
    assert target.read_text() == code_of(alice, past.job, "python")
    assert main(["code", past.job, "--output", str(tmp_path / "no" / "such")]) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert main(["code", str(uuid.uuid4())]) != 0
