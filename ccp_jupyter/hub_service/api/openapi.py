"""The OpenAPI 3.0 document, made from the table of routes and the types of documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ccp_jupyter.hub_service.api import schemas
from ccp_jupyter.hub_service.api.agency.logins import COOKIE
from ccp_jupyter.hub_service.api.identity import OPEN
from ccp_jupyter.hub_service.api.negotiation import FORM, forms, has_page
from ccp_jupyter.hub_service.api.operations import ANY, HTML, JSON, Answer, Operation
from ccp_jupyter.hub_service.api.params import Param, choice
from ccp_jupyter.hub_service.api.route import Route
from ccp_jupyter.hub_service.api.routes import ALL_ROUTES

_USUAL: Final = ("bearer", "token")
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
_LOGIN: Final = Answer("to the login, for browsers", headers={"Location": "the login"})
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
        "paths": {f"/{route.path}": _path(route) for route in ALL_ROUTES},
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
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "the agency: user name, and a token of the hub as password",
                },
                "cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": COOKIE,
                    "description": "the agency: set on answers to basic",
                },
            },
        },
        "security": _security(_USUAL),
        "tags": [{"name": tag} for tag in sorted({each.tag for each in _operations()})],
    }


def _security(schemes: tuple[str, ...]) -> list[dict[str, list[str]]]:
    return [{scheme: []} for scheme in schemes]


def _operations() -> Iterator[Operation]:
    for route in ALL_ROUTES:
        yield from route.operations.values()


def _path(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = {
        verb.lower(): _operation(route, verb, operation)
        for verb, operation in route.operations.items()
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


def _operation(route: Route, verb: str, operation: Operation) -> dict[str, Any]:
    paged = route.handler.pages and has_page(operation)
    answers = operation.answers
    if paged:
        answers = {key: _with_page(answer, key) for key, answer in answers.items()}
    responses = {status: _answer(answer) for status, answer in answers.items()}
    errors = _errors(route, operation)
    if route.handler.pages and verb == "GET":
        errors[406] = "there is no form of it that Accept takes"
        if operation.scope != OPEN:
            responses.setdefault(302, _answer(_LOGIN))
    for status, meaning in errors.items():
        model = operation.error_model or schemas.Error
        responses.setdefault(status, _error(status, meaning, model, route.handler.pages))
    found: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": {str(status): responses[status] for status in sorted(responses)},
    }
    parameters = [param.openapi() for param in operation.query]
    reads = verb == "GET"
    if paged and reads and not any(param.name == FORM for param in operation.query):
        said = "form of the answer, instead of the header Accept"
        parameters.append(Param(FORM, said, *choice(*forms(operation))).openapi())
    parameters += [
        {"name": name, "in": "header", "description": text, "schema": _header(operation, name)}
        for name, text in operation.headers.items()
    ]
    if parameters:
        found["parameters"] = parameters
    if operation.scope == OPEN:
        found["security"] = []
    else:
        found["description"] = f"Requires scope `{operation.scope}`."
        if operation.schemes != _USUAL:
            found["security"] = _security(operation.schemes)
    if operation.body is not None:
        found["requestBody"] = {
            "required": True,
            "content": {
                kind: _media(kind, model) for kind, model in operation.body.content.items()
            },
        }
    return found


def _header(operation: Operation, name: str) -> dict[str, str]:
    pattern = operation.patterns.get(name)
    return {"type": "string"} if pattern is None else {"type": "string", "pattern": f"^{pattern}$"}


def _with_page(answer: Answer, status: int) -> Answer:
    if not 200 <= status < 300 or not answer.content:
        return answer
    return replace(answer, content={**answer.content, HTML: None})


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
    if kind == ANY:
        return {"schema": {}}  # a file of any kind may be JSON, too, and then need not be a text
    textual = kind.startswith("text/") or kind.partition("+")[0] == "application/cwl"
    return {"schema": {"type": "string"} if textual else {"type": "string", "format": "binary"}}


def _error(status: int, meaning: str, model: type[BaseModel], page: bool) -> dict[str, Any]:
    found = _answer(Answer(meaning, {JSON: model, HTML: None} if page else {JSON: model}))
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
            models += [model for model in operation.body.content.values() if model is not None]
        if operation.error_model is not None:
            models.append(operation.error_model)
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
        found |= rest[0] if len(rest) == 1 else {"anyOf": rest}
        # Members without a value are left out of our documents, but for those of the agency.
        if "default" not in found:
            found["nullable"] = True
        elif found["default"] is None:
            del found["default"]
    if "$ref" in found and len(found) > 1:
        found["allOf"] = [{"$ref": found.pop("$ref")}]
    return found
