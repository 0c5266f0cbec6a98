"""``ccp config import``."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from ccp_jupyter.hub_service.moving.agency_config import parse_config, versions
from ccp_jupyter.hub_service.moving.config_file import Exists, config_text, write_whole
from ccp_jupyter.hub_service.moving.exits import INVALID, OK, REFUSED, USAGE, complain
from ccp_jupyter.hub_service.moving.report import printable
from ccp_jupyter.hub_service.moving.translate import Translation, translate
from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.red import Source, read
from ccp_jupyter.model.red.reading import LARGEST

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def run(arguments: argparse.Namespace) -> int:
    """Read, translate, write, report; returns the exit code."""
    source: Path = arguments.source
    output: Path = arguments.output
    if not _ID.fullmatch(arguments.id):
        complain("--id: up to 100 letters, digits, '.', '_' and '-', the first a letter or digit")
        return USAGE
    try:
        with source.open("rb") as file:
            document = read(file.read(LARGEST + 1))
        made = translate(parse_config(document), arguments.id)
    except OSError as error:
        complain(f"{source}: {error.strerror or error}")
        return USAGE
    except InvalidDocument as error:
        for problem in error.problems:
            complain(f"{source}: {printable(str(problem))}")
        return INVALID
    try:
        write_whole(output, config_text(made, source.name).encode(), replace=bool(arguments.force))
    except Exists:
        complain(f"{output} is there already; --force replaces it, --output names another")
        return REFUSED
    except OSError as error:
        complain(f"{output}: {error.strerror or error}")
        return USAGE
    _say(source, output, document, made)
    return OK


def _say(source: Path, output: Path, document: Source, made: Translation) -> None:
    known = versions(document)
    if known:
        by = known[0] if len(known) == 1 else f"{known[0]} to {known[-1]}"
        sys.stdout.write(f"{source} is a configuration of CC-Agency {by}.\n\n")
    else:
        made.report.attention.insert(
            0, "the file mixes keys of several versions of CC-Agency; none of them would accept it"
        )
    sys.stdout.write(made.report.text())
    sys.stdout.write(
        f"\nWritten to {output}. Start: python -m ccp_jupyter.hub_service -f {output}\n"
    )
