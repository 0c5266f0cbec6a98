"""What the service keeps of a document, and the job files it makes of that."""

from __future__ import annotations

import copy
import json
import re
import time
from typing import Any

import pytest

from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.experiment import Batch, Experiment
from ccp_jupyter.model.red import Prepared, job
from ccp_jupyter.model.resources import GpuWish
from tests.unit.model.red.red_documents import CONNECTOR, batches, file, folder, prepared, red

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def faults(document: object) -> list[str]:
    with pytest.raises(InvalidDocument) as caught:
        prepared(document)
    return [str(problem) for problem in caught.value.problems]


def jobs(kept: Prepared) -> list[dict[str, Any]]:
    """Return the jobs, from records that went through the store."""
    experiment = Experiment.model_validate_json(kept.experiment.model_dump_json())
    return [
        job(
            experiment,
            Batch.model_validate_json(batch.model_dump_json()),
            kept.secrets,
            mark="mark",
            stream_limit=1000,
        )
        for batch in kept.batches
    ]


def with_access(access: object, **members: Any) -> dict[str, Any]:
    return file(connector={"command": "c", "access": access}, **members)


def test_an_experiment():
    document = red(doc="why", container__settings__ram=512.0)
    kept = prepared(document)
    assert kept.experiment == Experiment(
        red_version="9",
        cli=document["cli"],
        container=document["container"],
        execution=document["execution"],
        doc="why",
        retry=True,
        concurrency=8,
    )
    assert list(kept.experiment.cli["inputs"]) == list(document["cli"]["inputs"])
    assert (kept.image, kept.ram, kept.secrets) == ("registry.example.org/tool:1", 512, {})
    (batch,) = kept.batches
    assert batch.inputs == {"term": "query"}
    assert batch.outputs == {}
    assert batch.stdout == "hits.txt"
    assert re.fullmatch(UUID + r"\.stderr", batch.stderr)
    assert batch.doc is None


def test_without_execution():
    experiment = prepared(red(execution=...)).experiment
    assert (experiment.execution, experiment.retry, experiment.concurrency) == (None, False, 64)


def test_flags():
    experiment = prepared(red(), disable_retry=True, disable_connector_validation=True).experiment
    assert (experiment.retry, experiment.validate_connectors) == (False, False)


def test_batches_have_their_own_doc_and_streams():
    document = batches(
        {"inputs": {"term": "a"}, "outputs": {}, "doc": "first"},
        {"inputs": {"term": "b"}, "outputs": {}},
    )
    kept = prepared(document)
    assert [batch.doc for batch in kept.batches] == ["first", None]
    assert kept.batches[0].stdout == kept.batches[1].stdout == "hits.txt"
    assert kept.batches[0].stderr != kept.batches[1].stderr


def test_files_are_completed():
    document = red(
        inputs__text=file(),
        inputs__texts=[file(basename="a.tar.gz"), file(basename=".x", dirname="/data/")],
        inputs__folder=folder(),
    )
    inputs = prepared(document).batches[0].inputs
    text, (first, second), directory = inputs["text"], inputs["texts"], inputs["folder"]
    assert re.fullmatch(f"/cc/inputs/{UUID}", text["dirname"])
    assert text["path"] == text["dirname"] + "/text"
    assert (text["basename"], text["nameroot"], text["nameext"]) == ("text", "text", "")
    assert (first["nameroot"], first["nameext"]) == ("a.tar", ".gz")
    assert first["path"] == first["dirname"] + "/a.tar.gz"
    assert first["dirname"] != text["dirname"]
    assert (second["path"], second["nameroot"], second["nameext"]) == ("/data/.x", ".x", "")
    assert re.fullmatch(f"/cc/inputs/{UUID}/folder", directory["path"])
    assert directory.keys() == {"class", "connector", "basename", "path"}
    assert list(inputs) == ["term", "text", "texts", "folder"]


def test_secrets_are_split_off():
    access = {"url": "x", "auth": {"_username": "u", "password": "p"}}
    other = {"url": "y"}
    image = {"url": "i", "auth": {"_username": "r", "password": "s"}}
    document = red(
        inputs__text=with_access(access),
        inputs__texts=[with_access(other), with_access(copy.deepcopy(access))],
        outputs={"table": with_access(copy.deepcopy(access))},
        container__settings__image=image,
    )
    before = copy.deepcopy(document)
    kept = prepared(document)
    assert document == before
    assert sorted(map(json.dumps, map(json.loads, kept.secrets.values()))) == sorted(
        map(json.dumps, [access, other, image["auth"]])
    )
    assert all(re.fullmatch(UUID, name) for name in kept.secrets)
    (batch,) = kept.batches
    named = [
        batch.inputs["text"]["connector"]["access"],
        batch.inputs["texts"][1]["connector"]["access"],
        batch.outputs["table"]["connector"]["access"],
    ]
    assert len(set(named)) == 1
    assert json.loads(kept.secrets[named[0]]) == access
    login = kept.experiment.container["settings"]["image"]["auth"]
    assert json.loads(kept.secrets[login]) == image["auth"]
    assert kept.experiment.has_secrets


def test_true_and_one_are_not_the_same_secret():
    document = red(inputs__texts=[with_access({"x": 1}), with_access({"x": True})])
    assert len(prepared(document).secrets) == 2


def test_the_agency_login_goes_first():
    access = {"url": 5, "auth": {"username": "{{u}}", "password": 1, "x": "\0"}}
    document = red(execution__settings__access=access)
    kept = prepared(document)
    assert kept.experiment.execution == {
        "engine": "ccagency",
        "settings": {"batchConcurrencyLimit": 8},
    }
    assert document["execution"]["settings"]["access"] is access


@pytest.mark.parametrize(
    ("gpus", "least"),
    [
        ({"vendor": "nvidia", "count": 2.0}, [0, 0]),
        ({"vendor": "nvidia", "devices": [{}, {"vramMin": 512.0}]}, [0, 512]),
        (..., []),
    ],
)
def test_gpus(gpus, least):
    document = red()
    if gpus is not ...:
        document["container"]["settings"]["gpus"] = gpus
    assert prepared(document).gpus == [GpuWish(vram=each) for each in least]


@pytest.mark.parametrize(("mount", "fuse"), [(True, True), (False, False), (None, False)])
def test_fuse(mount, fuse):
    connector = {**CONNECTOR} if mount is None else {**CONNECTOR, "mount": mount}
    document = red(inputs__folder=folder(connector=connector))
    assert prepared(document).experiment.fuse is fuse


def test_a_mounted_output_needs_no_fuse():
    connector = {**CONNECTOR, "mount": True}
    assert not prepared(red(outputs={"plots": folder(connector=connector)})).experiment.fuse


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"outputs": ...}, "outputs: is missing; it may be empty: {}"),
        ({"container__settings__ram": ...}, "container.settings.ram: is missing; the service"),
        (
            {"execution": {"engine": "ccfaice", "settings": {}}},
            "execution.engine: must be ccagency; ccfaice means the machine of the client",
        ),
        ({"cloud": {"enable": True, "mountDir": "x"}}, "cloud: this service has no cloud storage"),
        ({"inputs__term": 5}, "inputs.term: must be text"),
        ({"redVersion": "4"}, 'redVersion: must be the text "9"'),
    ],
)
def test_refused(changes, message):
    (found,) = faults(red(**changes))
    assert found.startswith(message)


def test_cloud_that_is_off():
    assert prepared(red(cloud={"enable": False, "mountDir": "x"})).batches


@pytest.mark.parametrize("document", [None, [], "x", 5, {}])
def test_no_document(document):
    assert faults(document)


def test_variables_without_values_are_named():
    document = red(inputs__text=with_access({"x": "{{b}}", "password": "{{a}}"}))
    assert faults(document) == [
        "variables must have values before a document is sent: b, a",
    ]


def test_jobs():
    access = {"url": "x", "auth": {"_username": "u", "password": "p"}}
    connector = {"command": "c", "access": access, "mount": False, "doc": "why"}
    document = red(
        inputs__text=file(connector=connector, size=3, checksum="sha1$0", doc="text"),
        inputs__folder=folder(listing=[{"class": "File", "basename": "x"}]),
        outputs={"table": file(connector=connector, size=4, doc="x")},
        cli__outputs__maybe__outputBinding__glob="$(inputs.term)-*.png",
    )
    (made,) = jobs(prepared(document))
    plain = {"url": "x", "auth": {"username": "u", "password": "p"}}
    assert made["inputs"]["term"] == "query"
    text, directory = made["inputs"]["text"], made["inputs"]["folder"]
    assert text["connector"] == {"command": "c", "access": plain, "mount": False}
    assert {"size": 3, "checksum": "sha1$0"}.items() <= text.items()
    assert "doc" not in text
    assert directory["listing"] == [{"class": "File", "basename": "x"}]
    assert made["outputs"] == {
        "table": {"class": "File", "connector": text["connector"], "size": 4}
    }
    assert made["command"] == ["tool"]
    assert made["argv"] == ["tool", "query", text["path"], "-d", directory["path"]]
    assert made["cli"]["outputs"] == {
        "hits": {"type": "stdout"},
        "table": {"type": "File", "outputBinding": {"glob": "table.csv"}},
        "maybe": {"type": "File?", "outputBinding": {"glob": "query-*.png"}},
        "plots": {"type": "Directory", "outputBinding": {"glob": "plots"}},
    }
    assert (made["cli"]["stdout"], made["cli"]["keep"]) == ("hits.txt", ["stdout"])
    assert (made["job"], made["validate"], made["mark"], made["limit"]) == (1, True, "mark", 1000)
    assert json.loads(json.dumps(made)) == made


def test_a_job_whose_secret_is_gone():
    kept = prepared(red(inputs__text=file()))
    with pytest.raises(KeyError):
        job(kept.experiment, kept.batches[0], {}, mark="m", stream_limit=1)


def test_each_batch_has_its_own_globs():
    holders = [{"inputs": {"term": text}, "outputs": {}} for text in ("a", "b")]
    document = batches(*holders)
    document["cli"]["outputs"]["table"]["outputBinding"]["glob"] = "$(inputs.term).csv"
    found = [made["cli"]["outputs"]["table"]["outputBinding"] for made in jobs(prepared(document))]
    assert found == [{"glob": "a.csv"}, {"glob": "b.csv"}]


def test_a_thousand_batches_are_quick():
    holders = [
        {
            "inputs": {"term": "x", "text": with_access({"url": f"in{number}", "password": "p"})},
            "outputs": {"table": with_access({"url": f"out{number}", "password": "p"})},
        }
        for number in range(1000)
    ]
    document = batches(*holders)
    began = time.process_time()
    kept = prepared(document)
    assert time.process_time() - began < 1  # about 0.07 s; machines that test are busy
    assert (len(kept.batches), len(kept.secrets)) == (1000, 2000)
