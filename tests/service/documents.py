"""Checks of answers: against the published OGC schemas, and against the service's own document."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import yaml
from jsonschema import Draft4Validator, FormatChecker
from openapi_schema_validator import OAS30Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from ccp_jupyter.hub_service.api.openapi import openapi_document
from ccp_jupyter.hub_service.api.routes import ALL_ROUTES
from tests.conformance.suite import schema_folder
from tests.conftest import missing

PREFIX = "/services/ccp/"
OPENAPI = openapi_document(PREFIX)
_PATHS = [
    (
        re.compile(
            re.escape(PREFIX)
            + re.sub(r"\{(\w+)\}", lambda m: "(.+)" if m[1] == "path" else "([^/]+)", route.path)
        ),
        f"/{route.path}",
    )
    for route in ALL_ROUTES
]


@cache
def _schemas() -> Path:
    folder = schema_folder()
    if not (folder / "statusInfo.yaml").exists():
        missing(f"the published OGC schemas in {folder}; name their parent in CCP_SHARED_DATA")
    return folder


def _retrieve(uri: str) -> Resource[Any]:
    document = yaml.safe_load((_schemas() / uri.rsplit("/", 1)[-1]).read_text())
    # Defect of 1.0: a string matches `string` and `byte` at once, an integer `integer` and
    # `number`, so that hardly any value matches exactly one.
    if uri.endswith(("inputValueNoObject.yaml", "additionalParameter.yaml")):
        document = _any_of(document)
    return Resource.from_contents(document, default_specification=DRAFT4)


def _any_of(document: Any) -> Any:
    if isinstance(document, dict):
        return {"anyOf" if k == "oneOf" else k: _any_of(v) for k, v in document.items()}
    if isinstance(document, list):
        return [_any_of(each) for each in document]
    return document


def check_ogc(name: str, document: object) -> None:
    """Assert that a document is valid against a published schema, such as ``statusInfo``."""
    registry: Registry[Any] = Registry(retrieve=_retrieve)  # type: ignore[call-arg]
    uri = f"http://schemas.test/{name}.yaml"
    validator = Draft4Validator(
        {"$ref": uri}, registry=registry, format_checker=FormatChecker(["date-time"])
    )
    assert not [f"{e.json_path}: {e.message}" for e in validator.iter_errors(document)], document


def check_answer(response: httpx.Response) -> None:
    """Assert that an answer is one that the service's OpenAPI document announces."""
    request = response.request
    path = request.url.raw_path.decode().partition("?")[0]
    found = next((key for regex, key in _PATHS if regex.fullmatch(path)), None)
    if found is None:
        return
    operation = OPENAPI["paths"][found].get(request.method.lower())
    if operation is None:
        assert response.status_code == 405, f"{request.method} {path}: {response.status_code}"
        return
    announced = operation["responses"].get(str(response.status_code))
    assert announced, f"{request.method} {found}: {response.status_code} is not announced"
    kind = response.headers.get("content-type", "").split("; charset")[0]
    content = announced.get("content", {})
    assert not content or kind in content or "*/*" in content, f"{found}: {kind} not announced"
    schema = content.get(kind, {}).get("schema", {})
    if kind != "application/json" or "$ref" not in schema:
        return
    response.read()
    validator = OAS30Validator({**schema, "components": OPENAPI["components"]})
    errors = [f"{e.json_path}: {e.message}" for e in validator.iter_errors(response.json())]
    assert not errors, (found, errors, response.text[:500])


def check_error(response: httpx.Response, status: int, kind: str = "about:blank") -> dict[str, Any]:
    """Assert that an answer is an error document of this type; return it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    document: dict[str, Any] = response.json()
    check_ogc("exception", document)
    assert document["type"] == kind, document
    assert document["status"] == status
    assert document["title"] and document["detail"]
    assert "Traceback" not in response.text
    return document
