"""Failed logins: counted by user *and* address, so that nobody locks out somebody else."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Final

from ccp_jupyter.hub_service.addresses import Network

_MOST_PAIRS: Final = 10_000
_MOST_HOPS: Final = 50


class Throttle:
    """Refuses logins of a user from an address after too many failures.

    As in CC-Agency, a pair is blocked while *more than* `attempts` of its failures are younger
    than `seconds`. Attempts while it is blocked do not count, so a block always ends.

    Parameters
    ----------
    attempts : int
        Failures without consequence.
    seconds : float
        How long a failure counts.
    most : int
        Pairs that are remembered. Who makes it forget has to fail that often first.
    clock : callable
        Seconds that never go back.
    """

    def __init__(
        self,
        attempts: int,
        seconds: float,
        most: int = _MOST_PAIRS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._attempts = attempts
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._failures: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._failures)

    def blocked(self, user: str, address: str) -> bool:
        """Tell whether a login is refused whatever its password is."""
        failures = self._failures.get((user, address))
        if failures is None:
            return False
        self._forget_old(failures)
        if not failures:
            del self._failures[user, address]
        return len(failures) > self._attempts

    def failed(self, user: str, address: str) -> None:
        """Count a failed login."""
        pair = (user, address)
        failures = self._failures.setdefault(pair, deque(maxlen=self._attempts + 1))
        failures.append(self._clock())
        self._failures.move_to_end(pair)
        self._clean()

    def _forget_old(self, failures: deque[float]) -> None:
        oldest = self._clock() - self._seconds
        while failures and failures[0] <= oldest:
            failures.popleft()

    def _clean(self) -> None:
        """Forget pairs that failed long ago; they stand in the order of their last failure."""
        oldest = self._clock() - self._seconds
        while self._failures:
            pair, failures = next(iter(self._failures.items()))
            if failures[-1] > oldest and len(self._failures) <= self._most:
                return
            del self._failures[pair]


def client_address(peer: str, forwarded: str, trusted: Sequence[Network] = ()) -> str:
    """Return the address that a request came from.

    Parameters
    ----------
    peer : str
        Address at the other end of the connection: the hub's proxy.
    forwarded : str
        The header ``X-Forwarded-For``. Each proxy adds the address that it sees at the end;
        what stands before comes from the caller and proves nothing.
    trusted : sequence of networks
        Proxies before the hub's own, whose entry is passed over for the one before it.

    Returns
    -------
    str
        The last entry that is not of a trusted proxy; `peer` when there is none that is an address.
    """
    for entry in reversed(forwarded.split(",")[-_MOST_HOPS:]):
        try:
            address = ip_address(entry.strip())
        except ValueError:
            return peer
        if not any(address in network for network in trusted):
            return str(address)
    return peer
