"""Whether the service works: named checks, each ok, degraded or failing, with a message."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

_log = logging.getLogger(__name__)

_TIMEOUT: Final = 3.0  # seconds that a check may take
_AGE: Final = 1.0  # seconds for which a result is given again


class Level(StrEnum):
    """How well something works."""

    OK = "ok"
    DEGRADED = "degraded"
    """Work is accepted, and somebody should look."""
    FAILING = "failing"


_ORDER: Final = list(Level)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found."""

    name: str
    level: Level
    message: str
    """For everybody: no address, no secret."""
    detail: str = ""
    """For administrators, where there is more to say."""
    values: Mapping[str, float] = field(default_factory=dict)
    """Metrics, by name."""
    help: str = ""
    """Of the metrics."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at.

    Attributes
    ----------
    name : str
        For programs.
    look : callable
        Returns what it found; what it raises is taken for failing.
    vital : bool
        Whether nothing can be accepted while it fails.
    fresh : float
        Seconds for which it is not looked at again when it was well.
    """

    name: str
    look: Callable[[], Awaitable[Finding]]
    vital: bool = True
    fresh: float = _AGE


@dataclass(frozen=True, slots=True)
class Report:
    """What all checks found."""

    findings: tuple[Finding, ...]
    ready: bool
    """Whether the service can accept work."""

    @property
    def level(self) -> Level:
        """The worst of all; failing only when no work is accepted."""
        worst = max((each.level for each in self.findings), key=_ORDER.index, default=Level.OK)
        return Level.DEGRADED if self.ready and worst is Level.FAILING else worst


class Health:
    """The checks of one service process; those who ask at a time share the answer.

    Parameters
    ----------
    clock : callable
        Seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._checks: list[Check] = []
        self._clock = clock
        self._known: dict[str, tuple[float, Finding]] = {}
        self._looking: dict[str, asyncio.Task[Finding]] = {}
        self.stopping = False
        """Set when the service takes no new work any more."""

    @property
    def latest(self) -> list[Finding]:
        """What was found last."""
        return [found for _, found in self._known.values()]

    def add(self, *checks: Check) -> None:
        """Look at these too."""
        self._checks.extend(checks)

    async def report(self) -> Report:
        """Look at everything that was not looked at just now."""
        findings = await asyncio.gather(*(self._find(check) for check in self._checks))
        vital = {check.name for check in self._checks if check.vital}
        failing = {found.name for found in findings if found.level is Level.FAILING}
        if self.stopping:
            stop = Finding("stopping", Level.FAILING, "the service stops; try again in a moment")
            return Report((*findings, stop), ready=False)
        return Report(tuple(findings), ready=not (vital & failing))

    async def _find(self, check: Check) -> Finding:
        at, known = self._known.get(check.name, (float("-inf"), None))
        if known is not None:
            fresh = check.fresh if known.level is Level.OK else _AGE
            if self._clock() - at < fresh:
                return known
        task = self._looking.get(check.name)
        if task is None:
            task = self._looking[check.name] = asyncio.create_task(self._look(check))
            task.add_done_callback(lambda _: self._looking.pop(check.name, None))
        return await asyncio.shield(task)

    async def _look(self, check: Check) -> Finding:
        try:
            found = await asyncio.wait_for(check.look(), _TIMEOUT)
        except Exception as error:
            _log.warning("health: %s: %s: %s", check.name, type(error).__name__, error)
            what = "does not answer" if isinstance(error, TimeoutError) else "does not work"
            detail = f"{what}: {error}" if str(error) else what
            found = Finding(check.name, Level.FAILING, f"the {check.name} {what}", detail)
        self._known[check.name] = (self._clock(), found)
        return found
