"""What goes to stdout and what to stderr.

Results go to stdout, everything else to stderr. With ``--json`` stdout gets exactly one JSON
object, also when something is wrong.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from ccp_jupyter.cli.exits import UsageError
from ccp_jupyter.client.errors import CcpError, InvalidRequest
from ccp_jupyter.client.red import InvalidDocument


def prepare() -> None:
    """Let no character be one that cannot be written, whatever the terminal's encoding."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def result(text: str) -> None:
    """Write a line of the result."""
    sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """Write something for a human who watches."""
    sys.stderr.write(text + "\n")


def document(found: Mapping[str, Any]) -> None:
    """Write the one JSON object."""
    sys.stdout.write(json.dumps(found, default=_plain) + "\n")


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _problems(error: CcpError) -> list[dict[str, Any]]:
    """Return what is wrong with a document, as docs/cli.md describes it."""
    if not isinstance(error, InvalidRequest):
        return []
    places = error.places if isinstance(error, InvalidDocument) else {}
    found = []
    for each in error.problems:
        line, column = places.get(each.member) or (None, None)
        described = {"member": each.member, "rule": each.rule, "value": each.value}
        found.append({**described, "line": line, "column": column})
    return found


def failure(error: CcpError, code: int, *, as_json: bool) -> None:
    """Tell what went wrong.

    Parameters
    ----------
    error : CcpError
        With a text for users.
    code : int
        What the program is about to return.
    as_json : bool
        Also as the JSON object on stdout.
    """
    fault(type(error).__name__, str(error), code, as_json=as_json, problems=_problems(error))


def fault(
    kind: str,
    message: str,
    code: int,
    *,
    as_json: bool,
    problems: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Tell what went wrong, when it is no `CcpError`; see `failure`."""
    note(f"ccp: {message}")
    if as_json:
        error = {"type": kind, "message": message, "problems": list(problems)}
        document({"error": error, "exitCode": int(code)})


def check_free(path: Path, *, replace: bool) -> None:
    """Raise `UsageError` where a file is that must not be replaced."""
    if path.exists() and not replace:
        raise UsageError(f"{path}: is there already; --force replaces it")


def write_file(path: Path, text: str, *, replace: bool) -> None:
    """Write a file as a whole or not at all.

    Parameters
    ----------
    path : Path
        The file.
    text : str
        Its content, which becomes UTF-8.
    replace : bool
        Whether there may be one already.

    Raises
    ------
    UsageError
        There is one, or it cannot be written.
    """
    check_free(path, replace=replace)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            new.write_text(text, encoding="utf-8")
            new.replace(path)
        finally:
            with suppress(OSError):
                new.unlink()
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from None


def line_for(stream: TextIO, line: str) -> str:
    """Return a line of a log; on a terminal without characters that could steer it."""
    if not stream.isatty():
        return line
    return "".join(c if c.isprintable() or c == "\t" else "�" for c in line)
