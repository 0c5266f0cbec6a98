"""The forms of a PROV document, and how each is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ccp_jupyter.provenance.facts import Facts

if TYPE_CHECKING:
    from prov.model import ProvDocument
    from rdflib import Graph


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write PROV.

    Attributes
    ----------
    media_type : str
        As in ``Accept``.
    suffix : str
        Of files, with the dot.
    """

    media_type: str
    suffix: str

    @property
    def file_name(self) -> str:
        """Name in the Execution folder."""
        return "provo" + self.suffix


FORMS: Final[Mapping[str, Form]] = {
    "json": Form("application/json", ".json"),
    "jsonld": Form("application/ld+json", ".jsonld"),
    "ttl": Form("text/turtle", ".ttl"),
    "xml": Form("application/xml", ".xml"),
    "provn": Form("text/provenance-notation", ".provn"),
    "nt": Form("application/n-triples", ".nt"),
}
"""By the names that ``f=`` takes; the first is the usual one."""
IN_FOLDER: Final = ("xml", "ttl", "json")
"""Those that every Execution folder has."""


def write(facts: Facts, forms: list[str], folder: Path) -> None:
    """Write the provenance of an Execution in some forms into a folder, as ``provo.*``.

    Parameters
    ----------
    facts : Facts
        What is told.
    forms : list of str
        Of `FORMS`.
    folder : Path
        Exists.

    Raises
    ------
    KeyError
        There is no such form.
    """
    from ccp_jupyter.provenance.document import prov_document

    document = prov_document(facts)
    graph: Graph | None = None
    for name in forms:
        form = FORMS[name]
        if name in _RDF and graph is None:
            from ccp_jupyter.provenance.rdf import rdf_graph

            graph = rdf_graph(document)
        text = _RDF[name](graph) if graph is not None and name in _RDF else _own(document, name)
        (folder / form.file_name).write_bytes(text)


def _own(document: ProvDocument, name: str) -> bytes:
    stream = BytesIO()
    if name == "json":
        document.serialize(stream, "json", indent=1, ensure_ascii=False)
    else:
        document.serialize(stream, name)
    return stream.getvalue()


def _turtle(graph: Graph) -> bytes:
    return graph.serialize(format="turtle", encoding="utf-8")


def _triples(graph: Graph) -> bytes:
    lines = graph.serialize(format="nt", encoding="utf-8").splitlines(keepends=True)
    return b"".join(sorted(line for line in lines if line.strip()))


def _json_ld(graph: Graph) -> bytes:
    prefixes = {prefix: str(uri) for prefix, uri in graph.namespaces()}
    text = graph.serialize(format="json-ld", context=prefixes, sort_keys=True)
    document = json.loads(text)
    document["@graph"].sort(key=lambda each: each["@id"])
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False).encode()


_RDF: Final = {"ttl": _turtle, "nt": _triples, "jsonld": _json_ld}
