"""``ccp red``: the arguments of its commands."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ccp_jupyter.cli import documents, experiments, options
from ccp_jupyter.cli.submit import submit


def add_commands(commands: Any) -> None:
    """Add ``red`` with its own commands."""
    red = commands.add_parser("red", help="Experiments: RED documents")
    inner = red.add_subparsers(dest="red_command", required=True, metavar="COMMAND")
    _add_submit(inner)
    _add_documents(inner)
    _add_watching(inner)


def _add_submit(commands: Any) -> None:
    parser = commands.add_parser(
        "submit",
        parents=[options.of_service(), options.of_variables()],
        help="hand an Experiment in; the first line of stdout is its id",
    )
    parser.add_argument("file", metavar="FILE", help="RED document, YAML or JSON; - for stdin")
    parser.add_argument(
        "--after",
        metavar="ID_OR_FILE",
        action="append",
        default=[],
        help="begin when this Experiment is successful; may be repeated",
    )
    parser.add_argument("--wait", action="store_true", help="wait for the end, as `ccp red wait`")
    _add_waiting(parser)
    parser.add_argument(
        "--disable-retry", action="store_true", help="no second attempt for a batch that failed"
    )
    parser.add_argument(
        "--disable-connector-validation",
        action="store_true",
        help="do not let connectors check their access first",
    )
    parser.set_defaults(run=submit)


def _add_documents(commands: Any) -> None:
    result = options.of_result()
    validate = commands.add_parser(
        "validate", parents=[result], help="check a document without sending it"
    )
    validate.add_argument("file", metavar="FILE", help="RED document, YAML or JSON; - for stdin")
    validate.set_defaults(run=documents.validate)
    convert = commands.add_parser(
        "convert", parents=[result], help="rewrite a document of RED 5 to 8 as RED 9"
    )
    convert.add_argument("file", metavar="FILE", help="RED document, YAML or JSON; - for stdin")
    convert.add_argument("--output", metavar="FILE", type=Path, help="new file; default: stdout")
    convert.add_argument("--force", action="store_true", help="--output may replace a file")
    convert.add_argument("--format", choices=("yaml", "json"), help="default: as it came")
    convert.set_defaults(run=documents.convert)


def _add_watching(commands: Any) -> None:
    service = options.of_service()

    def add(name: str, work: experiments.Work, text: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = commands.add_parser(name, parents=[service], help=text)
        options.add_experiment(parser)
        parser.set_defaults(run=experiments.on_experiment(work))
        return parser

    _add_waiting(add("wait", experiments.wait, "wait for the end; the exit code says which"))
    add("status", experiments.status, "how it and its batches stand")
    add("cancel", experiments.cancel, "end it")
    logs = add("logs", experiments.logs, "what its containers wrote")
    logs.add_argument(
        "--follow", action="store_true", help="go on until it has ended; not with --json"
    )
    logs.add_argument("--batch", metavar="N", type=_number, help="only of this batch, from 1")
    logs.add_argument("--stream", choices=("stdout", "stderr"), help="only this one")


def _add_waiting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=options.seconds,
        help="wait no longer; exit code 7 then",
    )
    parser.add_argument("--quiet", action="store_true", help="show no progress while waiting")


def _number(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


_number.__name__ = "number of a batch"  # argparse calls it so
