"""What comes back from servers that behave, and from those that do not."""

from __future__ import annotations

import asyncio
import errno
import gzip
import hashlib
import io
import socket
import ssl
import struct
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias, cast

import pytest

from ccp_jupyter.hub_service.outgoing import (
    BadAnswer,
    Fetched,
    NoAnswer,
    Outgoing,
    OutgoingError,
    TooLarge,
)
from tests.unit.outgoing.servers import Authority, ok, redirect, serving

Maker = Callable[..., Outgoing]
Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter
MIB = 2**20


class Counter(io.RawIOBase):
    """A file that only counts."""

    size = 0

    def write(self, data: object) -> int:
        count = memoryview(data).nbytes  # type: ignore[arg-type]
        self.size += count
        return count


async def test_a_file(outgoing: Outgoing, sink: io.BytesIO) -> None:
    body = bytes(range(256)) * 5000
    async with serving(ok(body, "Content-Type: Text/CSV; charset=utf-8")) as server:
        fetched = await outgoing.fetch(server.url("/a/b?c=d#e"), sink, len(body))
    assert fetched == Fetched(len(body), hashlib.sha256(body).hexdigest(), "text/csv")
    assert sink.getvalue() == body
    head = server.requests[0].decode()
    assert head.startswith("GET /a/b?c=d HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{server.port}\r\n" in head
    assert "authorization" not in head.lower()
    assert "cookie" not in head.lower()


async def test_an_empty_file(outgoing: Outgoing, sink: io.BytesIO) -> None:
    async with serving(ok(b"")) as server:
        fetched = await outgoing.fetch(server.url(), sink, 0)
    assert fetched == Fetched(0, hashlib.sha256().hexdigest(), None)


@pytest.mark.parametrize("value", ["", "x", "/", "text/", "<b>/x", "a" * 200 + "/b"])
async def test_types_that_are_none(outgoing: Outgoing, sink: io.BytesIO, value: str) -> None:
    async with serving(ok(b"x", f"Content-Type: {value}")) as server:
        assert (await outgoing.fetch(server.url(), sink, 10)).media_type is None


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcde",
        b"HTTP/1.0 200 OK\r\n\r\nabcde",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde and more than it said",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 5\r\n\r\nabcde",
    ],
    ids=["chunked", "until closed", "HTTP/1.0", "too long", "100 first", "identity"],
)
async def test_ways_to_send_a_file(outgoing: Outgoing, sink: io.BytesIO, answer: bytes) -> None:
    async with serving(answer) as server:
        assert (await outgoing.fetch(server.url(), sink, 5)).size == 5
    assert sink.getvalue() == b"abcde"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcde",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
    ],
    ids=["length", "in a chunk", "no last chunk", "in the head"],
)
async def test_answers_that_are_cut_off(
    outgoing: Outgoing, sink: io.BytesIO, answer: bytes
) -> None:
    async with serving(answer) as server:
        with pytest.raises((BadAnswer, NoAnswer), match=r"closed the connection|broke off"):
            await outgoing.fetch(server.url(), sink, 100)


async def test_a_connection_that_is_reset(outgoing: Outgoing, sink: io.BytesIO) -> None:
    async def reset(_: Reader, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 500)
        await writer.drain()
        await asyncio.sleep(0.05)
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    async with serving(reset) as server:
        with pytest.raises(BadAnswer, match="broke off"):
            await outgoing.fetch(server.url(), sink, 10_000)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"\x00\x01\x02\x03\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabcde",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabcde",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000,
    ],
    ids=["ssh", "bytes", "two lengths", "negative", "bad chunk", "gzip chunked", "long head"],
)
async def test_answers_that_are_no_http(
    outgoing: Outgoing, sink: io.BytesIO, answer: bytes
) -> None:
    async with serving(answer) as server:
        with pytest.raises(BadAnswer, match=r"not valid HTTP|broke off") as caught:
            await outgoing.fetch(server.url(), sink, 100)
    assert "OpenSSH" not in str(caught.value), "a server's words are not for the user"


@pytest.mark.parametrize("status", [201, 204, 206, 304, 400, 401, 403, 404, 410, 429, 500, 503])
async def test_other_statuses(outgoing: Outgoing, sink: io.BytesIO, status: int) -> None:
    answer = f"HTTP/1.1 {status} Whatever\r\nContent-Length: 0\r\n\r\n".encode()
    async with serving(answer) as server:
        with pytest.raises(BadAnswer, match=f"the server answers {status}"):
            await outgoing.fetch(server.url("/x?key=secret"), sink, 100)
    assert sink.getvalue() == b""


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "br", "zstd", "identity, gzip"])
async def test_encodings_are_refused(outgoing: Outgoing, sink: io.BytesIO, encoding: str) -> None:
    bomb = gzip.compress(b"\0" * 10 * MIB)
    async with serving(ok(bomb, f"Content-Encoding: {encoding}")) as server:
        with pytest.raises(BadAnswer, match="although asked for as it is"):
            await outgoing.fetch(server.url(), sink, 100 * MIB)
    assert b"Accept-Encoding: identity" in server.requests[0]
    assert sink.getvalue() == b""


# Too much, too slow ------------------------------------------------------------------------------


async def test_a_length_that_is_too_large_is_refused_before_reading(
    outgoing: Outgoing, sink: io.BytesIO
) -> None:
    async def announce(reader: Reader, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        await writer.drain()
        await reader.read()

    async with serving(announce) as server:
        with pytest.raises(TooLarge, match="larger than the 999999999 bytes"):
            await outgoing.fetch(server.url(), sink, 999_999_999)
    assert sink.getvalue() == b""


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_gigabyte_without_a_length(outgoing: Outgoing, chunked: bool) -> None:
    sent = 0

    async def pour(reader: Reader, writer: Writer) -> None:
        nonlocal sent
        head = b"Transfer-Encoding: chunked" if chunked else b"Connection: close"
        writer.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n")
        piece = b"x" * MIB
        for _ in range(1024):
            writer.write(b"100000\r\n" + piece + b"\r\n" if chunked else piece)
            await writer.drain()
            sent += MIB

    counter = Counter()
    async with serving(pour) as server:
        with pytest.raises(TooLarge):
            await outgoing.fetch(server.url(), cast("BinaryIO", counter), 20 * MIB)
    assert counter.size <= 20 * MIB
    assert sent < 60 * MIB


async def test_a_large_file_needs_little_memory(outgoing: Outgoing) -> None:
    piece = b"x" * MIB

    async def pour(reader: Reader, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (60 * MIB))
        for _ in range(60):
            writer.write(piece)
            await writer.drain()

    counter = Counter()
    async with serving(pour) as server:
        tracemalloc.start()
        fetched = await outgoing.fetch(server.url(), cast("BinaryIO", counter), 60 * MIB)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert fetched.size == counter.size == 60 * MIB
    assert peak < 20 * MIB


async def test_exactly_as_much_as_allowed(outgoing: Outgoing, sink: io.BytesIO) -> None:
    async with serving(ok(b"x" * 1000)) as server:
        assert (await outgoing.fetch(server.url(), sink, 1000)).size == 1000
        with pytest.raises(TooLarge):
            await outgoing.fetch(server.url(), sink, 999)


async def test_a_server_that_never_answers(make_outgoing: Maker, sink: io.BytesIO) -> None:
    async def wait(reader: Reader, _: Writer) -> None:
        await reader.read()

    async with serving(wait) as server:
        with pytest.raises(NoAnswer, match=r"silent for 0\.2 s"):
            await make_outgoing(idle_timeout=0.2).fetch(server.url(), sink, 100)


async def test_a_server_that_stops_in_the_middle(make_outgoing: Maker, sink: io.BytesIO) -> None:
    async def stop(reader: Reader, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
        await reader.read()

    async with serving(stop) as server:
        with pytest.raises(NoAnswer, match=r"silent for 0\.2 s"):
            await make_outgoing(idle_timeout=0.2).fetch(server.url(), sink, 10_000)


@pytest.mark.parametrize("where", ["head", "body"])
async def test_a_slow_drip(make_outgoing: Maker, sink: io.BytesIO, where: str) -> None:
    async def drip(_: Reader, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        if where == "body":
            writer.write(b"Content-Length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with serving(drip) as server:
        started = time.monotonic()
        with pytest.raises(NoAnswer, match=r"not complete after 0\.5 s"):
            await make_outgoing(idle_timeout=0.3, total_timeout=0.5).fetch(
                server.url(), sink, 10_000
            )
        assert time.monotonic() - started < 5


async def test_a_machine_that_takes_no_connections(make_outgoing: Maker, sink: io.BytesIO) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen(0)
        waiting = [socket.socket() for _ in range(5)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(busy.getsockname())
        with pytest.raises(NoAnswer, match=r"no connection within 0\.3 s"):
            await make_outgoing(connect_timeout=0.3).fetch(
                f"http://127.0.0.1:{busy.getsockname()[1]}/", sink, 100
            )
        for one in waiting:
            one.close()


async def test_a_port_where_nobody_listens(outgoing: Outgoing, sink: io.BytesIO) -> None:
    with socket.socket() as mine:
        mine.bind(("127.0.0.1", 0))
        with pytest.raises(NoAnswer, match="no connection"):
            await outgoing.fetch(f"http://127.0.0.1:{mine.getsockname()[1]}/", sink, 100)


async def test_a_name_server_that_hangs(
    make_outgoing: Maker, sink: io.BytesIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, release = threading.Event(), threading.Event()

    def hanging(*_: object, **__: object) -> None:
        begun.set()
        release.wait(30)

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    client = make_outgoing(total_timeout=0.5)
    fetches = [
        asyncio.create_task(client.fetch(f"http://n{n}.example/", sink, 1)) for n in range(64)
    ]
    try:
        async with asyncio.timeout(20):
            while not begun.is_set():
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            assert await asyncio.to_thread(lambda: "not held up")
            results = await asyncio.gather(*fetches, return_exceptions=True)
    finally:
        release.set()
    assert [type(result) for result in results] == [NoAnswer] * 64


# Redirects ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect(outgoing: Outgoing, sink: io.BytesIO, status: int) -> None:
    async with (
        serving(ok(b"there")) as there,
        serving(redirect(there.url("/x?y=z#frag"), status)) as here,
    ):
        await outgoing.fetch(here.url(), sink, 100)
    assert sink.getvalue() == b"there"
    assert there.requests[0].startswith(b"GET /x?y=z HTTP/1.1")


async def test_relative_redirects_up_to_the_limit(outgoing: Outgoing, sink: io.BytesIO) -> None:
    async def step(_: Reader, writer: Writer) -> None:
        steps = len(server.requests)
        writer.write(redirect(f"next{steps}?q") if steps <= limit else ok(b"end"))
        await writer.drain()

    limit = 5
    async with serving(step) as server:
        await outgoing.fetch(server.url("/a/b"), sink, 100)
        assert sink.getvalue() == b"end"
        assert server.requests[5].startswith(b"GET /a/next5?q ")
        server.requests.clear()
        limit = 6
        with pytest.raises(BadAnswer, match="more than 5 redirects"):
            await outgoing.fetch(server.url("/a/b"), sink, 100)
        assert len(server.requests) == 6


async def test_a_redirect_loop(outgoing: Outgoing, sink: io.BytesIO) -> None:
    async with serving(redirect("/")) as server:
        with pytest.raises(BadAnswer, match="more than 5 redirects"):
            await outgoing.fetch(server.url(), sink, 100)


async def test_an_error_after_a_redirect_names_both(outgoing: Outgoing, sink: io.BytesIO) -> None:
    async with (
        serving(b"HTTP/1.1 404 No\r\n\r\n") as there,
        serving(redirect(there.url("/x?token=secret"))) as here,
    ):
        with pytest.raises(BadAnswer) as caught:
            await outgoing.fetch(here.url("/y?token=secret"), sink, 100)
    assert str(caught.value) == (
        f"{here.url('/y')}: redirected to {there.url('/x')}: the server answers 404"
    )


# TLS ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


async def here(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


async def test_tls_with_an_authority_of_our_own(
    make_outgoing: Maker, sink: io.BytesIO, authority: Authority
) -> None:
    asked: list[str | None] = []
    context = authority.context("data.example")
    context.sni_callback = lambda _, name, __: asked.append(name)
    async with serving(ok(b"safe"), tls=context) as server:
        url = f"https://data.example:{server.port}/"
        client = make_outgoing(resolve=here, ca_file=authority.ca_file)
        await client.fetch(url, sink, 100)
        assert sink.getvalue() == b"safe"
        assert asked == ["data.example"]
        with pytest.raises(BadAnswer, match="certificate is not trusted"):
            await make_outgoing(resolve=here).fetch(url, sink, 100)
        with pytest.raises(BadAnswer, match=r"not trusted: .*other\.example"):
            await client.fetch(f"https://other.example:{server.port}/", sink, 100)
        with pytest.raises(BadAnswer, match=r"not trusted: .*127\.0\.0\.1"):
            await client.fetch(f"https://127.0.0.1:{server.port}/", sink, 100)


async def test_tls_for_an_address(
    make_outgoing: Maker, sink: io.BytesIO, authority: Authority
) -> None:
    async with serving(ok(b"safe"), tls=authority.context("127.0.0.1")) as server:
        client = make_outgoing(ca_file=authority.ca_file)
        await client.fetch(f"https://127.0.0.1:{server.port}/", sink, 100)


async def test_an_expired_certificate(
    make_outgoing: Maker, sink: io.BytesIO, authority: Authority
) -> None:
    async with serving(ok(b"x"), tls=authority.context("data.example", days=-1)) as server:
        client = make_outgoing(resolve=here, ca_file=authority.ca_file)
        with pytest.raises(BadAnswer, match="expired"):
            await client.fetch(f"https://data.example:{server.port}/", sink, 100)


@asynccontextmanager
async def talking(first: bytes) -> AsyncIterator[int]:
    """Run a server that says something at once and then keeps quiet; yield its port."""
    writers = []

    def talk(_: Reader, writer: Writer) -> None:
        writers.append(writer)
        writer.write(first)

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        for writer in writers:
            writer.transport.abort()


async def test_https_where_there_is_none(outgoing: Outgoing, sink: io.BytesIO) -> None:
    async with talking(ok(b"plain text")) as port:
        with pytest.raises(BadAnswer, match="TLS failed"):
            await outgoing.fetch(f"https://127.0.0.1:{port}/", sink, 100)


async def test_a_handshake_that_hangs(make_outgoing: Maker, sink: io.BytesIO) -> None:
    async with talking(b"") as port:
        with pytest.raises(NoAnswer, match=r"no connection within 0\.3 s"):
            await make_outgoing(connect_timeout=0.3).fetch(f"https://127.0.0.1:{port}/", sink, 100)


async def test_old_tls_is_refused(
    make_outgoing: Maker, sink: io.BytesIO, authority: Authority
) -> None:
    context = authority.context("data.example")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with serving(ok(b"x"), tls=context) as server:
        client = make_outgoing(resolve=here, ca_file=authority.ca_file)
        with pytest.raises(OutgoingError):
            await client.fetch(f"https://data.example:{server.port}/", sink, 100)
        assert server.requests == []


# The caller's side -------------------------------------------------------------------------------


async def test_a_full_disk_is_the_callers_error(outgoing: Outgoing) -> None:
    full = cast("BinaryIO", io.FileIO("/dev/full", "w"))
    async with serving(ok(b"x" * 3 * MIB)) as server:
        with full, pytest.raises(OSError) as caught:
            await outgoing.fetch(server.url(), full, 10 * MIB)
    assert caught.value.errno == errno.ENOSPC


async def test_a_sink_that_times_out_is_no_missing_answer(outgoing: Outgoing) -> None:
    class Slow(io.BytesIO):
        def write(self, data: object) -> int:
            raise TimeoutError("network file system")

    async with serving(ok(b"x")) as server:
        with pytest.raises(TimeoutError, match="network file system"):
            await outgoing.fetch(server.url(), Slow(), 10)


async def test_a_slow_disk_does_not_block_the_event_loop(outgoing: Outgoing) -> None:
    class Slow(io.BytesIO):
        def write(self, data: object) -> int:
            time.sleep(0.3)
            return super().write(data)  # type: ignore[arg-type]

    async with serving(ok(b"x")) as server:
        fetching = asyncio.create_task(outgoing.fetch(server.url(), Slow(), 10))
        turns = 0
        while not fetching.done():
            await asyncio.sleep(0.01)
            turns += 1
    assert turns > 10


async def test_when_it_is_cancelled_the_sink_is_free(outgoing: Outgoing) -> None:
    begun, done = threading.Event(), threading.Event()

    class Slow(io.BytesIO):
        def write(self, data: object) -> int:
            begun.set()
            time.sleep(0.3)
            done.set()
            return super().write(data)  # type: ignore[arg-type]

    async with serving(ok(b"x" * 5 * MIB)) as server:
        with Slow() as sink:
            fetching = asyncio.create_task(outgoing.fetch(server.url(), sink, 10 * MIB))
            assert await asyncio.to_thread(begun.wait, 10)
            fetching.cancel()
            with pytest.raises(asyncio.CancelledError):
                await fetching
            assert done.is_set()


async def test_many_at_once(outgoing: Outgoing, tmp_path: Path) -> None:
    body = b"x" * 100_000

    async def one(n: int) -> int:
        with (tmp_path / str(n)).open("wb") as sink:
            return (await outgoing.fetch(server.url(), sink, MIB)).size

    async with serving(ok(body)) as server:
        assert await asyncio.gather(*map(one, range(50))) == [len(body)] * 50
    assert all((tmp_path / str(n)).read_bytes() == body for n in range(50))
