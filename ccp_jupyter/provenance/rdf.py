"""A PROV document as RDF (https://www.w3.org/TR/prov-o/).

The `prov` library has a writer of its own, which needs a minute where this needs seconds, names
qualified relations by blank nodes, and gives literals where PROV-O has objects.  Here each
qualified relation has an address, so that the same document is the same RDF; roles are of class
``prov:Role``; and the bundle, for which Turtle and N-Triples have no words, is one of the subjects.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ccp_jupyter.provenance.texts import local_name

if TYPE_CHECKING:
    from prov.model import ProvDocument, ProvRecord
    from rdflib import Graph
    from rdflib.term import Identifier as Term

_PROV: Final = "http://www.w3.org/ns/prov#"
_ELEMENTS: Final = {"Entity", "Activity", "Agent"}
_PREDICATES: Final = {
    "startTime": "startedAtTime",
    "endTime": "endedAtTime",
    "location": "atLocation",
}


@dataclass(frozen=True, slots=True)
class _Relation:
    """How PROV-O says a relation.

    Attributes
    ----------
    plain : str
        Its property.
    qualified : str
        The class of its qualified form; empty when there is none.
    influencer : str
        Property of the qualified form for the relation's object.
    others : mapping
        Properties of the qualified form for further arguments.
    """

    plain: str
    qualified: str = ""
    influencer: str = ""
    others: tuple[tuple[str, str], ...] = ()


_TIME: Final = (("time", "atTime"),)
_RELATIONS: Final = {
    "Usage": _Relation("used", "Usage", "entity", _TIME),
    "Generation": _Relation("wasGeneratedBy", "Generation", "activity", _TIME),
    "Invalidation": _Relation("wasInvalidatedBy", "Invalidation", "activity", _TIME),
    "Communication": _Relation("wasInformedBy", "Communication", "activity"),
    "Derivation": _Relation("wasDerivedFrom", "Derivation", "entity"),
    "Revision": _Relation("wasRevisionOf", "Revision", "entity"),
    "Attribution": _Relation("wasAttributedTo", "Attribution", "agent"),
    "Association": _Relation("wasAssociatedWith", "Association", "agent", (("plan", "hadPlan"),)),
    "Delegation": _Relation(
        "actedOnBehalfOf", "Delegation", "agent", (("activity", "hadActivity"),)
    ),
    "Specialization": _Relation("specializationOf"),
    "Membership": _Relation("hadMember"),
}


def rdf_graph(document: ProvDocument) -> Graph:
    """Return a document, with what its bundles say, as one graph."""
    return _Mapper(document).graph


class _Mapper:
    """Adds the statements of a document to a graph."""

    def __init__(self, document: ProvDocument) -> None:
        from rdflib import Graph, URIRef

        self.graph = Graph(bind_namespaces="none")
        self._iri = URIRef
        self._counts: Counter[str] = Counter()
        for space in sorted(document.namespaces, key=lambda each: each.prefix):
            self.graph.bind(space.prefix, space.uri)
        for prefix, uri in {
            "prov": _PROV,
            "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
            "xsd": "http://www.w3.org/2001/XMLSchema#",
        }.items():
            self.graph.bind(prefix, uri)
        self._home = next(each.uri for each in document.namespaces if each.prefix == "exec")
        for bundle in (document, *document.bundles):
            for record in bundle.records:
                self._add(record)

    def _add(self, record: ProvRecord) -> None:
        kind = record.get_type().localpart
        if record.identifier is not None and kind in _ELEMENTS:
            subject = self._iri(record.identifier.uri)
            self._type(subject, kind)
            for name, value in (*record.formal_attributes, *record.extra_attributes):
                self._attribute(subject, name, value)
        else:
            self._relation(kind, record)

    def _type(self, subject: Term, kind: str) -> None:
        from rdflib import RDF

        self.graph.add((subject, RDF.type, self._prov(kind)))

    def _prov(self, name: str) -> Term:
        found: Term = self._iri(_PROV + name)
        return found

    def _relation(self, kind: str, record: ProvRecord) -> None:
        (_, first), (_, second), *rest = record.formal_attributes
        extra = list(record.extra_attributes)
        typed = [value for name, value in extra if name.uri == _PROV + "type"]
        if kind == "Derivation" and any(value.uri == _PROV + "Revision" for value in typed):
            kind = "Revision"
            extra = [each for each in extra if each[1] not in typed]
        relation = _RELATIONS[kind]
        subject, other = self._iri(first.uri), self._iri(second.uri)
        self.graph.add((subject, self._prov(relation.plain), other))
        more = {name.localpart: value for name, value in rest if value is not None}
        if not relation.qualified or not (extra or more):
            return
        self._counts[kind] += 1
        node = self._iri(f"{self._home}{kind.lower()}-{self._counts[kind]}")
        self.graph.add((subject, self._prov(f"qualified{relation.qualified}"), node))
        self._type(node, relation.qualified)
        self.graph.add((node, self._prov(relation.influencer), other))
        for argument, term in relation.others:
            if argument in more:
                self.graph.add((node, self._prov(term), self._term(more[argument])))
        for name, value in extra:
            self._attribute(node, name, value)

    def _attribute(self, subject: Term, name: Any, value: Any) -> None:
        from rdflib import RDF, RDFS

        if value is None:
            return
        own = name.localpart if name.uri.startswith(_PROV) else ""
        if own == "role":
            self.graph.add((subject, self._prov("hadRole"), self._role(str(value))))
            return
        known = {"type": RDF.type, "label": RDFS.label}
        if own in known:
            self.graph.add((subject, known[own], self._term(value)))
            return
        predicate = self._prov(_PREDICATES.get(own, own)) if own else self._iri(name.uri)
        self.graph.add((subject, predicate, self._term(value)))

    def _role(self, text: str) -> Term:
        from rdflib import RDFS, Literal

        role: Term = self._iri(f"{self._home}role-{local_name(text)}")
        self._type(role, "Role")
        self.graph.add((role, RDFS.label, Literal(text)))
        return role

    def _term(self, value: Any) -> Term:
        from rdflib import Literal

        found: Term = self._iri(value.uri) if hasattr(value, "uri") else Literal(value)
        return found
