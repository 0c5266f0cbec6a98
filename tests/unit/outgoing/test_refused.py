"""Where the client does not go, whatever names, redirects and name servers say."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from ccp_jupyter.hub_service.outgoing import (
    AddressRefused,
    BadAnswer,
    NoAnswer,
    Outgoing,
    OutgoingError,
)
from tests.unit.outgoing.servers import ok, redirect, serving

Maker = Callable[..., Outgoing]
FRIEND = (ip_network("127.0.0.2/32"),)


class Names:
    """A name server that gives one answer after the other; the last one again and again."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://2130706433:{port}/",
        "http://0x7f.1:{port}/",
        "http://0177.0.0.1:{port}/",
        "http://127.1:{port}/",
        "http://0:{port}/",
        "http://0.0.0.0:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://[::]:{port}/",
        "https://127.0.0.1:{port}/",
    ],
)
async def test_this_machine_by_any_name(make_outgoing: Maker, sink: io.BytesIO, url: str) -> None:
    async with serving(ok(b"private")) as server:
        with pytest.raises(AddressRefused, match=r"not public|not a URL"):
            await make_outgoing(allowed=()).fetch(url.format(port=server.port), sink, 100)
        assert server.requests == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.org/x", "only http and https"),
        ("file:///etc/passwd", "only http and https"),
        ("javascript:alert(1)", "only http and https"),
        ("//example.org/x", "only http and https"),
        ("example.org", "only http and https"),
        ("", "only http and https"),
        ("http://", "name a server"),
        ("http:///etc/passwd", "name a server"),
        ("http://example.org:0/", "port below 65536"),
        ("http://example.org:99999/", "port below 65536"),
        ("http://user@example.org/", "user name or password"),
        ("http://user:hunter2@example.org/", "user name or password"),
        ("http://:hunter2@example.org/", "user name or password"),
        ("http://1.1.1.1@127.0.0.1/", "user name or password"),
        ("http://exa\nmple.org/", "not a URL"),
        ("http://[::1/", "not a URL"),
        ("http://example.org/" + "x" * 100_000, "not a URL"),
        (None, "not a URL"),
        (7, "not a URL"),
    ],
)
async def test_urls_that_are_refused(
    make_outgoing: Maker, sink: io.BytesIO, url: Any, reason: str
) -> None:
    names = Names(["127.0.0.1"])
    with pytest.raises(AddressRefused, match=reason) as caught:
        await make_outgoing(resolve=names).fetch(url, sink, 100)
    assert "hunter2" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert names.asked == []


@pytest.mark.parametrize("host", ["a..b", "x" * 300, "nothing.invalid", "%00", "a b"])
async def test_names_that_are_none(outgoing: Outgoing, sink: io.BytesIO, host: str) -> None:
    with pytest.raises(NoAnswer, match="no such name"):
        await outgoing.fetch(f"http://{host}/", sink, 100)


async def test_one_bad_address_among_many_is_enough(make_outgoing: Maker, sink: io.BytesIO) -> None:
    async with serving(ok(b"friend"), host="127.0.0.2") as server:
        for bad in ("127.0.0.1", "10.0.0.1", "::1", "169.254.169.254"):
            names = Names(["127.0.0.2", bad])
            with pytest.raises(AddressRefused):
                await make_outgoing(allowed=FRIEND, resolve=names).fetch(
                    f"http://data.example:{server.port}/", sink, 100
                )
        assert server.requests == []


async def test_it_connects_to_the_address_that_it_checked(
    make_outgoing: Maker, sink: io.BytesIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server gives a good address first, and this machine's when it is asked again."""
    real = socket.getaddrinfo

    def literal_only(host: Any, *args: Any, **kwargs: Any) -> Any:
        ip_address(host)
        return real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", literal_only)
    async with (
        serving(ok(b"friend"), host="127.0.0.2") as friend,
        serving(ok(b"private"), host="127.0.0.1", port=friend.port) as private,
    ):
        url = f"http://data.example:{friend.port}/"
        names = Names(["127.0.0.2"], ["127.0.0.1"])
        client = make_outgoing(allowed=FRIEND, resolve=names)
        assert (await client.fetch(url, sink, 100)).size == 6
        assert sink.getvalue() == b"friend"
        assert names.asked == ["data.example"]
        with pytest.raises(AddressRefused):
            await client.fetch(url, sink, 100)
        assert names.asked == ["data.example"] * 2
        assert private.requests == []
    assert f"Host: data.example:{friend.port}".encode() in friend.requests[0]


async def test_a_name_that_turns_bad_between_redirects(
    make_outgoing: Maker, sink: io.BytesIO
) -> None:
    async with (
        serving(redirect("/again"), host="127.0.0.2") as friend,
        serving(ok(b"private"), host="127.0.0.1", port=friend.port) as private,
    ):
        client = make_outgoing(allowed=FRIEND, resolve=Names(["127.0.0.2"], ["127.0.0.1"]))
        with pytest.raises(AddressRefused, match="redirected to"):
            await client.fetch(f"http://data.example:{friend.port}/", sink, 100)
        assert private.requests == []
    assert sink.getvalue() == b""


async def test_the_next_address_is_tried(make_outgoing: Maker, sink: io.BytesIO) -> None:
    async with serving(ok(b"friend"), host="127.0.0.2") as server:
        client = make_outgoing(resolve=Names(["127.0.0.3", "127.0.0.2"]))
        await client.fetch(f"http://data.example:{server.port}/", sink, 100)
        assert sink.getvalue() == b"friend"


async def test_a_name_without_addresses(make_outgoing: Maker, sink: io.BytesIO) -> None:
    with pytest.raises(NoAnswer):
        await make_outgoing(resolve=Names([])).fetch("http://data.example/", sink, 100)


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("http://127.0.0.1:{port}/", AddressRefused),
        ("//127.0.0.1:{port}/", AddressRefused),
        ("http://169.254.169.254/latest/meta-data/", AddressRefused),
        ("http://[::1]:{port}/", AddressRefused),
        ("file:///etc/passwd", AddressRefused),
        ("gopher://127.0.0.1:{port}/_x", AddressRefused),
        ("http://user:hunter2@127.0.0.2:{port}/", AddressRefused),
        ("http://[", OutgoingError),
        ("http://x\x01y/", BadAnswer),
        ("", BadAnswer),
    ],
)
async def test_redirects_are_checked(
    make_outgoing: Maker,
    sink: io.BytesIO,
    location: str,
    error: type[OutgoingError],
) -> None:
    async with serving(ok(b"private"), host="127.0.0.1") as private:
        answer = redirect(location.format(port=private.port))
        async with serving(answer, host="127.0.0.2") as friend:
            with pytest.raises(error) as caught:
                await make_outgoing(allowed=FRIEND).fetch(friend.url("/a?token=secret"), sink, 100)
        assert private.requests == []
    assert sink.getvalue() == b""
    assert caught.value.url == friend.url("/a")
    assert "hunter2" not in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_the_environment_is_ignored(
    make_outgoing: Maker, sink: io.BytesIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(ok(b"from the proxy")) as proxy, serving(ok(b"direct")) as server:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url())
            monkeypatch.setenv(name.upper(), proxy.url())
        await make_outgoing().fetch(server.url(), sink, 100)
        assert proxy.requests == []
    assert sink.getvalue() == b"direct"
