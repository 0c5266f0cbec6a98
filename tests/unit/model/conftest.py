"""Published schemas and examples, which lie outside the repository."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft4Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4


def shared(folder: str) -> Path:
    """Return a folder of the shared data; without it, fail in CI and skip elsewhere."""
    default = Path(__file__).parents[3].parent / "shared" / "data"
    path = Path(os.environ.get("CCP_SHARED_DATA") or default) / folder
    if not path.is_dir():
        message = f"no folder {path}: set CCP_SHARED_DATA to where the published schemas lie"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path


@pytest.fixture(scope="session")
def check_process() -> Callable[[object], None]:
    """Return what validates against process.yaml of OGC API - Processes 1.0."""
    registry: Registry[Any] = Registry()
    for path in shared("ogcapi-processes-1.0").glob("*.yaml"):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        resource = Resource.from_contents(content, default_specification=DRAFT4)
        registry = registry.with_resource(path.name, resource)
    validator = Draft4Validator({"$ref": "process.yaml"}, registry=registry)

    def check(document: object) -> None:
        validator.validate(document)

    return check


@pytest.fixture(scope="session")
def shared_reference() -> Path:
    """The reference documents, beside the data."""
    return shared("../reference").resolve()
