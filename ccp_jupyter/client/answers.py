"""From an answer that is an error to the exception that says so."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from ccp_jupyter.client.errors import (
    Conflict,
    InvalidRequest,
    LimitReached,
    NotAllowed,
    NotFound,
    NotLoggedIn,
    ServiceError,
    ServiceUnavailable,
)
from ccp_jupyter.model.errors import Problem

LONGEST_TEXT = 2000
_LONGEST_WAIT = 3600.0
_CLASSES: dict[int, type[ServiceError]] = {
    401: NotLoggedIn,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    410: NotFound,
    429: LimitReached,
}
_AGENCY_PREFIX = re.compile(r"\A[45][0-9]{2} [A-Za-z' -]+: ")
_HINTS = {
    401: "the service does not accept your token: it may have ended; make a new one, or restart"
    " your server on the hub",
    403: "you may not do this",
    404: "there is no such thing at this address; is the service's url right?",
}


def error_of(status: int, headers: Mapping[str, str], body: bytes) -> ServiceError:
    """Return the exception for an answer with a status from 300 on.

    Parameters
    ----------
    status : int
        HTTP status.
    headers : mapping
        Headers of the answer; names in lower case are found.
    body : bytes
        Its first part, best a problem document (RFC 7807).
    """
    document = _document(body)
    type_uri = _text(document.get("type"))
    message = _text(document.get("detail")) or _text(document.get("title"))
    if status < 400:
        return _redirect(status, headers)
    if status in (502, 503, 504):
        pause = retry_after(headers)
        return ServiceUnavailable(
            message or f"the service does not work now (HTTP {status})",
            status=status,
            retry_after=pause,
            # So the service answers when it did nothing; a proxy whose connection to it broke
            # answers 503 too, but does not know when to come again.
            maybe_done=status != 503 or pause is None,
        )
    problems = _problems(document.get("problems"))
    if problems or status in (400, 413, 415, 422):
        text = (
            "" if len(problems) == 1 else message or f"the service refused the request ({status})"
        )
        return InvalidRequest(problems, text, status=status, type_uri=type_uri)
    if type_uri.endswith("limit-reached"):
        return LimitReached(message, status=status, type_uri=type_uri)
    text = message or _HINTS.get(status) or f"the service failed (HTTP {status})"
    return _CLASSES.get(status, ServiceError)(text, status=status, type_uri=type_uri)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a Retry-After header (number or date), None without a usable one."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - datetime.now(UTC)).total_seconds()
    # "nan" and "inf" are floats too; comparisons with nan are false.
    return seconds if 0 <= seconds <= _LONGEST_WAIT else None


def _redirect(status: int, headers: Mapping[str, str]) -> ServiceError:
    target = headers.get("location", "")
    if "/login" in target or "/oauth2/" in target:
        return NotLoggedIn(
            "the service sends you to its login page: your token is missing or ended"
        )
    return ServiceError(f"the service answers with a redirect ({status}); is the url right?")


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if isinstance(document, str):
        # The agency's routes answer as CC-Agency does: "400 Bad Request: what is wrong".
        return {"detail": _AGENCY_PREFIX.sub("", document)}
    return document if isinstance(document, dict) else {}


def _text(value: object) -> str:
    return value[:LONGEST_TEXT] if isinstance(value, str) else ""


def _problems(found: object) -> list[Problem]:
    if not isinstance(found, list):
        return []
    return [
        Problem(_text(each.get("member")), _text(each.get("rule")), _text(each.get("value")))
        for each in found[:100]
        if isinstance(each, dict)
    ]
