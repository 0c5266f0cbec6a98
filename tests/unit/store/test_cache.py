"""The cache is never older than the database, and never larger than allowed."""

from __future__ import annotations

import threading

import pytest

from ccp_jupyter.hub_service.store.cache import Cache


@pytest.fixture
def cache() -> Cache[str]:
    return Cache(10_000, len)


def put(cache: Cache[str], group: str, value: str, key: object = None) -> None:
    cache.hold(group)
    cache.release(group, key, value)


def not_called() -> str:
    raise AssertionError("the database was asked")


def test_what_was_read_is_kept(cache: Cache[str]) -> None:
    assert cache.get("a", 1) is None
    assert cache.through("a", 1, lambda: "one") == "one"
    assert cache.get("a", 1) == "one"
    assert cache.get("a", 2) is None
    assert cache.get("b", 1) is None


def test_nothing_found_is_not_kept(cache: Cache[str]) -> None:
    assert cache.through("a", 1, lambda: None) is None
    assert cache.through("a", 1, lambda: "one") == "one"


def test_write_replaces_all_of_a_group(cache: Cache[str]) -> None:
    for key in (1, 2):
        cache.through("a", key, lambda: "old")
    cache.through("b", 1, lambda: "other")
    put(cache, "a", "new", 1)
    assert (cache.get("a", 1), cache.get("a", 2), cache.get("b", 1)) == ("new", None, "other")


def test_nothing_is_kept_or_served_while_a_commit_is_under_way(cache: Cache[str]) -> None:
    put(cache, "a", "old")
    cache.hold("a")
    assert cache.get("a", None) is None
    assert cache.through("a", None, lambda: "old") == "old"
    assert cache.get("a", None) is None
    cache.release("a", None, "new")
    assert cache.get("a", None) == "new"


def test_commit_that_failed_leaves_nothing(cache: Cache[str]) -> None:
    put(cache, "a", "old")
    cache.hold("a")
    cache.release("a")
    assert cache.get("a", None) is None
    cache.through("a", None, lambda: "old")
    assert cache.get("a", None) == "old"


def test_several_writes_of_one_commit_leave_the_last(cache: Cache[str]) -> None:
    cache.hold("a")
    cache.hold("a")
    cache.release("a", None, "first")
    assert cache.get("a", None) is None
    cache.release("a", None, "second")
    assert cache.get("a", None) == "second"


@pytest.mark.parametrize("written", ["new", None])
def test_read_that_began_before_a_commit_is_not_kept(
    cache: Cache[str], written: str | None
) -> None:
    def read() -> str:
        cache.hold("a")
        cache.release("a", None, written)
        return "old"

    assert cache.through("a", None, read) == "old"
    assert cache.get("a", None) == written


def test_read_that_ends_during_a_commit_is_not_kept(cache: Cache[str]) -> None:
    def read() -> str:
        cache.hold("a")
        return "old"

    cache.through("a", None, read)
    cache.release("a")
    assert cache.get("a", None) is None


def test_read_that_fails_leaves_no_trace(cache: Cache[str]) -> None:
    def broken() -> str:
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        cache.through("a", None, broken)
    assert cache.through("a", None, lambda: "one") == "one"
    assert cache.get("a", None) == "one"


def test_used_longest_ago_goes_first(cache: Cache[str]) -> None:
    for name in "abc":
        put(cache, name, "x" * 2900)
    assert cache.get("a", None)
    put(cache, "d", "x" * 2900)
    assert [name for name in "abcd" if cache.get(name, None)] == ["a", "c", "d"]
    put(cache, "c", "y")
    put(cache, "e", "x" * 2900)
    assert [name for name in "acde" if cache.get(name, None)] == ["a", "c", "d", "e"]


def test_too_large_is_not_kept(cache: Cache[str]) -> None:
    put(cache, "a", "x" * 10_000)
    assert cache.get("a", None) is None
    put(cache, "b", "x")
    assert cache.get("b", None) == "x"
    none: Cache[str] = Cache(0, len)
    put(none, "a", "")
    assert none.get("a", None) is None


def test_small_values_count_too() -> None:
    cache: Cache[str] = Cache(30_000, len)
    for number in range(1000):
        put(cache, str(number), "")
        cache.through("pages", number, lambda: "")
    assert sum(cache.get(str(n), None) is not None for n in range(1000)) <= 100
    assert sum(cache.get("pages", n) is not None for n in range(1000)) <= 100


def test_threads_never_see_an_older_value_than_was_committed(cache: Cache[str]) -> None:
    database, committed, stop = ["0"], [0], threading.Event()
    errors: list[str] = []

    def look() -> None:
        while not stop.is_set():
            known = committed[0]
            seen = cache.get("a", None) or cache.through("a", None, lambda: database[0])
            if int(seen or -1) < known:
                errors.append(f"{seen} after {known}")

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(1, 3000):
        cache.hold("a")
        database[0] = str(number)
        cache.release("a", None, str(number) if number % 3 else None)
        committed[0] = number
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
