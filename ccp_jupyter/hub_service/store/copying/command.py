"""The command: arguments, progress, result, exit codes."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Final

from ccp_jupyter.hub_service.store.base import StoreAway, StoreFull, StoreUnusable
from ccp_jupyter.hub_service.store.copying.copy import Counts, Different, copy_all
from ccp_jupyter.hub_service.store.copying.ends import End, NotEmpty, end_of

_OK: Final = 0
_USAGE: Final = 2
_INVALID: Final = 3
_REFUSED: Final = 4
_UNREACHABLE: Final = 5


def run(arguments: argparse.Namespace) -> int:
    """Copy; returns the exit code, as the other commands of ``ccp`` have them."""
    try:
        source, target = end_of(_given(arguments.source)), end_of(_given(arguments.target))
        if source == target:
            return _complain(f"{source} is both source and target", _USAGE)
        counts = asyncio.run(_copy(source, target, quiet=arguments.quiet))
    except (StoreUnusable, NotEmpty, StoreFull) as error:
        return _complain(str(error), _REFUSED)
    except StoreAway as error:
        return _complain(f"{error}. Nothing uses what is there by half: repeat it", _UNREACHABLE)
    except Different as error:
        return _complain(f"the copy is not as the original: {error}; do not use it", _INVALID)
    except (OSError, UnicodeDecodeError) as error:
        return _complain(str(error), _USAGE)
    sys.stdout.write(f"Copied to {target} and compared: {counts}.\nSHA-256: {counts.digest}\n")
    return _OK


def _given(text: str) -> str:
    """Return an argument, or what the file has that it names."""
    return Path(text[1:]).read_text().strip() if text.startswith("@") else text


async def _copy(source: End, target: End, *, quiet: bool) -> Counts:
    def show(doing: str, counts: Counts) -> None:
        if not quiet:
            sys.stderr.write(f"ccp: {doing}: {counts}\n")

    async with source.reading() as original, target.filling() as copy:
        return await copy_all(original, copy, show)


def _complain(text: str, code: int) -> int:
    sys.stderr.write(f"ccp: {text}\n")
    return code
