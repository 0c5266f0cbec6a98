"""What readers of JSON and of YAML have in common."""

from __future__ import annotations

from ccp_jupyter.model.red.contents import DEEPEST, MOST_VALUES

Mark = tuple[int, int]
"""Line and column, from 1."""
Places = dict[str, Mark]
"""Path of a member to where it stands."""

TOO_DEEP = f"at most {DEEPEST} levels of nesting"
TOO_MANY = f"at most {MOST_VALUES} values"
TWICE = "the key stands there twice"
NO_TEXT_KEY = 'keys must be text; a variable needs quotes: "{{name}}"'


class SyntaxFault(Exception):
    """A text cannot be read.

    Parameters
    ----------
    rule : str
        What is wrong, without anything from the text: it may be part of a secret.
    mark : tuple of int
        Where.
    may_be_yaml : bool
        It is no JSON, but perhaps YAML.
    """

    def __init__(self, rule: str, mark: Mark, *, may_be_yaml: bool = False) -> None:
        super().__init__(rule)
        self.rule = rule
        self.mark = mark
        self.may_be_yaml = may_be_yaml


def mark_at(text: str, position: int) -> Mark:
    """Return line and column of a position in a text."""
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)
