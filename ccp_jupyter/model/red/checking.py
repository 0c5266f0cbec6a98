"""All rules of a RED document of version 9."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from ccp_jupyter.model.red.command_line import argv
from ccp_jupyter.model.red.completion import completed
from ccp_jupyter.model.red.contents import MOST_VALUES, Variable, examine
from ccp_jupyter.model.red.declaration import base_command, check_cli
from ccp_jupyter.model.red.engines import check_container, check_execution
from ccp_jupyter.model.red.findings import Findings, has_members, is_text, kind_of, seen
from ccp_jupyter.model.red.given import Declared, check_cloud, check_inputs, check_outputs
from ccp_jupyter.model.red.globs import BadGlob, Part, parsed, resolved

VERSION: Final = "9"

_COMMON = ("redVersion", "cli", "container")
_SINGLE = frozenset((*_COMMON, "inputs", "outputs", "cloud", "execution", "doc"))
_MANY = frozenset((*_COMMON, "batches", "execution", "doc"))
_BATCH = frozenset(("inputs", "outputs", "cloud", "doc"))


class GivenBatch(NamedTuple):
    """One batch as it stands in the document."""

    member: str
    """Path of the object that has ``inputs``: empty for the document itself."""
    holder: dict[str, Any]

    def place(self, name: str) -> str:
        """Return the path of a member."""
        return f"{self.member}.{name}" if self.member else name


def check(document: object) -> None:
    """Check a RED document of version 9 completely, as far as no server is needed for it.

    Parameters
    ----------
    document : object
        What JSON or YAML gave; older versions go through `convert` first.

    Raises
    ------
    ccp_jupyter.model.errors.InvalidDocument
        With all problems (the first 100 are listed). Never with a value below ``access`` or
        ``auth``, or of a protected key.
    """
    findings = Findings()
    examined(document, findings)
    findings.finish()


def examined(document: object, findings: Findings) -> list[Variable]:
    """Note all problems of a document, and return its variables.

    Raises
    ------
    ccp_jupyter.model.errors.InvalidDocument
        It is not a tree of JSON values with text as keys, too deep or too large.
    """
    found = examine(document, findings)
    many = isinstance(document, dict) and "batches" in document
    required = (*_COMMON, "batches" if many else "inputs")
    if not has_members(
        findings, document, "", required, _MANY if many else _SINGLE
    ) or not isinstance(document, dict):
        return found
    _check_version(findings, document.get("redVersion", VERSION))
    is_text(findings, document, "doc", "")
    if "cli" in document:
        check_cli(findings, document["cli"])
    _check_batches(findings, document)
    if "container" in document:
        check_container(findings, document["container"])
    if "execution" in document:
        check_execution(findings, document["execution"])
    if not findings.count:
        _check_commands(findings, document)
    return found


def batches_of(document: dict[str, Any]) -> Iterator[GivenBatch]:
    """Return the batches of a document of either form; those that are no objects are left out."""
    if "batches" not in document:
        yield GivenBatch("", document)
        return
    batches = document["batches"]
    for number, batch in enumerate(batches if isinstance(batches, list) else []):
        if isinstance(batch, dict):
            yield GivenBatch(f"batches[{number}]", batch)


def globs_of(cli: dict[str, Any]) -> dict[str, list[Part]]:
    """Return the parts of each declared output's glob; streams have none.

    Raises
    ------
    ccp_jupyter.model.red.globs.BadGlob
        From `parsed`.
    """
    return {
        name: parsed(declaration["outputBinding"]["glob"])
        for name, declaration in cli["outputs"].items()
        if "outputBinding" in declaration
    }


def _check_version(findings: Findings, version: object) -> None:
    if version == VERSION:
        return
    hint = ""
    if version in ("5", "6", "7", "8", 5, 6, 7, 8):
        hint = f'; "{version}" can be converted'
    elif version == int(VERSION):
        hint = f'; write "{VERSION}", with quotes'
    findings.add("redVersion", f'must be the text "{VERSION}"{hint}', seen(version))


def _check_batches(findings: Findings, document: dict[str, Any]) -> None:
    batches = document.get("batches", [{}])
    if not isinstance(batches, list):
        findings.add("batches", "must be a list", kind_of(batches))
        return
    if not batches:
        findings.add("batches", "must have at least one batch")
    for number, batch in enumerate(batches):
        if not isinstance(batch, dict):
            findings.add(f"batches[{number}]", "must be an object", kind_of(batch))
    declared = Declared(document.get("cli"))
    if _too_much(findings, len(declared.inputs or ()) + len(declared.outputs or ()), document):
        return
    for batch in batches_of(document):
        if batch.member:
            has_members(findings, batch.holder, batch.member, ("inputs",), _BATCH)
            is_text(findings, batch.holder, "doc", batch.member)
        if "inputs" in batch.holder:
            check_inputs(findings, batch.holder["inputs"], declared, batch.place("inputs"))
        if "outputs" in batch.holder:
            check_outputs(findings, batch.holder["outputs"], declared, batch.place("outputs"))
        if "cloud" in batch.holder:
            check_cloud(findings, batch.holder["cloud"], batch.place("cloud"))


def _too_much(findings: Findings, each: int, document: dict[str, Any]) -> bool:
    """Note when declarations and batches, both allowed by themselves, are too many together."""
    batches = document.get("batches", [{}])
    many = each * len(batches) > MOST_VALUES
    if many:
        findings.add("batches", f"inputs, outputs and globs for all batches: at most {MOST_VALUES}")
    return many


def _check_commands(findings: Findings, document: dict[str, Any]) -> None:
    """Check what needs a document without other faults: globs, and that there is a command."""
    cli = document["cli"]
    globs: dict[str, list[Part]] = {}
    for name, declaration in cli["outputs"].items():
        if "outputBinding" not in declaration:
            continue
        glob = declaration["outputBinding"]["glob"]
        member = f"cli.outputs.{name}.outputBinding.glob"
        try:
            parts = parsed(glob)
            if all(isinstance(part, str) for part in parts):
                resolved(parts, {})
            else:
                globs[name] = parts
        except BadGlob as error:
            findings.add(member, str(error), seen(glob))
    named = any(base_command(cli)[:1])
    if (not globs and named) or _too_much(findings, sum(map(len, globs.values())), document):
        return
    for batch in batches_of(document):
        _check_batch(findings, batch, cli, globs, named=named)


def _check_batch(
    findings: Findings,
    batch: GivenBatch,
    cli: dict[str, Any],
    globs: dict[str, list[Part]],
    *,
    named: bool,
) -> None:
    inputs = completed(batch.holder["inputs"], lambda: "/cc/inputs/0")
    for name, parts in globs.items():
        try:
            resolved(parts, inputs)
        except BadGlob as error:
            place = f"cli.outputs.{name}.outputBinding.glob"
            where = f" (with {batch.place('inputs')})" if batch.member else ""
            findings.add(
                place, f"{error}{where}", seen(cli["outputs"][name]["outputBinding"]["glob"])
            )
    if not named and not any(argv(cli, inputs)[:1]):
        findings.add(batch.place("inputs"), "the command line names no program")
