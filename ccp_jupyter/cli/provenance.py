"""``ccp prov`` and ``ccp rocrate``: what was done with what, by whom."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Final

from ccp_jupyter.cli import options, output
from ccp_jupyter.cli.exits import Exit
from ccp_jupyter.client import AsyncClient

FORMS: Final = {
    "provjson": "json",
    "provn": "provn",
    "provxml": "xml",
    "turtle": "ttl",
    "jsonld": "jsonld",
    "ntriples": "nt",
}
"""What the service calls the forms; the first is the usual one."""


def add_commands(commands: Any) -> None:
    """Add ``prov`` and ``rocrate``."""
    one = argparse.ArgumentParser(add_help=False, parents=[options.of_service()])
    one.add_argument("execution", metavar="ID", help="of the Execution")

    prov = commands.add_parser(
        "prov", parents=[one], help="the provenance of an Execution in the words of W3C PROV"
    )
    usual = next(iter(FORMS))
    prov.add_argument(
        "--format", choices=FORMS, default=usual, help="default: %(default)s; provn is good to read"
    )
    prov.add_argument("--output", metavar="FILE", type=Path, help="new file; default: stdout")
    prov.add_argument("--force", action="store_true", help="--output may replace a file")
    prov.set_defaults(run=options.with_client(_prov))

    crate = commands.add_parser(
        "rocrate", parents=[one], help="an Execution as an RO-Crate: its files, described, in a zip"
    )
    crate.add_argument(
        "--output",
        metavar="FILE",
        type=Path,
        default=Path(),
        help="new file, or a folder to make it in; default: here",
    )
    crate.set_defaults(run=options.with_client(_rocrate))


async def _prov(asked: argparse.Namespace, client: AsyncClient) -> int:
    path: Path | None = asked.output
    if path is not None:
        output.check_free(path, replace=asked.force)  # before the service has the work
    execution = await client.execution(asked.execution)
    text = await execution.prov(FORMS[asked.format])
    if path is not None:
        output.write_file(path, text, replace=asked.force)
    if asked.json:
        found = {"text": text} if path is None else {"path": str(path)}
        output.document({"format": asked.format, **found})
    elif path is None:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
    return Exit.OK


async def _rocrate(asked: argparse.Namespace, client: AsyncClient) -> int:
    execution = await client.execution(asked.execution)
    path = await execution.rocrate(asked.output)
    # As it was given, with the name that was free.
    shown = (asked.output if asked.output.is_dir() else asked.output.parent) / path.name
    if asked.json:
        output.document({"path": str(shown)})
    else:
        output.result(str(shown))
    return Exit.OK
