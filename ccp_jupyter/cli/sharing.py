"""``ccp share`` and ``ccp link``: who else may see what is yours."""

from __future__ import annotations

import argparse
from typing import Any

from ccp_jupyter.cli import options, output
from ccp_jupyter.cli.exits import Exit
from ccp_jupyter.client import AsyncClient

_TARGET = "jobs/ID or processes/ID"


def add_commands(commands: Any) -> None:
    """Add ``share``, and ``link`` with its own commands."""
    service = options.of_service()
    share = commands.add_parser(
        "share",
        parents=[service],
        help="let others see a Method or an Execution; with no name: nobody",
    )
    share.add_argument("target", metavar="TARGET", help=_TARGET)
    share.add_argument("--public", action="store_true", help="everybody who may use the service")
    share.add_argument("--context", metavar="GROUP", action="append", default=[])
    share.add_argument("--user", metavar="NAME", action="append", default=[])
    share.set_defaults(run=options.with_client(_share))
    link = commands.add_parser("link", help="links that let others get a copy without a login")
    inner = link.add_subparsers(dest="link_command", required=True, metavar="COMMAND")
    made = inner.add_parser("make", parents=[service], help="make one; writes its address")
    made.add_argument("target", metavar="TARGET", help=_TARGET)
    made.add_argument(
        "--days", metavar="N", type=options.seconds, default=30.0, help="default: %(default)g"
    )
    made.add_argument("--revision", metavar="N", type=int, default=0, help="of a Method")
    made.set_defaults(run=options.with_client(_make))
    listed = inner.add_parser("list", parents=[service], help="those that you made")
    listed.set_defaults(run=options.with_client(_list))
    revoked = inner.add_parser("revoke", parents=[service], help="take one back")
    revoked.add_argument("id", metavar="ID")
    revoked.set_defaults(run=options.with_client(_revoke))


async def _share(asked: argparse.Namespace, client: AsyncClient) -> int:
    found = await client.sharing.share(
        asked.target, public=asked.public, contexts=asked.context, users=asked.user
    )
    if asked.json:
        output.document(found)
        return Exit.OK
    groups = [f"context {name}" for name in found["contexts"]]
    names = ["everybody"] * bool(found["public"]) + groups + list(found["users"])
    output.note(f"{asked.target} is shared with {', '.join(names) or 'nobody'}")
    return Exit.OK


async def _make(asked: argparse.Namespace, client: AsyncClient) -> int:
    found = await client.sharing.make_link(asked.target, days=asked.days, revision=asked.revision)
    if asked.json:
        output.document(found)
    else:
        output.result(str(found["url"]))
    return Exit.OK


async def _list(asked: argparse.Namespace, client: AsyncClient) -> int:
    found = await client.sharing.links()
    if asked.json:
        output.document({"links": list(found)})
        return Exit.OK
    for each in found:
        columns = ("id", "kind", "target", "expires", "uses", "url")
        output.result("\t".join(str(each.get(name, "")) for name in columns))
    return Exit.OK


async def _revoke(asked: argparse.Namespace, client: AsyncClient) -> int:
    await client.sharing.revoke(asked.id)
    if asked.json:
        output.document({"id": asked.id, "done": "revoked"})
    else:
        output.note(f"link {asked.id} works no more")
    return Exit.OK
