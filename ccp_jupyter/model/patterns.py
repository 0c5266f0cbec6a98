"""Regular expressions of Method authors, matched so that no pattern can hang the service."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]

LONGEST_PATTERN = 1000

LONGEST_MATCHED = 2**20
"""Characters of the longest text that a pattern is applied to."""

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = 2**20


@lru_cache(maxsize=512)
def compiled(pattern: str) -> Any:
    r"""Compile a pattern with RE2, whose time grows linearly with the text, whatever the pattern.

    Parameters
    ----------
    pattern : str
        Regular expression. RE2 has no look-around and no back-references; its ``$`` is the very
        end of the text and its ``\d`` is 0 to 9, as JSON Schema wants.

    Returns
    -------
    object
        With a method ``search``.

    Raises
    ------
    ValueError
        RE2 does not take it, or it is longer than `LONGEST_PATTERN`.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"a pattern has at most {LONGEST_PATTERN} characters")
    try:
        return re2.compile(pattern, _OPTIONS)
    except re2.error as error:
        text = error.args[0]
        text = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
        raise ValueError(
            f"must be a regular expression of RE2, without look-around and back-references: {text}"
        ) from None
