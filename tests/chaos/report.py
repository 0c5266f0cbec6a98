"""What a run came to, for people and for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from tests.chaos.faults import Blow, kinds
from tests.chaos.truth import Verdict

if TYPE_CHECKING:
    from tests.chaos.run import Plan


@dataclass
class Report:
    """The result of a run."""

    plan: dict[str, Any]
    executions: dict[str, int]
    """How they went, to how many."""
    statuses: dict[str, int]
    attempts: dict[str, int]
    """Outcome, or why the platform gave one up, to how many."""
    faults: dict[str, dict[str, float]]
    """Kind to how many, and to the longest recovery, in seconds."""
    slowest: float
    """Seconds of the Execution that took longest."""
    memory: int
    """Bytes by which the service grew."""
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def as_json(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self), indent=2)

    def as_table(self) -> str:
        """Return it as Markdown."""
        plan, count = self.plan, sum(int(found["count"]) for found in self.faults.values())
        lines = [
            f"Seed {plan['seed']}, store {plan['store']}: {sum(self.executions.values())}"
            f" Executions with about {plan['tasks']} Tasks, {count} faults, {self.seconds:.0f} s."
            f" The slowest Execution took {self.slowest:.0f} s; the service grew by"
            f" {self.memory / 2**20:.0f} MiB."
            f" Wrong or left over: {len(self.problems) or 'nothing'}.",
            "",
            "| Executions | |",
            "|---|---|",
            *(f"| {name} | {count} |" for name, count in self.executions.items()),
            "",
            "| Attempts | |",
            "|---|---|",
            *(f"| {name} | {count} |" for name, count in self.attempts.items()),
            "",
            "| Fault | How many | Longest time to recover |",
            "|---|---|---|",
        ]
        for name, found in self.faults.items():
            longest = f"{found['recovery']:.1f} s" if "recovery" in found else "-"
            lines.append(f"| {name} | {found['count']:.0f} | {longest} |")
        return "\n".join([*lines, *(f"* {problem}" for problem in self.problems)])


def make_report(
    plan: Plan,
    verdicts: Sequence[Verdict],
    blows: Sequence[Blow],
    problems: list[str],
    memory: int,
) -> Report:
    """Sum up a run."""
    stories = [verdict.story for verdict in verdicts]
    return Report(
        plan=asdict(plan),
        executions=_counted(verdict.outcome or "wrong" for verdict in verdicts),
        statuses=_counted(str(story.status) for story in stories),
        attempts=_counted(name for verdict in verdicts for name in verdict.attempts),
        faults={kind: _of_kind(blows, kind) for kind in kinds(plan.store)},
        slowest=max((story.took for story in stories), default=0.0),
        memory=memory,
        problems=problems,
    )


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())


def _of_kind(blows: Sequence[Blow], kind: str) -> dict[str, float]:
    own = [blow for blow in blows if blow.fault.kind == kind]
    times = [blow.recovery for blow in own if blow.recovery is not None]
    return {"count": len(own)} | ({"recovery": max(times)} if times else {})
