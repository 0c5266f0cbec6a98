"""Who is refused after failed logins, and who is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccp_jupyter.hub_service.api.agency.throttle import Throttle, client_address

HOME, AWAY = "192.0.2.1", "2001:db8::7"


class Clock:
    """Goes on when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throttle(clock: Clock) -> Throttle:
    return Throttle(3, 30, most=100, clock=clock)


def fail(throttle: Throttle, times: int, user: str = "alice", address: str = HOME) -> None:
    for _ in range(times):
        throttle.failed(user, address)


def test_blocked_only_beyond_the_number_and_for_the_time(throttle, clock):
    fail(throttle, 3)
    assert not throttle.blocked("alice", HOME)
    fail(throttle, 1)
    assert throttle.blocked("alice", HOME)
    clock.now += 29.9
    assert throttle.blocked("alice", HOME)
    clock.now += 0.1
    assert not throttle.blocked("alice", HOME)


def test_nobody_else_is_blocked(throttle):
    fail(throttle, 50)
    assert throttle.blocked("alice", HOME)
    assert not throttle.blocked("alice", AWAY)
    assert not throttle.blocked("bob", HOME)


def test_a_block_ends_one_failure_after_the_other(throttle, clock):
    for _ in range(4):
        fail(throttle, 1)
        clock.now += 5
    assert throttle.blocked("alice", HOME)
    clock.now += 10  # 30 s after the first
    assert not throttle.blocked("alice", HOME)
    fail(throttle, 1)
    assert throttle.blocked("alice", HOME)


def test_old_pairs_vanish(throttle, clock):
    fail(throttle, 1)
    clock.now += 31
    fail(throttle, 1, "bob")
    assert len(throttle) == 1
    clock.now += 31
    assert not throttle.blocked("bob", HOME)
    assert len(throttle) == 0


def test_memory_is_bounded_and_the_latest_are_kept(throttle):
    for number in range(1000):
        fail(throttle, 4, f"user{number}")
    assert len(throttle) == 100
    assert throttle.blocked("user999", HOME)
    assert throttle.blocked("user900", HOME)
    assert not throttle.blocked("user899", HOME)


def test_somebody_who_goes_on_is_not_forgotten_for_others(throttle, clock):
    fail(throttle, 4)
    for number in range(1000):
        clock.now += 0.01
        fail(throttle, 1, f"user{number}")
        fail(throttle, 1)
    assert throttle.blocked("alice", HOME)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from([HOME, AWAY]), st.floats(0, 20))),
    st.integers(0, 4),
)
def test_it_counts_as_a_list_of_all_failures_would(failures, attempts):
    clock = Clock()
    throttle = Throttle(attempts, 30, clock=clock)
    past: list[tuple[str, str, float]] = []
    for user, address, wait in failures:
        clock.now += wait
        recent = [p for p in past if p[:2] == (user, address) and p[2] > clock.now - 30]
        assert throttle.blocked(user, address) == (len(recent) > attempts)
        if len(recent) <= attempts:
            throttle.failed(user, address)
            past.append((user, address, clock.now))


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("", "127.0.0.1"),
        (HOME, HOME),
        (f"203.0.113.9, {HOME}", HOME),
        (f"203.0.113.9,{HOME} ", HOME),
        ("2001:DB8:0::7", AWAY),
        ("unknown", "127.0.0.1"),
        (f"{HOME}, nonsense", "127.0.0.1"),
        (f"{HOME},", "127.0.0.1"),
        (f"{HOME}:4711", "127.0.0.1"),
        ("9" * 10_000, "127.0.0.1"),
    ],
)
def test_only_the_last_hop_tells_the_address(forwarded, address):
    assert client_address("127.0.0.1", forwarded) == address


def test_trusted_proxies_are_passed_over():
    from ipaddress import ip_network

    trusted = (ip_network("10.0.0.0/8"), ip_network("::1"))
    assert client_address("p", f"{HOME}, 10.1.2.3", trusted) == HOME
    assert client_address("p", f"{HOME}, {AWAY}, ::1, 10.1.2.3", trusted) == AWAY
    assert client_address("p", "10.1.2.3", trusted) == "p"
    assert client_address("p", f"{HOME}, bad, 10.1.2.3", trusted) == "p"
    assert client_address("p", f"{HOME}," + "10.0.0.1," * 100 + "10.0.0.1", trusted) == "p"
