"""What the vault keeps: secrets of Executions, personal secrets, sessions."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from ccp_jupyter.hub_service.vault.bounds import Bounds, Budget, Refusal
from ccp_jupyter.hub_service.vault.wire import LOST, OWNER_FULL, entry_size

Key = tuple[str, ...]
"""``("execution", id)`` or ``("personal", owner, name)``."""
Record = dict[str, Any]


class Durable(Protocol):
    """Where records go so that they survive a restart; each call is durable when it returns."""

    place: str | None
    """Its folder; None when nothing survives."""

    def write(self, key: Key, record: Record) -> None:
        """Keep a record in the place of an earlier one.  Raises `Refusal`."""

    def erase(self, key: Key) -> None:
        """Destroy a record; no error when there is none.  Raises `Refusal`."""

    def holds(self, key: Key) -> bool:
        """Tell whether there is a record."""


class Nowhere:
    """Memory only: nothing survives."""

    place: str | None = None

    def write(self, key: Key, record: Record) -> None:
        """Keep nothing."""

    def erase(self, key: Key) -> None:
        """There is nothing."""

    def holds(self, key: Key) -> bool:
        """There is nothing."""
        return False


class ExecutionSecrets:
    """Secrets of Executions, by id.

    Parameters
    ----------
    bounds : Bounds
        What one owner may keep.
    budget : Budget
        Counts what is kept.
    durable : Durable
        Is written before anything counts as kept.
    """

    def __init__(self, bounds: Bounds, budget: Budget, durable: Durable) -> None:
        self._most_owned = bounds.owner_executions
        self._budget = budget
        self._durable = durable
        self._kept: dict[str, dict[str, str]] = {}
        self._sizes: dict[str, int] = {}
        self._owners: dict[str, str] = {}
        self._owned: Counter[str] = Counter()

    def size(self, name: str) -> int:
        """Return the bytes that an Execution's secrets take."""
        return self._sizes.get(name, 0)

    def put(self, name: str, secrets: dict[str, str], size: int, owner: str) -> None:
        """Keep secrets, whose size is in the budget already.  Raises `Refusal`."""
        replaced = self.size(name) if self._owners.get(name) == owner else 0
        if owner and self._owned[owner] - replaced + size > self._most_owned:
            rule = f"{self._most_owned} bytes of secrets of one owner's Executions are the most"
            raise Refusal(OWNER_FULL, rule)
        self._durable.write(("execution", name), {"secrets": secrets, "owner": owner})
        self._drop(name)
        self._take(name, secrets, size, owner)

    def load(self, name: str, record: Record) -> None:
        """Take up what survived."""
        secrets = record["secrets"]
        size = sum(entry_size(*entry) for entry in secrets.items())
        self._budget.used += size
        self._take(name, secrets, size, record["owner"])

    def _take(self, name: str, secrets: dict[str, str], size: int, owner: str) -> None:
        self._kept[name], self._sizes[name], self._owners[name] = secrets, size, owner
        self._owned[owner] += size

    def _drop(self, name: str) -> None:
        if self._kept.pop(name, None) is None:
            return
        size, owner = self._sizes.pop(name), self._owners.pop(name)
        self._budget.give_back(size)
        self._owned[owner] -= size
        if not self._owned[owner]:
            del self._owned[owner]

    def get(self, name: str, wanted: Iterable[str] | None) -> dict[str, str]:
        """Return those wanted, or all.  Raises `Refusal`."""
        kept = self._kept.get(name)
        if kept is None:
            raise Refusal(LOST, "nothing is kept for this Execution")
        if wanted is None:
            return kept
        try:
            return {each: kept[each] for each in wanted}
        except KeyError:
            raise Refusal(LOST, "not all of these are kept for this Execution") from None

    def forget(self, name: str) -> None:
        """Delete an Execution's secrets."""
        self._durable.erase(("execution", name))
        self._drop(name)

    def holds(self, name: str) -> bool:
        """Tell whether anything is kept, in memory or elsewhere."""
        return name in self._kept or self._durable.holds(("execution", name))

    def names(self) -> list[str]:
        """Return the ids of all Executions that secrets are kept of."""
        return list(self._kept)


@dataclass(slots=True)
class Personal:
    """One personal secret."""

    value: str = field(repr=False)
    created: str
    registry: str | None
    username: str | None
    uses: tuple[tuple[str, str], ...]
    """Time and Execution, newest first."""

    @property
    def size(self) -> int:
        """Bytes of the value."""
        return len(self.value.encode("utf-8", "surrogatepass"))

    def known(self) -> Record:
        """Return what its owner may know."""
        return {
            "created": self.created,
            "registry": self.registry,
            "username": self.username,
            "uses": list(self.uses),
        }


class PersonalSecrets:
    """Personal secrets, by owner and name.

    Parameters
    ----------
    bounds : Bounds
        What one owner may keep.
    budget : Budget
        Counts what is kept.
    durable : Durable
        Is written before anything counts as kept.
    """

    def __init__(self, bounds: Bounds, budget: Budget, durable: Durable) -> None:
        self._bounds = bounds
        self._budget = budget
        self._durable = durable
        self._kept: dict[str, dict[str, Personal]] = {}

    def save(self, owner: str, name: str, record: Record) -> None:
        """Keep a secret in the place of an earlier one.  Raises `Refusal`."""
        secret = self._secret(record)
        mine = self._kept.get(owner, {})
        others = [each for key, each in mine.items() if key != name]
        old = mine[name].size if name in mine else 0
        bounds = self._bounds
        if len(others) >= bounds.owner_secrets:
            raise Refusal(OWNER_FULL, f"{bounds.owner_secrets} secrets of one owner are the most")
        if sum(each.size for each in others) + secret.size > bounds.owner_bytes:
            rule = f"{bounds.owner_bytes} bytes of secrets of one owner are the most"
            raise Refusal(OWNER_FULL, rule)
        self._budget.take(secret.size, instead_of=old)
        try:
            self._write(owner, name, secret)
        except Refusal:
            self._budget.give_back(secret.size)
            raise
        self._budget.give_back(old)
        self._kept.setdefault(owner, {})[name] = secret

    def load(self, owner: str, name: str, record: Record) -> None:
        """Take up what survived."""
        secret = self._secret(record)
        self._kept.setdefault(owner, {})[name] = secret
        self._budget.used += secret.size

    def known(self, owner: str) -> list[Record]:
        """Return what the owner may know, by name."""
        return [
            {"name": name} | secret.known()
            for name, secret in sorted(self._kept.get(owner, {}).items())
        ]

    def remove(self, owner: str, name: str) -> bool:
        """Delete a secret; tells whether there was one."""
        self._durable.erase(("personal", owner, name))
        mine = self._kept.get(owner, {})
        removed = mine.pop(name, None)
        if not mine:
            self._kept.pop(owner, None)
        if removed is not None:
            self._budget.give_back(removed.size)
        return removed is not None

    def use(self, owner: str, names: Iterable[str], execution: str, at: str) -> dict[str, str]:
        """Return the values of those that there are, and note the use."""
        mine = self._kept.get(owner, {})
        found = {name: mine[name] for name in names if name in mine}
        for name, secret in found.items():
            self._note(owner, name, secret, execution, at)
        return {name: secret.value for name, secret in found.items()}

    def login(self, owner: str, registry: str, execution: str, at: str) -> tuple[str, str] | None:
        """Return user name and password of the newest login for a registry, and note the use."""
        found = [
            (secret.created, name, secret)
            for name, secret in self._kept.get(owner, {}).items()
            if secret.registry is not None and secret.registry.lower() == registry.lower()
        ]
        if not found:
            return None
        _, name, secret = max(found, key=lambda each: each[:2])
        self._note(owner, name, secret, execution, at)
        return secret.username or "", secret.value

    def _note(self, owner: str, name: str, secret: Personal, execution: str, at: str) -> None:
        # A request that is repeated, since its answer was lost, is one use.
        if secret.uses and secret.uses[0][1] == execution:
            return
        uses = ((at, execution), *secret.uses)[: self._bounds.uses]
        noted = Personal(secret.value, secret.created, secret.registry, secret.username, uses)
        self._write(owner, name, noted)
        secret.uses = uses

    def _write(self, owner: str, name: str, secret: Personal) -> None:
        record = {"value": secret.value} | secret.known()
        self._durable.write(("personal", owner, name), record)

    @staticmethod
    def _secret(record: Record) -> Personal:
        return Personal(
            record["value"],
            record["created"],
            record["registry"],
            record["username"],
            tuple((at, execution) for at, execution in record.get("uses", ())),
        )


class Sessions:
    """Sessions, each until its time is over. They never survive a restart.

    Parameters
    ----------
    bounds : Bounds
        How many.
    budget : Budget
        Counts what is kept.
    clock : callable
        Seconds that never go back.
    """

    def __init__(
        self, bounds: Bounds, budget: Budget, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = bounds.sessions
        self._budget = budget
        self._clock = clock
        self._kept: dict[str, tuple[float, dict[str, str], int]] = {}
        self._ends: list[tuple[float, str]] = []

    def open(self, key: str, data: dict[str, str], size: int, seconds: float) -> None:
        """Keep a session. When there are too many, those that end first make room."""
        self.expire()
        old = self._kept[key][2] if key in self._kept else 0
        self._budget.take(size, instead_of=old)
        self.close(key)
        while len(self._kept) >= self._most:
            self._close_first()
        end = self._clock() + seconds
        self._kept[key] = (end, data, size)
        heapq.heappush(self._ends, (end, key))

    def get(self, key: str) -> dict[str, str] | None:
        """Return a session's data, if it is not over."""
        self.expire()
        found = self._kept.get(key)
        return found[1] if found is not None else None

    def close(self, key: str) -> None:
        """End a session."""
        found = self._kept.pop(key, None)
        if found is not None:
            self._budget.give_back(found[2])
        if len(self._ends) > 2 * len(self._kept) + 100:
            self._ends = [(end, name) for name, (end, _, _) in self._kept.items()]
            heapq.heapify(self._ends)

    def expire(self) -> None:
        """Delete those that are over."""
        now = self._clock()
        while self._ends and self._ends[0][0] <= now:
            self._close_first()

    def _close_first(self) -> None:
        end, key = heapq.heappop(self._ends)
        # One that was opened again, or closed, has left its first end behind.
        if key in self._kept and self._kept[key][0] == end:
            self.close(key)
