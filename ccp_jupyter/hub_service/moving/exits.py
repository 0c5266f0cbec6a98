"""Exit codes of the commands, the same as those of the other commands of ``ccp``."""

from __future__ import annotations

import sys
from typing import Final

OK: Final = 0
USAGE: Final = 2
"""Wrong arguments, a file that cannot be read or written."""
INVALID: Final = 3
"""A document breaks rules."""
REFUSED: Final = 4
"""Something stands against it: a file is there, the service runs."""
UNREACHABLE: Final = 5
"""The database does not answer."""


def complain(text: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(f"ccp: {text}\n")
