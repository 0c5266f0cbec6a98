"""Clients of the agency, and Experiments that they ran."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx
import pytest

from tests.service.documents import check_answer
from tests.stack.stack import Stack

WAIT = 60.0
FINAL = ("succeeded", "failed", "cancelled")


class Agency:
    """A client as CC-Agency's: user name and token of the hub as Basic.

    Every answer is compared with the OpenAPI document.
    """

    def __init__(self, stack: Stack, name: str, token: str, image: str = "python") -> None:
        self.url = stack.service_url + "agency/"
        self.name, self.token = name, token
        self.image = stack.images[image]
        self.http = self.client(auth=(name, token))

    def client(self, **members: Any) -> httpx.Client:
        """Return one more client."""
        return httpx.Client(
            base_url=self.url,
            timeout=60,
            trust_env=False,
            event_hooks={"response": [check_answer]},
            **members,
        )

    def close(self) -> None:
        self.http.close()

    def red(self, *scripts: str, **cli: Any) -> dict[str, Any]:
        """Return a RED 9 document whose batches run shell lines."""
        return {
            "redVersion": "9",
            "cli": {
                "cwlVersion": "v1.0",
                "class": "CommandLineTool",
                "baseCommand": ["sh", "-c"],
                "inputs": {"script": {"type": "string", "inputBinding": {"position": 0}}},
                "outputs": {},
                **cli,
            },
            "container": {
                "engine": "docker",
                "settings": {"image": {"url": self.image}, "ram": 256},
            },
            "batches": [{"inputs": {"script": each}, "outputs": {}} for each in scripts],
            "execution": {
                "engine": "ccagency",
                "settings": {
                    "access": {
                        "url": self.url,
                        "auth": {"username": self.name, "password": self.token},
                    }
                },
            },
        }

    def post(self, document: object, query: str = "", **members: Any) -> httpx.Response:
        """Submit a document."""
        return self.http.post(f"red?{query}", json=document, **members)

    def submit(self, document: Mapping[str, Any], query: str = "") -> str:
        """Submit a document that is fine; returns the Experiment's id."""
        answer = self.post(document, query)
        assert answer.status_code == 200, answer.text
        assert set(answer.json()) == {"experimentId"}
        return str(answer.json()["experimentId"])

    def get(self, path: str, **query: Any) -> Any:
        """Return the decoded answer to a question that is fine."""
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait(self, experiment: str, states: Sequence[str] = FINAL) -> str:
        """Return the Experiment's state, once it is one of these."""
        deadline = time.monotonic() + WAIT
        while (found := self.get(f"experiments/{experiment}/state"))["state"] not in states:
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        return str(found["state"])

    def batches(self, experiment: str) -> list[str]:
        """Return the ids of its batches."""
        return [each["_id"] for each in self.get("batches", experimentId=experiment)]


def said(answer: httpx.Response, status: int, phrase: str) -> str:
    """Assert that an answer is an error as CC-Agency writes them; return its text."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    text = answer.json()
    assert isinstance(text, str)
    begin = f"{status} {phrase}: "
    assert text.startswith(begin), text
    check_silent(text)
    return text.removeprefix(begin)


def check_silent(text: str) -> None:
    """Assert that a text tells nothing of the inside."""
    for word in ("Traceback", "site-packages", "hub_service", ".py", "/tmp", "/work", "127.0.0.1"):
        assert word not in text, text


@pytest.fixture(scope="session")
def agencies(stack: Stack) -> Iterator[dict[str, Agency]]:
    tokens = {**stack.users, "admin": stack.admin_token}
    made = {name: Agency(stack, name, token) for name, token in tokens.items()}
    yield made
    for each in made.values():
        each.close()


@pytest.fixture(scope="session")
def ann(agencies: dict[str, Agency]) -> Agency:
    """Somebody who runs things: the user alice."""
    return agencies["alice"]


@pytest.fixture(scope="session")
def ben(agencies: dict[str, Agency]) -> Agency:
    """Somebody else: the user bob."""
    return agencies["bob"]


@pytest.fixture(scope="session")
def boss(agencies: dict[str, Agency]) -> Agency:
    """An administrator."""
    return agencies["admin"]


@pytest.fixture(scope="session")
def done(ann) -> str:
    """Id of an Experiment whose two batches succeeded; it named stdout only."""
    lines = ("echo one; echo hidden >&2", "echo two; seq 100000")
    experiment = ann.submit(ann.red(*lines, stdout="words.txt"))
    assert ann.wait(experiment) == "succeeded"
    return str(experiment)


@pytest.fixture(scope="session")
def bad(ann) -> str:
    """Id of an Experiment whose one batch failed."""
    experiment = ann.submit(ann.red("echo out; echo broken >&2; exit 3"), "disableRetry=1")
    assert ann.wait(experiment) == "failed"
    return str(experiment)


@pytest.fixture
def asleep(ann) -> Iterator[str]:
    """Id of an Experiment whose two batches run until they are cancelled."""
    experiment = ann.submit(ann.red(*["echo asleep; sleep 600"] * 2), "disableRetry=1")
    deadline = time.monotonic() + WAIT
    while ann.get("batches/count", experimentId=experiment, state="processing")["count"] < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield experiment
    ann.http.delete(f"experiments/{experiment}")
