"""Snippets at a service that is away for a moment, or hostile.

At the real one they are run in ``tests/service/test_code.py``.
"""

from __future__ import annotations

import base64
import os
import pty
import shutil
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import pytest

from ccp_jupyter.codegen.languages import LANGUAGES, generate
from tests.conftest import missing
from tests.unit.client.peer import TOKEN, Peer, answer, running
from tests.unit.client.zips import make
from tests.unit.codegen.values import KEY, TABLE, facts

COMMANDS = {"python": [sys.executable], "bash": ["bash"], "r": ["Rscript", "--vanilla"]}
EXECUTION = "7de2a1c4"
PATH = "processes/word-counts/execution"


@pytest.fixture
def peer():
    with running() as made:
        yield made


def run(
    language: str, peer: Peer, folder: Path, code: str | dict[str, object], **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run code, or that for some inputs, in a folder, as somebody whom the service knows."""
    if shutil.which(COMMANDS[language][0]) is None:
        missing(f"{COMMANDS[language][0]} (Debian: r-base-core)")
    snippet = folder / f"snippet{LANGUAGES[language].suffix}"
    if not isinstance(code, str):
        code = generate(facts(code, service=peer.url), language).text
    snippet.write_text(code)
    return subprocess.run(
        [*COMMANDS[language], str(snippet)],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "JUPYTERHUB_API_TOKEN": TOKEN,
            "NO_PROXY": "127.0.0.1",
            **environment,
        },
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # without a terminal, nobody can be asked
        capture_output=True,
        timeout=100,
    )


def accept(peer: Peer, archive: bytes) -> None:
    location = f"http://elsewhere.example.org/ccp/jobs/{EXECUTION}"
    peer.on("POST", PATH, answer({"status": "accepted"}, 201, Location=location))
    status = {"status": "successful", "message": 'It "ended"', "progress": 100}
    peer.on("GET", f"jobs/{EXECUTION}", answer(status))
    peer.on("GET", f"jobs/{EXECUTION}/outputs/output.zip", answer(archive))


@pytest.mark.parametrize("language", COMMANDS)
def test_a_service_that_is_away_for_a_moment_gets_it_once(language, peer, tmp_path):
    accept(peer, make({"a/b.txt": b"content", "it's $HOME": b""}))
    location = f"{peer.url}jobs/{EXECUTION}"
    peer.on("POST", PATH, answer({}, 503), answer({}, 201, Location=location))
    (tmp_path / "table").write_bytes(bytes(range(256)))
    inputs = {"word": "ü", "key": KEY, "table": {"value": TABLE, "encoding": "base64"}}
    secret = 'it\'s "\\$(id)"\tü\x01'
    done = run(language, peer, tmp_path, inputs, CCP_SECRET_KEY=secret)
    assert done.returncode == 0, done.stderr.decode()
    first, second = peer.requests("POST", PATH)
    assert first.body == second.body
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert first.headers["Prefer"] == "respond-async"
    assert first.headers["Content-Type"].startswith("application/json")
    sent = second.json()["inputs"]
    assert (sent["word"], sent["key"]) == ("ü", secret)
    assert base64.b64decode(sent["table"]["value"]) == bytes(range(256))
    folder = tmp_path / f"execution-{EXECUTION}"
    assert (folder / "a/b.txt").read_bytes() == b"content"
    assert (folder / "it's $HOME").exists()
    assert 'It "ended"' in done.stdout.decode()


@pytest.mark.parametrize("language", COMMANDS)
def test_a_zip_that_would_leave_the_folder_is_refused(language, peer, tmp_path):
    names = ("../evil", "a/../../evil", f"{tmp_path}/evil")
    # R takes a second to begin, so there it is the one of the middle.
    for number, name in enumerate(names[1:2] if language == "r" else names):
        place = tmp_path / str(number)
        place.mkdir()
        accept(peer, make({"good.txt": b"good", name: b"evil"}))
        done = run(language, peer, place, {})
        assert done.returncode != 0
        assert b"would leave the folder" in done.stderr
        assert not list(tmp_path.rglob("evil")) and not list(tmp_path.rglob("good.txt"))


@pytest.mark.parametrize("language", COMMANDS)
def test_what_the_service_refuses_is_told(language, peer, tmp_path):
    peer.on("POST", PATH, answer({"detail": "inputs.word: is missing"}, 400))
    done = run(language, peer, tmp_path, {})
    assert done.returncode != 0
    assert b"inputs.word: is missing" in done.stderr and b"400" in done.stderr
    assert len(peer.requests("POST", PATH)) == 1


@pytest.mark.parametrize("language", COMMANDS)
def test_what_is_missing_is_told_before_anything_is_sent(language, peer, tmp_path):
    done = run(language, peer, tmp_path, {"table": {"value": TABLE}})
    assert done.returncode != 0
    assert f"table: there is no such file here. {TABLE.origin}".encode() in done.stderr
    done = run(language, peer, tmp_path, {"key": KEY})
    assert done.returncode != 0
    assert KEY.variable.encode() in done.stderr
    assert peer.seen == []


@pytest.mark.parametrize("language", COMMANDS)
def test_another_address_can_be_given(language, peer, tmp_path):
    accept(peer, make({"word": b"x"}))
    # Nothing listens at the one that stands in the code.
    code = generate(facts({}, service="http://127.0.0.1:9/ccp/"), language).text
    done = run(language, peer, tmp_path, code, CCP_SERVICE_URL=peer.url.rstrip("/"))
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("language", COMMANDS)
def test_the_token_goes_to_nobody_else(language, peer, tmp_path):
    accept(peer, make({"word": b"x"}))
    with running() as other:
        peer.on("GET", f"jobs/{EXECUTION}", answer({}, 302, Location=f"{other.url}anything"))
        done = run(language, peer, tmp_path, {})
        assert done.returncode != 0
        assert not [seen for seen in other.seen if "Authorization" in seen.headers]


def wait_for_silence(terminal: int) -> None:
    """Wait until what is typed is not shown any more."""
    deadline = time.monotonic() + 60
    while termios.tcgetattr(terminal)[3] & termios.ECHO:
        assert time.monotonic() < deadline, "what is typed would be shown"
        time.sleep(0.01)


@pytest.mark.parametrize("language", COMMANDS)
def test_what_the_environment_has_not_is_asked_for_and_not_shown(language, peer, tmp_path):
    if shutil.which(COMMANDS[language][0]) is None:
        missing(f"{COMMANDS[language][0]} (Debian: r-base-core)")
    accept(peer, make({"word": b"x"}))
    snippet = tmp_path / f"snippet{LANGUAGES[language].suffix}"
    snippet.write_text(generate(facts({"key": KEY}, service=peer.url), language).text)
    terminal, inner = pty.openpty()
    process = subprocess.Popen(
        [*COMMANDS[language], str(snippet)],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "NO_PROXY": "127.0.0.1"},
        stdin=inner,
        stdout=inner,
        stderr=inner,
        start_new_session=True,
    )
    os.close(inner)
    shown = b""
    try:
        for name, typed in (("JUPYTERHUB_API_TOKEN", TOKEN), (KEY.variable, "my secret")):
            while f"{name}: ".encode() not in shown:
                shown += os.read(terminal, 1000)
            os.write(terminal, f"{typed}\n".encode())
        with suppress(OSError):  # at the end there is nobody at the other side any more
            while piece := os.read(terminal, 1000):
                shown += piece
        assert process.wait(60) == 0, shown.decode()
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
    assert peer.requests("POST", PATH)[0].json()["inputs"] == {"key": "my secret"}
    assert TOKEN.encode() not in shown and b"my secret" not in shown
