"""Job files and command lines against those of the original."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

from ccp_jupyter.model.red import job, normalised, prepare, substituted, variables
from tests.contract.red.documents import documents
from tests.contract.red.test_verdicts import problems

pytestmark = pytest.mark.timeout(600)  # the first run installs the original

quickly = settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def complete(document: dict[str, Any]) -> Any:
    """Return a document with what the service asks for, and values for its variables."""
    filled: Any = substituted(document, {v.name: "value" for v in variables(document)})
    filled["container"]["settings"]["ram"] = 256
    filled.pop("execution", None)
    for batch in filled.get("batches", [filled]):
        batch.setdefault("outputs", {})
        batch.pop("cloud", None)
    return filled


def without_chance(value: Any) -> Any:
    """Return a job with the same name in place of each random one, and without ``doc``."""
    if isinstance(value, dict):
        return {key: without_chance(child) for key, child in value.items() if key != "doc"}
    if isinstance(value, list):
        return list(map(without_chance, value))
    return _UUID.sub("RANDOM", value) if isinstance(value, str) else value


@quickly
@given(document=documents())
def test_jobs(oracle, document):
    assume(not problems(document))
    document = complete(document)
    prepared = prepare(document, disable_retry=False, disable_connector_validation=False)
    theirs = oracle.restricted(normalised(copy.deepcopy(document)))
    assert len(theirs) == len(prepared.batches)
    for batch, expected in zip(prepared.batches, theirs, strict=True):
        ours = job(prepared.experiment, batch, prepared.secrets, mark="m", stream_limit=9)
        declared = document["cli"]["inputs"]
        words = oracle.words(expected["command"], declared, ours["inputs"])
        assert ours["argv"] == words
        assert ours["command"] == expected["command"]
        for name in ("inputs", "outputs"):
            assert without_chance(ours[name]) == without_chance(expected[name])
        cli = without_chance(ours["cli"])
        assert cli == without_chance(
            {
                "outputs": expected["cli"]["outputs"],
                "stdout": expected["cli"]["stdout"],
                "stderr": expected["cli"]["stderr"],
                "keep": [name for name in ("stdout", "stderr") if name in document["cli"]],
            }
        )
