"""Execute requests of the process ``red``: what they ask of the Experiment that they make."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from ccp_jupyter.hub_service.controller.base import (
    ExperimentSubmission,
    NotExecutable,
    Submission,
    UnknownDependency,
)
from ccp_jupyter.model.callbacks import callbacks_of
from ccp_jupyter.model.errors import InvalidDocument, Problem
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.input_reader import QUALIFIERS
from ccp_jupyter.model.method import Method
from ccp_jupyter.model.request import check_request
from ccp_jupyter.model.values import PlainValue

_DOCUMENT: Final = "document"
_PLACE: Final = f"inputs.{_DOCUMENT}"


def asked_for(process: Method, submission: Submission) -> ExperimentSubmission:
    """Return what an execute request asks for; its document is not checked yet.

    Parameters
    ----------
    process : Method
        The description of ``red``.
    submission : Submission
        The request.

    Raises
    ------
    ccp_jupyter.model.errors.InvalidDocument
        What surrounds the document breaks rules.
    NotExecutable
        It shall only be kept.
    """
    if submission.hold:
        raise NotExecutable(
            f"An Experiment begins at once and cannot be kept; POST it to processes/{process.id}"
            "/execution"
        )
    body, document = _taken_out(submission.body)
    request = check_request(process, body, Limits())
    given = {
        name: [value.value for value in values if isinstance(value, PlainValue)]
        for name, values in request.inputs.items()
    }
    return ExperimentSubmission(
        owner=submission.owner,
        claims=submission.claims,
        document=document,
        disable_retry=given["disableRetry"][0],
        disable_connector_validation=given["disableConnectorValidation"][0],
        use_vault=given["useVault"][0],
        after=tuple(given.get("after", ())),
        idempotency_key=submission.idempotency_key,
        callbacks=tuple(callbacks_of(request.body)),
        base_url=submission.base_url,
    )


def _taken_out(body: object) -> tuple[object, object]:
    """Return a request with an empty object in place of its document, and the document.

    Rules, size and secrets of a RED document are not those of other inputs, so that what checks
    these, and shows what it finds, never sees one.
    """
    inputs = body.get("inputs") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not isinstance(inputs, dict):
        return body, None
    document = inputs.get(_DOCUMENT)
    if document in (None, ""):
        return body, None
    if isinstance(document, dict) and "value" in document and document.keys() <= QUALIFIERS:
        document = document["value"]
    return {**body, "inputs": {**inputs, _DOCUMENT: {}}}, document


@contextmanager
def members_of_request() -> Iterator[None]:
    """Have what is wrong with an Experiment named by its member in the execute request.

    Raises
    ------
    ccp_jupyter.model.errors.InvalidDocument
        Instead of one that names members of the document, and of `UnknownDependency`.
    """
    try:
        yield
    except InvalidDocument as error:
        raise InvalidDocument(
            replace(problem, member=_below(problem.member)) for problem in error.problems
        ) from error
    except UnknownDependency as error:
        raise InvalidDocument([Problem("inputs.after", error.rule)]) from error


def _below(member: str) -> str:
    return f"{_PLACE}.{member}" if member and member[0] != "[" else _PLACE + member
