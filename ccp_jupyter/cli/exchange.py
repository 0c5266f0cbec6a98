"""``ccp export`` and ``ccp import``: Methods and Executions as files."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from ccp_jupyter.cli import options, output
from ccp_jupyter.cli.exits import Exit
from ccp_jupyter.client import AsyncClient
from ccp_jupyter.client.exchange import Imported, as_document


def add_commands(commands: Any) -> None:
    """Add ``export`` and ``import``."""
    service = options.of_service()
    to = argparse.ArgumentParser(add_help=False)
    to.add_argument(
        "--to", metavar="FOLDER", type=Path, default=Path(), help="where to write; default: here"
    )
    export = commands.add_parser("export", help="Methods and Executions to files")
    inner = export.add_subparsers(dest="export_command", required=True, metavar="WHAT")
    methods = inner.add_parser(
        "method", parents=[service, to], help="one as a JSON file, several as a zip"
    )
    methods.add_argument("methods", metavar="ID_OR_TITLE", nargs="+")
    methods.set_defaults(run=options.with_client(_methods))
    category = inner.add_parser(
        "category", parents=[service, to], help="all Methods of a category as a zip"
    )
    category.add_argument("category", metavar="NAME")
    category.set_defaults(run=options.with_client(_category))
    execution = inner.add_parser(
        "execution", parents=[service, to], help="the folder of an Execution as a zip"
    )
    execution.add_argument("execution", metavar="ID")
    execution.set_defaults(run=options.with_client(_execution))

    imports = commands.add_parser(
        "import", parents=[service], help="Methods and Executions from files and links"
    )
    imports.add_argument("sources", metavar="FILE_OR_URL", nargs="+")
    imports.add_argument(
        "--replace", action="store_true", help="replace Methods of yours with the same id"
    )
    imports.add_argument(
        "--renew", action="store_true", help="give Methods a new id where theirs is taken"
    )
    imports.add_argument(
        "--keep-sharing",
        action="store_true",
        help="share Methods as the files say; else only you see them",
    )
    imports.set_defaults(run=options.with_client(_import))


async def _methods(asked: argparse.Namespace, client: AsyncClient) -> int:
    return _written(asked, await client.export(*asked.methods, to=asked.to))


async def _category(asked: argparse.Namespace, client: AsyncClient) -> int:
    return _written(asked, await client.export(category=asked.category, to=asked.to))


async def _execution(asked: argparse.Namespace, client: AsyncClient) -> int:
    execution = await client.execution(asked.execution)
    asked.to.mkdir(parents=True, exist_ok=True)
    path = await execution.folder(asked.to)
    return _written(asked, asked.to / path.name)


def _written(asked: argparse.Namespace, path: Path) -> int:
    if asked.json:
        output.document({"path": str(path)})
    else:
        output.result(str(path))
    return Exit.OK


async def _import(asked: argparse.Namespace, client: AsyncClient) -> int:
    found: list[tuple[str, Imported]] = []
    for source in asked.sources:
        report = await client.import_file(
            source, replace=asked.replace, renew=asked.renew, keep_sharing=asked.keep_sharing
        )
        found += [(source, each) for each in report]
        if not asked.json:
            for each in report:
                _tell(source, each)
    counted = Counter(each.outcome for _, each in found)
    if asked.json:
        results = [{"source": source, **as_document(each)} for source, each in found]
        output.document({"results": results, "refused": counted["refused"]})
    return Exit.INVALID if counted["refused"] else Exit.OK


def _tell(source: str, imported: Imported) -> None:
    place = f"{source}: {imported.name}" if imported.name else source
    title = " ".join(filter(None, (imported.title, imported.version)))
    line = "\t".join([imported.outcome, imported.kind, imported.id, title]).rstrip()
    output.result(output.line_for(sys.stdout, line))
    for problem in imported.problems:
        output.note(f"ccp: {place}: {problem}")
    for note in imported.notes:
        output.note(f"ccp: {place}: {note}")
