"""Command line: ``python -m tests.stack up --dir DIR`` and ``down --dir DIR``."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.stack.down import down
from tests.stack.engines import CannotStart
from tests.stack.hub import DidNotStart
from tests.stack.records import StackError
from tests.stack.stack import Stack


def main() -> int:
    """Do what the command line says; returns the exit status."""
    asked = _arguments().parse_args()
    try:
        if asked.command == "up":
            _up(asked)
        else:
            down(asked.dir)
    except (StackError, CannotStart, DidNotStart, FileNotFoundError) as error:
        print(f"tests.stack: {error}", file=sys.stderr)
        return 1
    return 0


def _up(asked: argparse.Namespace) -> None:
    begin = time.monotonic()
    stack = Stack.up(
        asked.dir, nodes=asked.nodes, store=asked.store, services=asked.services, tls=asked.tls
    )
    print(f"up after {time.monotonic() - begin:.1f} s; all addresses: {stack.folder}/stack.json")
    print(f"log in at {stack.hub_url} as alice, bob or carol")
    print(f"password: {stack.document['password']}")


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start a stack; returns when all of it is ready")
    up.add_argument("--nodes", type=int, default=1, help="number of docker engines")
    up.add_argument("--store", default="sqlite", help="sqlite or mongodb")
    up.add_argument(
        "--services", type=int, default=1, help="number of service processes; above 1 with mongodb"
    )
    up.add_argument("--tls", action="store_true", help="engines by TCP with mutual TLS")
    ended = commands.add_parser("down", help="end a stack, remove all that it made")
    for command in (up, ended):
        command.add_argument("--dir", type=Path, required=True, help="folder of the stack")
    return parser


if __name__ == "__main__":
    sys.exit(main())
