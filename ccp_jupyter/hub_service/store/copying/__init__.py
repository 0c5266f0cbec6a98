"""``ccp store copy``: everything from one store to another, verified."""

from __future__ import annotations

import argparse


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``store copy`` to the command line ``ccp``.

    Parameters
    ----------
    subparsers : argparse._SubParsersAction
        Of the program's parser. The command sets ``run``, which takes the parsed arguments and
        returns an exit code.
    """
    parent = subparsers.add_parser("store", help="move the service's data between databases")
    actions = parent.add_subparsers(dest="action", required=True, metavar="copy")
    parser = actions.add_parser(
        "copy",
        help="copy everything from SQLite to MongoDB, or back",
        description="Copy Methods with their revisions, Executions, Tasks, Nodes and links into an"
        " empty store, read all of it back and compare. Stop the service before. When it is cut off"
        " nothing uses what is there by half: repeat it. Files in data_dir/executions stay where"
        " they are.",
        epilog="A store is a file of SQLite (data_dir/store.sqlite), or the address of a MongoDB"
        " database, mongodb://host1,host2/database?replicaSet=rs0, or @FILE with such an address in"
        " it: everybody can see the command line of a process, so a password belongs into a file.",
    )
    parser.add_argument("source", metavar="FROM", help="file, address or @FILE")
    parser.add_argument("target", metavar="TO", help="file, address or @FILE")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    # Imported late: every start of `ccp` asks for the commands.
    from ccp_jupyter.hub_service.store.copying.command import run

    return run(arguments)
