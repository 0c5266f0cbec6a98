"""Provenance and crates of real Executions."""

from __future__ import annotations

import hashlib
import io
import json
import re
import time
import zipfile

import pytest
from prov.model import ProvDocument
from rdflib import Graph

from ccp_jupyter import Client
from ccp_jupyter.client.errors import ServiceError
from ccp_jupyter.hub_service.api.errors import NO_SUCH_JOB
from ccp_jupyter.provenance.crate import METADATA
from ccp_jupyter.provenance.formats import FORMS
from tests.jobs import method
from tests.service.documents import check_error
from tests.unit.provenance.crates import check_process_run_crate

# rdflib's own reader of JSON-LD.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated")

PLANTED = "planted-provenance-secret"
REMOVED = re.compile(r"activity\(exec:destroy-[12]-1, 20[^,]+, 20")
RDF = {"ttl": "turtle", "nt": "nt", "jsonld": "json-ld"}


def get(caller, path, **headers):
    answer = caller.http.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer


@pytest.fixture(scope="module")
def secretive(callers, shell) -> str:
    """Id of a job with two replicas, a secret, a note and a Context, that has ended well."""
    document = method(
        shell,
        "echo {{ key }} > /ccp_data/leak-$ccptaskid; echo done $ccptaskid",
        inputs={
            "key": {"schema": {"type": "string", "format": "secret"}},
            "text": {"minOccurs": 0},
            "file": {"minOccurs": 0, "schema": {"type": "string", "format": "file"}},
        },
        title='A "Method" <&> ☃',
    )
    # What the script itself puts out is the user's; nothing else may hold the secret.
    document["additionalParameters"]["parameters"][1]["value"] = [
        "echo got {{ key }}; echo {{ text }} > /ccp_data/out-$ccptaskid.txt"
    ]
    caller = callers["alice"]
    inputs = {"key": PLANTED, "text": "grüße & <more>", "file": "aGVsbG8=", "ccpreplicas": 2}
    job = caller.start(document, **inputs)
    assert caller.wait(job)["status"] == "successful"
    # Its containers may be removed a little later, and that is told too.
    deadline = time.monotonic() + 60
    while len(REMOVED.findall(get(caller, f"jobs/{job}/prov?f=provn").text)) < 2:
        assert time.monotonic() < deadline, "the Destroy phases do not end"
    return str(job)


def test_all_forms_say_the_same_and_nothing_secret(alice, secretive, shell):
    place = f"jobs/{secretive}"
    found = {name: get(alice, f"{place}/prov?f={name}") for name in FORMS}
    for name, form in FORMS.items():
        assert found[name].headers["content-type"].split(";")[0] == form.media_type
        assert found[name].content == get(alice, f"{place}/prov", Accept=form.media_type).content
        assert found[name].headers["vary"] == "Accept"
    assert get(alice, f"{place}/prov").content == found["json"].content
    read = {
        name: ProvDocument.deserialize(io.BytesIO(found[name].content), format=name)
        for name in ("json", "xml", "provn")
    }
    assert read["json"] == read["xml"] == read["provn"]
    graphs = [set(Graph().parse(data=found[name].content, format=RDF[name])) for name in RDF]
    assert graphs[0] == graphs[1] == graphs[2]
    text = found["provn"].text
    digest = hashlib.sha256("grüße & <more>\n".encode()).hexdigest()
    assert text.count(f'ccp:sha256="{digest}"') == 2  # of each replica's output
    assert hashlib.sha256(b"hello").hexdigest() in text
    for activity in ("launch", "deploy", "execute", "fetch", "destroy"):
        assert f"activity(exec:{activity}-2-1, 20" in text
    assert f'prov:label="{shell}"' in text and "ccp:digest=" in text
    assert 'prov:label="alice"' in text

    crate = get(alice, f"{place}/rocrate")
    folder = get(alice, f"{place}/folder")
    with zipfile.ZipFile(io.BytesIO(folder.content)) as archive:
        names = archive.namelist()
        assert {f"metadata/provo{end}" for end in (".xml", ".ttl", ".json")} <= set(names)
        assert archive.read("metadata/provo.json") == found["json"].content
        assert METADATA in names
        inside = b"".join(archive.read(name) for name in names)
    with zipfile.ZipFile(io.BytesIO(crate.content)) as archive:
        inside += b"".join(archive.read(name) for name in archive.namelist())
    everything = b"".join(answer.content for answer in found.values()) + inside
    assert PLANTED.encode() not in everything
    assert alice.token.encode() not in everything
    assert b"custom:ccp" not in b"".join(answer.content for answer in found.values())


def test_crate_of_a_real_execution(alice, secretive, tmp_path):
    answer = get(alice, f"jobs/{secretive}/rocrate", Accept="application/zip")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path)
        assert archive.read("outputs/replica-2/out-2.txt") == "grüße & <more>\n".encode()
        assert archive.read("inputs/file") == b"hello"
        assert archive.read("logs/stdout.1.txt") == b"got ***\n"
    check_process_run_crate(tmp_path)
    alone = get(alice, f"jobs/{secretive}/rocrate", Accept="application/ld+json")
    assert alone.headers["content-type"] == "application/ld+json"
    assert alone.json() == json.loads((tmp_path / METADATA).read_text())
    assert get(alice, f"jobs/{secretive}/rocrate?f=jsonld").content == alone.content


def test_provenance_of_failed_and_running_executions(alice, failed, sleeping):
    text = get(alice, f"jobs/{failed}/prov?f=provn").text
    assert "ccp:exitCode=3" in text and 'ccp:outcome="failed"' in text
    text = get(alice, f"jobs/{sleeping}/prov?f=provn").text
    assert "activity(exec:execute-1-1, 20" in text and "exec:destroy" not in text
    status = alice.status(sleeping)
    [link] = [each for each in status["links"] if each["rel"] == "prov"]
    assert link["href"].endswith(f"jobs/{sleeping}/prov")
    for job in (failed, sleeping):
        assert get(alice, f"jobs/{job}/rocrate?f=jsonld").json()["@graph"]


def test_what_is_refused(alice, bob, failed):
    for path in ("prov", "rocrate"):
        check_error(bob.http.get(f"jobs/{failed}/{path}"), 404, NO_SUCH_JOB)
        headers = {"Accept": "image/png"}
        check_error(alice.http.get(f"jobs/{failed}/{path}", headers=headers), 406)
        answer = alice.http.get(f"jobs/{failed}/{path}", params={"f": "pdf"})
        assert answer.status_code == 400 and "f:" in answer.json()["detail"]


def test_with_the_client(stack, alice, secretive, tmp_path):
    with Client(stack.service_url, alice.token) as client:
        execution = client.execution(secretive)
        assert execution.prov() == get(alice, f"jobs/{secretive}/prov").text
        saved = tmp_path / "provenance.provn"
        saved.write_text(execution.prov("provn"))
        assert ProvDocument.deserialize(str(saved), format="provn").has_bundles()
        with pytest.raises(ServiceError, match="f:"):
            execution.prov("pdf")
        path = execution.rocrate(tmp_path / "crate.zip")
    with zipfile.ZipFile(path) as archive:
        assert METADATA in archive.namelist()
