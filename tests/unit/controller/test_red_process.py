"""What an execute request of the process ``red`` asks for."""

from __future__ import annotations

from typing import Any

import pytest

from ccp_jupyter.hub_service.builtin.base import Offered
from ccp_jupyter.hub_service.builtin.red import Red
from ccp_jupyter.hub_service.controller.base import (
    ExperimentSubmission,
    NotExecutable,
    Submission,
    UnknownDependency,
)
from ccp_jupyter.hub_service.controller.experiments import document_digest
from ccp_jupyter.hub_service.controller.red_process import asked_for, members_of_request
from ccp_jupyter.model.errors import InvalidDocument, Problem

PROCESS = Offered(Red())
DOCUMENT = {"redVersion": "9", "batches": [{"access": {"password": "PLANTED"}}]}


def asked(body: object, **members: Any) -> ExperimentSubmission:
    """Return what a request of alice's asks for."""
    submission = Submission("alice", {"name": "alice"}, PROCESS.record, body, **members)
    return asked_for(PROCESS.method, submission)


def refused(body: object) -> list[Problem]:
    """Return what is wrong with a request; no problem shows what its document holds."""
    with pytest.raises(InvalidDocument) as caught:
        asked(body)
    assert "PLANTED" not in str(caught.value)
    return list(caught.value.problems)


def test_a_document_alone():
    found = asked({"inputs": {"document": DOCUMENT}}, idempotency_key="k", base_url="http://x/")
    wanted = ExperimentSubmission(
        "alice", {"name": "alice"}, DOCUMENT, idempotency_key="k", base_url="http://x/"
    )
    assert found == wanted
    # So that the same key at POST agency/red means the same Experiment.
    assert document_digest(found) == document_digest(wanted) != ""


def test_everything_that_can_be_asked_for():
    subscriber = {"successUri": "https://example.org/yes", "failedUri": "https://example.org/no"}
    found = asked(
        {
            "inputs": {
                "document": {"value": DOCUMENT, "mediaType": "application/json"},
                "disableRetry": True,
                "disableConnectorValidation": True,
                "useVault": True,
                "after": ["a", "b"],
            },
            "outputs": {},
            "response": "document",
            "subscriber": subscriber,
        }
    )
    assert found.document == DOCUMENT
    assert found.disable_retry and found.disable_connector_validation and found.use_vault
    assert found.after == ("a", "b")
    assert [each.uri for each in found.callbacks] == list(subscriber.values())
    alone = asked({"inputs": {"document": DOCUMENT, "after": "a"}, "subscriber": subscriber})
    assert alone.after == ("a",)


@pytest.mark.parametrize("document", ["text", 5, [], [DOCUMENT], False, {"value": [1]}])
def test_whatever_stands_for_the_document_is_left_to_its_own_checks(document):
    found = asked({"inputs": {"document": document}})
    assert found.document == (document["value"] if isinstance(document, dict) else document)


@pytest.mark.parametrize(
    ("body", "member"),
    [
        ([DOCUMENT], ""),
        (None, ""),
        (DOCUMENT, "inputs.document"),
        ({}, "inputs.document"),
        ({"inputs": [DOCUMENT]}, "inputs"),
        ({"inputs": {"document": None}}, "inputs.document"),
        ({"inputs": {"document": ""}}, "inputs.document"),
        ({"inputs": {"document": DOCUMENT, "docment": DOCUMENT}}, "inputs.docment"),
        ({"inputs": {"document": DOCUMENT, "disableRetry": 3}}, "inputs.disableRetry"),
        ({"inputs": {"document": DOCUMENT, "after": ["a b"]}}, "inputs.after"),
        ({"inputs": {"document": DOCUMENT, "after": ["a"] * 101}}, "inputs.after"),
        ({"inputs": {"document": DOCUMENT, "after": {"a": 1}}}, "inputs.after"),
        ({"inputs": {"document": DOCUMENT}, "outputs": {"x": {}}}, "outputs.x"),
        ({"inputs": {"document": DOCUMENT}, "mode": "sync"}, "mode"),
        ({"inputs": {"document": DOCUMENT}, "subscriber": {}}, "subscriber.successUri"),
    ],
)
def test_what_surrounds_the_document_is_checked(body, member):
    assert member in [problem.member for problem in refused(body)]


def test_it_cannot_be_kept_without_being_started():
    with pytest.raises(NotExecutable, match="begins at once"):
        asked({"inputs": {"document": DOCUMENT}}, hold=True)


@pytest.mark.parametrize(
    ("member", "found"),
    [
        ("", "inputs.document"),
        ("batches[3].inputs.x", "inputs.document.batches[3].inputs.x"),
        ("[0]", "inputs.document[0]"),
    ],
)
def test_problems_are_named_as_the_request_has_them(member, found):
    with pytest.raises(InvalidDocument) as caught, members_of_request():
        raise InvalidDocument([Problem(member, "is wrong", "5")])
    assert caught.value.problems == (Problem(found, "is wrong", "5"),)


def test_an_unknown_dependency_is_a_problem_of_its_input():
    with pytest.raises(InvalidDocument) as caught, members_of_request():
        raise UnknownDependency("you have no Execution x")
    assert caught.value.problems == (Problem("inputs.after", "you have no Execution x"),)
