"""What a person and a browser find in a page."""

from __future__ import annotations

import json
from functools import cached_property
from html.parser import HTMLParser
from typing import Any

_VOID = frozenset({"meta", "link", "input", "br", "img"})


class Reader(HTMLParser):
    """Reads a page, and refuses one whose elements are not closed in order.

    Attributes
    ----------
    texts : list of str
        In the order in which they stand there.
    links : set of str
        Addresses of all ``a``.
    elements : list
        Name and attributes of every element.
    """

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: set[str] = set()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self._open: list[str] = []
        self.feed(page.decode())
        self.close()
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        given = {name: value or "" for name, value in attrs}
        self.elements.append((tag, given))
        if tag == "a":
            self.links.add(given["href"])
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Compare with what is open."""
        assert self._open and self._open[-1] == tag, f"</{tag}> in {self._open}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.texts.append(data)

    @cached_property
    def text(self) -> str:
        """All that can be read, attributes too, with single spaces."""
        said = [value for _, given in self.elements for value in given.values()]
        return " ".join(" ".join([*self.texts, *said]).split())

    def named(self, name: str) -> list[dict[str, str]]:
        """Return the attributes of all elements of a name."""
        return [given for tag, given in self.elements if tag == name]

    def by_id(self, wanted: str) -> dict[str, str]:
        """Return the attributes of an element."""
        return self._ids[wanted]

    @cached_property
    def _ids(self) -> dict[str, dict[str, str]]:
        return {given["id"]: given for _, given in self.elements if "id" in given}

    def field(self, name: str) -> list[dict[str, str]]:
        """Return the attributes of the controls of a field."""
        return [given for _, given in self.elements if given.get("name") == name]


def scalars(document: Any) -> list[str]:
    """Return every plain value of a document, as a page shows it."""
    if isinstance(document, dict):
        return [each for value in document.values() for each in scalars(value)]
    if isinstance(document, list):
        return [each for value in document for each in scalars(value)]
    shown = document if isinstance(document, str) else json.dumps(document)
    return [" ".join(str(shown).split())]


def hrefs(document: Any) -> set[str]:
    """Return every address of a document."""
    if isinstance(document, dict):
        own = {document["href"]} if isinstance(document.get("href"), str) else set()
        return own.union(*map(hrefs, document.values())) if document else own
    if isinstance(document, list):
        return set().union(*map(hrefs, document)) if document else set()
    return set()
