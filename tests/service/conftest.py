"""Users of the running service; every answer they get is compared with the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.jobs import Caller, method
from tests.service.documents import check_answer
from tests.stack.stack import Stack

ACCESS = "access:services!service=ccp"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the first test that needs the stack more time: it waits for hub and engines."""
    for item in items:
        if isinstance(item, pytest.Function) and "stack" in item.fixturenames:
            if not any(item.iter_markers("timeout")):
                item.add_marker(pytest.mark.timeout(300))
            return


class CheckedCaller(Caller):
    """A user whose every answer is checked."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__(url, token)
        self.token = token
        self.http.event_hooks = {"response": [check_answer]}


@pytest.fixture(scope="session")
def callers(stack: Stack) -> Iterator[dict[str, CheckedCaller]]:
    tokens = {**stack.users, "admin": stack.admin_token}
    made = {name: CheckedCaller(stack.service_url, token) for name, token in tokens.items()}
    with stack.hub() as hub:
        for level in ("read", "submit", "share"):
            token = hub.token("alice", [ACCESS, f"custom:ccp:{level}"])
            made[f"alice-{level}"] = CheckedCaller(stack.service_url, token)
    yield made
    for caller in made.values():
        caller.close()


@pytest.fixture
def alice(callers):
    """In group physics."""
    return callers["alice"]


@pytest.fixture
def bob(callers):
    """In group physics."""
    return callers["bob"]


@pytest.fixture
def carol(callers):
    """In no group."""
    return callers["carol"]


@pytest.fixture
def admin(callers):
    return callers["admin"]


@pytest.fixture(scope="session")
def nobody(stack):
    caller = CheckedCaller(stack.service_url, "no-such-token")
    del caller.http.headers["Authorization"]
    yield caller
    caller.close()


@pytest.fixture(scope="session")
def shell(stack: Stack) -> str:
    return stack.images["shell"]


@dataclass
class Finished:
    """A job that alice ran to its end, and its Method."""

    job: str
    method: dict[str, Any]


SCRIPT = r"""
mkdir -p /ccp_data/output
echo '{"mean": 1.5}' > /ccp_data/output/stats.json
printf 'a,b\n1,2\n' > '/ccp_data/output/tä & b.csv'
echo '<script>' > /ccp_data/page.html
head -c 3000000 /dev/urandom > /ccp_data/random.bin
head -c 2000000 /dev/zero | tr '\0' x > /ccp_data/long.txt
echo to stdout; echo to stderr >&2
"""


def file_output(path: str, media_type: str) -> dict[str, Any]:
    return {
        "metadata": [{"role": "file", "title": path, "href": f"/ccp_data/{path}"}],
        "schema": {"type": "string", "contentMediaType": media_type},
    }


OUTPUTS = {
    "stats": file_output("output/stats.json", "application/json"),
    "table": file_output("output/tä & b.csv", "text/csv"),
    "random": file_output("random.bin", "application/octet-stream"),
    "long": file_output("long.txt", "text/plain"),
    "absent": file_output("output/none.txt", "text/plain"),
    "stdout": {"schema": {"type": "string", "contentMediaType": "text/plain"}},
    "stderr": {"schema": {"type": "string", "contentMediaType": "text/plain"}},
}
FILE = {"schema": {"type": "string", "format": "file", "contentEncoding": "base64"}}


@pytest.fixture(scope="session")
def finished(callers, shell) -> Finished:
    document = method(shell, SCRIPT, inputs={"table": {"minOccurs": 0, **FILE}}, outputs=OUTPUTS)
    job = callers["alice"].start(document, table="aGVsbG8=")
    done = callers["alice"].wait(job)
    assert done["status"] == "successful", done
    return Finished(job, document)


@pytest.fixture(scope="session")
def failed(callers, shell) -> str:
    """Id of a job of alice that failed."""
    job = callers["alice"].start(method(shell, "echo broken >&2; exit 3"))
    assert callers["alice"].wait(job)["status"] == "failed"
    return str(job)


@pytest.fixture
def sleeping(alice, shell) -> Iterator[str]:
    """Id of a job of alice that runs until it is dismissed."""
    job = alice.start(method(shell, "echo asleep; sleep 600"))
    alice.wait_for(job, "asleep")
    yield job
    alice.http.delete(f"jobs/{job}")
