"""``ccp secret``: personal secrets in the service's vault, which gives no value back."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import Any

from pydantic import SecretStr

from ccp_jupyter.cli import options, output
from ccp_jupyter.cli.exits import Exit, UsageError
from ccp_jupyter.client import AsyncClient

_LARGEST = 2**20


def add_commands(commands: Any) -> None:
    """Add ``secret`` with its own commands."""
    secret = commands.add_parser("secret", help="your personal secrets in the service's vault")
    inner = secret.add_subparsers(dest="secret_command", required=True, metavar="COMMAND")
    service = options.of_service()
    listed = inner.add_parser("list", parents=[service], help="names and last uses; no values")
    listed.set_defaults(run=options.with_client(_list))
    new = inner.add_parser(
        "set", parents=[service], help="keep one; asks for the value, or reads it from stdin"
    )
    new.add_argument("name", metavar="NAME")
    new.add_argument("--registry", metavar="HOST", help="it is the password of this image registry")
    new.add_argument("--username", metavar="USER", help="user name at the registry")
    new.set_defaults(run=_set)
    removed = inner.add_parser("remove", parents=[service], help="delete one")
    removed.add_argument("name", metavar="NAME")
    removed.set_defaults(run=options.with_client(_remove))


async def _list(asked: argparse.Namespace, client: AsyncClient) -> int:
    found = await client.secrets()
    if asked.json:
        output.document({"secrets": found})
        return Exit.OK
    for each in found:
        login = f"{each.get('username') or ''}@{each['registry']}" if each.get("registry") else ""
        output.result("\t".join([each["name"], str(each.get("created") or ""), login]).rstrip())
    return Exit.OK


def _set(asked: argparse.Namespace) -> int:
    if (asked.registry is None) != (asked.username is None):
        raise UsageError("--registry and --username belong together")
    options.client(asked)  # before the value is typed: is it known where to?
    value = _value(asked.name)

    async def work(asked: argparse.Namespace, client: AsyncClient) -> int:
        await client.set_secret(asked.name, value, registry=asked.registry, username=asked.username)
        return _done(asked, "kept")

    return options.with_client(work)(asked)


async def _remove(asked: argparse.Namespace, client: AsyncClient) -> int:
    await client.remove_secret(asked.name)
    return _done(asked, "removed")


def _done(asked: argparse.Namespace, what: str) -> int:
    if asked.json:
        output.document({"name": asked.name, "done": what})
    else:
        output.note(f"secret {asked.name} is {what}")
    return Exit.OK


def _value(name: str) -> SecretStr:
    """Return what the user types, or stdin without one line end when nobody types."""
    if sys.stdin.isatty():
        try:
            typed = getpass.getpass(f"value of {name}: ")
        except EOFError:
            typed = ""
    else:
        typed = sys.stdin.read(_LARGEST + 1)
        if len(typed) > _LARGEST:
            raise UsageError(f"the value is longer than {_LARGEST} characters")
        typed = typed.removesuffix("\n").removesuffix("\r")
    if not typed:
        raise UsageError("the value is empty")
    return SecretStr(typed)
