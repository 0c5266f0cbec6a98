"""Addresses of engines behind SSH, good and hostile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ccp_jupyter.model.infrastructure import Node
from ccp_jupyter.model.ssh_address import ENGINE_SOCKET, SshAddress


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ssh://root@big", SshAddress("root", "big", None, ENGINE_SOCKET)),
        ("ssh://big.example.org:2222/", SshAddress(None, "big.example.org", 2222, ENGINE_SOCKET)),
        ("ssh://a-b@[fd00::1]:22", SshAddress("a-b", "fd00::1", 22, ENGINE_SOCKET)),
        (
            "ssh://u@h/run/user/1000/podman/podman.sock",
            SshAddress("u", "h", None, "/run/user/1000/podman/podman.sock"),
        ),
    ],
)
def test_addresses(url: str, expected: SshAddress) -> None:
    assert SshAddress.read(url) == expected
    assert Node(id="n", base_url=url).base_url == url


@pytest.mark.parametrize(
    "url",
    [
        "ssh://",
        "ssh://-oProxyCommand=x",
        "ssh://-l@host",
        "ssh://u@-host",
        "ssh://u@h:0",
        "ssh://u@h:70000",
        "ssh://u@h:x",
        "ssh://u@h/%d",
        "ssh://u@h/${HOME}",
        "ssh://u@h/a:b",
        "ssh://u@h/a b",
        "ssh://u@h//a",
        "ssh://u@h?x=y",
        "ssh://u@h\n",
        "ssh://u@h/" + "x" * 100,
        "ssh://" + "h" * 300,
        "ssh://u@h@g",
        "SSH://u@h",
    ],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ValueError, match="is no ssh://"):
        SshAddress.read(url)
    with pytest.raises(ValidationError):
        Node(id="n", base_url=url)


def test_a_password_is_refused_and_not_repeated() -> None:
    for url in ("ssh://root:SECRET@big", "ssh://:SECRET@big", "ssh://root:SEC:RET@big"):
        with pytest.raises(ValueError, match="a password cannot be given") as caught:
            SshAddress.read(url)
        assert "SEC" not in str(caught.value)


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_nothing_reaches_ssh_as_an_option_or_a_token(text: str) -> None:
    try:
        address = SshAddress.read(f"ssh://{text}")
    except ValueError:
        return
    for part in (address.user or "x", address.host, address.socket):
        assert not part.startswith("-")
        assert not set(part) & set("%$\"'\\ \n\0")
    assert ":" not in address.socket
