"""What a move did, for the administrator who asked for it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Report:
    """Three lists of lines, none of which holds a secret."""

    became: list[tuple[str, str]] = field(default_factory=list)
    """Key of the source, and what it is now."""
    without: list[tuple[str, str]] = field(default_factory=list)
    """Key of the source that has no counterpart, and why."""
    attention: list[str] = field(default_factory=list)
    """What a person has to look at."""

    def text(self) -> str:
        """Return it for a terminal."""
        parts = []
        if self.became:
            parts.append(_section("What became what", [f"{a} -> {b}" for a, b in self.became]))
        if self.without:
            parts.append(_section("Without counterpart", [f"{a}: {b}" for a, b in self.without]))
        if self.attention:
            parts.append(_section("Please look at", self.attention))
        return "\n".join(parts)


def _section(title: str, lines: list[str]) -> str:
    return f"{title}\n" + "".join(f"  * {printable(line)}\n" for line in lines)


def printable(text: str) -> str:
    """Return text on one line, without what steers a terminal."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
