"""Client and command line with Experiments against the running service and a real engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ccp_jupyter.cli import main
from ccp_jupyter.client import (
    AsyncClient,
    Client,
    ExecutionFailed,
    InvalidDocument,
    InvalidRequest,
    NotFound,
    RedDocument,
)
from tests.jobs import nothing_left
from tests.red import document, http_file, shell
from tests.stack.stack import Stack
from tests.unit.cli.documents import Ran

PASSWORD = "pa55-of-the-web-S3CRET"


class Web:
    """A web server that containers reach: serves one file, keeps what is put.

    Parameters
    ----------
    address : str
        Of this machine as containers see it.
    """

    def __init__(self, address: str) -> None:
        web = self
        self.kept: dict[str, bytes] = {}
        self.logins: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.logins.append(self.headers.get("Authorization", ""))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"one\ntwo\nthree\n")

            def do_PUT(self) -> None:
                web.kept[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(201)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((address, 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://{address}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def web(stack: Stack) -> Iterator[Web]:
    web = Web(stack.host_address)
    yield web
    web.close()


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    with Client(stack.service_url, stack.users["alice"]) as client:
        yield client


@pytest.fixture
def image(stack: Stack) -> str:
    return stack.images["python"]


def searched(stack: Stack, web: Web, *terms: str) -> dict[str, Any]:
    """Return a document that looks for each term in a file from the web."""
    access = {"auth": {"username": "{{user}}", "password": "{{web_pw}}"}}
    sent = {"command": "red-connector-http"}
    return document(
        stack.images["red"],
        ["grep"],
        {
            "term": {"type": "string", "inputBinding": {"position": 0}},
            "text": {"type": "File", "inputBinding": {"position": 1}},
        },
        [
            {
                "inputs": {"term": term, "text": http_file(web.url + "/in.txt", **access)},
                "outputs": {
                    "hits": {
                        "class": "stdout",
                        "connector": {
                            **sent,
                            "access": {"url": f"{web.url}/{term}", "method": "PUT"},
                        },
                    }
                },
            }
            for term in terms
        ],
        outputs={"hits": {"type": "stdout"}},
        cli={"stdout": "hits.txt"},
    )


# --- the client ---


def test_whole_way(client, stack, web):
    """Files come and go with connectors; a batch that finds nothing fails; the other does not."""
    red = searched(stack, web, "two", "nothing")
    red["execution"]["settings"]["access"] = {"url": "https://x", "auth": {"username": "a"}}
    red["execution"]["settings"]["access"]["auth"]["password"] = "{{hub_token}}"
    execution = client.submit_red(
        red, variables={"user": "u", "web_pw": PASSWORD}, retry=False, validate_connectors=True
    )
    assert (execution.is_experiment, execution.replicas) == (True, 2)
    execution.wait(90, progress=False, check=False)
    assert execution.status == "failed"
    assert web.kept["/two"] == b"two\n"
    assert web.logins[0].startswith("Basic ")
    found, failed = execution.batches()
    assert (found.index, found.state, failed.index, failed.state) == (1, "succeeded", 2, "failed")
    assert found.node in stack.engines
    assert failed.reason
    assert execution.batch(2).debug_info == failed.debug_info
    assert execution.batch(1).stdout() == "two\n"
    assert execution.batch(2).stderr() == ""
    for missing in (0, 3, 10**9):
        with pytest.raises(NotFound, match=f"has 2 batches, and none with number {missing}"):
            execution.batch(missing)
    assert [each.id for each in client.executions(limit=1)] == [execution.id]
    assert client.execution(execution.id).status == "failed"
    shown = json.dumps([each.document for each in execution.batches()]) + execution.log()
    assert PASSWORD not in shown + str(execution.events()) + execution._repr_html_()
    nothing_left(stack, execution.id)


def test_of_a_file_and_its_text(client, image, tmp_path, capfd):
    red = shell(image, "echo batch $0", batches=2)
    path = tmp_path / "red.json"
    path.write_text(json.dumps(red))
    executions = [client.submit_red(each) for each in (path, str(path), path.read_text())]
    for execution in executions:
        execution.wait(90)
        assert execution.status == "successful"
        assert execution.batch(2).history[-1]["state"] == "succeeded"
    assert "sh -c · " in capfd.readouterr().err
    executions[0].delete()
    with pytest.raises(NotFound):
        executions[0].batch(1)
    # Lists of batches have them until the service has cleaned up.
    deadline = time.monotonic() + 30
    with pytest.raises(NotFound, match="any more"):
        while time.monotonic() < deadline:
            executions[0].batches()
            time.sleep(0.2)


def test_invalid_documents_are_not_sent(client, image, tmp_path):
    path = tmp_path / "red.json"
    path.write_text(json.dumps(shell(image, "true", ram=3), indent=1))
    with pytest.raises(InvalidDocument) as caught:
        client.submit_red(path)
    (problem,) = caught.value.problems
    line, column = caught.value.places[problem.member]
    assert '"ram"' in path.read_text().splitlines()[line - 1][column - 1 :]
    with pytest.raises(InvalidRequest, match="web_pw: this variable has no value"):
        client.submit_red(_with_variable(image))


def _with_variable(image: str) -> dict[str, Any]:
    red = shell(image, "true")
    red["container"]["settings"]["image"]["auth"] = {"username": "u", "password": "{{web_pw}}"}
    return red


def _without_ram(image: str) -> dict[str, Any]:
    red = shell(image, "true")
    del red["container"]["settings"]["ram"]
    return red


def test_documents_that_only_the_service_refuses(client, image):
    with pytest.raises(InvalidRequest, match=r"container\.settings\.ram: is missing"):
        client.submit_red(_without_ram(image))
    with pytest.raises(InvalidRequest, match="after"):
        client.submit_red(shell(image, "true"), after=["f" * 24])


async def test_secrets_from_the_vault(stack, web):
    async with AsyncClient(stack.service_url, stack.users["bob"]) as client:
        red = RedDocument.read(searched(stack, web, "one"))
        assert red.variables == {"web_pw": True, "user": False}
        with pytest.raises(InvalidRequest, match="web_pw"):
            await client.submit_red(red, variables={"user": "u"}, use_vault=True)
        await client.set_secret("web_pw", PASSWORD)
        try:
            execution = await client.submit_red(red, variables={"user": "u"}, use_vault=True)
            await execution.wait(90, progress=False)
            (secret,) = await client.secrets()
            assert secret["uses"][0]["execution"] == execution.id
            assert PASSWORD not in str(secret)
        finally:
            await client.remove_secret("web_pw")
        assert await client.secrets() == []
        with pytest.raises(NotFound):
            await client.remove_secret("web_pw")
    assert web.kept["/one"] == b"one\n"


def test_after(client, image):
    first = client.submit_red(shell(image, "sleep 2; echo first"))
    second = client.submit_red(shell(image, "echo second"), after=[first])
    third = client.submit_red(shell(image, "echo third"), after=[second.id])
    third.wait(90, progress=False)
    assert second.refresh().started >= first.refresh().finished
    assert third.started >= second.finished
    failing = client.submit_red(shell(image, "exit 3"), retry=False)
    never = client.submit_red(shell(image, "echo never"), after=[failing])
    with pytest.raises(ExecutionFailed, match=failing.id):
        never.wait(90, progress=False)
    assert "never" not in never.log()


def test_cancel(client, stack, image):
    execution = client.submit_red(shell(image, "echo begun; sleep 600", batches=2))
    deadline = time.monotonic() + 60
    while execution.log().count("begun") < 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    execution.cancel()
    execution.wait(60, progress=False, check=False)
    assert execution.status == "dismissed"
    assert {each.state for each in execution.batches()} == {"cancelled"}
    nothing_left(stack, execution.id)


# --- the command line ---

Ccp = Callable[..., Ran]


@pytest.fixture
def environment(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """The environment of a user's terminal, of this process too."""
    given = {
        "HOME": str(tmp_path),
        "CCP_SERVICE_URL": stack.service_url,
        "JUPYTERHUB_API_TOKEN": stack.users["alice"],
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        yield {**os.environ, "PYTHONWARNINGS": "error"}


@pytest.fixture
def ccp(
    environment: dict[str, str],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Ccp:
    """Run the command line in this process: a start takes long."""

    def run(*words: str, **variables: str) -> Ran:
        capfd.readouterr()
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            code = main(words)
        return Ran(code, *capfd.readouterr())

    return run


def written(tmp_path: Path, red: dict[str, Any], name: str = "red.json") -> str:
    (tmp_path / name).write_text(json.dumps(red))
    return name


def test_submit_wait_logs(ccp, stack, web, tmp_path):
    name = written(tmp_path, searched(stack, web, "one", "two"))
    ran = ccp("red", "submit", name, CCP_VAR_user="u", CCP_VAR_web_pw=PASSWORD)
    assert (ran.code, ran.err) == (0, "")
    (line,) = ran.out.splitlines()
    waited = ccp("red", "wait", name)
    assert (waited.code, waited.out) == (0, "")
    assert web.kept == {"/one": b"one\n", "/two": b"two\n"}
    found = json.loads(ccp("red", "status", name, "--json").out)
    assert (found["experimentId"], found["status"], found["batchCount"]) == (line, "successful", 2)
    assert [each["state"] for each in found["batches"]] == ["succeeded"] * 2
    texts = [
        ran.out,
        ran.err,
        waited.err,
        json.dumps(found),
        ccp("red", "logs", line).out,
    ]
    texts += [path.read_text() for path in (tmp_path / ".local").rglob("*.json")]
    assert not any(PASSWORD in text for text in texts)


def test_follow(ccp, image, environment, tmp_path):
    """Lines arrive while the batch runs, not at its end."""
    script = "echo begun $0; echo wrong >&2; while [ ! -e /tmp/go ]; do sleep 0.2; done"
    name = written(tmp_path, shell(image, script, batches=2))
    assert ccp("red", "submit", name).code == 0
    command = [sys.executable, "-m", "ccp_jupyter.cli", "red", "logs", name]
    with subprocess.Popen(
        [*command, "--follow", "--batch", "2", "--stream", "stdout"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=environment,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun 2\n"
            deadline = time.monotonic() + 30
            while "[1] wrong\n" not in ccp("red", "logs", name).out:
                assert time.monotonic() < deadline
            assert ccp("red", "cancel", name).code == 0
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (0, "", "")
    waited = ccp("red", "wait", name, "--quiet")
    assert waited.code == 6


def test_exit_codes(ccp, image, stack, tmp_path):
    name = written(tmp_path, shell(image, "echo broken >&2; exit 3"))
    ran = ccp("red", "submit", name, "--wait", "--disable-retry")
    assert ran.code == 1
    assert "batch 1 failed" in ran.err
    assert "broken" in ran.err
    other = {"JUPYTERHUB_API_TOKEN": stack.users["carol"]}
    assert ccp("red", "status", ran.out.strip(), **other).code == 4
    assert ccp("red", "status", name, JUPYTERHUB_API_TOKEN="no-such-token").code == 4
    late = ccp("red", "submit", name, "--after", name, "--wait", "--json")
    assert (late.code, json.loads(late.out)["status"]) == (1, "failed")
    slow = written(tmp_path, shell(image, "sleep 600"), "slow.json")
    ran = ccp("red", "submit", slow, "--wait", "--timeout", "1")
    assert ran.code == 7
    assert ccp("red", "cancel", slow).code == 0
    refused = written(tmp_path, _without_ram(image), "no-ram.json")
    assert ccp("red", "submit", refused).code == 3
    assert ccp("red", "submit", written(tmp_path, _with_variable(image), "v.json")).code == 2


def test_secrets(ccp, environment, tmp_path):
    command = [sys.executable, "-m", "ccp_jupyter.cli", "secret", "set", "of_the_cli"]
    kept = subprocess.run(
        command, input=PASSWORD, env=environment, capture_output=True, text=True, timeout=60
    )
    assert (kept.returncode, PASSWORD in kept.stdout + kept.stderr) == (0, False)
    listed = ccp("secret", "list")
    assert listed.out.startswith("of_the_cli\t")
    assert PASSWORD not in listed.out + ccp("secret", "list", "--json").out
    assert ccp("secret", "remove", "of_the_cli").code == 0
    assert ccp("secret", "remove", "of_the_cli").code == 4
