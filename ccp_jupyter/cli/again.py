"""``ccp repeat``, ``ccp verify``, ``ccp diff`` and ``ccp code``: Executions once more."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ccp_jupyter.cli import experiments, options, output
from ccp_jupyter.cli.exits import Exit, UsageError, of_status
from ccp_jupyter.client import AsyncClient, AsyncExecution
from ccp_jupyter.codegen.languages import LANGUAGES
from ccp_jupyter.model.comparison import Comparison
from ccp_jupyter.model.text_diff import TextDiff


def add_commands(commands: Any) -> None:
    """Add ``repeat``, ``verify``, ``diff`` and ``code``."""
    service = options.of_service()
    one = argparse.ArgumentParser(add_help=False, parents=[service])
    one.add_argument("execution", metavar="ID", help="of the Execution")

    repeat = commands.add_parser(
        "repeat", parents=[one], help="run an Execution again, with changes if wanted"
    )
    repeat.add_argument(
        "--input",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a new value: JSON, else text; @FILE for a file; nothing for the default",
    )
    repeat.add_argument(
        "--newest", action="store_true", help="with the Method as it is now, not as it was then"
    )
    repeat.add_argument("--wait", action="store_true", help="wait for its end")
    repeat.set_defaults(run=options.with_client(_repeat))

    verify = commands.add_parser(
        "verify", parents=[one], help="run an Execution again, and compare the outputs"
    )
    verify.set_defaults(run=options.with_client(_verify))

    diff = commands.add_parser("diff", parents=[one], help="what is different in a second one")
    diff.add_argument("other", metavar="OTHER", help="id of the second Execution")
    diff.set_defaults(run=options.with_client(_diff))

    code = commands.add_parser(
        "code", parents=[one], help="code that submits its request again and fetches the outputs"
    )
    code.add_argument(
        "--language", choices=list(LANGUAGES), default="python", help="default: %(default)s"
    )
    code.add_argument("--output", metavar="FILE", type=Path, help="new file; default: stdout")
    code.add_argument("--force", action="store_true", help="--output may replace a file")
    code.set_defaults(run=options.with_client(_code_of))


async def _repeat(asked: argparse.Namespace, client: AsyncClient) -> int:
    execution = await client.execution(asked.execution)
    changes = dict(_change(text) for text in asked.input)
    made = await execution.repeat(inputs=changes, newest=asked.newest)
    if asked.wait:
        output.note(f"Execution {made.id}")
        await made.wait(progress=False, check=False)
    if asked.json:
        output.document(experiments.described(made, client.url))
    else:
        output.result(made.id)
    return of_status(made.status) if asked.wait else Exit.OK


def _change(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise UsageError(f"--input {text!r}: must be NAME=VALUE")
    if not value:
        return name, None
    if value.startswith("@"):
        return name, Path(value[1:])
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


async def _verify(asked: argparse.Namespace, client: AsyncClient) -> int:
    made: AsyncExecution = await (await client.execution(asked.execution)).verify()
    output.note(f"Execution {made.id} runs it again")
    await made.wait(progress=False, check=False)
    found = await made.verification()
    if asked.json:
        output.document(found)
        return _code(found["verdict"])
    output.result(str(found))
    outputs = found.get("outputs") or {}
    for what in ("changed", "added", "removed"):
        for each in outputs.get(what, []):
            output.result(output.line_for(sys.stdout, f"{what:<8} {each['path']}"))
    return _code(found["verdict"])


def _code(verdict: str) -> Exit:
    return Exit.OK if verdict == "same" else Exit.FAILED


async def _diff(asked: argparse.Namespace, client: AsyncClient) -> int:
    other = await client.execution(asked.other)
    found = await other.compare(asked.execution)
    if asked.json:
        output.document(found.model_dump(mode="json"))
    else:
        for line in _lines(found):
            output.result(output.line_for(sys.stdout, line))
    return Exit.OK


def _lines(found: Comparison) -> Iterator[str]:
    """Yield what differs, from the first Execution (-) to the second one (+)."""
    yield f"--- {found.id.other}"
    yield f"+++ {found.id.this}"
    for name in ("status", "message", "image", "digests", "infrastructure", "nodes", "exit_codes"):
        pair = getattr(found, name)
        if not pair.same:
            yield from _pair(name.replace("_", " "), pair.other, pair.this)
    if found.method.same:
        yield "Method: the same"
    else:
        yield from _pair("Method revision", found.method.revision.other, found.method.revision.this)
        for name, diff in {**found.method.scripts, **found.method.members}.items():
            yield from _text(name, diff)
    for name, input_ in found.inputs.changed.items():
        yield from _pair(f"input {name}", input_.other, input_.this)
    yield from (f"- input {name}: {_short(v)}" for name, v in found.inputs.removed.items())
    yield from (f"+ input {name}: {_short(v)}" for name, v in found.inputs.added.items())
    yield from (f"  input {name}: secret" for name in found.inputs.secrets)
    for name, limit in found.limits.items():
        yield from _pair(name, limit.other, limit.this)
    counts = ", ".join(f"{number} {what}" for what, number in found.outputs.counts.items())
    yield f"Outputs: {counts}"
    yield from (f"! {each.path}" for each in found.outputs.changed)
    yield from (f"- {each.path}" for each in found.outputs.removed)
    yield from (f"+ {each.path}" for each in found.outputs.added)
    if not found.log.same:
        yield from _text("log", found.log)


def _pair(name: str, other: object, this: object) -> Iterator[str]:
    yield f"- {name}: {_short(other)}"
    yield f"+ {name}: {_short(this)}"


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else text[:200] + "…"


def _text(name: str, diff: TextDiff) -> Iterator[str]:
    yield f"{name}:"
    yield from diff.lines
    if diff.cut:
        yield "… and more"


async def _code_of(asked: argparse.Namespace, client: AsyncClient) -> int:
    path: Path | None = asked.output
    if path is not None:
        output.check_free(path, replace=asked.force)
    text = await (await client.execution(asked.execution)).code(asked.language)
    if path is not None:
        output.write_file(path, text, replace=asked.force)
    if asked.json:
        where = {"code": text} if path is None else {"path": str(path)}
        output.document({"language": asked.language, **where})
    elif path is None:
        sys.stdout.write(text)
    return Exit.OK
