"""What a form sent: from multipart/form-data to an execute request."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from typing import Any, Final

from tornado.httputil import (
    HTTPFile,
    HTTPInputError,
    ParseMultipartConfig,
    parse_multipart_form_data,
)

from ccp_jupyter.hub_service.api.bodies import parse_json
from ccp_jupyter.hub_service.api.errors import ApiError
from ccp_jupyter.hub_service.api.html.fields import (
    LINK,
    NAMED,
    PREFIX,
    as_text,
    control_of,
    is_many,
    schema_of,
)
from ccp_jupyter.model.errors import InvalidDocument, Problem
from ccp_jupyter.model.input_values import is_media_type

MULTIPART: Final = "multipart/form-data"
_MOST_PARTS: Final = 5000
_LOCAL_TIME: Final = re.compile(r"\d{4,}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?")


@dataclass(slots=True)
class Sent:
    """The parts of a form, decoded."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, list[HTTPFile]] = field(default_factory=dict)

    def first(self, name: str) -> str:
        """Return the first value of a field; empty when there is none."""
        return next(iter(self.texts.get(name, ())), "")


def read_form(content_type: str, body: bytes) -> Sent:
    """Take a multipart body apart.

    Parameters
    ----------
    content_type : str
        The header, with the boundary.
    body : bytes
        All of it.

    Raises
    ------
    ApiError
        400: it is cut off, has very many parts, or is not UTF-8.
    """
    message = Message()
    message["Content-Type"] = content_type.replace("\r", " ").replace("\n", " ")
    boundary = message.get_param("boundary")
    if not isinstance(boundary, str) or not boundary:
        raise ApiError(400, "Content-Type: a form needs a boundary")
    raw: dict[str, list[bytes]] = {}
    found = Sent()
    try:
        parse_multipart_form_data(
            boundary.encode(),
            body,
            raw,
            found.files,
            config=ParseMultipartConfig(max_parts=_MOST_PARTS),
        )
        # Browsers end lines of text as the rules for mail do.
        found.texts = {
            name: [value.decode().replace("\r\n", "\n") for value in values]
            for name, values in raw.items()
        }
    except (HTTPInputError, UnicodeError, ValueError) as error:
        raise ApiError(400, "The form came cut off, or is none: send it again") from error
    return found


def request_of(inputs: Mapping[str, Any], outputs: Sequence[str], sent: Sent) -> dict[str, Any]:
    """Return the execute request that a form stands for; it is not checked yet.

    Parameters
    ----------
    inputs : mapping of str to object
        The inputs of the Method's document.
    outputs : sequence of str
        Ids of its outputs.
    sent : Sent
        The form.

    Raises
    ------
    InvalidDocument
        A field holds JSON that is none.
    """
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    for name, descriptor in inputs.items():
        if not isinstance(descriptor, dict):
            continue
        try:
            value = _value(name, {**descriptor, "id": name}, sent)
        except InvalidDocument as error:
            problems += [Problem(PREFIX + name, each.rule) for each in error.problems]
            continue
        if value is not None:
            values[name] = value
    if problems:
        raise InvalidDocument(problems)
    found: dict[str, Any] = {"inputs": values, "response": "document"}
    wanted = [name for name in outputs if name in sent.texts.get("outputs", ())]
    if wanted and len(wanted) < len(outputs):
        found["outputs"] = {name: {} for name in wanted}
    return found


def _value(name: str, descriptor: Mapping[str, Any], sent: Sent) -> object:
    """Return what stands in a request for one field; None to leave it out."""
    control = control_of(descriptor)
    texts = sent.texts.get(PREFIX + name, [])
    match control:
        case "fixed":
            return None
        case "secret":
            named = sent.first(PREFIX + name + NAMED).strip()
            return {"$secret": named} if named else (texts[0] if texts and texts[0] else None)
        case "file":
            return _files(name, descriptor, sent)
        case "checkbox":
            return texts == ["true"]
        case "checklist" | "radio" | "select":
            return _chosen(descriptor, texts)
        case "json":
            return _json(texts)
        case "datetime-local":
            return _in_utc(texts[0]) if texts and texts[0] else None
    if is_many(descriptor):
        return [line for text in texts for line in text.split("\n") if line] or None
    # An empty field says something only where a default stood.
    empty_counts = schema_of(descriptor).get("default") is not None
    return texts[0] if texts and (texts[0] or empty_counts) else None


def _chosen(descriptor: Mapping[str, Any], texts: Sequence[str]) -> object:
    values = {as_text(each): each for each in schema_of(descriptor).get("enum") or (True, False)}
    # What is none of them is left for the check of the request to refuse.
    chosen = [values.get(text, text) for text in texts if text or text in values]
    if not chosen:
        return None
    return chosen if is_many(descriptor) else chosen[0]


def _json(texts: Sequence[str]) -> object:
    text = texts[0].strip() if texts else ""
    if not text:
        return None
    if text[0] not in '{["' and text not in ("true", "false", "null"):
        try:
            return parse_json(text.encode())
        except InvalidDocument:
            return texts[0]  # plain text, where that is one of the alternatives
    return parse_json(text.encode())


def _in_utc(text: str) -> str:
    """Return a time of a form, which has no zone, as one in UTC."""
    if not (match := _LOCAL_TIME.fullmatch(text)):
        return text
    return text + ("Z" if match[1] else ":00Z")


def _files(name: str, descriptor: Mapping[str, Any], sent: Sent) -> object:
    found: list[dict[str, str]] = []
    for file in sent.files.get(PREFIX + name, []):
        content: bytes = file["body"]
        if not content and not file["filename"]:
            continue
        one = {"value": base64.b64encode(content).decode(), "encoding": "base64"}
        # A browser goes by the name of a file; the Method knows what it wants.
        kind = str(file["content_type"])
        if not schema_of(descriptor).get("contentMediaType") and is_media_type(kind):
            one["mediaType"] = kind
        found.append(one)
    links = sent.first(PREFIX + name + LINK).split("\n")
    found += [{"href": link.strip()} for link in links if link.strip()]
    if not found:
        return None
    return found if is_many(descriptor) else (found[0] if len(found) == 1 else found)


def kept(inputs: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of a request that a form may show again: no secret, no file.

    Parameters
    ----------
    inputs : mapping of str to object
        The inputs of the Method's document.
    request : mapping of str to object
        An execute request.
    """
    given = request.get("inputs")
    if not isinstance(given, dict):
        return {}
    return {
        name: value
        for name, value in given.items()
        if isinstance(inputs.get(name), dict)
        and control_of({**inputs[name], "id": name}) not in ("secret", "fixed")
    }
