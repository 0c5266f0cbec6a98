"""Secrets go in, come out, and leave no trace; bad peers get nowhere."""

# ruff: noqa: ASYNC240 - looking at a few small files does not hold up anybody here

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from ccp_jupyter.hub_service.vault.base import SecretsLost, SecretsTooLarge, VaultUnreachable
from ccp_jupyter.hub_service.vault.bounds import Bounds
from ccp_jupyter.hub_service.vault.client import VaultClient, ensure_running
from ccp_jupyter.hub_service.vault.requests import Conversation, Secrets
from ccp_jupyter.hub_service.vault.wire import MAX_EXECUTION, ROOM
from tests.unit.vault.processes import ended

SECRETS = {"password": "correct horse battery staple", "ключ": 'a"b\\c\n\x00\udcff𝄞', "empty": ""}


async def raw(path: Path, *data: bytes) -> bytes:
    """Send bytes and the end, and return all that comes back until the vault closes."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    answer = b""
    try:
        for piece in data:
            writer.write(piece)
            await writer.drain()
        writer.write_eof()
        async with asyncio.timeout(20):
            while piece := await reader.read(65536):
                answer += piece
    except ConnectionError:
        pass
    finally:
        writer.close()
    return answer


async def test_put_get_forget(client: VaultClient) -> None:
    await client.put("e1", SECRETS)
    await client.put("e2", {})
    assert await client.get("e1") == SECRETS
    assert await client.get("e1") == SECRETS
    assert await client.get("e2") == {}
    await client.put("e1", {"other": "x"})
    assert await client.get("e1") == {"other": "x"}
    await client.forget("e1")
    await client.forget("e1")
    with pytest.raises(SecretsLost, match="Execution e1"):
        await client.get("e1")
    assert await client.get("e2") == {}


async def test_many_callers_at_once_get_their_own(client: VaultClient) -> None:
    async def one(n: int) -> None:
        await client.put(f"e{n}", {"s": str(n)})
        assert await client.get(f"e{n}") == {"s": str(n)}

    await asyncio.gather(*(one(n) for n in range(300)))


async def test_a_cancelled_call_does_not_mix_up_answers(client: VaultClient) -> None:
    await client.put("big", {"s": "x" * 3_000_000})
    await client.put("small", {"s": "y"})
    for pause in (0.0, 0.001, 0.003, 0.01):
        call = asyncio.create_task(client.get("big"))
        await asyncio.sleep(pause)
        call.cancel()
        await asyncio.wait([call])
        assert await client.get("small") == {"s": "y"}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_restarted_vault_has_lost_everything(
    client: VaultClient, vault_pid: int, socket_path: Path, place: Path, number: signal.Signals
) -> None:
    await client.put("e1", SECRETS)
    await ended(vault_pid, number)
    with pytest.raises(VaultUnreachable, match=str(socket_path)):
        await client.get("e1")
    new = await ensure_running(socket_path, place / "vault.log")
    try:
        assert new != vault_pid
        with pytest.raises(SecretsLost, match="restarted"):
            await client.get("e1")
        await client.put("e1", {"a": "b"})
        assert await client.get("e1") == {"a": "b"}
    finally:
        await ended(new, signal.SIGTERM)


async def test_an_old_connection_that_broke_is_not_noticed_by_callers(
    client: VaultClient, vault_pid: int, socket_path: Path, place: Path
) -> None:
    await client.ping()
    await ended(vault_pid, signal.SIGKILL)
    new = await ensure_running(socket_path, place / "vault.log")
    try:
        assert await client.ping() == new
    finally:
        await ended(new, signal.SIGTERM)


async def test_a_vault_that_hangs_is_unreachable_in_time(
    client: VaultClient, socket_path: Path, vault_pid: int
) -> None:
    await client.put("e1", {"a": "b"})
    hasty = VaultClient(socket_path, timeout=0.3)
    os.kill(vault_pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(4):
            # One after the other they would take six seconds.
            results = await asyncio.gather(
                *(hasty.get("e1") for _ in range(20)), return_exceptions=True
            )
    finally:
        os.kill(vault_pid, signal.SIGCONT)
    assert {type(result) for result in results} == {VaultUnreachable}
    assert await client.get("e1") == {"a": "b"}
    await hasty.close()


async def test_no_vault_at_all(socket_path: Path) -> None:
    client = VaultClient(socket_path)
    with pytest.raises(VaultUnreachable, match="No such file"):
        await client.put("e1", {})
    socket_path.write_text("")
    with pytest.raises(VaultUnreachable, match="refused"):
        await client.forget("e1")


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\n", b"[]\n", b"{}\n", b'{"ok":false}\n', b"x" * 5_000_000]
)
async def test_something_else_on_the_socket(socket_path: Path, answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_unix_server(serve, str(socket_path)):
        client = VaultClient(socket_path)
        with pytest.raises(VaultUnreachable):
            await client.get("e1")
        await client.close()


async def test_what_is_too_long_is_refused_before_it_is_sent(client: VaultClient) -> None:
    await client.put("e1", {"s": "x" * (ROOM - 9)})
    with pytest.raises(SecretsTooLarge, match=f"'s': takes at most {ROOM} bytes"):
        await client.put("e1", {"s": "x" * (ROOM - 8)})
    with pytest.raises(SecretsTooLarge, match=f"at most {MAX_EXECUTION} bytes"):
        await client.put("e1", {str(n): "x" * 4_000_000 for n in range(9)})
    assert len((await client.get("e1"))["s"]) == ROOM - 9


async def test_ids_that_are_none(client: VaultClient) -> None:
    for bad in ("", "x" * 201):
        with pytest.raises(ValueError, match="id: a text of 1 to 200"):
            await client.put(bad, {"s": "v"})


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"hunter2",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"1" * 5000,
        b"[" * 100_000,
        b'{"op":"put"}',
        b'{"op":"dump"}',
        b'{"op":["put"],"id":"a"}',
        b'{"op":{},"id":"a"}',
        b'{"op":"get","id":7}',
        b'{"op":"put","id":"a","secrets":["hunter2"]}',
        b'{"op":"put","id":"a","secrets":{"a":{"b":"hunter2"}}}',
        b'{"op":"put","id":"a","secrets":{"a":null}}',
        b'{"op":"put","id":"a","secrets":"hunter2"}',
    ],
    ids=lambda line: line[:30].decode(errors="replace"),
)
async def test_malformed_requests(client: VaultClient, socket_path: Path, line: bytes) -> None:
    answers = (await raw(socket_path, line + b"\n", b'{"op":"ping"}\n')).splitlines()
    assert len(answers) == 2
    refusal = json.loads(answers[0])
    assert (refusal["ok"], refusal["error"]) == (False, "malformed")
    assert "hunter2" not in refusal["message"]
    assert json.loads(answers[1])["ok"] is True, "the connection goes on"
    with pytest.raises(SecretsLost):
        await client.get("a")


async def test_an_oversized_message_is_refused(client: VaultClient, socket_path: Path) -> None:
    before = b'{"op":"put","id":"a","secrets":{"s":"'
    pieces = [before] + [b"hunter2" * 10_000] * 300
    answer = await raw(socket_path, *pieces)
    assert answer == b"" or json.loads(answer)["error"] == "too large"
    await client.put("e1", {"a": "b"})
    with pytest.raises(SecretsLost):
        await client.get("a")


async def test_requests_that_are_cut_off_do_nothing(client: VaultClient, socket_path: Path) -> None:
    request = b'{"op":"put","id":"a","secrets":{"s":"v"}}'
    for size in range(len(request) + 1):
        assert await raw(socket_path, request[:size]) == b""
    with pytest.raises(SecretsLost):
        await client.get("a")


async def test_connections_that_break_off_while_an_answer_is_sent(
    client: VaultClient, socket_path: Path
) -> None:
    await client.put("a", {"s": "x" * 3_000_000})
    for _ in range(20):
        _, writer = await asyncio.open_unix_connection(str(socket_path))
        writer.write(b'{"op":"get","id":"a"}\n' * 3)
        await asyncio.sleep(0.001)
        writer.transport.abort()
    assert len((await client.get("a"))["s"]) == 3_000_000


def test_a_vault_takes_only_so_much() -> None:
    secrets = Conversation(Secrets(Bounds(total=1000)))

    def ask(**request: object) -> dict[str, Any]:
        return list(secrets.answers(json.dumps(request).encode()))[-1]

    def put(name: str, size: int) -> object:
        answer = ask(op="put", id=name, secrets={"s": "x" * size})
        return answer["ok"] or answer["error"]

    assert put("a", 600) is True
    assert put("b", 600) == "full"
    assert put("a", 700) is True, "replacing counts once"
    assert ask(op="forget", id="a") == {"ok": True}
    assert ask(op="forget", id="a") == {"ok": True}
    assert put("b", 600) is True
    assert put("c", 200) is True


_AS_NOBODY = """
import os, socket, sys
os.setgroups([]), os.setresgid(65534, 65534, 65534), os.setresuid(65534, 65534, 65534)
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(sys.argv[1])
    try:
        connection.sendall(b'{"op":"get","id":"e1"}\\n')
        answer = connection.recv(1000)
    except ConnectionError:
        answer = b""
print(answer)
"""


async def test_another_user_is_refused(client: VaultClient, socket_path: Path, place: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("running something as another user needs root")
    await client.put("e1", SECRETS)

    async def attempt() -> tuple[str, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _AS_NOBODY, str(socket_path)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return out.decode(), err.decode()

    assert "PermissionError" in (await attempt())[1], "the folder's mode keeps others out"
    # Now as if an administrator had opened the modes: the vault itself looks who is there.
    place.chmod(0o755)
    socket_path.chmod(0o666)
    assert await attempt() == ("b''\n", "")
    log = (place / "vault.log").read_text()
    assert "refused a connection of user 65534" in log
    assert await client.get("e1") == SECRETS


_FALSE_VAULT = """
import os, socket, sys
os.setgroups([]), os.setresgid(65534, 65534, 65534), os.setresuid(65534, 65534, 65534)
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(sys.argv[1])
    listener.listen()
    print("ready", flush=True)
    listener.accept()
    sys.stdin.read()
"""


async def test_the_client_refuses_a_vault_of_another_user(place: Path, socket_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("running something as another user needs root")
    os.chown(place, 65534, 65534)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _FALSE_VAULT),
        str(socket_path),
        stdout=asyncio.subprocess.PIPE,
        stdin=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert await process.stdout.readline() == b"ready\n"
    try:
        with pytest.raises(VaultUnreachable, match="belongs to user 65534"):
            await VaultClient(socket_path).put("e1", SECRETS)
    finally:
        process.stdin.close()
        await process.communicate()


async def test_secrets_leave_no_trace_outside_memory(
    client: VaultClient, vault_pid: int, socket_path: Path, place: Path
) -> None:
    secret = "correct-horse-battery-staple"
    await client.put("e1", {"password": secret})
    await raw(socket_path, f'{{"password": "{secret}"'.encode() + b"\n")
    await raw(socket_path, b"x" * 10, secret.encode() * 200_000)
    process = Path(f"/proc/{vault_pid}")
    for name in ("cmdline", "environ"):
        assert secret.encode() not in (process / name).read_bytes()
    for file in place.rglob("*"):
        if file.is_file():
            assert secret not in file.read_text(), file
    assert str(sys.executable) in (process / "cmdline").read_text()


async def test_the_vault_does_not_inherit_the_services_environment(
    place: Path, socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "hunter2")
    pid = await ensure_running(socket_path, place / "vault.log")
    try:
        assert b"hunter2" not in Path(f"/proc/{pid}/environ").read_bytes()
    finally:
        await ended(pid, signal.SIGTERM)
