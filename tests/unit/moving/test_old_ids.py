"""Ids of CC-Agency are found in a file, however many there are."""

from __future__ import annotations

import json
import random

import pytest

from ccp_jupyter.hub_service.old_ids import find_new_id, ids_text, read_ids


def some_ids(count):
    chance = random.Random(count)
    return {
        f"{chance.getrandbits(96):024x}": f"{chance.getrandbits(96):024x}" for _ in range(count)
    }


@pytest.mark.parametrize("count", [0, 1, 2, 3, 10, 1000])
def test_all_are_found_and_nothing_else(tmp_path, count):
    path = tmp_path / "ids.json"
    ids = some_ids(count)
    path.write_bytes(ids_text(ids))
    assert json.loads(path.read_text()) == ids
    assert read_ids(path) == ids
    for old, new in ids.items():
        assert find_new_id(path, old) == new
    for other in ("0" * 24, "f" * 24, f"{12345:024x}", "", "x", "A" * 24, '"' * 24, "é" * 24):
        assert find_new_id(path, other) is None


def test_no_file(tmp_path):
    assert find_new_id(tmp_path / "none", "0" * 24) is None
    assert read_ids(tmp_path / "none") == {}


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"a": "b"}', '{"000000000000000000000000": 5}', "\xff", "[" * 9999]
)
def test_a_file_of_something_else(tmp_path, text):
    path = tmp_path / "ids.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match="move it away"):
        read_ids(path)
    assert find_new_id(path, "0" * 24) is None
