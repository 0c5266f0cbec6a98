"""Small Methods and plain HTTP calls, shared by tests that run things on engines."""

from __future__ import annotations

import io
import time
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from ccp_jupyter.model.states import Status, is_final
from tests.stack.stack import Stack

WAIT = 60.0


def containers(stack: Stack, job: str) -> list[str]:
    """Return the names of a job's containers, ended ones too, on all engines of a stack."""
    names: list[str] = []
    for engine in stack.engines.values():
        client = engine.client()
        try:
            found = client.containers(all=True)
        finally:
            client.close()
        names += [name.strip("/") for each in found for name in each["Names"] if job in name]
    return names


def nothing_left(stack: Stack, job: str, timeout: float = 30) -> None:
    """Wait until no engine has a container of the job any more."""
    deadline = time.monotonic() + timeout
    while left := containers(stack, job):
        assert time.monotonic() < deadline, f"left over: {left}"
        time.sleep(0.2)


def method(
    image: str,
    execute: Sequence[str] | str,
    deploy: Sequence[str] | str = (),
    inputs: Mapping[str, Mapping[str, Any]] | None = None,
    **members: Any,
) -> dict[str, Any]:
    """Return a Method that runs shell lines; `inputs` maps ids to members of their descriptors."""
    descriptors: dict[str, Any] = {
        "ccpimage": {"id": "ccpimage", "schema": {"type": "string", "default": image}},
        "ccpmaxtime": {
            "id": "ccpmaxtime",
            "minOccurs": 0,
            "schema": {"type": "integer", "minimum": 1},
        },
        "ccpreplicas": {
            "id": "ccpreplicas",
            "minOccurs": 0,
            "schema": {"type": "integer", "minimum": 1},
        },
    }
    for name, given in (inputs or {}).items():
        descriptors[name] = {"id": name, "schema": {"type": "string"}, **given}
    return {
        "id": f"test-{uuid.uuid4()}",
        "title": "Test",
        "version": "1.0.0",
        "jobControlOptions": ["async-execute"],
        "inputs": descriptors,
        "outputs": {},
        "additionalParameters": {
            "parameters": [
                {"name": "deploy-script", "value": _lines(deploy)},
                {"name": "execute-script", "value": _lines(execute)},
            ]
        },
        "links": [{"rel": "compatibleWith", "href": "infrastructures/local-docker"}],
        **members,
    }


def _lines(script: Sequence[str] | str) -> list[str]:
    return [script] if isinstance(script, str) else list(script)


def patient_get(http: httpx.Client, path: str) -> dict[str, Any]:
    """Return a JSON object from a service that may be restarting."""
    deadline = time.monotonic() + WAIT
    while True:
        try:
            answer = http.get(path)
            if answer.status_code < 500:
                break
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, "the service does not answer"
        time.sleep(0.1)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


class Caller:
    """One user of a running service.

    Parameters
    ----------
    url : str
        Address of the service, with a slash at the end.
    token : str
        Of the user.
    """

    def __init__(self, url: str, token: str) -> None:
        self.http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"token {token}"},
            timeout=60,
            trust_env=False,
        )

    def close(self) -> None:
        """Let go of connections."""
        self.http.close()

    def deploy(self, document: Mapping[str, Any]) -> str:
        """Deploy a Method and return its id."""
        answer = self.http.post("processes", json=document)
        assert answer.status_code == 201, answer.text
        return str(document["id"])

    def execute(self, method_id: str, **inputs: Any) -> httpx.Response:
        """Post an execute request."""
        return self.http.post(f"processes/{method_id}/execution", json={"inputs": inputs})

    def start(self, document: Mapping[str, Any], **inputs: Any) -> str:
        """Deploy a Method, execute it, and return the job's id."""
        answer = self.execute(self.deploy(document), **inputs)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["jobID"])

    def status(self, job: str) -> dict[str, Any]:
        """Return the status document; patient while the service is restarted."""
        return patient_get(self.http, f"jobs/{job}")

    def wait(self, job: str, timeout: float = WAIT) -> dict[str, Any]:
        """Return the final status document."""
        deadline = time.monotonic() + timeout
        while not is_final(Status((found := self.status(job))["status"])):
            assert time.monotonic() < deadline, f"still {found['status']}: {found['message']}"
            time.sleep(0.05)
        return found

    def wait_for(self, job: str, what: str, timeout: float = WAIT) -> None:
        """Wait until an event of the job has this phase, or its log this line."""
        deadline = time.monotonic() + timeout
        while True:
            events = self.events(job)
            if any(e.get("phase") == what or what in e.get("lines", ()) for e in events):
                return
            assert time.monotonic() < deadline, f"no {what} in {events}"
            time.sleep(0.05)

    def run(self, document: Mapping[str, Any], **inputs: Any) -> dict[str, Any]:
        """Deploy, execute, wait; return the final status document."""
        return self.wait(self.start(document, **inputs))

    def events(self, job: str) -> list[dict[str, Any]]:
        """Return all events so far; patient while the service is restarted."""
        try:
            answer = self.http.get(f"jobs/{job}/events", params={"limit": 1000})
        except httpx.TransportError:
            return []
        return list(answer.json()["events"]) if answer.is_success else []

    def log(self, job: str, **query: Any) -> str:
        """Return the log's text."""
        answer = self.http.get(f"jobs/{job}/log", params=query)
        assert answer.status_code == 200, answer.text
        return answer.text

    def outputs(self, job: str) -> dict[str, bytes]:
        """Return the files of output.zip."""
        answer = self.http.get(f"jobs/{job}/outputs/output.zip")
        assert answer.status_code == 200, answer.text
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert archive.testzip() is None
            return {n: archive.read(n) for n in archive.namelist() if not n.endswith("/")}
