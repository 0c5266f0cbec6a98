"""Error answers: RFC 7807 members, with the ``type`` strings of the OGC standards."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from tornado import web

from ccp_jupyter.hub_service.builtin.base import Failed
from ccp_jupyter.hub_service.controller.base import (
    KeyReused,
    LimitReached,
    NodeRefused,
    NotBegun,
    NotExecutable,
    ServiceFull,
    UnknownDependency,
    UnknownNode,
)
from ccp_jupyter.hub_service.store.base import StoreAway, StoreFull
from ccp_jupyter.hub_service.vault.base import VaultUnreachable
from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.packages.findings import WorkflowNotFound

_PART1: Final = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
_PART2: Final = "http://www.opengis.net/def/exceptions/ogcapi-processes-2/1.0/"
_PART4: Final = "http://www.opengis.net/def/exceptions/ogcapi-processes-4/1.0/"
_OWN: Final = "urn:ccp:error/"

NO_SUCH_PROCESS: Final = _PART1 + "no-such-process"
NO_SUCH_JOB: Final = _PART1 + "no-such-job"
NO_SUCH_OUTPUT: Final = _PART1 + "no-such-output"
RESULT_NOT_READY: Final = _PART1 + "result-not-ready"
RESULT_NOT_AVAILABLE: Final = _PART1 + "result-not-available"
INVALID_PARAMETER: Final = _PART1 + "invalid-query-parameter-value"
DUPLICATED_PROCESS: Final = _PART2 + "duplicated-process"
IMMUTABLE_PROCESS: Final = _PART2 + "immutable-process"
UNSUPPORTED_MEDIA_TYPE: Final = _PART2 + "unsupported-media-type"
WORKFLOW_NOT_FOUND: Final = _PART2 + "workflow-not-found"
LOCKED: Final = _PART4 + "locked"
UNSUPPORTED_JOB_TYPE: Final = _PART4 + "unsupported-media-type"
UNSUPPORTED_SCHEMA: Final = _PART4 + "unsupported-schema"
INVALID_DOCUMENT: Final = _OWN + "invalid-document"
EXECUTION_FAILED: Final = _OWN + "execution-failed"
NOT_EXECUTABLE: Final = _OWN + "not-executable"
LIMIT_REACHED: Final = _OWN + "limit-reached"
NODE_REFUSED: Final = _OWN + "node-refused"
KEY_REUSED: Final = _OWN + "idempotency-key-reused"
ABOUT_BLANK: Final = "about:blank"


class ApiError(web.HTTPError):
    """An answer other than the one asked for.

    Parameters
    ----------
    status : int
        HTTP status of 400 and above.
    detail : str
        What is wrong, in words for the caller; nothing private.
    kind : str, optional
        The RFC 7807 ``type``.
    headers : mapping of str, optional
        Further headers of the answer.
    **members : object
        Further members of the document.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        kind: str = ABOUT_BLANK,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(status)
        self.detail = detail
        self.kind = kind
        self.headers = dict(headers or {})
        self.members = members

    def document(self) -> dict[str, Any]:
        """Return the RFC 7807 document."""
        title = HTTPStatus(self.status_code).phrase
        return {
            "type": self.kind,
            "title": title,
            "status": self.status_code,
            "detail": self.detail,
            **self.members,
        }


def _invalid(error: InvalidDocument) -> ApiError:
    kind = WORKFLOW_NOT_FOUND if isinstance(error, WorkflowNotFound) else INVALID_DOCUMENT
    problems = [
        {"member": each.member, "rule": each.rule, "value": each.value} for each in error.problems
    ]
    return ApiError(400, str(error), kind, problems=problems)


def _of_tornado(error: web.HTTPError) -> ApiError:
    status = error.status_code
    if status >= 500:
        # The hub's library puts addresses inside into these texts.
        return unavailable("The hub does not answer; try again in a moment")
    message = error.log_message or error.reason
    if message and error.args:
        message = message % error.args
    return ApiError(status, message or HTTPStatus(status).phrase)


def unavailable(detail: str) -> ApiError:
    """Return a 503 that asks the caller to come again."""
    return ApiError(503, detail, headers={"Retry-After": "5"})


def translated(error: BaseException | None) -> ApiError | None:
    """Return the answer for an exception, or None for one that nobody expected.

    Parameters
    ----------
    error : BaseException or None
        What a handler, the controller, the store or tornado raised.
    """
    match error:
        case ApiError():
            return error
        case InvalidDocument():
            return _invalid(error)
        case UnknownDependency():
            return ApiError(400, str(error), INVALID_DOCUMENT)
        case NotBegun():
            return ApiError(423, str(error), LOCKED)
        case NotExecutable():
            return ApiError(409, str(error), NOT_EXECUTABLE)
        case LimitReached():
            return ApiError(409, str(error), LIMIT_REACHED)
        case Failed():
            return ApiError(422, str(error), EXECUTION_FAILED)
        case UnknownNode():
            return ApiError(404, str(error))
        case NodeRefused():
            return ApiError(409, str(error), NODE_REFUSED)
        case KeyReused():
            detail = str(error) or "This Idempotency-Key came before, with another request"
            return ApiError(422, detail, KEY_REUSED)
        case StoreFull() | ServiceFull():
            return ApiError(507, "The service's disk is full; nothing was changed")
        case StoreAway():
            return unavailable("The database does not answer; try again in a moment")
        case VaultUnreachable():
            return unavailable("The vault does not answer, so secrets cannot be kept now")
        case web.HTTPError():
            return _of_tornado(error)
        case _:
            return None
