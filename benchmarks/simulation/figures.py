"""What a run showed, as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import mean, median, quantiles

from benchmarks.simulation.load import weights
from benchmarks.simulation.run import Run


def fairness(run: Run) -> float:
    """Return how even what users got was, weights considered: 1 is perfectly even.

    Source: Jain's index. What counts is what each Context got, and inside it each user, as long as
    all of them waited for more.
    """
    got = [part for _, part in parts(run)]
    return sum(got) ** 2 / (len(got) * sum(part**2 for part in got))


def parts(run: Run) -> list[tuple[str, float]]:
    """Return what each user got, as a part of what the weights promise."""
    context = {
        job.request.owner: _context(job.request.context, job.request.owner)
        for job in run.jobs.values()
    }
    weight = weights(run.setting)
    contexts = set(context.values())
    members = Counter(context.values())
    together = sum(weight.get(name, 1.0) for name in contexts)
    whole = sum(run.service.values())
    return [
        (owner, run.service[owner] * members[name] * together / (weight.get(name, 1.0) * whole))
        for owner, name in sorted(context.items())
    ]


def figures(run: Run, memory: float) -> str:
    """Return the figures of a run as Markdown.

    Parameters
    ----------
    run : Run
        It has ended.
    memory : float
        Bytes of a queued Task.
    """
    setting, use = run.setting, run.use
    lines = [
        f"{setting.nodes:,} Nodes, {setting.tasks:,} Tasks of {setting.users} users in"
        f" {setting.contexts} Contexts, {run.failures} failures of Nodes, seed {setting.seed}:"
        f" {run.now / 3600:.1f} hours on the virtual clock.",
        "",
        "| What | Value |",
        "|---|---|",
        f"| decisions (queued, placed, released, Node changed) | {run.decisions:,} |",
        f"| decisions per second | {run.decisions / run.deciding:,.0f} |",
        f"| memory of a queued Task | {memory:,.0f} bytes |",
        f"| cores, memory, GPUs handed out while all users wait | {_part(use, 'cores')},"
        f" {_part(use, 'memory')}, {_part(use, 'GPUs')} |",
        f"| fairness between users (Jain's index, 1 is even) | {fairness(run):.3f} |",
    ]
    if run.asking:
        lines.append(f"| a forecast, median; 99 % | {_times(run.asking)} |")
    if len(run.foretold_parts) > 1:
        low, middle, high = quantiles(run.foretold_parts, n=4)
        lines.append(
            "| waits that were forecast, as parts of those that followed: quartiles |"
            f" {low:.2f}, {middle:.2f}, {high:.2f} |"
        )
    lines += ["", "| Queued | placements | median | 99 % |", "|---|---|---|---|"]
    for digits, took in sorted(run.took.items()):
        median_of, most = _times(took).split("; ")
        lines.append(f"| below {10**digits:,} | {len(took):,} | {median_of} | {most} |")
    lines += ["", "| User | part of what is due | mean wait | longest |", "|---|---|---|---|"]
    for owner, part in parts(run):
        waits = run.waits[owner]
        lines.append(f"| {owner} | {part:.2f} | {_hours(mean(waits))} | {_hours(max(waits))} |")
    return "\n".join(lines)


def _context(context: str, owner: str) -> str:
    return context or owner


def _part(use: Mapping[str, float], what: str) -> str:
    there = use.get(f"all {what}", 0.0)
    return f"{use[what] / there:.0%}" if there else "none"


def _times(seconds: Sequence[float]) -> str:
    most = quantiles(seconds, n=100)[98] if len(seconds) > 1 else seconds[0]
    return f"{median(seconds) * 1e6:.0f} µs; {most * 1e6:.0f} µs"


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.2f} h"
