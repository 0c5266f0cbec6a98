"""Checking values against an input's own schema, with messages for users."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final

from ccp_jupyter.model.errors import Problem, shown
from ccp_jupyter.model.formats import format_rule
from ccp_jupyter.model.json_data import node_count
from ccp_jupyter.model.patterns import LONGEST_MATCHED

MOST_WORK = 200_000
"""Largest product of the sizes of a schema and a value; keeps a check under about a second."""


class Checker:
    """A compiled schema; make it once and use it often.

    Parameters
    ----------
    schema : dict
        In the form of schema.yaml 1.0, checked before.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        self.size = node_count(schema)
        self._schema = schema

    @cached_property
    def _validator(self) -> Any:
        from ccp_jupyter.model.validator import validator  # slow to import

        return validator(self._schema)

    def problems(self, value: object, member: str, *, secret: bool = False) -> list[Problem]:
        """Return every rule that a value breaks.

        Parameters
        ----------
        value : object
            Decoded JSON.
        member : str
            Where the value is, for the messages.
        secret : bool
            The value must not be shown.
        """
        if self.size * node_count(value) > MOST_WORK:
            return [Problem(member, "too many items to check; send them as a file")]
        return [
            Problem(
                member + "".join(_step(step) for step in error.absolute_path),
                _rule(error),
                "" if secret else shown(error.instance),
            )
            for error in self._validator.iter_errors(value)
        ]

    def accepts(self, value: object) -> bool:
        """Tell whether a value breaks no rule."""
        return not self.problems(value, "", secret=True)


def _step(step: str | int) -> str:
    return f"[{step}]" if isinstance(step, int) else f".{step}"


_TYPES: Final = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}

_RULES: Final = {
    "minimum": "must be at least {0}",
    "maximum": "must be at most {0}",
    "exclusiveMinimum": "must be more than {0}",
    "exclusiveMaximum": "must be less than {0}",
    "multipleOf": "must be a multiple of {0}",
    "minLength": "must have at least {0} characters",
    "maxLength": "must have at most {0} characters",
    "minItems": "must have at least {0} items",
    "maxItems": "must have at most {0} items",
    "minProperties": "must have at least {0} members",
    "maxProperties": "must have at most {0} members",
    "uniqueItems": "must not repeat items",
    "pattern": f"must match the pattern {{0}} (in at most {LONGEST_MATCHED} characters)",
    "additionalProperties": "has members that its schema does not know",
    "anyOf": "must fit at least one of the alternatives in its schema",
    "oneOf": "must fit exactly one of the alternatives in its schema",
    "not": "is what its schema excludes",
}


def _rule(error: Any) -> str:
    keyword = str(error.validator)
    wanted: Any = error.validator_value
    value: Any = error.instance
    if keyword == "type":
        return f"must be {_TYPES.get(str(wanted), str(wanted))}"
    if keyword == "enum":
        return f"must be one of {', '.join(map(shown, list(wanted)[:20]))}" + (
            ", …" if len(wanted) > 20 else ""
        )
    if keyword == "format":
        return f"must be {format_rule(str(wanted), str(value))}"
    if keyword == "required":
        missing = [name for name in wanted if name not in value]
        return f"must have the member {', '.join(missing)}"
    return _RULES.get(keyword, f"breaks the rule {keyword} of its schema").format(shown(wanted))
