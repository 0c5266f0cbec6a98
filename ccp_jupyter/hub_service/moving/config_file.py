"""Writes the new configuration: a Python file that people read and edit."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from ccp_jupyter.hub_service.moving.report import printable
from ccp_jupyter.hub_service.moving.translate import Translation

_WIDTH: Final = 95
_HEAD: Final = '''"""Configuration of the `ccp` service, made from {source} of CC-Agency.

`python -m ccp_jupyter.hub_service --generate-config` lists every option with its help;
docs/deployment.md explains them. This file is yours: change it as you like.
"""

c = get_config()  # noqa: F821

'''
_COMMENTS: Final = {
    "attempts": "Attempts of one Task when the platform fails.",
    "num_login_attempts": "Wrong logins of one user from one address before it is blocked.",
    "block_for_seconds": "How long it is blocked then.",
    "tokens_valid_for_seconds": "How long cookies and tokens of the agency's API are valid.",
    "access_token_expires": "The same for access tokens of its /login.",
    "refresh_token_expires": "The same for refresh tokens of its /login.",
    "experiments_on": "The Infrastructure that runs RED experiments: the one below.",
    "notification_hooks": "Told of every batch that ends. Has passwords: keep this file to yourself"
    " (mode 0600).",
}


class Exists(Exception):
    """There is a file already."""


def config_text(made: Translation, source: str) -> str:
    """Return the configuration file.

    Parameters
    ----------
    made : Translation
        What it shall say.
    source : str
        Name of the file that it comes from.
    """
    safe = printable(source).replace("\\", "/").replace('"', "'")
    parts = [_HEAD.format(source=safe)]
    parts += _comments(
        "Where the store and the files of Executions lie: a local disk. The default is the folder"
        " ccp-data of the directory that the service is started in."
    )
    parts.append('# c.CcpService.data_dir = "/var/lib/ccp"\n\n')
    for name, value in made.options.items():
        parts += _comments(_COMMENTS[name])
        parts.append(f"c.CcpService.{name} = {_literal(value)}\n\n")
    parts += _comments(
        "The agency's engines. `limits` bounds what one container may use; CC-Agency bounded only"
        " its memory."
    )
    parts.append(f"c.CcpService.infrastructures = {_literal([made.infrastructure])}\n")
    if made.left_out:
        parts.append("\n# Nodes of CC-Agency that could not be taken over:\n")
        for name, why in made.left_out.items():
            parts += _comments(f"{name}: {why}")
    return "".join(parts)


def _comments(text: str) -> Iterable[str]:
    line = "#"
    for word in printable(text).split():
        if len(line) + len(word) >= _WIDTH and line != "#":
            yield line + "\n"
            line = "#"
        line += f" {word}"
    yield line + "\n"


def _literal(value: Any, indent: str = "") -> str:
    """Return a value as Python; one member a line, as people edit it."""
    if not isinstance(value, list | dict):
        return _quoted(value) if isinstance(value, str) else repr(value)
    if not value:
        return repr(value)
    inner = indent + "    "
    if isinstance(value, list):
        lines = [f"{inner}{_literal(item, inner)},\n" for item in value]
        return "[\n" + "".join(lines) + indent + "]"
    lines = [f"{inner}{_quoted(key)}: {_literal(item, inner)},\n" for key, item in value.items()]
    return "{\n" + "".join(lines) + indent + "}"


def _quoted(text: str) -> str:
    """Return text as Python with double quotes where that is the same."""
    written = repr(text)
    return written if '"' in written or "\\'" in written else f'"{written[1:-1]}"'


def write_whole(path: Path, data: bytes, *, replace: bool) -> None:
    """Write a file completely or not at all, readable only for its owner (mode 0600).

    Parameters
    ----------
    path : Path
        Its folder must be there.
    data : bytes
        All of it.
    replace : bool
        Whether a file that is there may be replaced.

    Raises
    ------
    Exists
        There is one, and it shall not be replaced.
    OSError
        Such as no room on the disk, or no such folder.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            Path(name).replace(path)
        else:
            # Unlike a look beforehand, this leaves no moment for somebody else.
            path.hardlink_to(name)
    except FileExistsError:
        raise Exists(str(path)) from None
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
