"""The OpenAPI 3.0 document, made from the table of routes and the types of documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ccp_jupyter.hub_service.api import schemas
from ccp_jupyter.hub_service.api.identity import OPEN
from ccp_jupyter.hub_service.api.operations import JSON, Answer, Operation
from ccp_jupyter.hub_service.api.routes import ROUTES, Route

_REF: Final = "#/components/schemas/"
_COMMON: Final = {
    401: "no login, or a token that the hub does not know",
    403: "no access, or a missing scope",
    500: "unexpected error",
    503: "the hub or a part of the service does not answer; try again",
}
_WITH_BODY: Final = {
    413: "the body is too large",
    415: "the body is in another media type or charset",
    507: "the service's disk is full",
}
_SUMMARY: Final = "A science gateway inside Jupyter: run Methods on remote container engines"


def openapi_document(prefix: str) -> dict[str, Any]:
    """Return the document.

    Parameters
    ----------
    prefix : str
        Path of the service at the hub's proxy.
    """
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "ccp",
            "description": _SUMMARY,
            "version": version("ccp-jupyter"),
            "license": {"name": "Apache-2.0"},
        },
        "servers": [{"url": prefix.rstrip("/") or "/"}],
        "paths": {f"/{route.path}": _path(route) for route in ROUTES},
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "a token of the hub: Authorization: Bearer <token>",
                },
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "a token of the hub: Authorization: token <token>",
                },
            },
        },
        "security": [{"bearer": []}, {"token": []}],
        "tags": [{"name": tag} for tag in sorted({each.tag for each in _operations()})],
    }


def _operations() -> Iterator[Operation]:
    for route in ROUTES:
        yield from route.operations.values()


def _path(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = {
        verb.lower(): _operation(route, operation) for verb, operation in route.operations.items()
    }
    names = re.findall(r"\{(\w+)\}", route.path)
    if names:
        found["parameters"] = [
            {
                "name": name,
                "in": "path",
                "required": True,
                "schema": {"type": "string", "minLength": 1},
            }
            for name in names
        ]
    return found


def _operation(route: Route, operation: Operation) -> dict[str, Any]:
    responses = {status: _answer(answer) for status, answer in operation.answers.items()}
    for status, meaning in _errors(route, operation).items():
        responses.setdefault(status, _error(status, meaning))
    found: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": {str(status): responses[status] for status in sorted(responses)},
    }
    parameters = [param.openapi() for param in operation.query]
    parameters += [
        {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}
        for name, text in operation.headers.items()
    ]
    if parameters:
        found["parameters"] = parameters
    if operation.scope == OPEN:
        found["security"] = []
    else:
        found["description"] = f"Requires scope `{operation.scope}`."
    if operation.body is not None:
        found["requestBody"] = {
            "required": True,
            "content": {
                kind: {"schema": _ref(operation.body.model)} for kind in operation.body.media_types
            },
        }
    return found


def _errors(route: Route, operation: Operation) -> dict[int, str]:
    found = {400: "a parameter, header or document breaks a rule; the detail says which"}
    if operation.scope != OPEN:
        found |= _COMMON
    if "{" in route.path:
        found[404] = "there is none, or the caller may not see it"
    if operation.body is not None:
        found |= _WITH_BODY
    return found | dict(operation.errors)


def _answer(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = {"description": answer.description}
    if answer.content:
        found["content"] = {kind: _media(kind, model) for kind, model in answer.content.items()}
    if answer.headers:
        found["headers"] = {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in answer.headers.items()
        }
    return found


def _media(kind: str, model: type[BaseModel] | None) -> dict[str, Any]:
    if model is not None:
        return {"schema": _ref(model)}
    if "openapi" in kind:
        return {"schema": {"type": "object"}}
    textual = kind.startswith("text/")
    return {"schema": {"type": "string"} if textual else {"type": "string", "format": "binary"}}


def _error(status: int, meaning: str) -> dict[str, Any]:
    found = _answer(Answer(meaning, {JSON: schemas.Error}))
    if status == 401:
        found["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}}}
    if status in (429, 503):
        found["headers"] = {"Retry-After": {"schema": {"type": "string"}}}
    return found


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF + model.__name__}


def _schemas() -> dict[str, Any]:
    models: list[type[BaseModel]] = [schemas.Error]
    for operation in _operations():
        models += [
            model
            for answer in operation.answers.values()
            for model in answer.content.values()
            if model is not None
        ]
        if operation.body is not None:
            models.append(operation.body.model)
    distinct = list(dict.fromkeys(models))
    _, document = models_json_schema(
        [(model, "serialization") for model in distinct], ref_template=_REF + "{model}"
    )
    return {name: _to_30(each) for name, each in document["$defs"].items()}


def _to_30(schema: Any) -> Any:
    """Turn a schema of JSON Schema 2020-12, as pydantic writes it, into one of OpenAPI 3.0."""
    if isinstance(schema, list):
        return [_to_30(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _to_30(value) for key, value in schema.items()}
    if "const" in found:
        found["enum"] = [found.pop("const")]
    for bound, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(found.get(bound), (int, float)) and not isinstance(found[bound], bool):
            found[limit] = found[bound]
            found[bound] = True
    if isinstance(found.get("anyOf"), list) and {"type": "null"} in found["anyOf"]:
        rest = [each for each in found.pop("anyOf") if each != {"type": "null"}]
        # Members without a value are left out of our documents, so null need not be allowed.
        found |= rest[0] if len(rest) == 1 else {"anyOf": rest}
        if found.get("default", 0) is None:
            del found["default"]
    if "$ref" in found and len(found) > 1:
        found["allOf"] = [{"$ref": found.pop("$ref")}]
    return found
