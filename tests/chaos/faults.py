"""What is done to a running stack: drawn from a seed, written down, and undone."""

from __future__ import annotations

import json
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from tests.chaos.patience import User
from tests.stack.daemons import find
from tests.stack.engines import EngineHandle
from tests.stack.hub import start_hub, wait_hub
from tests.stack.marks import STACK, marking
from tests.stack.records import note, noted
from tests.stack.stack import Stack

LANES = 2
"""Faults that may be at work at a time, of different targets."""
_LONGEST_RECOVERY = 240.0
_SLOWEST = (24, 96)  # kilobits a second of a slow network
_VICTIM_WAIT = 10.0  # seconds that one who shall kill a container waits for one


@dataclass(frozen=True)
class Fault:
    """One disturbance; all of it follows from the seed, but for which container it meets."""

    number: int
    at: float
    """Seconds after the begin of the run; later when its target is still being disturbed."""
    kind: str
    target: str
    """``service``, ``vault``, ``hub``, or a Node."""
    seconds: float
    """How long it lasts."""
    dice: float
    """0 to 1, for what is chosen when it happens."""


@dataclass
class Blow:
    """What became of a fault."""

    fault: Fault
    began: datetime
    ended: datetime
    """When it was undone."""
    note: str = ""
    """Name of the container that was met, or what was chosen."""
    recovery: float | None = None
    """Seconds from its undoing until the target worked again as users see it; None: no target
    of which that can be said."""

    def line(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(
            asdict(self.fault)
            | {
                "began": self.began.isoformat(),
                "ended": self.ended.isoformat(),
                "note": self.note,
                "recovery": self.recovery,
            }
        )


@dataclass(frozen=True)
class Kind:
    """A kind of fault."""

    target: str
    """``node`` stands for any."""
    longest: float
    """Seconds."""
    work: Callable[[Stack, Fault], AbstractContextManager[str]]
    """Begins on entry, ends on exit; gives the note."""
    recovers: bool = True
    store: str = ""
    """Only where this store is in use."""


# --- service, vault, hub ------------------------------------------------------------------------


@contextmanager
def _kill_service(stack: Stack, fault: Fault) -> Iterator[str]:
    name = _process(stack, fault)
    stack.kill_service(name=name)
    yield name
    stack.start_service(timeout=_LONGEST_RECOVERY, name=name)


@contextmanager
def _stop_service(stack: Stack, fault: Fault) -> Iterator[str]:
    name = _process(stack, fault)
    stack.kill_service(signal.SIGTERM, name)
    yield name
    stack.start_service(timeout=_LONGEST_RECOVERY, name=name)


def _process(stack: Stack, fault: Fault) -> str:
    names = sorted(stack.services)
    return names[int(fault.dice * len(names))]


@contextmanager
def _kill_vault(stack: Stack, _fault: Fault) -> Iterator[str]:
    vault = stack.vault
    if vault is not None:
        vault.kill()
    yield ""
    # The service starts another; when it is down itself, it does so at its own start.
    deadline = time.monotonic() + _LONGEST_RECOVERY
    while (now := stack.vault) is None or now == vault:
        if time.monotonic() > deadline:
            raise TimeoutError(f"no new vault {_LONGEST_RECOVERY:g} s after the old one was killed")
        time.sleep(0.1)


@contextmanager
def _kill_hub(stack: Stack, _fault: Fault) -> Iterator[str]:
    noted(stack.folder)["hub"].kill()
    yield ""
    with marking(STACK, str(stack.folder)):
        hub = start_hub(stack.settings, stack.folder / "logs/hub.log")
    note(stack.folder, "hub", hub)
    wait_hub(stack.settings, hub, _LONGEST_RECOVERY)


@contextmanager
def _kill_mongod(stack: Stack, _fault: Fault) -> Iterator[str]:
    stack.mongod.kill()
    yield ""
    with marking(STACK, str(stack.folder)):
        stack.start_mongod()


# --- engines ------------------------------------------------------------------------------------


@contextmanager
def _kill_engine(stack: Stack, fault: Fault) -> Iterator[str]:
    stack.engines[fault.target].kill9()
    yield ""
    stack.engines[fault.target].start()


@contextmanager
def _kill_containerd(stack: Stack, fault: Fault) -> Iterator[str]:
    stack.engines[fault.target].kill_containerd()
    yield ""


@contextmanager
def _freeze_engine(stack: Stack, fault: Fault) -> Iterator[str]:
    stack.engines[fault.target].suspend()
    yield ""
    stack.engines[fault.target].resume()


@contextmanager
def _reboot(stack: Stack, fault: Fault) -> Iterator[str]:
    losing = fault.dice < 0.5
    stack.engines[fault.target].power_off(losing_containers=losing)
    yield "containers gone" if losing else "containers ended"
    stack.engines[fault.target].start()


@contextmanager
def _cut_network(stack: Stack, fault: Fault) -> Iterator[str]:
    network = stack.engines[fault.target].network
    assert network is not None
    network.cut()
    yield ""
    network.mend()


@contextmanager
def _slow_network(stack: Stack, fault: Fault) -> Iterator[str]:
    network = stack.engines[fault.target].network
    assert network is not None
    least, most = _SLOWEST
    rate = round(least + fault.dice * (most - least))
    network.slow_down(rate)
    yield f"{rate} kbit/s"
    network.speed_up()


@contextmanager
def _fill_disk(stack: Stack, fault: Fault) -> Iterator[str]:
    stack.engines[fault.target].fill_disk()
    yield ""
    stack.engines[fault.target].free_disk()


# --- containers ---------------------------------------------------------------------------------


@contextmanager
def _kill_container(stack: Stack, fault: Fault) -> Iterator[str]:
    yield _meet(stack.engines[fault.target], fault.dice, lambda client, name: client.kill(name))


@contextmanager
def _kill_process(stack: Stack, fault: Fault) -> Iterator[str]:
    def kill(client: Any, name: str) -> None:
        if pid := client.inspect_container(name)["State"]["Pid"]:
            find(pid).kill()

    yield _meet(stack.engines[fault.target], fault.dice, kill)


def _meet(engine: EngineHandle, dice: float, blow: Callable[[Any, str], None]) -> str:
    """Do something to a running container; returns its name, or that there was none."""
    deadline = time.monotonic() + _VICTIM_WAIT
    client = engine.client()
    try:
        while time.monotonic() < deadline:
            # Else it is gone between being found and being met.
            with suppress(Exception):
                names = sorted(each["Names"][0].strip("/") for each in client.containers())
                if names:
                    name = str(names[int(dice * len(names))])
                    blow(client, name)
                    return name
            time.sleep(0.1)
    finally:
        client.close()
    return ""


KINDS: dict[str, Kind] = {
    "service killed": Kind("service", 4, _kill_service),
    "service stopped": Kind("service", 4, _stop_service),
    "vault killed": Kind("vault", 0, _kill_vault),
    "hub killed": Kind("hub", 5, _kill_hub),
    "mongod killed": Kind("mongod", 6, _kill_mongod, store="mongodb"),
    "engine killed": Kind("node", 20, _kill_engine),
    "containerd killed": Kind("node", 1, _kill_containerd),
    "engine frozen": Kind("node", 22, _freeze_engine),
    "machine rebooted": Kind("node", 15, _reboot),
    "network cut": Kind("node", 22, _cut_network),
    "network slow": Kind("node", 15, _slow_network),
    "disk full": Kind("node", 12, _fill_disk),
    "container killed": Kind("node", 0, _kill_container, recovers=False),
    "process killed": Kind("node", 0, _kill_process, recovers=False),
}


def kinds(store: str) -> list[str]:
    """Return the names of the faults that there are with a store."""
    return [name for name, kind in KINDS.items() if kind.store in ("", store)]


def draw(
    seed: int, count: int, span: float, nodes: Sequence[str], store: str = "sqlite"
) -> list[Fault]:
    """Return the faults of a run; every kind comes up before any comes up a second time.

    Parameters
    ----------
    seed : int
        The same gives the same.
    count : int
        How many.
    span : float
        Seconds over which they begin.
    nodes : sequence of str
        Names to choose from.
    store : str
        Which is in use.
    """
    dice = random.Random(f"faults {seed}")
    names = kinds(store)
    times = sorted(dice.uniform(0.05 * span, span) for _ in range(count))
    faults: list[Fault] = []
    bag: list[str] = []
    for number, at in enumerate(times, 1):
        bag = bag or dice.sample(names, len(names))
        kind = KINDS[name := bag.pop()]
        target = dice.choice(nodes) if kind.target == "node" else kind.target
        faults.append(Fault(number, at, name, target, dice.uniform(0, kind.longest), dice.random()))
    return faults


class Injector:
    """Does the faults of a run.

    Parameters
    ----------
    stack : Stack
        A running one, with isolated engines.
    faults : sequence of Fault
        By time.
    log : Path
        Gets a line for each, when it is over.

    Attributes
    ----------
    blows : list of Blow
        Those that are over.
    problems : list of str
        Faults that could not be done, or that the stack did not recover from.
    """

    def __init__(self, stack: Stack, faults: Sequence[Fault], log: Path) -> None:
        self._stack = stack
        self._waiting = list(faults)
        self._log = log
        self._targets = {fault.target: threading.Lock() for fault in faults}
        self._own = threading.Lock()
        self._begin = time.monotonic()
        self._threads = [threading.Thread(target=self._lane, daemon=True) for _ in range(LANES)]
        self.blows: list[Blow] = []
        self.problems: list[str] = []

    def lock(self, target: str) -> threading.Lock:
        """Return what is held while a fault is at work on a target; ask before `start`."""
        return self._targets.setdefault(target, threading.Lock())

    def start(self) -> None:
        """Begin."""
        self._begin = time.monotonic()
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait until all faults are over and recovered from."""
        for thread in self._threads:
            thread.join()

    def _lane(self) -> None:
        user = User(self._stack, "carol")
        try:
            while (fault := self._next()) is not None:
                time.sleep(max(0.0, self._begin + fault.at - time.monotonic()))
                with self._targets[fault.target]:
                    try:
                        self._do(fault, user)
                    except Exception as error:
                        self.problems.append(f"fault {fault.number}, {fault.kind}: {error!r}")
        finally:
            user.close()

    def _next(self) -> Fault | None:
        with self._own:
            return self._waiting.pop(0) if self._waiting else None

    def _do(self, fault: Fault, user: User) -> None:
        kind = KINDS[fault.kind]
        began = datetime.now(UTC)
        with kind.work(self._stack, fault) as noted_:
            time.sleep(fault.seconds)
            undone = time.monotonic()
        blow = Blow(fault, began, datetime.now(UTC), noted_)
        if kind.recovers:
            self._wait_recovered(fault, user)
            blow.recovery = round(time.monotonic() - undone, 1)
        with self._own:
            self.blows.append(blow)
            with self._log.open("a") as log:
                log.write(f"{blow.line()}\n")

    def _wait_recovered(self, fault: Fault, user: User) -> None:
        deadline = time.monotonic() + _LONGEST_RECOVERY
        while not (self._healthy() and self._online(fault.target, user)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{fault.target} did not recover in {_LONGEST_RECOVERY:g} s")
            time.sleep(0.1)

    def _healthy(self) -> bool:
        with suppress(httpx.HTTPError):
            address = f"{self._stack.service_url}health"
            return httpx.get(address, timeout=10, trust_env=False).status_code == 200
        return False

    def _online(self, target: str, user: User) -> bool:
        """Tell whether a Node, or whatever else was disturbed, is of use to users."""
        found = user.ask("GET", "nodes", agency=True).json()
        states = {node["nodeName"]: node["state"] for node in found}
        return bool(states.get(target, "online") == "online")
