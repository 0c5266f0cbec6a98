"""Command line to command, errors to exit codes."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points, version
from pathlib import Path
from typing import Any, Final

from ccp_jupyter.cli import output
from ccp_jupyter.cli.exits import Exit, of_error
from ccp_jupyter.client.errors import CcpError

COMMANDS_GROUP: Final = "ccp_jupyter.commands"
"""Entry points of packages that add commands; see `ccp_jupyter.cli`."""
_DOCS: Final = "Exit codes, the form of --json and examples are in docs/cli.md."


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; default: those of the process.

    Returns
    -------
    int
        The exit code, see `ccp_jupyter.cli.exits.Exit`.
    """
    output.prepare()
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        asked = _parser(words).parse_args(words)
    except SystemExit as end:  # argparse has written its message, or the help
        return int(end.code or 0)
    return _run(asked)


def _run(asked: argparse.Namespace) -> int:
    as_json = bool(getattr(asked, "json", False))
    try:
        code = int(asked.run(asked))
        sys.stdout.flush()
    except CcpError as error:
        code = of_error(error)
        output.failure(error, code, as_json=as_json)
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
        output.fault("Interrupted", "interrupted", code, as_json=as_json)
    except BrokenPipeError:
        # Whoever read the output has had enough. Nothing must be flushed into it at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = Exit.OK
    except Exception as error:
        # Only kind and place: the text of an unforeseen error could hold a secret.
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(last.filename).name}:{last.lineno}"
        code = Exit.INTERNAL
        message = f"a fault in this program: {type(error).__name__} at {place}"
        output.fault("Fault", message, code, as_json=as_json)
    return int(code)


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    # Imported here: `ccp --version` and commands of other packages need none of it.
    from ccp_jupyter.cli import admin, again, exchange, node, provenance, red, secret, sharing

    parser = argparse.ArgumentParser(prog="ccp", description=__doc__, epilog=_DOCS)
    parser.description = (
        "Experiments, Methods, Executions and personal secrets on a Container Computing service;"
        " Nodes and more for whoever runs it."
    )
    parser.add_argument("--version", action="version", version=f"ccp {version('ccp-jupyter')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    red.add_commands(commands)
    secret.add_commands(commands)
    exchange.add_commands(commands)
    sharing.add_commands(commands)
    again.add_commands(commands)
    provenance.add_commands(commands)
    node.add_commands(commands)
    admin.add_commands(commands)
    if not words or words[0] not in commands.choices:
        # Others are loaded only when they may be meant: they import much.
        _add_others(commands, entry_points(group=COMMANDS_GROUP))
    return parser


def _add_others(commands: Any, found: Iterable[EntryPoint]) -> None:
    done: set[str] = set()
    for each in found:
        if each.value in done or each.name in commands.choices:
            continue
        try:
            add: Callable[[Any], None] = each.load()
        except ImportError as error:
            _add_missing(commands, each, error)
            continue
        done.add(each.value)
        add(commands)


def _add_missing(commands: Any, point: EntryPoint, error: ImportError) -> None:
    """Add a command that says what must be installed for it."""
    extras = ",".join(point.extras)
    package = (point.dist.name if point.dist else "ccp-jupyter") + (f"[{extras}]" if extras else "")
    text = f"needs more than is installed ({error.name or error}): pip install '{package}'"
    # Nothing begins with NUL, so no argument is an option, and whatever is given is taken.
    parser = commands.add_parser(point.name, help=text, add_help=False, prefix_chars="\0")
    parser.add_argument("rest", nargs="*")

    def run(_: argparse.Namespace) -> int:
        output.note(f"ccp {point.name} {text}")
        return Exit.USAGE

    parser.set_defaults(run=run)
