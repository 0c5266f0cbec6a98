"""The PROV document: what it says, in which forms, and that it keeps PROV's own rules."""

from __future__ import annotations

import io
import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from prov.model import (
    ProvActivity,
    ProvAssociation,
    ProvDerivation,
    ProvDocument,
    ProvGeneration,
    ProvInvalidation,
    ProvUsage,
)
from rdflib import RDF, RDFS, Graph, Namespace, URIRef

from ccp_jupyter.hub_service.provenance_writer import CannotWrite, ProvenanceWriter
from ccp_jupyter.provenance import document, gathering
from ccp_jupyter.provenance.document import prov_document
from ccp_jupyter.provenance.facts import Facts
from ccp_jupyter.provenance.formats import FORMS, write
from tests.unit.provenance.records import (
    FILES,
    ID,
    MANIFEST,
    PLACE,
    SECRET,
    SERVICE,
    execution,
    experiment,
    facts,
    kinds,
    replicas,
    tasks,
)

# rdflib's own reader of JSON-LD.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")

KINDS = kinds()
RDF_FORMATS = {"ttl": "turtle", "nt": "nt", "jsonld": "json-ld"}
PROV = Namespace("http://www.w3.org/ns/prov#")
CCP = Namespace("urn:ccp:terms#")
EXEC = Namespace(f"https://hub.example.org/services/ccp/jobs/{ID}#")
ORIGIN = Namespace("https://hub.example.org/services/ccp/jobs/0ther-execution#")


def written(found: Facts, folder: Path) -> dict[str, bytes]:
    write(found, list(FORMS), folder)
    return {name: (folder / form.file_name).read_bytes() for name, form in FORMS.items()}


def read_back(forms: dict[str, bytes]) -> tuple[list[ProvDocument], list[Graph]]:
    documents = [
        ProvDocument.deserialize(io.BytesIO(forms[name]), format=name)
        for name in ("json", "xml", "provn")
    ]
    graphs = [Graph().parse(data=forms[name], format=kind) for name, kind in RDF_FORMATS.items()]
    return documents, graphs


def content(found: ProvDocument):
    [bundle] = found.bundles
    return bundle


def graph_of(found: Facts) -> Any:
    from ccp_jupyter.provenance.rdf import rdf_graph

    return rdf_graph(prov_document(found))


@pytest.mark.parametrize("kind", KINDS)
def test_every_form_is_read_back_equal(kind, tmp_path):
    expected = prov_document(KINDS[kind])
    documents, graphs = read_back(written(KINDS[kind], tmp_path))
    assert all(each == expected for each in documents)
    assert len(graphs[0]) > 100
    assert all(set(each) == set(graphs[0]) for each in graphs)


@pytest.mark.parametrize("kind", KINDS)
def test_rules_of_prov_constraints(kind):
    """Of https://www.w3.org/TR/prov-constraints/ those that such documents can break."""
    expected = prov_document(KINDS[kind])
    records = list(content(expected).records)
    # Uniqueness: one generation and one invalidation of an entity, one description of a thing.
    for kind_of in (ProvGeneration, ProvInvalidation):
        made = Counter(r.args[0] for r in records if isinstance(r, kind_of))
        assert set(made.values()) <= {1}
    ids = Counter(record.identifier for record in records if record.identifier)
    assert set(ids.values()) == {1}
    # Everything that is spoken of here is described here, but for the earlier Execution.
    spoken = {
        value
        for record in records
        if record.is_relation()
        for _, value in record.formal_attributes
        if hasattr(value, "namespace") and value.namespace.prefix != "origin"
    }
    assert spoken <= set(ids)
    acts = [r for r in records if isinstance(r, ProvActivity)]
    begun = {str(each.identifier): each.get_startTime() for each in acts}
    times = [time for time in begun.values() if time is not None]
    assert not times or begun["exec:execution"] == min(times)
    # Order: begin before end, generation before use, use before invalidation, all within.
    activities = {r.identifier: r for r in records if isinstance(r, ProvActivity)}
    for each in activities.values():
        start, end = each.get_startTime(), each.get_endTime()
        assert start is None or end is None or start <= end
    at: dict[Any, dict[Any, list[Any]]] = {
        kind: {} for kind in (ProvGeneration, ProvUsage, ProvInvalidation)
    }
    for record in records:
        if type(record) in at and record.args[2] is not None:
            entity, activity = record.args[0], record.args[1]
            if isinstance(record, ProvUsage):
                entity, activity = activity, entity
            at[type(record)].setdefault(entity, []).append(record.args[2])
            start, end = activities[activity].get_startTime(), activities[activity].get_endTime()
            assert start is None or start <= record.args[2]
            assert end is None or record.args[2] <= end
    for entity, [made] in at[ProvGeneration].items():
        assert all(made <= used for used in at[ProvUsage].get(entity, []))
    for entity, [gone] in at[ProvInvalidation].items():
        assert all(used <= gone for used in at[ProvUsage].get(entity, []))
    # Derivations do not run in a circle, and nothing comes from what was made later.
    sources: dict[object, set[object]] = {}
    for record in records:
        if isinstance(record, ProvDerivation):
            new, old = record.args[:2]
            sources.setdefault(new, set()).add(old)
            if new in at[ProvGeneration] and old in at[ProvGeneration]:
                assert at[ProvGeneration][old] <= at[ProvGeneration][new]
    for new in sources:
        seen: set[object] = set()
        todo = list(sources[new])
        while todo:
            old = todo.pop()
            assert old != new
            if old not in seen:
                seen.add(old)
                todo += sources.get(old, ())


def test_what_is_told_of_a_successful_execution():
    graph = graph_of(KINDS["successful"])
    execution_ = EXEC.execution
    assert (
        graph.value(execution_, PROV.startedAtTime).toPython().second == 10
    )  # of the first Attempt
    assert str(graph.value(execution_, CCP.version)) == "1.2.0"
    plan = graph.value(graph.value(execution_, PROV.qualifiedAssociation), PROV.hadPlan)
    assert (plan, RDF.type, PROV.Plan) in graph
    assert int(graph.value(plan, CCP.revision)) == 3 and len(graph.value(plan, CCP.sha256)) == 64
    used = {
        str(graph.value(graph.value(usage, PROV.hadRole), RDFS.label)): graph.value(
            usage, PROV.entity
        )
        for usage in graph.objects(execution_, PROV.qualifiedUsage)
    }
    assert set(used) == {*execution().inputs, "image", "infrastructure"}
    assert str(graph.value(used["column"], PROV.value)) == "value"
    assert graph.value(used["count"], PROV.value).toPython() == 3
    assert json.loads(graph.value(used["shape"], PROV.value)) == {
        "type": "Point",
        "coordinates": [1, 2.5],
    }
    assert str(graph.value(used["table"], CCP.sha256)) == "cd" * 32
    assert str(graph.value(used["more"], CCP.sha256)) == "aa" * 32
    assert set(graph.predicates(used["key"])) == {RDF.type, CCP.input, CCP.number, CCP.redacted}
    chain = ["destroy", "fetch", "execute", "deploy", "launch"]
    for later, earlier in itertools.pairwise([*(EXEC[f"{p}-1-1"] for p in chain), execution_]):
        assert (later, PROV.wasInformedBy, earlier) in graph
    members = set(graph.objects(EXEC.archive, PROV.hadMember))
    assert {str(graph.value(each, RDFS.label)) for each in members} == {
        file.path for file in MANIFEST.files
    }
    for each in members:
        assert graph.value(each, PROV.wasGeneratedBy) == EXEC["execute-1-1"]
        assert used["table"] in set(graph.objects(each, PROV.wasDerivedFrom))
        assert used["key"] not in set(graph.objects(each, PROV.wasDerivedFrom))
        assert used["ccpnote"] not in set(graph.objects(each, PROV.wasDerivedFrom))
    users = set(graph.subjects(RDF.type, PROV.Person))
    assert users == {URIRef("https://hub.example.org/services/ccp/users/alice")}
    assert len(set(graph.subjects(RDF.type, PROV.SoftwareAgent))) == 2
    assert len(set(graph.subjects(RDF.type, PROV.Organization))) == 1
    assert (EXEC.bundle, RDF.type, PROV.Bundle) in graph


def test_attempts_and_replicas():
    graph = graph_of(replicas())
    assert (EXEC["launch-1-2"], PROV.wasInformedBy, EXEC["destroy-1-1"]) in graph
    assert str(graph.value(EXEC["execute-1-1"], CCP.outcome)) == "platform"
    assert str(graph.value(EXEC["execute-1-1"], CCP.reason)) == "Node rebooted"
    assert str(graph.value(EXEC["fetch-1-2"], CCP.outcome)) == "successful"
    made = {
        str(graph.value(file, RDFS.label)): graph.value(file, PROV.wasGeneratedBy)
        for file in graph.objects(EXEC.archive, PROV.hadMember)
    }
    assert made == {
        "replica-1/out.txt": EXEC["execute-1-2"],
        "replica-2/out.txt": EXEC["execute-2-1"],
    }


def test_batches_have_inputs_and_outputs_of_their_own():
    graph = graph_of(KINDS["experiment"])
    [sent] = graph.subjects(RDF.type, CCP.SentFile)  # the second batch failed
    assert graph.value(sent, PROV.wasGeneratedBy) == EXEC["execute-1-1"]
    for number in (1, 2):
        used = set(graph.objects(EXEC[f"execute-{number}-1"], PROV.used))
        told = [(str(graph.value(e, CCP.input)), str(graph.value(e, CCP.connector))) for e in used]
        assert ("file", "red-connector-http") in told and ("number", "None") in told


@pytest.mark.parametrize("kind", ["repeat", "verify", "reuse", "import"])
def test_where_an_execution_comes_from(kind):
    graph = graph_of(KINDS[kind])
    there = {
        "informed": (EXEC.execution, PROV.wasInformedBy, ORIGIN.execution) in graph,
        "revision": (EXEC.bundle, PROV.wasRevisionOf, ORIGIN.bundle) in graph,
        "reused": (EXEC.archive, PROV.wasDerivedFrom, ORIGIN.archive) in graph,
    }
    other = Namespace("https://other.example.org/services/ccp/jobs/0ther-execution#")
    imported = (EXEC.bundle, PROV.wasDerivedFrom, other.bundle) in graph
    here = kind != "import"
    assert there == {"informed": here, "revision": here, "reused": kind == "reuse"}
    assert imported is not here
    if kind == "reuse":
        assert not set(graph.subjects(RDF.type, CCP.Execute))


def test_xml_is_what_ccp_users_expect(tmp_path):
    data = written(KINDS["successful"], tmp_path)["xml"]
    from lxml import etree  # type: ignore[import-untyped]  # there are no types of it here

    root = etree.fromstring(data)
    assert root.tag == "{http://www.w3.org/ns/prov#}document"
    names = {etree.QName(each).localname for each in root.iter() if isinstance(each.tag, str)}
    assert {"bundleContent", "activity", "entity", "used", "person", "softwareAgent"} <= names


async def test_same_facts_same_bytes(tmp_path, monkeypatch):
    """Whatever the service's own environment."""
    found = []
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        folder = tmp_path / seed
        folder.mkdir()
        await ProvenanceWriter().write(KINDS["successful"], list(FORMS), folder)
        found.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert len(found[0]) == len(FORMS)
    assert found[0] == found[1]


async def test_a_form_that_there_is_not_is_an_error(tmp_path):
    with pytest.raises(CannotWrite, match="KeyError: 'pdf'"):
        await ProvenanceWriter().write(KINDS["created"], ["pdf"], tmp_path)


def test_no_secret_is_told(tmp_path):
    for name, found in KINDS.items():
        told = found.model_dump_json()
        for text in (SECRET, "claimed-scope", "random-name-of-a-secret"):
            assert text not in told, name
    assert "token=***" in KINDS["successful"].model_dump_json()


def test_what_is_too_much_is_counted(monkeypatch):
    monkeypatch.setattr(gathering, "MOST_FILES", 2)
    monkeypatch.setattr(gathering, "MOST_TASKS", 3)
    monkeypatch.setattr(gathering, "MOST_INPUTS", 4)
    found = facts(execution(replicas=5), tasks(5))
    assert (len(found.outputs), found.outputs_left_out) == (2, 1)
    assert (len(found.tasks), found.tasks_left_out) == (3, 2)
    assert (len(found.inputs), found.inputs_left_out) == (4, 4)
    graph = graph_of(found)
    assert int(graph.value(EXEC.archive, CCP.files)) == 3
    assert int(graph.value(EXEC.archive, CCP.filesLeftOut)) == 1
    assert int(graph.value(EXEC.execution, CCP.tasksLeftOut)) == 2
    assert int(graph.value(EXEC.execution, CCP.inputsLeftOut)) == 4


def test_many_files_are_derived_as_a_whole(monkeypatch):
    monkeypatch.setattr(document, "MOST_DERIVATIONS", 3 * 5 - 1)  # three files from five inputs
    records = content(prov_document(KINDS["successful"])).records
    derived = [str(r.args[0]) for r in records if isinstance(r, ProvDerivation)]
    assert sorted(set(derived)) == ["exec:archive", "exec:container-1-1"]


def test_plan_of_phases():
    records = content(prov_document(KINDS["successful"])).records
    planned = {str(r.args[0]): str(r.args[2]) for r in records if isinstance(r, ProvAssociation)}
    assert planned["exec:execute-1-1"] == "method:_35f0c1f9e.r3"
    assert planned["exec:launch-1-1"] == "None"


def test_an_experiment_without_its_infrastructure():
    from ccp_jupyter.provenance.gathering import gather

    record, its_tasks = experiment()
    found = gather(record, its_tasks, FILES, SERVICE, None)
    assert found.place.id == PLACE.id and found.place.name == ""
    assert found.plan.title == "sh -c"
