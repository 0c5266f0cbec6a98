"""Ours accepts what the original accepts, but for the differences in docs/red.md."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.red import check, variables
from tests.contract.red.documents import broken_documents, documents
from tests.contract.red.oracle import Oracle

pytestmark = pytest.mark.timeout(600)  # the first run installs the original

quickly = settings(
    max_examples=250,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

DIFFERENCES = {
    "empty batches": "must have at least one batch",
    "no GPU": r"must be .* from 1 to 1024; leave gpus out for none|must be a list of 1 to 1024 dev",
    "identifiers": "names may have only letters",
    "NaN, infinite": "a number must be finite",
    "64 bits": "a whole number must fit into 64 bits",
    "NUL": "no NUL characters|a key: no NUL",
    "half characters": "must be valid Unicode|a key: must be valid Unicode",
    "basename": "must be a plain file name",
    "x and _x": "stands there as .* too",
    "glob leaves outputs": "must stay within the outputs directory",
    "stream leaves outputs": "must name a file in the outputs directory",
    "mounted file": "only directories can be mounted",
    "reference to a secret": "a reference must not lead into a connector",
    "reference grammar": "a reference must be like",
    "no command": "the command line names no program",
    "no image": "must be the name of an image",
    "long names of variables": "the name of a variable may have at most",
    "limits": "at most 64 levels|must have at most .* characters",
}
"""What only ours refuses: name in docs/red.md, and the rule."""
_DIFFERENT = re.compile("|".join(DIFFERENCES.values()))


def problems(document: object) -> list[str]:
    try:
        check(document)
    except InvalidDocument as error:
        return [problem.rule for problem in error.problems]
    return []


def compare(document: Any, oracle: Oracle) -> None:
    theirs = oracle.judge(copy.deepcopy(document))
    ours = problems(document)
    if not ours:
        assert theirs.accepted, theirs.reason
        assert [tuple(variable) for variable in variables(document)] == sorted(
            theirs.variables, reverse=True
        )
    elif theirs.accepted:
        unexplained = [rule for rule in ours if not _DIFFERENT.match(rule)]
        assert not unexplained


@quickly
@given(document=documents())
def test_sound_documents(oracle, document):
    compare(document, oracle)


@quickly
@given(document=broken_documents())
def test_broken_documents(oracle, document):
    compare(document, oracle)
