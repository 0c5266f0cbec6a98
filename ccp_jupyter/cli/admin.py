"""``ccp admin``: how the service is and what everybody runs, for whoever runs it."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ccp_jupyter.cli import options, output, tables
from ccp_jupyter.cli.exits import Exit
from ccp_jupyter.client import AsyncClient
from ccp_jupyter.model.states import Status
from ccp_jupyter.model.times import iso

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MOST: Final = 100_000


def add_commands(commands: Any) -> None:
    """Add ``admin`` with its own commands."""
    admin = commands.add_parser("admin", help="the service as a whole, for administrators")
    inner = admin.add_subparsers(dest="admin_command", required=True, metavar="COMMAND")
    service = options.of_service()

    def command(name: str, work: Any, text: str) -> Any:
        parser = inner.add_parser(name, parents=[service], help=text)
        parser.set_defaults(run=options.with_client(work))
        return parser

    command("status", _status, "health, queue, Nodes, latest failures; exit code 1: not well")
    jobs = command("jobs", _jobs, "Executions of all users, newest first")
    jobs.add_argument("--owner", metavar="USER", default="*", help="only theirs")
    jobs.add_argument(
        "--status",
        action="append",
        default=[],
        choices=[each.value for each in Status],
        help="only these; may be repeated",
    )
    jobs.add_argument(
        "--since", metavar="TIME", type=_since, help="submitted after: 90m, 6h, 2d, or RFC 3339"
    )
    jobs.add_argument(
        "--longer-than", metavar="TIME", type=_duration, help="have run so long: 90s, 6h"
    )
    jobs.add_argument("--limit", metavar="N", type=_count, default=50, help="default: %(default)s")
    cancel = command("cancel", _cancel, "end Executions of whomever")
    cancel.add_argument("jobs", metavar="ID", nargs="+")
    command("usage", _usage, "what each user keeps and runs")


def _duration(text: str) -> float:
    """Return seconds of a text such as ``90m``."""
    found = re.fullmatch(r"([0-9]{1,9})([smhd]?)", text)
    if not found:
        raise ValueError
    return int(found[1]) * _UNITS[found[2] or "s"]


def _since(text: str) -> str:
    """Return a time as the service wants it: so long ago, or as it was given."""
    try:
        if not re.match(r"[0-9]+[smhd]?$", text):
            moment = datetime.fromisoformat(text)
            return iso(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        return iso(datetime.now(UTC) - timedelta(seconds=_duration(text)))
    except OverflowError as error:  # before the year 1
        raise ValueError from error


def _count(text: str) -> int:
    value = int(text)
    if not 0 < value <= _MOST:
        raise ValueError
    return value


async def _status(asked: argparse.Namespace, client: AsyncClient) -> int:
    found = await client.admin.status()
    health = found.get("health") or {}
    code = Exit.OK if health.get("status") == "ok" else Exit.FAILED
    if asked.json:
        output.document(found)
        return code
    version, up = found.get("version"), tables.span(found.get("uptime"))
    output.result(f"ccp service {version}, up for {up}: {health.get('status')}")
    for check in health.get("checks") or ():
        detail = check.get("detail") or check.get("message")
        output.result(f"  {check.get('status'):<8}  {check.get('name')}: {detail}")
    for queue in found.get("queue") or ():
        output.result(
            f"{queue.get('infrastructure')}: {queue.get('running')} Tasks run,"
            f" {queue.get('waiting')} wait"
        )
    counts = found.get("nodes") or {}
    output.result("Nodes: " + ", ".join(f"{number} {state}" for state, number in counts.items()))
    failures = found.get("failures") or []
    if failures:
        output.result("Latest failures:")
    for each in failures[:10]:
        output.result(
            f"  {tables.age(each.get('at')):>6} ago  {each.get('execution')}.{each.get('task')}"
            f"  attempt {each.get('attempt')} on {each.get('node')}: {each.get('reason')}"
        )
    return code


async def _jobs(asked: argparse.Namespace, client: AsyncClient) -> int:
    found = await client.admin.executions(
        asked.owner, asked.status, asked.since, asked.longer_than, asked.limit
    )
    if asked.json:
        output.document({"jobs": found})
        return Exit.OK
    rows = [
        (
            job.get("jobID"),
            job.get("owner"),
            job.get("status"),
            f"{job.get('progress', 0)} %",
            tables.age(job.get("created")),
            job.get("infrastructure"),
            job.get("title") or job.get("processID") or job.get("kind", ""),
            job.get("message", ""),
        )
        for job in found
    ]
    tables.show(("ID", "OWNER", "STATUS", "DONE", "AGE", "INFRASTRUCTURE", "WHAT", "MESSAGE"), rows)
    return Exit.OK


async def _cancel(asked: argparse.Namespace, client: AsyncClient) -> int:
    ended = []
    for identifier in dict.fromkeys(asked.jobs):
        execution = await client.execution(identifier)
        await execution.cancel()
        ended.append({"jobID": execution.id, "status": execution.status})
        if not asked.json:
            output.note(f"Execution {execution.id} is {execution.status}")
    if asked.json:
        output.document({"jobs": ended})
    return Exit.OK


async def _usage(asked: argparse.Namespace, client: AsyncClient) -> int:
    found = await client.admin.usage()
    if asked.json:
        output.document({"users": found})
        return Exit.OK
    rows = [
        (
            each.get("owner"),
            each.get("infrastructure"),
            each.get("running"),
            each.get("executions"),
            tables.size(each.get("bytes")),
        )
        for each in found
    ]
    tables.show(("OWNER", "INFRASTRUCTURE", "RUNNING", "KEPT", "SIZE"), rows)
    return Exit.OK
