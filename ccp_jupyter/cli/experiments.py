"""``ccp red wait``, ``status``, ``logs`` and ``cancel``."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from ccp_jupyter.cli import options, output
from ccp_jupyter.cli.exits import Exit, Refused, UsageError, of_status
from ccp_jupyter.client import AsyncExecution, WaitTimeout
from ccp_jupyter.client.batches import AsyncBatch
from ccp_jupyter.client.follow import Away
from ccp_jupyter.model.events import LogEvent

Work = Callable[[argparse.Namespace, AsyncExecution], Coroutine[Any, Any, int]]


def on_experiment(work: Work) -> Callable[[argparse.Namespace], int]:
    """Return a command that does something with the Experiment of its argument."""

    def command(asked: argparse.Namespace) -> int:
        async def connected() -> int:
            async with options.client(asked) as client:
                asked.address = client.url
                identifier = options.experiment_id(asked, asked.experiment)
                return await work(asked, await client.execution(identifier))

        return asyncio.run(connected())

    return command


def described(execution: AsyncExecution, service: str) -> dict[str, Any]:
    """Return an Experiment as ``--json`` shows it."""
    return {
        "experimentId": execution.id,
        "service": service,
        "status": execution.status,
        "message": execution.message,
        "progress": execution.progress,
        "batchCount": execution.replicas,
        "created": execution.created,
        "started": execution.started,
        "finished": execution.finished,
    }


def batch(found: AsyncBatch) -> dict[str, Any]:
    """Return a batch as ``--json`` shows it."""
    return {
        "index": found.index,
        "batchId": found.id,
        "state": found.state,
        "node": found.node,
        "reason": found.reason,
        "debugInfo": found.debug_info,
    }


async def wait(asked: argparse.Namespace, execution: AsyncExecution) -> int:
    """Wait for the end; the exit code says which."""
    try:
        await execution.wait(asked.timeout, progress=not asked.quiet, check=False)
    except WaitTimeout:
        output.note(_goes_on(execution, f"has not ended after {asked.timeout:g} s"))
    except asyncio.CancelledError:
        output.note("\n" + _goes_on(execution, "is not waited for any more"))
        raise
    await show(asked, execution)
    return of_status(execution.status)


def _goes_on(execution: AsyncExecution, why: str) -> str:
    return f"Experiment {execution.id} {why}; it goes on. `ccp red wait {execution.id}` waits again"


async def show(asked: argparse.Namespace, execution: AsyncExecution) -> None:
    """Write how it stands: as JSON with all batches, else the reasons of what failed."""
    batches = await execution.batches() if execution.is_experiment else []
    if asked.json:
        found = described(execution, asked.address)
        output.document({**found, "batches": [batch(each) for each in batches]})
        return
    for each in batches:
        if each.reason:
            output.note(f"batch {each.index} failed on {each.node or 'no node'}: {each.reason}")


async def status(asked: argparse.Namespace, execution: AsyncExecution) -> int:
    """Write how it stands; the exit code says only whether that is known."""
    if asked.json:
        await show(asked, execution)
        return Exit.OK
    message = f": {execution.message}" if execution.message else ""
    output.result(f"{execution.id} {execution.status} {execution.progress} %{message}")
    batches = await execution.batches() if execution.is_experiment else []
    for each in batches:
        node, reason = each.node or "-", each.reason
        output.result(f"{each.index:>5} {each.state:<10} {node} {reason}".rstrip())
    return Exit.OK


async def cancel(asked: argparse.Namespace, execution: AsyncExecution) -> int:
    """Ask the service to end it."""
    await execution.cancel()
    if asked.json:
        output.document(described(execution, asked.address))
    else:
        output.note(f"Experiment {execution.id} is {execution.status}")
    return Exit.OK


async def logs(asked: argparse.Namespace, execution: AsyncExecution) -> int:
    """Write what the containers wrote, and with ``--follow`` what they write until the end."""
    if asked.json and asked.follow:
        raise UsageError(
            "--json and --follow do not go together: what is followed is no one object"
        )
    if asked.batch is not None and asked.batch > execution.replicas:
        raise Refused(f"Experiment {execution.id} has {execution.replicas} batches")
    if asked.json:
        text = await execution.log(asked.batch, asked.stream)
        chosen = {"batch": asked.batch, "stream": asked.stream}
        output.document({"experimentId": execution.id, **chosen, "text": text})
        return Exit.OK
    marked = asked.batch is None and execution.replicas > 1
    async for event in _log_events(asked, execution):
        mark = f"[{event.task}] " if marked else ""
        lines = [
            *event.lines,
            *(["… the rest of this log was not kept"] if event.truncated else []),
        ]
        for line in lines:
            output.result(mark + output.line_for(sys.stdout, line))
        sys.stdout.flush()
    return Exit.OK


async def _log_events(
    asked: argparse.Namespace, execution: AsyncExecution
) -> AsyncIterator[LogEvent]:
    away = False
    events = execution.follow() if asked.follow else execution.past_events()
    async for event in events:
        if isinstance(event, Away) and not away:
            output.note(f"ccp: {event.reason}; trying again")
        away = isinstance(event, Away) or (away and event is None)
        if (
            isinstance(event, LogEvent)
            and asked.batch in (None, event.task)
            and asked.stream in (None, event.stream)
        ):
            yield event
