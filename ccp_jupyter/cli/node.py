"""``ccp node``: the Nodes of the service, for whoever runs it."""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Any

from ccp_jupyter.cli import options, output, tables
from ccp_jupyter.cli.exits import Exit, Refused, UsageError
from ccp_jupyter.client import AsyncClient

_POLL = 2.0  # seconds between two looks at a Node that drains


def add_commands(commands: Any) -> None:
    """Add ``node`` with its own commands."""
    node = commands.add_parser("node", help="the engines that the service runs containers on")
    inner = node.add_subparsers(dest="node_command", required=True, metavar="COMMAND")
    service = options.of_service()

    def command(name: str, work: Any, text: str, node: str | None = "NODE") -> Any:
        parser = inner.add_parser(name, parents=[service], help=text)
        if node is not None:
            parser.add_argument("node", metavar=node)
        parser.set_defaults(run=options.with_client(work))
        return parser

    command("list", _list, "all Nodes: state, load, reason", node=None)
    command("show", _show, "everything about one")
    _add_options(command("add", _add, "take one in while the service runs; it is kept"))
    drain = command("drain", _drain, "let nothing new begin there; what runs goes on")
    drain.add_argument("--reason", metavar="TEXT", default="", help="why; users may read it")
    drain.add_argument("--wait", action="store_true", help="until nothing runs there any more")
    drain.add_argument("--timeout", metavar="SECONDS", type=options.seconds, help="of --wait")
    command("enable", _enable, "let one that drains work again")
    remove = command("remove", _remove, "forget one that was added")
    remove.add_argument(
        "--force", action="store_true", help="also when Tasks run there: they begin elsewhere"
    )
    check = command("check", _check, "look at all that one needs; exit code 1: not well", node=None)
    check.add_argument("nodes", metavar="NODE", nargs="*", help="default: all")


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "base_url", metavar="ADDRESS", help="unix:///run/docker.sock, https://…, ssh://…"
    )
    parser.add_argument("--infrastructure", metavar="ID", help="default: the only one")
    parser.add_argument("--check", action="store_true", help="then check it, as `ccp node check`")
    where = "path on the service's machine"
    for name in ("ca", "cert", "key"):
        parser.add_argument(f"--tls-{name}", metavar="FILE", help=f"{where}, PEM")
    parser.add_argument("--ssh-key", metavar="FILE", help=where)
    parser.add_argument("--ssh-known-hosts", metavar="FILE", help=where)
    parser.add_argument("--insecure", action="store_true", help="accept plain TCP")
    parser.add_argument("--slots", type=int, metavar="N", help="containers at a time")
    parser.add_argument("--memory", metavar="SIZE", help="to hand out, such as 64GiB")
    parser.add_argument("--cpus", type=float, metavar="N", help="cores to hand out")
    parser.add_argument("--disk", metavar="SIZE", help="to hand out")
    parser.add_argument(
        "--gpu", metavar="ID[:MB]", action="append", default=[], help="to hand out, with its VRAM"
    )
    parser.add_argument("--network", metavar="NAME", help="docker network of containers there")
    parser.add_argument(
        "--environment",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="variable of every container there",
    )


def _described(asked: argparse.Namespace) -> dict[str, Any]:
    """Return the Node that the options describe, as the service wants it."""
    found: dict[str, Any] = {"id": asked.node, "base_url": asked.base_url}
    tls = {name: getattr(asked, f"tls_{name}") for name in ("ca", "cert", "key")}
    if any(tls.values()):
        if missing := [f"--tls-{name}" for name, path in tls.items() if not path]:
            raise UsageError(f"{', '.join(missing)}: all three files of TLS belong together")
        found["tls"] = tls
    for name in ("ssh_key", "ssh_known_hosts", "slots", "memory", "cpus", "disk", "network"):
        if (value := getattr(asked, name)) is not None:
            found[name] = value
    if asked.insecure:
        found["insecure"] = True
    if asked.gpu:
        found["gpus"] = [_gpu(text) for text in asked.gpu]
    if asked.environment:
        found["environment"] = dict(_variable(text) for text in asked.environment)
    return found


def _gpu(text: str) -> dict[str, Any]:
    name, colon, vram = text.rpartition(":")
    if not colon:
        return {"id": text}
    if not (name and vram.isdecimal() and len(vram) < 10):
        raise UsageError(f"--gpu: must be ID or ID:MB (found {text!r})")
    return {"id": name, "vram": int(vram)}


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise UsageError(f"--environment: must be NAME=VALUE (found {text!r})")
    return name, value


async def _list(asked: argparse.Namespace, client: AsyncClient) -> int:
    found = await client.admin.nodes()
    if asked.json:
        output.document({"nodes": found})
        return Exit.OK
    tables.show(
        ("NODE", "STATE", "FOR", "INFRASTRUCTURE", "TASKS", "MEMORY", "CPUS", "GPUS", "REASON"),
        [_row(node) for node in found],
    )
    return Exit.OK


def _row(node: dict[str, Any]) -> tuple[object, ...]:
    used = node.get("used") or {}
    gpus, cpus = len(node.get("gpus") or ()), node.get("cpus")
    return (
        node.get("id", "?"),
        node.get("state", "?"),
        tables.age(node.get("since")),
        node.get("infrastructure", "?"),
        f"{node.get('running', 0)} / {node.get('slots', 0)}",
        tables.share(used.get("memory"), node.get("memory")),
        f"{used.get('cpus', 0):g} / {cpus:g}" if cpus else "-",
        f"{len(used.get('gpus') or ())} / {gpus}" if gpus else "-",
        node.get("reason", ""),
    )


async def _show(asked: argparse.Namespace, client: AsyncClient) -> int:
    _told(asked, await client.admin.node(asked.node))
    return Exit.OK


def _told(asked: argparse.Namespace, node: dict[str, Any]) -> None:
    if asked.json:
        output.document(node)
        return
    used, outside = node.get("used") or {}, node.get("outside") or {}
    state = f"{node.get('state')} for {tables.age(node.get('since'))}"
    reason = node.get("reason")
    lines = {
        "Node": node.get("id"),
        "Infrastructure": node.get("infrastructure"),
        "State": f"{state}: {reason}" if reason else state,
        "Address": node.get("base_url"),
        "Engine": node.get("version"),
        "Added": {True: "while the service ran", False: "by the configuration"}.get(
            node.get("added", "")
        ),
        "Tasks": f"{node.get('running', 0)} of {node.get('slots', 0)}",
        "Memory": tables.share(used.get("memory"), node.get("memory")),
        "CPUs": f"{used.get('cpus', 0):g} / {node['cpus']:g}" if node.get("cpus") else None,
        "GPUs": ", ".join(_gpu_line(gpu, used.get("gpus") or ()) for gpu in node.get("gpus") or ()),
        "Of others": f"{outside['containers']} containers, {tables.size(outside['memory'])}"
        if outside.get("containers")
        else None,
    }
    for name, value in lines.items():
        if value:
            output.result(f"{name:<15} {value}")


def _gpu_line(gpu: dict[str, Any], used: Any) -> str:
    vram = f" ({gpu['vram']} MB)" if gpu.get("vram") else ""
    return f"{gpu.get('id')}{vram} {'used' if gpu.get('id') in used else 'free'}"


async def _add(asked: argparse.Namespace, client: AsyncClient) -> int:
    described = _described(asked)
    infrastructure = asked.infrastructure or await _only_infrastructure(client)
    node = await client.admin.add_node(infrastructure, described)
    if asked.check:
        checked = await client.admin.check_node(asked.node)
        if asked.json:
            output.document({**node, "check": checked})
        else:
            _tell_checks([checked])
        return _exit([checked])
    _told(asked, node)
    return Exit.OK


async def _only_infrastructure(client: AsyncClient) -> str:
    found = [str(each.get("id")) for each in await client.infrastructures()]
    if len(found) != 1:
        raise UsageError(f"which --infrastructure? There are {', '.join(found) or 'none'}")
    return found[0]


async def _drain(asked: argparse.Namespace, client: AsyncClient) -> int:
    if asked.timeout is not None and not asked.wait:
        raise UsageError("--timeout is of use only with --wait")
    node = await client.admin.drain_node(asked.node, asked.reason)
    deadline = None if asked.timeout is None else time.monotonic() + asked.timeout
    code = Exit.OK
    while asked.wait and node.get("running"):
        left = _POLL if deadline is None else deadline - time.monotonic()
        if left <= 0:
            code = Exit.WAITING
            break
        await asyncio.sleep(min(_POLL, left))
        node = await client.admin.node(asked.node)
    if asked.json:
        output.document(node)
    else:
        running = node.get("running", 0)
        output.note(f"Node {asked.node} drains; {running or 'no'} Tasks are still on it")
    return code


async def _enable(asked: argparse.Namespace, client: AsyncClient) -> int:
    node = await client.admin.enable_node(asked.node)
    if asked.json:
        output.document(node)
    else:
        output.note(f"Node {asked.node} is {node.get('state')}")
    return Exit.OK


async def _remove(asked: argparse.Namespace, client: AsyncClient) -> int:
    await client.admin.remove_node(asked.node, force=asked.force)
    if asked.json:
        output.document({"id": asked.node, "done": "removed"})
    else:
        output.note(f"Node {asked.node} is removed")
    return Exit.OK


async def _check(asked: argparse.Namespace, client: AsyncClient) -> int:
    names = asked.nodes or [str(node["id"]) for node in await client.admin.nodes()]
    if not names:
        raise Refused("there are no Nodes to check; `ccp node add` adds one")
    found = await asyncio.gather(*(client.admin.check_node(name) for name in names))
    if asked.json:
        output.document({"ok": all(each.get("ok") for each in found), "nodes": found})
    else:
        _tell_checks(found)
    return _exit(found)


def _tell_checks(found: list[dict[str, Any]]) -> None:
    for node in found:
        for check in node.get("checks") or ():
            mark = "ok  " if check.get("ok") else "FAIL"
            output.result(f"{node.get('id')}  {mark}  {check.get('name')}: {check.get('message')}")


def _exit(found: list[dict[str, Any]]) -> Exit:
    return Exit.OK if all(each.get("ok") for each in found) else Exit.FAILED
