"""What is wrong with a package, gathered while it is read."""

from __future__ import annotations

from typing import Any

from ccp_jupyter.model.errors import InvalidDocument, Problem, shown


class WorkflowNotFound(InvalidDocument):
    """A package has not the workflow that was asked for (OGC's ``workflow-not-found``)."""


class Findings:
    """Broken rules of one package."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, member: str, rule: str, value: object = None) -> None:
        """Note a broken rule; `value` is what was found."""
        self.problems.append(Problem(member, rule, "" if value is None else shown(value)))

    def check(self) -> None:
        """Raise `InvalidDocument` if anything was noted."""
        if self.problems:
            raise InvalidDocument(self.problems)

    def text(self, raw: object, member: str) -> str | None:
        """Return a text; None for anything else, which is noted unless it is null."""
        if raw is None or isinstance(raw, str):
            return raw
        self.add(member, "must be text", raw)
        return None

    def mapping(self, raw: object, member: str) -> dict[str, Any]:
        """Return an object; an empty one for anything else, which is noted unless it is null."""
        if isinstance(raw, dict):
            return raw
        if raw is not None:
            self.add(member, "must be an object", raw)
        return {}

    def items(self, raw: object, member: str) -> list[Any]:
        """Return a list; an empty one for anything else, which is noted unless it is null."""
        if isinstance(raw, list):
            return raw
        if raw is not None:
            self.add(member, "must be a list", raw)
        return []
