"""``ccp secret``."""

from __future__ import annotations

import getpass
import io
import sys

import pytest

from tests.unit.client.peer import answer

LISTED = {
    "secrets": [
        {"name": "web_pw", "created": "2026-11-21T10:00:00.000Z", "uses": []},
        {
            "name": "reg",
            "created": "2026-11-21T10:00:00.000Z",
            "registry": "registry.example.org",
            "username": "me",
            "uses": [{"at": "2026-11-21T11:00:00.000Z", "execution": "j1"}],
        },
    ]
}


def test_list(ccp, peer):
    peer.on("GET", "secrets", answer(LISTED))
    ran = ccp("secret", "list")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "web_pw\t2026-11-21T10:00:00.000Z",
        "reg\t2026-11-21T10:00:00.000Z\tme@registry.example.org",
    ]
    assert ccp("secret", "list", "--json").json() == LISTED


@pytest.mark.parametrize(
    ("typed", "value"),
    [("S3CRET\n", "S3CRET"), ("S3CRET", "S3CRET"), ("S3\nCRET\n\n", "S3\nCRET\n"),
     (" S3CRET \r\n", " S3CRET ")],
)  # fmt: skip
def test_set_from_stdin(ccp, peer, monkeypatch, typed, value):
    peer.on("PUT", "secrets/web_pw", answer(b"", 204))
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    ran = ccp("secret", "set", "web_pw")
    assert (ran.code, ran.out) == (0, "")
    assert "S3CRET" not in ran.err
    assert peer.requests("PUT", ".*")[0].json() == {"value": value}


def test_set_at_a_terminal(ccp, peer, monkeypatch):
    peer.on("PUT", "secrets/reg", answer(b"", 204))
    stdin = io.StringIO()
    stdin.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdin", stdin)
    asked: list[str] = []

    def hidden(prompt: str) -> str:
        asked.append(prompt)
        return "S3CRET"

    monkeypatch.setattr(getpass, "getpass", hidden)
    login = ("--registry", "registry.example.org", "--username", "me")
    ran = ccp("secret", "set", "reg", *login, "--json")
    assert ran.json() == {"name": "reg", "done": "kept"}
    assert asked == ["value of reg: "]
    assert peer.requests("PUT", ".*")[0].json() == {
        "value": "S3CRET",
        "registry": "registry.example.org",
        "username": "me",
    }


@pytest.mark.parametrize("typed", ["", "\n", "x" * (2**20 + 1)])
def test_no_value(ccp, peer, monkeypatch, typed):
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    assert ccp("secret", "set", "a").code == 2
    assert peer.seen == []


def test_half_a_login(ccp, peer):
    ran = ccp("secret", "set", "a", "--registry", "r")
    assert (ran.code, "belong together" in ran.err) == (2, True)


def test_value_is_never_an_argument(ccp, peer):
    assert ccp("secret", "set", "a", "S3CRET").code == 2


def test_service_is_asked_for_before_the_value(ccp, monkeypatch):
    def read(_: int) -> str:
        raise AssertionError("nobody may be asked")

    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(sys.stdin, "read", read)
    assert ccp("secret", "set", "a").code == 2


def test_refused_value_is_not_shown(ccp, peer, monkeypatch):
    refused = {"detail": "too long", "problems": [{"member": "value", "rule": "too long"}]}
    peer.on("PUT", "secrets/a", answer(refused, 400))
    monkeypatch.setattr(sys, "stdin", io.StringIO("S3CRET"))
    ran = ccp("secret", "set", "a", "--json")
    assert ran.json()["error"]["problems"][0]["member"] == "value"
    assert (ran.code, "S3CRET" in ran.out + ran.err) == (3, False)


def test_remove(ccp, peer):
    peer.on("DELETE", "secrets/a%2Fb", answer(b"", 204))
    assert ccp("secret", "remove", "a/b").code == 0
    assert ccp("secret", "remove", "other").code == 4
