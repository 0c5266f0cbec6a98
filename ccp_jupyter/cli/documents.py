"""``ccp red validate`` and ``convert``: nothing here talks to the service."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ccp_jupyter.cli import output
from ccp_jupyter.cli.exits import Exit
from ccp_jupyter.client.red import RedDocument
from ccp_jupyter.model.red.reading import LARGEST


def read(file: str) -> RedDocument:
    """Return the document of a command's FILE argument; ``-`` is stdin.

    Raises
    ------
    InvalidDocument
        It breaks rules.
    CcpError
        It cannot be read.
    """
    if file != "-":
        return RedDocument.read(Path(file))
    return RedDocument.of_bytes(sys.stdin.buffer.read(LARGEST + 1), "stdin")


def validate(asked: argparse.Namespace) -> int:
    """Check a document; what is wrong goes to stderr, as does what a conversion would change."""
    document = read(asked.file)
    if asked.json:
        output.document(
            {
                "valid": True,
                "redVersion": document.version,
                "batchCount": document.batch_count,
                "variables": [
                    {"name": name, "protected": secret}
                    for name, secret in document.variables.items()
                ],
                "changes": list(document.changes),
            }
        )
        return Exit.OK
    for change in document.changes:
        output.note(f"is changed: {change}")
    count = document.batch_count
    batches = "1 batch" if count == 1 else f"{count} batches"
    output.result(f"{document.name}: valid RED {document.version}, {batches}")
    return Exit.OK


def convert(asked: argparse.Namespace) -> int:
    """Rewrite a document as RED 9; what changed goes to stderr."""
    document = read(asked.file)
    as_json = asked.format == "json" or (asked.format is None and document.is_json)
    for change in document.changes:
        output.note(f"changed: {change}")
    if not document.changes:
        output.note("nothing to change")
    text = _text(document.converted, as_json=as_json)
    if asked.output is not None:
        output.write_file(asked.output, text, replace=asked.force)
    if asked.json:
        found = {"changes": list(document.changes), "document": document.converted}
        output.document({**found, "output": str(asked.output) if asked.output else None})
    elif asked.output is None:
        sys.stdout.write(text)
    return Exit.OK


def _text(document: dict[str, Any], *, as_json: bool) -> str:
    if as_json:
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    from ccp_jupyter.cli.yaml_text import yaml_text  # slow to import

    return yaml_text(document)
