"""What is told about an import that worked."""

from __future__ import annotations

from typing import Final

_MOST: Final = 50
_LONGEST: Final = 500


class Notes:
    """Remarks for the user, bounded in number and length."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def add(self, text: str) -> None:
        """Add a remark, once, unless there are very many already."""
        text = "".join(c if c.isprintable() else "�" for c in text[:_LONGEST])
        if text in self.texts:
            return
        if len(self.texts) == _MOST:
            self.texts.append("… and more")
        elif len(self.texts) < _MOST:
            self.texts.append(text)
