"""A Method as the client shows it: read from its description, which is never changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from ccp_jupyter.client import html

CONTROLS = {
    "image": "ccpimage",
    "max_time": "ccpmaxtime",
    "replicas": "ccpreplicas",
    "note": "ccpnote",
}
"""Parameters of ``run`` and the control inputs that they set."""
_FILE_FORMATS = ("file", "remotefile")


class Input:
    """One input of a Method.

    Parameters
    ----------
    name : str
        Id of the input.
    description : mapping
        As in the Method's description.
    """

    def __init__(self, name: str, description: Mapping[str, Any]) -> None:
        schema = _mapping(description.get("schema"))
        self.name = name
        self.schema = schema
        self.title = str(description.get("title") or name)
        self.description = str(description.get("description") or "")
        self.type = str(schema.get("type") or "string")
        self.format = str(schema.get("format") or "")
        self.media_type = str(schema.get("contentMediaType") or "")
        self.enum = schema["enum"] if isinstance(schema.get("enum"), list) else None
        self.read_only = schema.get("readOnly") is True
        self.min = _number(description.get("minOccurs"), 1)
        most = description.get("maxOccurs", 1)
        self.max = None if most == "unbounded" else _number(most, 1)

    @property
    def default(self) -> Any:
        """Value that counts when none is given; None without one."""
        return self.schema.get("default")

    @property
    def many(self) -> bool:
        """Whether it takes a list of values."""
        return self.max is None or self.max > 1

    @property
    def required(self) -> bool:
        """Whether a value must be given."""
        return self.min > 0 and self.default is None

    @property
    def is_file(self) -> bool:
        """Whether it takes files (or links to files)."""
        return self.format in _FILE_FORMATS or self.schema.get("contentEncoding") in (
            "base64",
            "binary",
        )

    @property
    def is_secret(self) -> bool:
        """Whether its values must never be shown."""
        return self.format == "secret"

    @property
    def kind(self) -> str:
        """What it takes, in a word or two."""
        if self.is_file:
            return f"file ({self.media_type})" if self.media_type else "file"
        if self.enum:
            return "one of " + ", ".join(map(str, self.enum))
        return self.format or self.type

    def __repr__(self) -> str:
        need = "required" if self.required else "optional"
        return f"<Input {self.name}: {self.kind}, {need}>"


class Method:
    """Something that can be run.

    Parameters
    ----------
    document : mapping
        Its OGC process description.

    Examples
    --------
    >>> method = Method({"id": "m1", "title": "Column statistics", "version": "1.0.0"})
    >>> method
    <Method Column statistics 1.0.0 (m1)>
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = dict(document)
        self.id = str(document.get("id") or "")
        self.title = str(document.get("title") or self.id)
        self.description = str(document.get("description") or "")
        self.version = str(document.get("version") or "")
        self.inputs = {
            str(name): Input(str(name), _mapping(each))
            for name, each in _mapping(document.get("inputs")).items()
        }
        self.outputs = {
            str(name): _mapping(each) for name, each in _mapping(document.get("outputs")).items()
        }

    @property
    def keywords(self) -> list[str]:
        """Tags."""
        return [str(word) for word in self.document.get("keywords") or []]

    @property
    def infrastructures(self) -> list[str]:
        """Ids of the Infrastructures that it is made for."""
        links = [_mapping(link) for link in self.document.get("links") or []]
        return [
            str(link.get("href", "")).rsplit("/", 1)[-1]
            for link in links
            if link.get("rel") == "compatibleWith"
        ]

    def __repr__(self) -> str:
        version = f" {self.version}" if self.version else ""
        return f"<Method {self.title}{version} ({self.id})>"

    def _repr_html_(self) -> str:
        return html.method(self)


class MethodList(list[Method]):
    """Methods, by title; shows as a table in a notebook."""

    def _repr_html_(self) -> str:
        return html.methods(self)


def slug(text: str) -> str:
    """Return a form that is equal for "Column statistics" and ``column-statistics``."""
    return re.sub(r"[\W_]+", "-", text.casefold()).strip("-")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a remark with the known name that resembles most, or nothing.

    Examples
    --------
    >>> did_you_mean("colum", ["column", "table"])
    '; did you mean "column"?'
    """
    by_slug = {slug(each): each for each in known}
    found = get_close_matches(slug(name), by_slug, 1, 0.6)
    return f'; did you mean "{by_slug[found[0]]}"?' if found else ""


def _mapping(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}


def _number(value: object, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default
