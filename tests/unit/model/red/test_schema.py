"""The published JSON schemas say what `check` says, as far as a schema can."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ccp_jupyter.model.red import container_schemas, schema
from tests.unit.model.red.red_documents import batches, file, folder, problems, red

VALIDATOR = Draft202012Validator(schema())

SAMPLES = [
    red(
        inputs__text=file(basename="x", dirname="/d", checksum="c", size=1),
        inputs__folder=folder(listing=[{"class": "Directory", "basename": "d", "listing": []}]),
        outputs={"table": file(size=1), "plots": folder(listing=[]), "maybe": file()},
        container__settings__gpus={"vendor": "nvidia", "count": 1},
        cloud={"enable": False, "mountDir": "x"},
        doc="x",
    ),
    batches(
        {"inputs": {"term": "a", "count": 1, "level": 1.5, "flag": True, "many": [1]}},
        {"inputs": {"term": "b", "texts": [file()]}, "outputs": {}, "doc": "x"},
    )
    | {"execution": {"engine": "ccfaice", "settings": {}}},
    red(
        container__settings__image={"url": "x", "auth": {"_username": "u", "password": "p"}},
        container__settings__gpus={"vendor": "nvidia", "devices": [{"vramMin": 256}]},
        execution__settings__access={"url": "x", "auth": {"username": "u", "password": "p"}},
        cli__stderr="err",
    ),
]
JUNK: list[Any] = [
    None, True, 0, -1, 1.5, 256.0, "", "x", "File", "a/b", "..", "/x", [], {}, ["x"], {"x": 1},
    [[1]], {"class": "File"},
]  # fmt: skip
KEYS = ["x", "a b", "doc", "mount", "listing", "size", "batches", "inputs", "devices"]
BEYOND = (
    "is not declared", "cli.inputs declares", "as declared", "names no program",
    "must stay within", "in the outputs directory", "leave gpus out", "a reference",
)  # fmt: skip
"""Rules that a JSON schema cannot say; the streams' and globs' only in part."""


def test_the_schemas_are_schemas():
    Draft202012Validator.check_schema(schema())
    for engine, found in container_schemas().items():
        assert engine == "docker"
        Draft202012Validator.check_schema(found)


@pytest.mark.parametrize("sample", SAMPLES)
def test_samples(sample):
    assert problems(sample) == []
    assert VALIDATOR.is_valid(sample)
    settings_schema = Draft202012Validator(container_schemas()["docker"])
    assert settings_schema.is_valid(sample["container"]["settings"])
    assert not settings_schema.is_valid({**sample["container"]["settings"], "x": 1})


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return holder and key of everything outside ``access`` and ``auth``."""
    found: list[tuple[Any, Any]] = []
    for key, child in value.items() if isinstance(value, dict) else enumerate(value):
        found.append((value, key))
        if isinstance(child, (dict, list)) and key not in ("access", "auth"):
            found += places(child)
    return found


@settings(max_examples=500, derandomize=True, deadline=None, database=None)
@given(seed=st.integers(0, 2**32))
def test_changed_samples(seed):
    chance = random.Random(seed)
    document = copy.deepcopy(chance.choice(SAMPLES))
    holder, key = chance.choice(places(document))
    kind = chance.choice(["junk", "delete", "add"])
    if kind == "junk":
        holder[key] = copy.deepcopy(chance.choice(JUNK))
    elif kind == "delete":
        del holder[key]
    elif isinstance(holder, dict):
        holder[chance.choice(KEYS)] = copy.deepcopy(chance.choice(JUNK))
    found = problems(document)
    sound = VALIDATOR.is_valid(document)
    if not found:
        assert sound
    elif sound:
        assert all(any(rule in problem.rule for rule in BEYOND) for problem in found), found
