"""Which form of a document a caller gets: ``f=``, or the ``Accept`` header with its q-values.

Rules are those of RFC 9110, section 12.5.1: the most specific range that matches a media type gives
its quality; a range without `q` has 1; quality 0 refuses. The query parameter ``f`` wins, as with
other servers of the OGC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from ccp_jupyter.hub_service.api.errors import INVALID_PARAMETER, ApiError
from ccp_jupyter.hub_service.api.operations import ANY, HTML, JSON, Operation
from ccp_jupyter.model.errors import shown

FORM: Final = "f"
"""The query parameter."""
PLAIN: Final = frozenset({None, "", ANY, JSON})
"""What most programs send as ``Accept``: JSON without a further look."""

_RANGE: Final = re.compile(r"([\w!#$%&'*+.^`|~-]+)/([\w!#$%&'*+.^`|~-]+)", re.ASCII)
_QUALITY: Final = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")
_MOST_RANGES: Final = 100
_LONGEST: Final = 10_000


def preferred(accept: str, offers: Sequence[str]) -> str | None:
    """Return the media type of some that an ``Accept`` header likes best.

    Parameters
    ----------
    accept : str
        The header; empty when there is none. What is no media range in it is left out.
    offers : sequence of str
        Media types without parameters; the first wins where several are liked as well.

    Returns
    -------
    str or None
        None when all are refused.
    """
    if not accept.strip():
        return offers[0] if offers else None
    ranges = _ranges(accept)
    best, found = 0.0, None
    for offer in offers:
        quality = _quality(offer, ranges)
        if quality > best:
            best, found = quality, offer
    return found


def _ranges(accept: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in accept[:_LONGEST].split(",", _MOST_RANGES)[:_MOST_RANGES]:
        kind, *parameters = (word.strip() for word in part.lower().split(";"))
        if not _RANGE.fullmatch(kind):
            continue
        given = [word.partition("=")[2].strip() for word in parameters if word.startswith("q=")]
        quality = given[0] if given else "1"
        found.setdefault(kind, float(quality) if _QUALITY.fullmatch(quality) else 0.0)
    return found


def _quality(offer: str, ranges: Mapping[str, float]) -> float:
    general = (JSON,) if is_json(offer) else ()  # who takes JSON takes every kind of it
    for candidate in (offer, *general, offer.partition("/")[0] + "/*", ANY):
        if candidate in ranges:
            return ranges[candidate]
    return 0.0


def has_page(operation: Operation) -> bool:
    """Tell whether an operation answers with a page, or a document that a page can show."""
    return any(is_json(kind) or kind in (HTML, "text/plain") for kind in _kinds(operation))


def is_json(kind: str) -> bool:
    """Tell whether a media type is JSON of any kind."""
    base = kind.partition(";")[0].strip().lower()
    return base == JSON or base.endswith("+json")


def _kinds(operation: Operation) -> dict[str, None]:
    return {
        kind: None
        for status, answer in operation.answers.items()
        if 200 <= status < 300
        for kind in answer.content
    }


def negotiated(operation: Operation, accept: str, form: str | None) -> str:
    """Return the media type in which a GET is answered.

    Parameters
    ----------
    operation : Operation
        Its answers tell what there is; a page is there besides, see `has_page`.
    accept : str
        The header; empty when there is none.
    form : str or None
        Value of the query parameter ``f``.

    Returns
    -------
    str
        One of the media types of the operation, or ``text/html``.

    Raises
    ------
    ApiError
        400: there is no such form. 406: the caller refuses all that there are.
    """
    kinds = list(_kinds(operation))
    own_form = any(param.name == FORM for param in operation.query)
    if form is not None and has_page(operation):
        if form == "html":
            return HTML
        if not own_form:
            return _of_form(form, operation)
    if form is not None or not kinds:
        return kinds[0] if kinds else JSON
    offers = [kind.partition(";")[0] for kind in kinds]
    if has_page(operation) and HTML not in offers:
        offers.append(HTML)
    found = preferred(accept, [offer for offer in offers if offer != ANY])
    if found is None and ANY in offers:
        return ANY
    if found is None:
        detail = f"Accept: there is only {', '.join(offers)} (found {shown(accept)})"
        raise ApiError(406, detail)
    return next((kind for kind in kinds if kind.partition(";")[0] == found), found)


def forms(operation: Operation) -> dict[str, str]:
    """Return the values of the parameter ``f``, with the media type that each stands for."""
    kinds = _kinds(operation)
    found = {
        "json": next(filter(is_json, kinds), ""),
        "text": "text/plain" if "text/plain" in kinds else "",
        "html": HTML,
    }
    return {name: kind for name, kind in found.items() if kind}


def _of_form(form: str, operation: Operation) -> str:
    there = forms(operation)
    if form not in there:
        names = " or ".join(there)
        raise ApiError(400, f"f: must be {names} (found {shown(form)})", INVALID_PARAMETER)
    return there[form]
