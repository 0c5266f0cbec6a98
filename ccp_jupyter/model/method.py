"""The grammar of a Method: lenient on import, one form on output."""

from __future__ import annotations

import json
import re
from functools import cached_property, lru_cache
from typing import Any, Literal, TypeVar
from urllib.parse import unquote

from pydantic import BaseModel, Field, ValidationError

from ccp_jupyter.model.errors import InvalidDocument, Problem, shown
from ccp_jupyter.model.json_data import data_problems
from ccp_jupyter.model.method_import import plain_method
from ccp_jupyter.model.method_parts import (
    Descriptor,
    Identifier,
    Keywords,
    Link,
    Metadata,
    Parameters,
)
from ccp_jupyter.model.method_resources import Resources, read_resources, resource_problems
from ccp_jupyter.model.method_rules import input_problems, output_problems, scripts_problems
from ccp_jupyter.model.schema import Part

LARGEST = 2**20
"""Bytes of the largest Method, as compact JSON."""

MOST_DESCRIPTORS = 200
"""Inputs, and outputs, of one Method."""

_LARGEST_CACHED = 2**16

_INFRASTRUCTURE = re.compile(r"(?:^|/)infrastructures/([^/?#]+)/?(?:[?#].*)?\Z")


class Method(Part):
    """A computation described once. Made by `parse_method`, which checks all rules.

    Attributes
    ----------
    inputs, outputs : dict of str to Descriptor
        By id.
    additional_parameters : Parameters
        All four scripts, and what else the document had there.
    """

    id: Identifier
    title: str = Field("", max_length=500)
    description: str | None = None
    version: str = Field(pattern=r"^\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$", max_length=100)
    job_control_options: tuple[Literal["async-execute"]] = ("async-execute",)
    output_transmission: tuple[Literal["value", "reference"], ...] = ("value", "reference")
    keywords: Keywords = ()
    metadata: tuple[Metadata, ...] = ()
    inputs: dict[str, Descriptor] = Field(max_length=MOST_DESCRIPTORS)
    outputs: dict[str, Descriptor] = Field({}, max_length=MOST_DESCRIPTORS)
    additional_parameters: Parameters = Parameters()
    links: tuple[Link, ...] = ()

    def _titles(self, role: str) -> list[str]:
        return [item.title for item in self.metadata if item.role == role and item.title]

    @property
    def public(self) -> bool:
        """Whether everybody may see and run it: metadata with role ``visibility``."""
        return any(title.lower() == "public" for title in self._titles("visibility"))

    @property
    def contexts(self) -> list[str]:
        """Contexts in which it is shared: metadata with role ``context``."""
        return self._titles("context")

    @property
    def categories(self) -> list[str]:
        """Categories under which it is listed."""
        return self._titles("category")

    @property
    def authors(self) -> list[str]:
        """Names of its authors."""
        return self._titles("author")

    @cached_property
    def infrastructure_ids(self) -> list[str]:
        """Infrastructures that it can run on, the preferred one first."""
        found = [
            unquote(match[1])
            for link in self.links
            if link.rel == "compatibleWith" and (match := _INFRASTRUCTURE.search(link.href))
        ]
        return list(dict.fromkeys(found))

    @cached_property
    def resources(self) -> Resources:
        """What each of its Tasks asks for."""
        return read_resources(self.additional_parameters.document(), [])

    def script(self, name: str) -> list[str]:
        """Return the lines of a script, such as ``execute-script``; empty when there is none."""
        for parameter in self.additional_parameters.parameters:
            if parameter.name == name:
                return [str(line) for line in parameter.value]
        return []

    def is_file(self, input_id: str) -> bool:
        """Tell whether an input's values are files in the container.  Raises `KeyError`."""
        return self.inputs[input_id].schema_.is_file

    def is_secret(self, input_id: str) -> bool:
        """Tell whether an input's value is only for the vault.  Raises `KeyError`."""
        return self.inputs[input_id].schema_.is_secret

    def with_author(self, name: str, href: str) -> Method:
        """Return the Method with an author added, unless it has this one already.

        Parameters
        ----------
        name : str
            As shown to people.
        href : str
            Where the author is described, such as ``/hub/api/users/alice``.
        """
        if any(
            item.role == "author" and (item.href == href or (not item.href and item.title == name))
            for item in self.metadata
        ):
            return self
        author = Metadata(role="author", title=name, href=href)
        return Method.model_validate(
            {**self.document(), "metadata": [*self.document()["metadata"], author.document()]}
        )


def parse_method(document: object) -> Method:
    """Check a Method and bring it into its one form.

    Parameters
    ----------
    document : object
        Decoded JSON, as `Method.document` writes it or as CCP, people and other OGC servers do.

    Returns
    -------
    Method
        ``parse_method(m.document()).document() == m.document()``.

    Raises
    ------
    InvalidDocument
        Lists all rules that are broken, each with its member and the value found.
    """
    if not isinstance(document, dict):
        raise InvalidDocument([Problem("", "a Method must be an object", shown(document))])
    if problems := data_problems(document):
        raise InvalidDocument(problems)
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    if (size := len(text.encode())) > LARGEST:
        raise InvalidDocument(
            [Problem("", f"a Method may have at most {LARGEST} bytes", f"{size} bytes")]
        )
    # Every submission parses the stored document again, and would compile its schemas again.
    if size <= _LARGEST_CACHED and document.get("id"):
        return _parsed(text)
    return _checked(document)


@lru_cache(maxsize=64)
def _parsed(text: str) -> Method:
    return _checked(json.loads(text))


def _checked(document: dict[str, Any]) -> Method:
    problems: list[Problem] = []
    plain = plain_method(document, problems)
    method = _typed(Method, plain, problems)
    inputs, outputs = _descriptors(method, plain, "inputs"), _descriptors(method, plain, "outputs")
    problems += input_problems(inputs)
    problems += output_problems(outputs)
    problems += scripts_problems(plain["additionalParameters"], set(inputs))
    problems += resource_problems(plain["additionalParameters"], inputs)
    if method and not method.infrastructure_ids:
        rule = "needs a link with rel compatibleWith and href infrastructures/<id>"
        problems.append(Problem("links", rule))
    if problems or method is None:
        raise InvalidDocument(problems)
    return method


_Typed = TypeVar("_Typed", bound=BaseModel)


def _typed(kind: type[_Typed], plain: object, problems: list[Problem]) -> _Typed | None:
    try:
        return kind.model_validate(plain)
    except ValidationError as error:
        problems += [_problem(each) for each in error.errors() if each["type"] != "bool_type"]
        return None


def _problem(error: Any) -> Problem:
    member = ""
    for step in error["loc"]:
        # Names of alternatives, which pydantic adds to the path.
        if step not in ("bool", "Schema"):
            member += f"[{step}]" if isinstance(step, int) else f".{step}"
    if error["type"] == "missing":
        return Problem(member[1:], "is missing")
    rule = error["msg"].removeprefix("Value error, ").replace("Input should", "must", 1)
    return Problem(member[1:], rule, shown(error["input"]))


def _descriptors(
    method: Method | None, plain: dict[str, Any], where: str
) -> dict[str, Descriptor | None]:
    """Return inputs or outputs; None stands for those that are reported already."""
    if method:
        return dict(getattr(method, where))
    if not isinstance(plain[where], dict):
        return {}
    return {name: _typed(Descriptor, each, []) for name, each in plain[where].items()}
