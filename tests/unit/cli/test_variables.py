"""Where values of variables come from, and where they never go."""

from __future__ import annotations

import getpass
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import keyring
import keyring.backends.fail
import keyring.backends.null
import keyring.errors
import pytest
from pydantic import SecretStr

from ccp_jupyter.cli import variables
from tests.unit.cli.documents import ID, RED, VALUES, serve
from tests.unit.client.peer import answer


@pytest.fixture
def values(tmp_path: Path) -> Path:
    """A file with all values."""
    path = tmp_path / "values.json"
    path.write_text(json.dumps(VALUES))
    path.chmod(0o600)
    return path


def sent(peer) -> dict[str, str]:
    """Return the values that arrived."""
    document = peer.requests("POST", "agency/red")[-1].json()
    auth = document["container"]["settings"]["image"]["auth"]
    first, second = (each["inputs"]["text"]["connector"]["access"] for each in document["batches"])
    return {
        "user": auth["username"],
        "reg_pw": auth["password"],
        "dir": first["url"].removeprefix("https://example.org/").removesuffix("/in.txt"),
        "web_pw": second["_key"],
    }


def test_order_of_sources(ccp, peer, red, ring, tmp_path, monkeypatch):
    """Each source knows one name less than the one after it; the first that knows one decides."""
    serve(peer)
    for name in VALUES:
        ring.set_password("red", name, "ring")
    for name in ("user", "dir", "reg_pw"):
        monkeypatch.setenv(f"CCP_VAR_{name}", "environment")
    file = tmp_path / "v.yml"
    file.write_text("user: file\ndir: file\n")
    file.chmod(0o600)
    assert ccp("red", "submit", red, "--variables-file", file, "--variable", "dir=line").code == 0
    assert sent(peer) == {"dir": "line", "user": "file", "reg_pw": "environment", "web_pw": "ring"}


def test_keyring_service(ccp, peer, red, ring):
    serve(peer)
    for name, value in VALUES.items():
        ring.set_password("mine", name, value)
    assert ccp("red", "submit", red).code == 2
    assert ccp("red", "submit", red, "--keyring-service", "mine").code == 0
    assert sent(peer) == VALUES


def test_missing_ones_are_named_and_nothing_is_sent(ccp, peer, red, monkeypatch):
    monkeypatch.setenv("CCP_VAR_user", "me")
    ran = ccp("red", "submit", red, "--non-interactive")
    assert (ran.code, ran.out) == (2, "")
    assert "no value for dir, reg_pw, web_pw:" in ran.err
    assert "hub_token" not in ran.err
    assert peer.seen == []


def test_from_vault(ccp, peer, red, monkeypatch):
    serve(peer)
    monkeypatch.setenv("CCP_VAR_user", "me")
    assert ccp("red", "submit", red, "--from-vault").code == 0
    (seen,) = peer.requests("POST", "agency/red")
    assert seen.query["useVault"] == "1"
    assert sent(peer) == {
        "user": "me",
        "reg_pw": "{{reg_pw}}",
        "dir": "{{dir}}",
        "web_pw": "{{web_pw}}",
    }


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("reg_pw=S3CRET", "is a secret, and others can see a command line"),
        ("other=1", "has no such variable"),
        ("S3CRET", "must have the form NAME=VALUE"),
        ("=S3CRET", "must have the form NAME=VALUE"),
        ("hub_token=S3CRET", "has no such variable"),
    ],
)
def test_values_on_the_command_line(ccp, peer, red, given, text):
    ran = ccp("red", "submit", red, "--variable", given)
    assert ran.code == 2
    assert text in ran.err
    assert "S3CRET" not in ran.err
    assert peer.seen == []


@pytest.mark.parametrize(
    "content",
    [b"", b"S3CRET", b"- S3CRET", b"a: [S3CRET]", b"a: 1", b"{", b"a: S3CRET\na: S3CRET", b"\xff",
     b"&a S3CRET: *b", b"[" * 10**5, b"x: !!python/object/apply:os.system ['echo S3CRET']"],
)  # fmt: skip
def test_files_that_are_no_good(ccp, peer, red, values, content):
    values.write_bytes(content)
    ran = ccp("red", "submit", red, "--variables-file", values)
    assert (ran.code, ran.out) == (2, "")
    assert str(values) in ran.err
    assert "S3CRET" not in ran.err


def test_files_that_are_too_much(ccp, peer, red, values, tmp_path):
    values.write_bytes(b" " * (2**20 + 1))
    assert "is larger than" in ccp("red", "submit", red, "--variables-file", values).err
    values.chmod(0o644)
    ran = ccp("red", "submit", red, "--variables-file", values)
    assert (ran.code, "chmod 600" in ran.err) == (2, True)
    assert ccp("red", "submit", red, "--variables-file", tmp_path / "none").code == 2


@pytest.mark.parametrize("braces", ["{{", "}}", "a{{b}}c"])
def test_values_with_braces(ccp, peer, red, values, braces):
    values.write_text(json.dumps({**VALUES, "reg_pw": f"S3CRET{braces}"}))
    ran = ccp("red", "submit", red, "--variables-file", values)
    assert ran.code == 3
    assert "reg_pw: the value of this variable holds {{ or }}" in ran.err
    assert "S3CRET" not in ran.err
    assert peer.seen == []


def test_no_secret_is_shown_or_kept(ccp, peer, red, values, home):
    """Whatever happens: not on stdout or stderr, nor in the state folder."""
    serve(peer)
    outcomes = [
        answer({"experimentId": ID}),
        answer("400 Bad Request: no", 400),
        answer(b"<html>", 500),
    ]
    texts = []
    for outcome in outcomes:
        peer.on("POST", "agency/red", outcome)
        for more in ((), ("--json",)):
            ran = ccp("red", "submit", red, "--variables-file", values, *more)
            texts += [ran.out, ran.err]
    texts += [path.read_text() for path in (home / "state").rglob("*.json")]
    assert len(texts) == 13
    assert not any("S3CRET" in text for text in texts)
    assert sent(peer) == VALUES


def test_fault_of_the_program_shows_no_value(ccp, peer, red, values, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("S3CRET-web")

    monkeypatch.setattr("ccp_jupyter.cli.submit.experiments.described", broken)
    serve(peer)
    ran = ccp("red", "submit", red, "--variables-file", values, "--json")
    assert ran.code == 70
    assert "RuntimeError at" in ran.err
    assert "S3CRET" not in ran.err + ran.out


def test_reprs_hide_values(values):
    assert "S3CRET" not in repr(variables.from_file(values))


class Failing(keyring.backends.fail.Keyring):
    """A keyring that says it works and does not, such as a locked one."""

    priority = 5

    def get_password(self, service: str, username: str, password: Any = None) -> Any:
        raise keyring.errors.KeyringLocked("S3CRET")


@pytest.mark.parametrize(
    ("backend", "note"),
    [
        (keyring.backends.null.Keyring, False),
        (keyring.backends.fail.Keyring, False),
        (Failing, True),
    ],
)
def test_keyrings_that_have_nothing(ccp, peer, red, values, backend, note):
    serve(peer)
    keyring.set_keyring(backend())
    assert ccp("red", "submit", red).code == 2
    ran = ccp("red", "submit", red, "--from-vault")
    assert ran.code == 0
    assert ("keyring does not answer (KeyringLocked)" in ran.err) is note
    assert "S3CRET" not in ran.err


def test_keyring_that_is_set_up_wrongly(peer, red, values):
    serve(peer)
    command = [sys.executable, "-m", "ccp_jupyter.cli", "red", "submit", str(red)]
    for backend in ("no.such.module", "json.JSONDecoder", "..", "keyring.backends.null.Keyring"):
        ran = subprocess.run(
            [*command, "--variables-file", str(values)],
            env={**os.environ, "PYTHON_KEYRING_BACKEND": backend},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (ran.returncode, ran.stdout) == (0, ID + "\n"), ran.stderr


def test_without_the_library(ccp, peer, red, values, monkeypatch):
    serve(peer)
    monkeypatch.setitem(sys.modules, "keyring", None)
    ran = ccp("red", "submit", red, "--variables-file", values)
    assert (ran.code, ran.err) == (0, "")


@pytest.fixture
def typed(monkeypatch):
    """Let a user sit at the terminal who types the lines of this list."""
    lines: list[str] = []
    asked: list[str] = []

    class Terminal:
        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return lines.pop(0) + "\n" if lines else ""

    def hidden(prompt: str) -> str:
        asked.append(prompt)
        if not lines:
            raise EOFError
        return lines.pop(0)

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", hidden)
    return lines, asked


def test_prompt(ccp, peer, red, ring, typed, monkeypatch):
    serve(peer)
    monkeypatch.setenv("CCP_VAR_dir", "some/where")
    lines, asked = typed
    # In descending order of names, as faice asks; then whether to keep them.
    lines += ["S3CRET-web", "me", "S3CRET-reg", "y"]
    ran = ccp("red", "submit", red)
    assert (ran.code, ran.out) == (0, ID + "\n")
    assert asked == ["web_pw (protected): ", "reg_pw (protected): "]
    assert ran.err.startswith("user: Keep web_pw, user, reg_pw in the keyring? [y/N] ")
    assert "S3CRET" not in ran.err
    assert sent(peer) == VALUES
    assert ring.kept == {("red", name): value for name, value in VALUES.items() if name != "dir"}


@pytest.mark.parametrize("answered", [[""], ["n"], []])
def test_typed_values_are_not_kept_unasked(ccp, peer, red, ring, typed, answered):
    serve(peer)
    lines, _ = typed
    lines += ["w", "me", "r", "d", *answered]
    assert ccp("red", "submit", red).code == 0
    assert ring.kept == {}


@pytest.mark.parametrize("lines", [[], ["w"], ["w", "u"], ["w", "u", "r"]])
def test_input_that_ends(ccp, peer, red, typed, lines):
    typed[0].extend(lines)
    ran = ccp("red", "submit", red)
    assert ran.code == 2
    assert "the input ended before there was a value" in ran.err
    assert peer.seen == []


@pytest.mark.parametrize("option", ["--non-interactive", "--from-vault"])
def test_nobody_is_asked(ccp, peer, red, typed, option):
    serve(peer)
    typed[0].extend(["w", "u", "r", "d"])
    ccp("red", "submit", red, option)
    assert typed[1] == []


def test_on_a_real_terminal(peer, red, values):
    """Secrets are not echoed, stdout has the id and nothing else, arguments have no secret."""
    serve(peer)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-W", "error", "-m", "ccp_jupyter.cli", "red", "submit", str(red)]
    environment = {**os.environ, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    with subprocess.Popen(
        command,
        stdin=theirs,
        stderr=theirs,
        stdout=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        shown = b""
        answers = {b"web_pw (protected): ": b"S3CRET-web\n", b"user: ": b"me\n",
                   b"reg_pw (protected): ": b"S3CRET-reg\n", b"dir: ": b"some/where\n"}  # fmt: skip
        for prompt, text in answers.items():
            while not shown.endswith(prompt):
                shown += os.read(ours, 100)
            os.write(ours, text)
        out, _ = process.communicate(timeout=30)
    os.close(ours)
    assert (process.returncode, out.decode()) == (0, ID + "\n")
    assert b"S3CRET" not in shown
    assert sent(peer) == VALUES


def test_text_of_a_document_is_not_looked_for_variables_twice(ccp, peer, red, values):
    serve(peer)
    red.write_text(RED.replace("{{dir}}", "{{dir}}{{user}}"))
    ccp("red", "submit", red, "--variables-file", values)
    assert sent(peer)["dir"] == "some/whereme"


def test_values_are_no_text(tmp_path):
    assert variables.from_environment(["nobody_has_this"]) == {}
    assert isinstance(variables.from_arguments(["a=b"], {"a": False})["a"], SecretStr)
