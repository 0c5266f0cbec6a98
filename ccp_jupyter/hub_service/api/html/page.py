"""Pages: templates, what browsers may do with them, and the way from a document to a page."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from tornado.template import Loader

from ccp_jupyter.hub_service.api.html import markup, shown
from ccp_jupyter.hub_service.api.html.extras import extras
from ccp_jupyter.hub_service.api.links import segment
from ccp_jupyter.hub_service.api.negotiation import FORM

if TYPE_CHECKING:
    from ccp_jupyter.hub_service.api.errors import ApiError
    from ccp_jupyter.hub_service.api.handler import ApiHandler
    from ccp_jupyter.hub_service.api.identity import Caller

TEMPLATES: Final = Path(__file__).parents[1] / "templates"
ANY_DOCUMENT: Final = "document.html"
"""Template for operations that name none."""
_LARGE: Final = 30_000
"""Bytes of a document from which on making its page takes longer than others should wait."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page with the headers that belong to it."""

    text: bytes
    headers: Mapping[str, str]


@cache
def templates() -> Loader:
    """Return the templates, which are read at first use."""
    helpers = {
        "markup": markup,
        "shown": shown,
        "asset": asset,
        "segment": segment,
        "urlencode": urlencode,
    }
    return Loader(str(TEMPLATES), namespace=helpers, whitespace="single")


@cache
def asset(name: str) -> str:
    """Return path and version of a file that pages load, below the service's address."""
    digest = hashlib.sha256(TEMPLATES.joinpath("assets", name).read_bytes()).hexdigest()
    return f"assets/{name}?v={digest[:12]}"


def headers(nonce: str) -> dict[str, str]:
    """Return the headers of a page; only what carries the nonce is loaded and run."""
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
        "Content-Security-Policy": (
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; "
            f"connect-src 'self'; img-src 'self'; style-src 'nonce-{nonce}'; "
            f"script-src 'nonce-{nonce}'"
        ),
    }


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page is, and who reads it.

    Attributes
    ----------
    base : str
        Address of the service, with a slash at the end.
    path : str
        Of the page, below `base`.
    query : mapping
        Parameters of the request.
    caller : Caller or None
        None when nobody is known.
    """

    base: str
    path: str = ""
    query: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    caller: Caller | None = None

    @classmethod
    def of(cls, handler: ApiHandler, base: str | None = None) -> Place:
        """Return the place of what a handler answers."""
        return cls(
            base or handler.base_url,
            handler.request.path.removeprefix(handler.services.prefix),
            handler.request.query_arguments,
            getattr(handler, "caller", None),
        )


def made(place: Place, template: str, **values: object) -> Page:
    """Make a page.

    Parameters
    ----------
    place : Place
        Where it is.
    template : str
        Name of the template.
    **values : object
        For it.
    """
    nonce = secrets.token_urlsafe(16)
    query = {name: given for name, given in place.query.items() if name != "_xsrf"}
    known = {
        "base": place.base,
        "caller": place.caller,
        "nonce": nonce,
        "json_form": "?" + urlencode({**query, FORM: ["json"]}, doseq=True),
        "path": place.path,
        "section": place.path.partition("/")[0],
        "refresh": None,
        "script": None,
        "is_error": False,
    }
    found = templates().load(template).generate(**(known | values))
    return Page(found, headers(nonce))


async def page_of(handler: ApiHandler, document: bytes) -> Page:
    """Return the page that shows a document.

    Parameters
    ----------
    handler : ApiHandler
        Its operation names the template.
    document : bytes
        JSON, as programs get it.
    """
    template = handler.operation.page or ANY_DOCUMENT
    found: Any = json.loads(document)
    values: dict[str, object] = {
        "doc": found,
        "title": handler.operation.summary,
        # Reading it sets the cookie that the page's forms must send back.
        "xsrf": handler.xsrf_token.decode(),
    }
    values |= await extras(template, handler, found)
    if len(document) < _LARGE:
        return made(Place.of(handler), template, **values)
    return await asyncio.to_thread(made, Place.of(handler), template, **values)


def error_page(handler: ApiHandler, error: ApiError) -> Page:
    """Return the page of an error."""
    document = error.document()
    document["instance"] = handler.request.path
    title = HTTPStatus(error.status_code).phrase
    # The address of the service may be what is wrong: its path does.
    place = Place.of(handler, handler.services.prefix)
    return made(place, "error.html", doc=document, title=title, is_error=True)
