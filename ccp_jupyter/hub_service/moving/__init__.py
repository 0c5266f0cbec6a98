"""Moving from CC-Agency: its configuration, and its database with experiments and history."""

from __future__ import annotations

import argparse
from pathlib import Path

DEFAULT_INFRASTRUCTURE = "agency"
"""Id of the Infrastructure that stands for the agency's nodes."""


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``config import`` and ``import-agency`` to the command line ``ccp``.

    Parameters
    ----------
    subparsers : argparse._SubParsersAction
        Of the program's parser. Each command sets ``run``, which takes the parsed arguments and
        returns an exit code.
    """
    _add_config(subparsers)
    _add_import(subparsers)


def _add_config(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parent = subparsers.add_parser("config", help="make a configuration of the service")
    actions = parent.add_subparsers(dest="action", required=True, metavar="import")
    parser = actions.add_parser(
        "import",
        help="read a cc-agency.yml and write ours",
        description="Read a configuration of CC-Agency (5.4 to 9.3), write one of the service, and"
        " say what became what.",
    )
    parser.add_argument("source", type=Path, metavar="cc-agency.yml")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("ccp_service_config.py"),
        help="file to write (default: %(default)s)",
    )
    parser.add_argument(
        "--id",
        default=DEFAULT_INFRASTRUCTURE,
        help="id of the Infrastructure with the agency's nodes (default: %(default)s)",
    )
    parser.add_argument("--force", action="store_true", help="replace the output if it is there")
    parser.set_defaults(run=_config_import)


def _add_import(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "import-agency",
        help="take over experiments and history from a CC-Agency database",
        description="Take over the experiments, batches and histories of a CC-Agency (5 to 9). Stop"
        " the service and the agency before. May be repeated: nothing is taken over twice.",
    )
    parser.add_argument(
        "--mongo",
        required=True,
        metavar="URI",
        help="address of the database server, such as mongodb://127.0.0.1:27017",
    )
    parser.add_argument(
        "--mongo-user", metavar="NAME", help="to log in as; needs --mongo-password-file"
    )
    parser.add_argument(
        "--mongo-password-file",
        type=Path,
        metavar="FILE",
        help="holds the password: everybody can see the command line of a process",
    )
    parser.add_argument("--db", default="ccagency", help="its name (default: %(default)s)")
    parser.add_argument(
        "--data-dir", type=Path, required=True, help="CcpService.data_dir of the service"
    )
    parser.add_argument(
        "--infrastructure",
        default=DEFAULT_INFRASTRUCTURE,
        metavar="ID",
        help="Infrastructure that the Executions belong to (default: %(default)s)",
    )
    parser.add_argument(
        "--user-map",
        type=Path,
        metavar="FILE",
        help="YAML or JSON: names in CC-Agency to names at the hub",
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="write all of it as JSON too")
    parser.add_argument("--dry-run", action="store_true", help="read all, write nothing")
    parser.set_defaults(run=_import_agency)


def _config_import(arguments: argparse.Namespace) -> int:
    # Imported late: every start of `ccp` asks for the commands.
    from ccp_jupyter.hub_service.moving.config_command import run

    return run(arguments)


def _import_agency(arguments: argparse.Namespace) -> int:
    from ccp_jupyter.hub_service.moving.import_command import run

    return run(arguments)
