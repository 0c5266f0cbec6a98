"""No message ever has a secret in it; what the vault keeps; what must be masked."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.red import convert, normalised, prepare, protected_texts, read
from tests.unit.model.red.red_documents import file, problems, red

SECRET = "S3cr3t-planted"


def planted() -> dict[str, Any]:
    """Return a document with a secret wherever one belongs."""
    access = {
        "url": f"https://user:{SECRET}@example.org/",
        "auth": {"_username": SECRET, "password": SECRET},
        "deep": [{"privateKey": [SECRET, {"x": SECRET}]}],
    }
    image = {"url": "x", "auth": {"username": "u", "password": SECRET}}
    agency = {"url": "x", "auth": {"username": "u", "password": SECRET}}
    connector = {"command": "c", "access": access}
    return red(
        inputs__text=file(connector=connector),
        inputs__texts=[file(connector=copy.deepcopy(connector))],
        outputs={"table": file(connector=copy.deepcopy(connector))},
        container__settings__image=image,
        execution__settings__access=agency,
    )


JUNK = [
    None, True, -1, 1.5, 10**5000, float("nan"), "", "x", "{{", "}}", "{{v}}", "\0", "\ud800", [],
    {}, ["x"], {"a": 1}, {5: 1}, "5", "6", "7", "8",
]  # fmt: skip
KEYS = ["", "acces", "auth2", "passwort", "_x", "password", "x y", "{{k}}", 5, "class", "batches"]


def break_somewhere(chance: random.Random, document: Any) -> None:
    """Change something, but put the secret nowhere where it would not be known as one."""
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        steps = value.items() if isinstance(value, dict) else enumerate(value)
        for key, child in steps:
            places.append((value, key))
            if isinstance(child, (dict, list)):
                walk(child)

    walk(document)
    if not places:
        return
    holder, key = chance.choice(places)
    kind = chance.choice(["junk", "delete", "rename", "add", "wrap", "hoist"])
    if kind == "junk":
        holder[key] = copy.deepcopy(chance.choice(JUNK))
    elif kind == "delete":
        del holder[key]
    elif kind == "wrap":
        holder[key] = chance.choice([[holder[key]], {"x": holder[key]}])
    elif kind == "hoist" and isinstance(holder[key], dict) and holder[key]:
        inner = chance.choice(list(holder[key].values()))
        holder[key] = inner if isinstance(inner, (dict, list)) else holder[key]
    elif isinstance(holder, dict):
        value = holder.pop(key) if kind == "rename" else copy.deepcopy(chance.choice(JUNK))
        holder[chance.choice(KEYS)] = value


@settings(max_examples=800, derandomize=True, deadline=None, database=None)
@given(seed=st.integers(0, 2**32), times=st.integers(1, 4))
def test_no_message_has_a_secret(seed, times):
    chance = random.Random(seed)
    document: Any = planted()
    for _ in range(times):
        break_somewhere(chance, document)
    texts = [str(problem) for problem in problems(document)]
    try:
        prepare(document, disable_retry=False, disable_connector_validation=False)
    except InvalidDocument as error:
        texts.append(str(error))
    try:
        texts += convert(document).changes
    except InvalidDocument as error:
        texts.append(str(error))
    assert SECRET not in " ".join(texts)


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(seed=st.integers(0, 2**32), times=st.integers(1, 3))
def test_no_message_of_the_readers_has_a_secret(seed, times):
    chance = random.Random(seed)
    text = json.dumps(planted(), indent=chance.choice([None, 1]))
    if chance.random() < 0.5:
        text = "# YAML\n" + text.replace('"', chance.choice(["", "'", '"']))
    for _ in range(times):
        at = chance.randrange(len(text))
        text = (
            text[:at]
            + chance.choice(["*", "&", "!", "'", '"', "{", "}", ",", ":", "\n", "%"])
            + (text[at + chance.choice([0, 1]) :])
        )
    try:
        found = [str(problem) for problem in problems(read(text).document)]
    except InvalidDocument as error:
        found = [str(error)]
    assert SECRET[1:-1] not in " ".join(found) or SECRET not in text


def test_the_planted_document_is_sound():
    document = planted()
    assert problems(document) == []
    kept = prepare(document, disable_retry=False, disable_connector_validation=False)
    assert SECRET not in kept.experiment.model_dump_json()
    assert not any(SECRET in batch.model_dump_json() for batch in kept.batches)
    assert all(SECRET in secret for secret in kept.secrets.values())
    assert len(kept.secrets) == 2  # three equal access objects, and the registry login


def test_normalised():
    access = {"_username": "u", "a": [{"__x": {"_": 1, "_y_": 2}}], "_": {"z": "_v"}}
    before = repr(access)
    assert normalised(access) == {
        "username": "u", "a": [{"_x": {"": 1, "y_": 2}}], "": {"z": "_v"}
    }  # fmt: skip
    assert repr(access) == before


@pytest.mark.parametrize(
    ("access", "texts"),
    [
        ({}, []),
        ({"url": "x", "auth": {"username": "u", "password": "p"}}, ["p"]),
        ({"auth": {"_username": "u", "_password": "p"}}, ["u", "p"]),
        ({"privateKey": "line\nline", "passwords": "no", "Password": "no"}, ["line\nline"]),
        ({"password": 987654321, "_f": -1.50, "_b": True, "_n": None}, ["987654321", "-1.5"]),
        ({"_x": {"deep": ["a", {"b": ["c", "a", ""]}]}, "y": ["z"]}, ["a", "c"]),
        ([{"password": 'ü"\\'}], ['ü"\\']),
    ],
)
def test_protected_texts(access, texts):
    assert protected_texts(json.dumps(access)) == texts


def test_numbers_are_as_they_were_written():
    text = '{"password": [1e3, 1000.0, 12345678901234567890, 0.10]}'
    assert protected_texts(text) == ["1e3", "1000.0", "12345678901234567890", "0.10"]
