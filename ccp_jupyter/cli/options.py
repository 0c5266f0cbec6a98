"""Options that several commands share, and the client that they mean."""

from __future__ import annotations

import argparse
import asyncio
import math
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from pydantic import SecretStr

from ccp_jupyter.cli import remembered
from ccp_jupyter.cli.exits import Refused, UsageError
from ccp_jupyter.client import AsyncClient
from ccp_jupyter.client.settings import TOKEN_VARIABLE, URL_VARIABLE, service_url
from ccp_jupyter.model.experiment import is_id

_LARGEST_TOKEN = 10_000


def seconds(text: str) -> float:
    """Return a positive number of seconds."""
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise ValueError
    return value


def of_result() -> argparse.ArgumentParser:
    """Return a parser with ``--json``, to be a parent of others."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--json", action="store_true", help="write one JSON object to stdout")
    return parser


def of_service() -> argparse.ArgumentParser:
    """Return a parser with the options of whatever talks to the service."""
    parser = argparse.ArgumentParser(add_help=False, parents=[of_result()])
    group = parser.add_argument_group("service")
    group.add_argument("--service", metavar="URL", help="default: $CCP_SERVICE_URL")
    group.add_argument(
        "--token-file",
        metavar="FILE",
        type=Path,
        help="file with your hub token; default: $JUPYTERHUB_API_TOKEN",
    )
    group.add_argument(
        "--service-timeout",
        metavar="SECONDS",
        type=seconds,
        default=30.0,
        help="how long one call waits for the service; default: %(default)g",
    )
    return parser


def of_variables() -> argparse.ArgumentParser:
    """Return a parser with the sources of variables."""
    parser = argparse.ArgumentParser(add_help=False)
    group = parser.add_argument_group("variables")
    group.add_argument(
        "--variable",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="for what is not secret; may be repeated",
    )
    group.add_argument(
        "--variables-file", metavar="FILE", type=Path, help="YAML or JSON object, mode 600"
    )
    group.add_argument(
        "--keyring-service", metavar="NAME", default="red", help="default: %(default)s"
    )
    group.add_argument(
        "--from-vault",
        action="store_true",
        help="leave what no other source knows to your personal secrets in the service's vault",
    )
    group.add_argument("--non-interactive", action="store_true", help="never ask")
    return parser


def add_experiment(parser: argparse.ArgumentParser) -> None:
    """Add the argument that says which Experiment."""
    parser.add_argument(
        "experiment",
        metavar="ID_OR_FILE",
        help="id of an Experiment, or the file that you submitted last",
    )


def client(asked: argparse.Namespace) -> AsyncClient:
    """Return the client that the options, or the environment, describe.

    Raises
    ------
    UsageError, NotConfigured
        They do not, or wrongly.
    """
    if not (asked.service or os.environ.get(URL_VARIABLE)):
        raise UsageError(f"which service? Give --service URL or set {URL_VARIABLE}")
    if not (asked.token_file or os.environ.get(TOKEN_VARIABLE)):
        raise UsageError(
            f"no token: give --token-file FILE or set {TOKEN_VARIABLE} (make one on the hub's"
            " token page)"
        )
    return AsyncClient(asked.service, _token(asked.token_file), asked.service_timeout)


def with_client(
    work: Callable[[argparse.Namespace, AsyncClient], Awaitable[int]],
) -> Callable[[argparse.Namespace], int]:
    """Return a command that does something with the service."""

    def command(asked: argparse.Namespace) -> int:
        async def connected() -> int:
            async with client(asked) as connection:
                return await work(asked, connection)

        return asyncio.run(connected())

    return command


def experiment_id(asked: argparse.Namespace, text: str) -> str:
    """Return the id that a text means: an id, or a file that was submitted to the service.

    Raises
    ------
    Refused
        It is a file that nothing was submitted from.
    """
    is_file = os.path.exists(text)  # noqa: PTH110 - Path's raises for what can be no name
    if is_id(text) and not is_file:
        return text
    found = remembered.recall(service_url(asked.service), Path(text))
    if found is None and is_file:
        raise Refused(f"{text}: nothing was submitted from this file to this service; give the id")
    return found or text


def _token(file: Path | None) -> SecretStr | None:
    if file is None:
        return None
    try:
        with file.open("rb") as opened:
            content = opened.read(_LARGEST_TOKEN)
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror or error}") from None
    token = content.decode("ascii", errors="replace").strip()
    if not token:
        raise UsageError(f"{file}: holds no token")
    return SecretStr(token)
