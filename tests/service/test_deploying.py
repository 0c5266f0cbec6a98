"""Part 2: Methods deployed from packages run; revisions; copies (reference, section 6)."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx
import pytest

from ccp_jupyter.hub_service.api.errors import (
    DUPLICATED_PROCESS,
    IMMUTABLE_PROCESS,
    INVALID_DOCUMENT,
    NO_SUCH_PROCESS,
    UNSUPPORTED_MEDIA_TYPE,
    WORKFLOW_NOT_FOUND,
)
from ccp_jupyter.model.packages.package import OGC
from tests.jobs import Caller, method
from tests.service.documents import check_error

CWL = "application/cwl+yaml"
TOOL = r"""
cwlVersion: v1.2
$graph:
  - class: Workflow
    id: both
    inputs: {}
    outputs: {}
    steps: []
  - class: CommandLineTool
    id: IDENTIFIER
    label: Join
    requirements:
      DockerRequirement: {dockerPull: IMAGE}
      ResourceRequirement: {coresMin: 0.1, ramMin: 20, ramMax: 64}
      EnvVarRequirement: {envDef: {GREETING: "hello $(inputs.who)"}}
      InitialWorkDirRequirement:
        listing:
          - {entryname: conf/words.txt, entry: "one $(inputs.who)\n"}
          - $(inputs.table)
    baseCommand: [sh, -c]
    arguments:
      - 'echo "$GREETING" >&2; cat conf/words.txt table; cat; printf "[%s]" "$@"; echo "{{ who }}"'
      - tool
      - {position: 2, valueFrom: $(runtime.outdir)/x, prefix: --out=, separate: false}
    inputs:
      who: {type: string, inputBinding: {position: 1, prefix: -w}}
      table: {type: File}
      numbers: {type: "int[]", inputBinding: {position: 3, itemSeparator: ","}}
      loud: {type: boolean?, inputBinding: {position: 4, prefix: --loud}}
      level:
        type: [null, {type: enum, symbols: [low, high]}]
        inputBinding: {position: 5}
    stdin: $(inputs.table.path)
    stdout: joined.txt
    stderr: $(inputs.level).err
    outputs:
      joined: stdout
      words: {type: File, outputBinding: {glob: "conf/*.txt"}}
      none: {type: File?, outputBinding: {glob: absent.txt}}
"""


def post(caller: Caller, media_type: str, text: str, where: str = "processes") -> httpx.Response:
    return caller.http.post(where, content=text, headers={"Content-Type": media_type})


def put(caller: Caller, media_type: str, text: str, where: str) -> httpx.Response:
    return caller.http.put(where, content=text, headers={"Content-Type": media_type})


def test_a_cwl_tool_is_deployed_runs_and_is_replaced(alice, bob, shell):
    name = f"join-{uuid.uuid4()}"
    text = TOOL.replace("IDENTIFIER", name).replace("IMAGE", shell)
    check_error(post(alice, CWL, text), 400, INVALID_DOCUMENT)  # the first is a Workflow
    check_error(post(alice, CWL, text, "processes?w=other"), 400, WORKFLOW_NOT_FOUND)
    where = f"processes?w={name}"
    answer = post(alice, CWL, text, where)
    assert answer.status_code == 201, answer.text
    assert answer.headers.get_list("Location") == [str(answer.url.join(f"processes/{name}"))]
    assert answer.json()["mutable"] is True
    check_error(post(alice, CWL, text, where), 409, DUPLICATED_PROCESS)

    who = "a \"b\" $(id) 'c' `d` {{ table }}"
    job = alice.execute(name, who=who, table="dGFibGUK", numbers=[1, -2], loud=True, level="high")
    done = alice.wait(job.json()["jobID"])
    assert done["status"] == "successful", (done, alice.log(done["jobID"]))
    files = alice.outputs(done["jobID"])
    words = f"[-w][{who}][--out=/ccp_data/x][1,-2][--loud][high]"
    joined = f"one {who}\ntable\ntable\n{words}{{{{ who }}}}\n"
    assert files["joined.txt"].decode() == joined
    assert files["high.err"].decode() == f"hello {who}\n"
    found = alice.http.get(f"jobs/{done['jobID']}/results?profile=ogc-results").json()
    assert found["joined"] == joined
    assert found["words"] == f"one {who}\n"
    assert "none" not in found
    assert done["resources"]["memory"] == 64 * 2**20

    package = alice.http.get(f"processes/{name}/package")
    assert package.text == text
    assert package.headers["Content-Type"] == CWL
    check_error(bob.http.get(f"processes/{name}/package"), 404, NO_SUCH_PROCESS)
    replaced = put(
        alice, CWL, text.replace("label: Join", "label: New"), f"{where}".replace("?", f"/{name}?")
    )
    assert replaced.status_code == 204
    assert alice.http.get(f"processes/{name}").json()["title"] == "New"


def test_an_ogc_package_is_deployed_and_runs(alice, shell):
    name = f"package-{uuid.uuid4()}"
    script = {"name": "execute-script", "value": ["echo {{ text }} > said.txt"]}
    process = {
        "id": name,
        "title": "Say",
        "version": "1.0.0",
        "inputs": {"text": {"schema": {"type": "string"}}},
        "outputs": {
            "said": {
                "schema": {"type": "string", "contentMediaType": "text/plain"},
                "metadata": [{"role": "file", "href": "/ccp_data/said.txt"}],
            }
        },
        "additionalParameters": {"parameters": [script]},
    }
    config = {"cpuMin": 0.1, "memoryMin": 0.02, "memoryMax": 0.05, "jobTimeout": 30}
    unit = {"type": "docker", "image": shell, "deployment": "local", "config": config}
    body = json.dumps({"processDescription": {"process": process}, "executionUnit": [unit]})
    assert post(alice, OGC, body).status_code == 201
    job = alice.execute(name, text="it's done").json()["jobID"]
    done = alice.wait(job)
    assert done["status"] == "successful", alice.log(job)
    assert alice.http.get(f"jobs/{job}/results").text == "it's done\n"
    resources = done["resources"]
    assert (resources["memory"], resources["maxTime"]) == (50_000_000, 30)
    assert alice.http.get(f"processes/{name}/package").json() == json.loads(body)
    unit["config"] = {"cpuMin": 5, "cpuMax": 1}
    body = json.dumps({"processDescription": process, "executionUnit": unit})
    error = check_error(put(alice, OGC, body, f"processes/{name}"), 400, INVALID_DOCUMENT)
    assert error["problems"][0]["member"] == "executionUnit.config.cpuMin"


def test_wrong_media_types_and_what_cannot_be_changed(alice, bob, shell):
    document = method(shell, "true", metadata=[{"role": "visibility", "title": "public"}])
    alice.deploy(document)
    where = f"processes/{document['id']}"
    for answer in (post(alice, "text/plain", "x"), put(alice, "text/plain", "x", where)):
        check_error(answer, 415, UNSUPPORTED_MEDIA_TYPE)
    # The media type is looked at before anything else.
    check_error(put(alice, "text/plain", "x", "processes/echo"), 415, UNSUPPORTED_MEDIA_TYPE)
    check_error(put(bob, "text/plain", "x", where), 415, UNSUPPORTED_MEDIA_TYPE)
    tool = TOOL.replace("IDENTIFIER", "t").replace("IMAGE", shell)
    for name in ("echo", document["id"]):
        answer = put(bob, CWL, tool, f"processes/{name}?w=t")
        check_error(answer, 403, IMMUTABLE_PROCESS)
        check_error(bob.http.delete(f"processes/{name}"), 403, IMMUTABLE_PROCESS)
    check_error(put(alice, CWL, tool, "processes/not-there?w=t"), 404, NO_SUCH_PROCESS)
    listed = {each["id"]: each["mutable"] for each in bob.http.get("processes").json()["processes"]}
    assert listed["echo"] is False
    assert listed[document["id"]] is False
    assert set(map(type, listed.values())) == {bool}


def test_revisions_stay_and_run(alice, bob, shell):
    document = method(shell, "echo one")
    name = alice.deploy(document)
    where = f"processes/{name}"
    first = alice.http.get(where)
    public = [{"role": "visibility", "title": "public"}]
    newer = {**method(shell, "echo two"), "id": name, "version": "2.0.0", "metadata": public}
    assert alice.http.put(where, json=newer).status_code == 200
    listed = alice.http.get(f"{where}/revisions").json()["revisions"]
    assert [(each["revision"], each["version"]) for each in listed] == [(2, "2.0.0"), (1, "1.0.0")]
    assert listed[0]["author"] == "alice"
    # What was private then still is, though everybody may see what it is now.
    assert [r["revision"] for r in bob.http.get(f"{where}/revisions").json()["revisions"]] == [2]
    check_error(bob.http.get(f"{where}/revisions/1"), 404, NO_SUCH_PROCESS)
    check_error(bob.http.post(f"{where}/execution?revision=1", json={}), 404, NO_SUCH_PROCESS)
    for wrong in ("3", "0", "x", "9" * 30):
        check_error(alice.http.get(f"{where}/revisions/{wrong}"), 404, NO_SUCH_PROCESS)

    old = alice.http.get(f"{where}/revisions/1")
    assert old.headers["ETag"] == first.headers["ETag"]
    assert old.json()["version"] == "1.0.0"
    assert old.json()["mutable"] is False
    again = {"If-None-Match": old.headers["ETag"]}
    assert alice.http.get(f"{where}/revisions/1", headers=again).status_code == 304
    jobs = [
        alice.http.post(f"{where}/execution{query}", json={}).json()["jobID"]
        for query in ("", "?revision=1")
    ]
    jobs.append(alice.http.post(f"{where}/revisions/1/execution", json={}).json()["jobID"])
    for job, said, revision in zip(jobs, ("two", "one", "one"), (2, 1, 1), strict=True):
        assert alice.wait(job)["status"] == "successful"
        assert said in alice.log(job)
        process = alice.http.get(f"jobs/{job}/definition").json()["process"]
        assert process.endswith(f"/{where}/revisions/{revision}")
    # A Method deployed anew begins anew.
    assert alice.http.delete(where).status_code == 204
    alice.deploy(document)
    assert len(alice.http.get(f"{where}/revisions").json()["revisions"]) == 1


def test_a_copy_is_private_and_the_callers(alice, bob, shell):
    public = [{"role": "visibility", "title": "public"}, {"role": "context", "title": "physics"}]
    name = alice.deploy(method(shell, "echo copied", metadata=public))
    answer = bob.http.post(f"processes/{name}/clone", json={"title": "Mine", "version": "0.1.0"})
    assert answer.status_code == 201, answer.text
    copy = answer.json()
    assert (copy["title"], copy["version"], copy["mutable"]) == ("Mine", "0.1.0", True)
    assert copy["id"] != name
    assert [e["title"] for e in copy["metadata"] if e["role"] == "author"][-1] == "bob"
    assert not [e for e in copy["metadata"] if e["role"] in ("visibility", "context")]
    check_error(alice.http.get(f"processes/{copy['id']}"), 404, NO_SUCH_PROCESS)
    taken = bob.http.post(f"processes/{name}/clone", json={"id": name})
    check_error(taken, 409, DUPLICATED_PROCESS)
    wrong: Any
    for wrong in ({"id": "a b"}, {"script": []}, [], {"version": "soon"}):
        check_error(bob.http.post(f"processes/{name}/clone", json=wrong), 400, INVALID_DOCUMENT)
    assert bob.http.post("processes/echo/clone", json={}).status_code == 409


@pytest.mark.parametrize("text", ["", "{", "a: b: c", "[]", "\ufeff", "null", "x" * 2_000_000])
def test_what_is_no_package(alice, text):
    for media_type in (CWL, OGC):
        check_error(post(alice, media_type, text), 400, INVALID_DOCUMENT)
