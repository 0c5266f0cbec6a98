"""Keys of a service: kept, shared by its processes, rotated."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ccp_jupyter.hub_service.signing_keys import SigningKeys


def test_all_processes_of_a_service_sign_alike(tmp_path: Path) -> None:
    made = [SigningKeys(tmp_path / "keys") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        signatures = set(pool.map(lambda keys: keys.link_signature("x"), made))
        callback_keys = set(pool.map(lambda keys: keys.callback_key("alice"), made))
    assert len(signatures) == len(callback_keys) == 1
    assert all(keys.is_link_signature("x", min(signatures)) for keys in made)
    assert SigningKeys(tmp_path / "others").link_signature("x") not in signatures


def test_nobody_else_reads_them(tmp_path: Path) -> None:
    keys = SigningKeys(tmp_path / "keys")
    keys.link_signature("x")
    keys.rotate_callback_key("alice")
    files = sorted(path.name for path in (tmp_path / "keys").iterdir())
    assert files == ["callbacks", "links", "rotations"]
    for path in (tmp_path / "keys").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


@pytest.mark.parametrize("wrong", ["", "x", "é", "\udc80", "a" * 10_000])
def test_a_wrong_signature(tmp_path: Path, wrong: str) -> None:
    keys = SigningKeys(tmp_path)
    right = keys.link_signature("id")
    assert keys.is_link_signature("id", right)
    assert not keys.is_link_signature("id", wrong)
    assert not keys.is_link_signature("id", right[:-1])
    assert not keys.is_link_signature("id", right + "=")
    assert not keys.is_link_signature("other", right)
    assert not keys.is_link_signature("\udc80", right)


def test_rotating_the_key_of_links(tmp_path: Path) -> None:
    keys = SigningKeys(tmp_path)
    old = keys.link_signature("id")
    path = tmp_path / "links"
    (first,) = path.read_text().split()
    path.write_text(f"a-new-key-of-the-administrator\n{first}\n")
    new = keys.link_signature("id")
    assert new != old
    assert keys.is_link_signature("id", old)
    assert keys.is_link_signature("id", new)
    path.write_text("a-new-key-of-the-administrator\n")
    assert not keys.is_link_signature("id", old)
    assert keys.is_link_signature("id", new)


def test_a_key_that_can_be_guessed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "links").write_text("short\n")
    with pytest.raises(ValueError, match="16 or more characters"):
        SigningKeys(tmp_path).link_signature("id")


def test_every_user_has_a_key_and_may_have_another(tmp_path: Path) -> None:
    keys = SigningKeys(tmp_path)
    alice, bob = keys.callback_key("alice"), keys.callback_key("bob")
    assert alice != bob
    assert len(alice) == 64
    newer = keys.rotate_callback_key("alice")
    assert newer not in (alice, bob)
    again = SigningKeys(tmp_path)
    assert (again.callback_key("alice"), again.callback_key("bob")) == (newer, bob)
    # Names that could be taken for others with a number.
    assert keys.rotate_callback_key('a", 1') != keys.callback_key("a")
