"""What the agent and others must agree on: the model's jobs, the service's report, the document."""

from __future__ import annotations

import json
import re

import pytest

from ccp_jupyter.hub_service.batch import agent
from ccp_jupyter.model import red
from tests.stack.hub import repository
from tests.unit.batch.box import Box

GUIDE = (repository() / "docs/connectors.md").read_text()


def document(box: Box) -> dict[str, object]:
    """Return a RED document whose container is a box."""

    def connector(**access: object) -> dict[str, object]:
        return {"command": "conn", "access": access}

    text = {
        "class": "File",
        "connector": connector(content="hello\n", _user="u", password="geheim"),
    }
    return {
        "redVersion": "9",
        "cli": {
            "cwlVersion": "v1.0",
            "class": "CommandLineTool",
            "baseCommand": ["cat"],
            "inputs": {
                "texts": {"type": "File[]", "inputBinding": {"position": 0}},
                "number": {"type": "boolean?", "inputBinding": {"prefix": "-n"}},
            },
            "outputs": {
                "o": {"type": "stdout"},
                "log": {"type": "File?", "outputBinding": {"glob": "$(inputs.texts[0].basename)"}},
            },
        },
        "container": {
            "engine": "docker",
            "settings": {"image": {"url": "example.org/x"}, "ram": 256},
        },
        "inputs": {
            "texts": [
                {**text, "basename": "a", "dirname": f"{box.root}/inputs/one"},
                {**text, "basename": "b", "dirname": f"{box.root}/inputs/two"},
            ],
            "number": True,
        },
        "outputs": {"o": {"class": "stdout", "connector": connector(to=f"{box.root}/sent")}},
        "execution": {"engine": "ccagency", "settings": {}},
    }


def test_the_models_job_runs(box: Box) -> None:
    prepared = red.prepare(document(box), disable_retry=False, disable_connector_validation=False)
    job = red.job(
        prepared.experiment,
        prepared.batches[0],
        prepared.secrets,
        mark="MARK",
        stream_limit=1000,
    )
    done = box.run(json.loads(json.dumps(job)))
    assert (done.code, done.info) == (0, "")
    assert (box.root / "sent").read_text() == "     1\thello\n     2\thello\n"
    assert list(done.result["inputs"]) == ["texts:0", "texts:1"]
    assert done.result["outputs"]["log"] == {"class": "File?", "glob": "a", "path": None}


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        (r"\| `debugInfo` \| (\d+) kB", agent.DEBUG_SIZE // 1024),
        (r"at most (\d+) kB, secrets", agent.MESSAGE_SIZE // 1024),
        (r"has (\d+) seconds to end", int(agent.GRACE)),
        (r", (\d+) when it was asked to end", agent.STOPPED),
        (r"then the other inputs, (\w+) at a time", {4: "four"}[agent.WORKERS]),
    ],
)
def test_the_documents_numbers(pattern: str, value: object) -> None:
    found = re.search(pattern, GUIDE)
    assert found
    assert found[1] == str(value)
