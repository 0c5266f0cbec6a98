"""A RED document to start from, and short ways to change and to judge one."""

from __future__ import annotations

import copy
from typing import Any

from ccp_jupyter.model.errors import InvalidDocument, Problem
from ccp_jupyter.model.red import Prepared, check, prepare

CONNECTOR = {"command": "red-connector-http", "access": {"url": "http://example.org/in"}}

FULL: dict[str, Any] = {
    "redVersion": "9",
    "cli": {
        "cwlVersion": "v1.0",
        "class": "CommandLineTool",
        "baseCommand": ["tool"],
        "inputs": {
            "term": {"type": "string", "inputBinding": {"position": 0}},
            "text": {"type": "File?", "inputBinding": {"position": 1}},
            "texts": {"type": "File[]?", "inputBinding": {"position": 2}},
            "folder": {"type": "Directory?", "inputBinding": {"prefix": "-d"}},
            "count": {"type": "int?", "inputBinding": {"prefix": "-n"}},
            "level": {"type": "double?", "inputBinding": {"prefix": "-l"}},
            "flag": {"type": "boolean?", "inputBinding": {"prefix": "-f"}},
            "many": {"type": "int[]?", "inputBinding": {"prefix": "-m", "itemSeparator": ","}},
        },
        "outputs": {
            "hits": {"type": "stdout"},
            "table": {"type": "File", "outputBinding": {"glob": "table.csv"}},
            "maybe": {"type": "File?", "outputBinding": {"glob": "*.png"}},
            "plots": {"type": "Directory", "outputBinding": {"glob": "plots"}},
        },
        "stdout": "hits.txt",
    },
    "container": {
        "engine": "docker",
        "settings": {"image": {"url": "registry.example.org/tool:1"}, "ram": 256},
    },
    "inputs": {"term": "query"},
    "outputs": {},
    "execution": {"engine": "ccagency", "settings": {"batchConcurrencyLimit": 8}},
}


def red(**changes: Any) -> dict[str, Any]:
    """Return the document with values at paths, dots written as ``__``; ``...`` deletes."""
    document = copy.deepcopy(FULL)
    for path, value in changes.items():
        *steps, last = path.split("__")
        place: Any = document
        for step in steps:
            place = place[step]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return document


def file(**members: Any) -> dict[str, Any]:
    """Return an input or output file."""
    return {"class": "File", "connector": copy.deepcopy(CONNECTOR), **members}


def folder(**members: Any) -> dict[str, Any]:
    """Return an input or output directory."""
    return {"class": "Directory", "connector": copy.deepcopy(CONNECTOR), **members}


def batches(*holders: dict[str, Any]) -> dict[str, Any]:
    """Return the document with batches."""
    return red(inputs=..., outputs=..., batches=list(holders))


def problems(document: object) -> list[Problem]:
    """Return what `check` finds."""
    try:
        check(document)
    except InvalidDocument as error:
        return list(error.problems)
    return []


def prepared(document: object, **flags: bool) -> Prepared:
    """Return what `prepare` makes of a document."""
    asked = {"disable_retry": False, "disable_connector_validation": False, **flags}
    return prepare(document, **asked)
