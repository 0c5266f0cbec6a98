"""Secrets by name, personal secrets, sessions and their bounds, through the real process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ccp_jupyter.hub_service.vault.base import (
    OwnerFull,
    SecretsLost,
    VaultFull,
    VaultUnreachable,
)
from ccp_jupyter.hub_service.vault.bounds import Bounds
from ccp_jupyter.hub_service.vault.client import VaultClient, ensure_running
from ccp_jupyter.hub_service.vault.requests import Conversation, Secrets
from ccp_jupyter.hub_service.vault.wire import MAX_MESSAGE
from tests.unit.vault.processes import ended

VALUE = "correct-horse-battery-staple"


class Desk:
    """A vault without a process, with bounds and a clock of the test's own."""

    def __init__(self, **bounds: Any) -> None:
        self.time = 0.0
        self.secrets = Secrets(Bounds(**bounds), clock=lambda: self.time)
        self.conversation = Conversation(self.secrets)

    def ask(self, **request: object) -> dict[str, Any]:
        return list(self.conversation.answers(json.dumps(request).encode()))[-1]

    def error(self, **request: object) -> object:
        return self.ask(**request).get("error")


@contextlib.asynccontextmanager
async def false_vault(
    path: Path, answer: Callable[[dict[str, Any]], dict[str, Any]]
) -> AsyncIterator[VaultClient]:
    """Yield a client of something that answers each request as it is told."""
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(json.dumps(answer(json.loads(line))).encode() + b"\n")
        writer.close()
        await writer.wait_closed()
        ended.set()

    async with await asyncio.start_unix_server(serve, str(path)):
        client = VaultClient(path)
        try:
            yield client
        finally:
            await client.close()
            await ended.wait()


# --- of Executions ---


async def test_only_what_is_asked_for_is_released(client: VaultClient, place: Path) -> None:
    await client.put("e1", {"a": VALUE, "b": "2", "c": "3"})
    assert await client.get("e1", ["a", "c", "a"], "ccp-e1.7.1") == {"a": VALUE, "c": "3"}
    assert await client.get("e1", []) == {}
    with pytest.raises(SecretsLost, match="Execution e1, or not all"):
        await client.get("e1", ["a", "nothing"])
    with pytest.raises(SecretsLost):
        await client.get("e2", [])
    log = (place / "vault.log").read_text()
    assert "2 secret(s) of Execution 'e1' released to 'ccp-e1.7.1'" in log
    assert VALUE not in log
    assert "nothing" not in log


async def test_a_name_in_the_log_cannot_make_a_line_of_its_own(
    client: VaultClient, place: Path
) -> None:
    await client.put("e1", {"a": "b"})
    await client.get("e1", attempt="x\n2026-11-22 INFO forged")
    assert "\n2026-11-22 INFO forged" not in (place / "vault.log").read_text()


async def test_which_executions_there_are(client: VaultClient) -> None:
    assert await client.executions() == set()
    await asyncio.gather(*(client.put(f"e{n}", {"a": "b"}) for n in range(50)))
    await client.put("empty", {})
    await client.forget("e7")
    assert await client.executions() == {f"e{n}" for n in range(50) if n != 7} | {"empty"}


async def test_thousand_batches_of_secrets(client: VaultClient) -> None:
    secrets = {f"access-{n}": json.dumps({"p": "é" * 2000, "n": n}) for n in range(1000)}
    assert sum(map(len, map(json.dumps, secrets.values()))) > 2 * MAX_MESSAGE
    await client.put("e1", {"old": "x"})
    await client.put("e1", secrets)
    assert await client.get("e1", ["access-999"]) == {"access-999": secrets["access-999"]}
    assert await client.get("e1") == secrets
    with pytest.raises(SecretsLost):
        await client.get("e1", ["old"])


async def test_a_put_that_is_not_complete_counts_for_nothing(
    client: VaultClient, socket_path: Path
) -> None:
    await client.put("e1", {"a": "old"})
    for number in (1, 2):
        reader, writer = await asyncio.open_unix_connection(str(socket_path))
        for part in range(number):
            request = {"op": "put", "id": "e1", "secrets": {"a": "new"}, "part": part}
            writer.write(json.dumps(request | {"last": False}).encode() + b"\n")
            assert json.loads(await reader.readline()) == {"ok": True}
        assert await client.get("e1") == {"a": "old"}
        writer.close()
        await writer.wait_closed()
        assert await client.get("e1") == {"a": "old"}
    await client.put("e1", {"b": "newer"})
    assert await client.get("e1") == {"b": "newer"}


def test_parts_out_of_order_are_refused() -> None:
    desk = Desk()
    put: dict[str, Any] = {"op": "put", "id": "e1", "secrets": {"a": "b"}}
    assert desk.error(**put, part=1, last=True) == "malformed"
    assert desk.ask(**put, part=0, last=False) == {"ok": True}
    assert desk.error(**put, part=2, last=True) == "malformed"
    assert desk.error(**put, part=1, last=True) == "malformed", "all of it was dropped"
    assert desk.ask(**put, part=0, last=False) == {"ok": True}
    assert desk.error(op="put", id="e2", secrets={}, part=1, last=True) == "malformed"
    assert desk.ask(**put, part=0, last=False) == {"ok": True}
    assert desk.ask(op="kept", id="e1") == {"ok": True, "kept": False}
    assert desk.error(**put, part=1, last=True) == "malformed", "another request came between"
    for bad in ({"part": "0"}, {"part": True}, {"part": -1}, {"last": 1}, {"part": 1.0}):
        assert desk.error(**put, **bad) == "malformed", bad
    assert desk.secrets.budget.used == 0


def test_one_execution_takes_only_so_much() -> None:
    desk = Desk(execution=1000)
    put: dict[str, Any] = {"op": "put", "id": "e1", "secrets": {"a": "x" * 600}}
    assert desk.ask(**put, part=0, last=False) == {"ok": True}
    assert desk.error(**put, part=1, last=True) == "too large"
    assert desk.secrets.budget.used == 0
    assert desk.ask(op="executions") == {"ok": True, "executions": []}


def test_one_owners_executions_take_only_so_much() -> None:
    desk = Desk(owner_executions=1000)

    def put(name: str, owner: str, size: int) -> object:
        answer = desk.ask(op="put", id=name, owner=owner, secrets={"a": "x" * size})
        return answer["ok"] or answer["error"]

    assert put("e1", "alice", 500) is True
    assert put("e2", "alice", 500) == "owner full"
    assert put("e1", "alice", 700) is True, "replacing is no more"
    assert put("e3", "bob", 700) is True, "others have their own room"
    assert put("e1", "bob", 700) == "owner full"
    assert put("nobody", "", 5000) is True
    assert desk.ask(op="forget", id="e1") == {"ok": True}
    assert put("e2", "alice", 700) is True
    for name in ("e2", "e3", "nobody"):
        desk.ask(op="forget", id=name)
    assert desk.secrets.budget.used == 0


async def test_forget_asks_whether_it_is_so(socket_path: Path) -> None:
    async with false_vault(socket_path, lambda _: {"ok": True, "kept": True}) as client:
        with pytest.raises(VaultUnreachable, match="still keeps secrets of e1"):
            await client.forget("e1")


# --- personal ---


async def test_personal_secrets(client: VaultClient, place: Path) -> None:
    before = datetime.now(UTC)
    await client.save_secret("alice", "aws", VALUE)
    await client.save_secret("alice", "hub", "pass", "ghcr.io", "al")
    await client.save_secret("bob", "aws", "bobs")
    aws, hub = await client.list_secrets("alice")
    assert (aws.name, aws.registry, aws.username, aws.uses) == ("aws", None, None, ())
    assert before <= aws.created <= datetime.now(UTC)
    assert (hub.registry, hub.username) == ("ghcr.io", "al")
    assert VALUE not in repr(await client.list_secrets("alice"))
    assert await client.use_secrets("alice", ["aws", "none"], "e1") == {"aws": VALUE}
    assert await client.use_secrets("alice", ["aws"], "e1") == {"aws": VALUE}
    assert await client.use_secrets("bob", ["aws", "hub"], "e2") == {"aws": "bobs"}
    aws, hub = await client.list_secrets("alice")
    assert [use.execution_id for use in aws.uses] == ["e1"], "a repeated request is one use"
    assert aws.created <= aws.uses[0].at
    assert hub.uses == ()
    assert await client.remove_secret("alice", "aws") is True
    assert await client.remove_secret("alice", "aws") is False
    assert await client.use_secrets("alice", ["aws"], "e3") == {}
    assert [s.name for s in await client.list_secrets("bob")] == ["aws"]
    assert VALUE not in (place / "vault.log").read_text()


async def test_saving_again_begins_anew(client: VaultClient) -> None:
    await client.save_secret("alice", "aws", "1", "ghcr.io", "al")
    await client.use_secrets("alice", ["aws"], "e1")
    await client.save_secret("alice", "aws", "2")
    (aws,) = await client.list_secrets("alice")
    assert (aws.registry, aws.username, aws.uses) == (None, None, ())
    assert await client.use_secrets("alice", ["aws"], "e1") == {"aws": "2"}


async def test_registry_logins(client: VaultClient) -> None:
    assert await client.use_login("alice", "ghcr.io", "e1") is None
    await client.save_secret("alice", "plain", "x")
    await client.save_secret("alice", "old", "1", "GHCR.io", "old")
    await client.save_secret("alice", "new", "2", "ghcr.io", "new")
    await client.save_secret("alice", "other", "3", "docker.io", "other")
    assert await client.use_login("alice", "ghcr.io", "e1") == ("new", "2")
    assert await client.use_login("bob", "ghcr.io", "e1") is None
    uses = {s.name: [u.execution_id for u in s.uses] for s in await client.list_secrets("alice")}
    assert uses == {"new": ["e1"], "old": [], "other": [], "plain": []}
    await client.remove_secret("alice", "new")
    assert await client.use_login("alice", "ghcr.io", "e1") == ("old", "1")


async def test_many_uses_and_many_secrets(client: VaultClient) -> None:
    for number in range(100):
        await client.save_secret("alice", f"s{number:02}", "x")
    await asyncio.gather(
        *(client.use_secrets("alice", ["s00", "s01"], f"{n:03}" + "é" * 197) for n in range(120))
    )
    found = await client.list_secrets("alice")
    assert len(found) == 100
    assert len(found[0].uses) == len(found[1].uses) == 100
    assert found[0].uses[0].execution_id == "119" + "é" * 197


async def test_one_owner_keeps_only_so_much(client: VaultClient) -> None:
    for number in range(16):
        await client.save_secret("alice", f"s{number}", "x" * 2**16)
    with pytest.raises(OwnerFull, match="1048576 bytes of secrets of one owner"):
        await client.save_secret("alice", "more", "x")
    await client.save_secret("alice", "s0", "y")
    await client.save_secret("alice", "more", "x")
    await client.save_secret("bob", "his", "x")
    with pytest.raises(ValueError, match="value: at most 65536 bytes"):
        await client.save_secret("bob", "his", "é" * 40_000)
    assert await client.use_secrets("bob", ["his"], "e") == {"his": "x"}


def test_bounds_of_personal_secrets() -> None:
    desk = Desk(owner_secrets=2, total=1000, value=900)
    save: dict[str, Any] = {"op": "save", "owner": "alice"}
    assert desk.ask(**save, name="a", value="1") == {"ok": True}
    assert desk.ask(**save, name="b", value="2") == {"ok": True}
    assert desk.error(**save, name="c", value="3") == "owner full"
    assert desk.ask(**save, name="b", value="x" * 900) == {"ok": True}, "replacing is no more"
    assert desk.error(op="save", owner="bob", name="a", value="x" * 100) == "full"
    assert desk.error(op="put", id="e1", secrets={"a": "x" * 100}) == "full"
    assert desk.ask(op="remove", owner="alice", name="b") == {"ok": True, "removed": True}
    assert desk.ask(op="remove", owner="alice", name="a") == {"ok": True, "removed": True}
    assert desk.secrets.budget.used == 0


@pytest.mark.parametrize(
    "change",
    [
        {"owner": ""},
        {"owner": 5},
        {"owner": "x" * 301},
        {"name": ""},
        {"name": "a b"},
        {"name": "a\n"},
        {"name": "é"},
        {"name": "x" * 101},
        {"name": None},
        {"value": ""},
        {"value": None},
        {"value": ["hunter2"]},
        {"registry": ""},
        {"registry": {}},
        {"username": 7},
    ],
    ids=str,
)
def test_personal_secrets_that_are_none(change: dict[str, Any]) -> None:
    desk = Desk()
    request = {"op": "save", "owner": "alice", "name": "a", "value": "hunter2"} | change
    answer = desk.ask(**request)
    assert answer["error"] == "malformed"
    assert "hunter2" not in answer["message"]
    assert desk.ask(op="list", owner="alice") == {"ok": True, "personal": []}


@pytest.mark.parametrize(
    "request_",
    [
        {"op": "get", "id": "a", "names": "b"},
        {"op": "get", "id": "a", "names": [1]},
        {"op": "get", "id": "a", "attempt": 5},
        {"op": "use", "owner": "a", "names": {}, "id": "x"},
        {"op": "use", "owner": "a", "names": ["b"]},
        {"op": "login", "owner": "a", "registry": None, "id": "x"},
        {"op": "list"},
        {"op": "remove", "owner": "a"},
        {"op": "kept"},
        {"op": "open", "key": "k", "data": {"a": 1}, "seconds": 5},
        {"op": "open", "key": "k", "data": {}, "seconds": "5"},
        {"op": "open", "key": "k", "data": {}, "seconds": True},
        {"op": "open", "key": "k", "data": {}, "seconds": 0},
        {"op": "open", "key": "k", "data": {}, "seconds": float("nan")},
        {"op": "open", "key": "k", "data": {}, "seconds": float("inf")},
        {"op": "open", "key": "k", "data": {}, "seconds": 10**400},
        {"op": "open", "key": "k", "data": {"a": "x" * 20_000}, "seconds": 5},
        {"op": "session", "key": ""},
        {"op": "close", "key": []},
    ],
    ids=str,
)
def test_requests_with_wrong_members(request_: dict[str, Any]) -> None:
    desk = Desk()
    assert desk.error(**request_) == "malformed"
    assert desk.secrets.budget.used == 0


# --- sessions ---


async def test_sessions(
    client: VaultClient, vault_pid: int, socket_path: Path, place: Path
) -> None:
    await client.open_session("key", {"user": "alice"}, 60)
    await client.open_session("short", {"user": "alice"}, 0.05)
    assert await client.session("key") == {"user": "alice"}
    await client.open_session("key", {"user": "bob"}, 60)
    assert await client.session("key") == {"user": "bob"}
    await asyncio.sleep(0.1)
    assert await client.session("short") is None
    await client.close_session("key")
    await client.close_session("key")
    assert await client.session("key") is None
    await client.open_session("key", {}, 60)
    await ended(vault_pid, signal.SIGKILL)
    new = await ensure_running(socket_path, place / "vault.log")
    assert await client.session("key") is None
    await ended(new, signal.SIGTERM)


def test_sessions_end_with_their_time() -> None:
    desk = Desk()

    def data(key: str) -> object:
        return desk.ask(op="session", key=key)["data"]

    desk.ask(op="open", key="a", data={"n": "1"}, seconds=10)
    desk.ask(op="open", key="b", data={"n": "2"}, seconds=20)
    desk.time = 9.9
    assert data("a") == {"n": "1"}
    desk.ask(op="open", key="b", data={"n": "3"}, seconds=1)
    desk.time = 10.0
    assert data("a") is None
    assert data("b") == {"n": "3"}
    desk.ask(op="open", key="b", data={"n": "4"}, seconds=100)
    desk.time = 25.0
    assert data("b") == {"n": "4"}, "the ends of earlier ones do not count"
    desk.time = 110.0
    assert desk.ask(op="ping")["ok"]
    assert desk.secrets.budget.used == 0, "gone although nobody asked for it"


def test_too_many_sessions_make_room() -> None:
    desk = Desk(sessions=3)
    for number, seconds in enumerate((30, 10, 20, 40)):
        desk.ask(op="open", key=str(number), data={}, seconds=seconds)
    left = [key for key in "0123" if desk.ask(op="session", key=key)["data"] is not None]
    assert left == ["0", "2", "3"], "what ends first made room"
    for number in range(1000):
        desk.ask(op="open", key="same", data={"n": "x" * 100}, seconds=number + 50)
    assert desk.secrets.budget.used < 1000
    assert len(desk.secrets.sessions._ends) < 200


async def test_errors_by_kind(socket_path: Path) -> None:
    def answer(request: dict[str, Any]) -> dict[str, Any]:
        return {"ok": False, "error": request["id"], "message": "why"}

    async with false_vault(socket_path, answer) as client:
        for error, kind in {
            "full": VaultFull,
            "owner full": OwnerFull,
            "failed": VaultUnreachable,
            "lost": SecretsLost,
            "too large": ValueError,
        }.items():
            with pytest.raises(kind):
                await client.put(error, {})
