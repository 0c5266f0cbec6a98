"""Addresses in answers: built from what the hub's proxy says of the request."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote

from tornado.httputil import HTTPServerRequest

from ccp_jupyter.hub_service.api.errors import ApiError

OGC_REL: Final = "http://www.opengis.net/def/rel/ogc/1.0/"

_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


def origin(request: HTTPServerRequest, public_url: str | None) -> str:
    """Return scheme and host of the service as the caller sees it.

    Parameters
    ----------
    request : HTTPServerRequest
        Its ``X-Forwarded-*`` headers come from the hub's proxy. Whoever sends others deceives
        only themself: no answer is shared between callers.
    public_url : str or None
        Configured address, which wins.

    Raises
    ------
    ApiError
        400 when no header holds a host name.
    """
    if public_url is not None:
        return public_url.rstrip("/")
    headers = request.headers
    for name in ("X-Forwarded-Host", "Host"):
        host = headers.get(name, "").split(",")[0].strip()
        if _HOST.fullmatch(host):
            break
    else:
        raise ApiError(400, "Host: must be a host name, with or without a port")
    scheme = headers.get("X-Forwarded-Proto", "").split(",")[0].strip().lower()
    if scheme not in ("http", "https"):
        scheme = "https" if request.protocol == "https" else "http"
    return f"{scheme}://{host}"


def link(href: str, rel: str, title: str = "", kind: str = "application/json") -> dict[str, Any]:
    """Return a link object of the standard."""
    found = {"href": href, "rel": rel, "type": kind}
    if title:
        found["title"] = title
    return found


def page_link(href: str) -> dict[str, Any]:
    """Return the link to the page of a document.

    Parameters
    ----------
    href : str
        Address of the document.
    """
    form = "&f=html" if "?" in href else "?f=html"
    return link(href + form, "alternate", "This as a page", "text/html")


def segment(name: str) -> str:
    """Return a name fit for one segment of a path."""
    return quote(name, safe="")


def member_path(name: str) -> str:
    """Return the path of a file in a zip, fit for an address."""
    return quote(name.encode("utf-8", "surrogateescape"), safe="/")
