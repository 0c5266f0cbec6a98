"""RED documents at random: sound ones from the grammar, and broken ones made from them."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from ccp_jupyter.model.red.input_types import INPUT_TYPES

Draw = Callable[[st.SearchStrategy[Any]], Any]

NAMES = ["a", "text", "in-2", "X_1", "access", "auth"]
TEXTS = st.sampled_from(["", "x", "a b", "ü", "{single}", "-v", "C:\\x"])
VARIABLES = st.sampled_from(["plain", "{{v}}", "a{{v}}b{{w}}", "{{{b}}}", "{{ }}", "{{v}}}", ""])
WHOLE = st.one_of(st.integers(-(2**63), 2**63 - 1), st.sampled_from([0, 1]))
NUMBERS = st.one_of(WHOLE, st.floats(allow_nan=False, allow_infinity=False))
SCALARS = {
    "string": TEXTS,
    "int": WHOLE,
    "long": WHOLE,
    "float": NUMBERS,
    "double": NUMBERS,
    "boolean": st.booleans(),
}
SUMS = {"checksum": TEXTS, "size": st.one_of(WHOLE, st.just(4.0))}
ACCESS = st.dictionaries(
    st.sampled_from(["url", "password", "_user", "privateKey", "auth", "list", "{{k"]),
    st.recursive(
        st.one_of(VARIABLES, NUMBERS, st.booleans(), st.none()),
        lambda inner: st.one_of(
            st.lists(inner, max_size=2),
            st.dictionaries(st.sampled_from(["x", "_y", "password"]), inner, max_size=2),
        ),
        max_leaves=3,
    ),
    max_size=3,
)


def some(draw: Draw, **optional: st.SearchStrategy[Any]) -> dict[str, Any]:
    """Return some of the members."""
    return {name: draw(value) for name, value in optional.items() if draw(st.booleans())}


@st.composite
def connectors(draw: Draw, mount: bool = False) -> dict[str, Any]:
    mounts = st.booleans() if mount else st.just(False)
    return {"command": draw(TEXTS), "access": draw(ACCESS), **some(draw, mount=mounts, doc=TEXTS)}


@st.composite
def listings(draw: Draw, depth: int = 1) -> list[dict[str, Any]]:
    file = {"class": "File", "basename": draw(TEXTS), **some(draw, **SUMS)}
    inner = {"listing": listings(depth=0)} if depth else {}
    folder = {"class": "Directory", "basename": draw(TEXTS), **some(draw, **inner)}
    entries: list[dict[str, Any]] = draw(st.lists(st.sampled_from([file, folder]), max_size=2))
    return entries


@st.composite
def files(draw: Draw, kind: str) -> dict[str, Any]:
    basename = st.sampled_from(["x", ".a.tar.gz", "b.", "c.txt"])
    if kind == "Directory":
        optional: dict[str, Any] = {"basename": basename, "listing": listings()}
        connector = draw(connectors(mount=True))
    else:
        optional = {"basename": basename, "dirname": TEXTS, **SUMS}
        connector = draw(connectors())
    return {"class": kind, "connector": connector, **some(draw, **optional, doc=TEXTS)}


@st.composite
def declared_inputs(draw: Draw) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=4))
    binding = {
        "prefix": st.sampled_from(["", "-p", "--q="]),
        "separate": st.booleans(),
        "position": st.sampled_from([0, 1, 2, 2.0]),
        "itemSeparator": st.sampled_from(["", ",", " "]),
    }
    types = st.sampled_from(sorted(INPUT_TYPES))
    return {
        name: {"type": draw(types), "inputBinding": some(draw, **binding), **some(draw, doc=TEXTS)}
        for name in names
    }


@st.composite
def given_inputs(draw: Draw, declared: dict[str, Any]) -> dict[str, Any]:
    inputs: dict[str, Any] = {}
    for name, declaration in declared.items():
        kind = INPUT_TYPES[declaration["type"]]
        if kind.optional and draw(st.booleans()):
            continue
        item = SCALARS[kind.name] if kind.name in SCALARS else files(kind.name)
        inputs[name] = draw(st.lists(item, max_size=3) if kind.array else item)
    return inputs


@st.composite
def declared_outputs(draw: Draw, inputs: dict[str, Any]) -> dict[str, Any]:
    globs = ["", "x*", "a/../b", "o.txt", "(x)", "$x"]
    needed = [name for name, value in inputs.items() if not value["type"].endswith("?")]
    for name in needed:
        kind = INPUT_TYPES[inputs[name]["type"]].name
        if inputs[name]["type"] in SCALARS and kind != "string":
            globs.append(f"$(inputs.{name}).txt")
        elif inputs[name]["type"] in ("File", "Directory"):
            globs += [f"p-$(inputs.{name}.basename)", f"$(inputs['{name}'][\"basename\"])"]
    file = {
        "type": draw(st.sampled_from(["File", "Directory", "File?", "Directory?"])),
        "outputBinding": {"glob": draw(st.sampled_from(globs))},
        **some(draw, doc=TEXTS),
    }
    stream = {"type": draw(st.sampled_from(["stdout", "stderr"]))}
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=2))
    return {name: copy.deepcopy(draw(st.sampled_from([file, stream]))) for name in names}


@st.composite
def given_outputs(draw: Draw, declared: dict[str, Any]) -> dict[str, Any]:
    outputs: dict[str, Any] = {}
    for name, declaration in declared.items():
        if draw(st.booleans()):
            continue
        kind = declaration["type"].removesuffix("?")
        optional = {"listing": listings()} if kind == "Directory" else SUMS
        outputs[name] = {
            "class": kind,
            "connector": draw(connectors()),
            **some(draw, **optional, doc=TEXTS),
        }
    return outputs


@st.composite
def auths(draw: Draw) -> dict[str, Any]:
    user = draw(st.sampled_from(["username", "_username"]))
    password = draw(st.sampled_from(["password", "_password"]))
    return {user: draw(VARIABLES), password: draw(VARIABLES)}


@st.composite
def containers(draw: Draw) -> dict[str, Any]:
    devices = st.lists(
        st.sampled_from([{}, {"vramMin": 256}, {"vramMin": 300.0}]), min_size=1, max_size=2
    )
    gpus = st.one_of(
        st.builds(lambda count: {"vendor": "nvidia", "count": count}, st.integers(1, 3)),
        st.builds(lambda given: {"vendor": "nvidia", "devices": given}, devices),
    )
    source = st.builds(lambda url: {"url": url}, TEXTS)
    image = {"url": "registry.example.org/x:1", **some(draw, auth=auths(), source=source)}
    settings = some(draw, ram=st.sampled_from([256, 300.0, 2**40]), gpus=gpus, version=TEXTS)
    return {"engine": "docker", "settings": {"image": image, **settings}, **some(draw, doc=TEXTS)}


@st.composite
def executions(draw: Draw) -> dict[str, Any]:
    if draw(st.booleans()):
        return {"engine": "ccfaice", "settings": {}}
    access = {"url": draw(VARIABLES), **some(draw, auth=auths())}
    settings = some(draw, access=st.just(access), batchConcurrencyLimit=st.sampled_from([1, 64.0]))
    return {"engine": "ccagency", "settings": settings, **some(draw, doc=TEXTS)}


@st.composite
def documents(draw: Draw) -> dict[str, Any]:
    """Return a sound document."""
    inputs = draw(declared_inputs())
    outputs = draw(declared_outputs(inputs))
    stream = st.sampled_from(["out.txt", "sub/err.txt"])
    base = st.one_of(st.none(), TEXTS, st.lists(TEXTS, max_size=2))
    cli = {
        "cwlVersion": "v1.0",
        "class": "CommandLineTool",
        "baseCommand": "run",
        "inputs": inputs,
        "outputs": outputs,
        **some(draw, stdout=stream, stderr=stream, doc=TEXTS, baseCommand=base),
    }
    cloud = st.sampled_from(
        [
            {"enable": True, "mountDir": "x", "mountProtocol": "ssh"},
            {"enable": False, "mountDir": ""},
        ]
    )

    def batch() -> dict[str, Any]:
        optional = some(draw, outputs=given_outputs(outputs), cloud=cloud)
        return {"inputs": draw(given_inputs(inputs)), **optional}

    if draw(st.booleans()):
        work: dict[str, Any] = {"batches": [batch() for _ in range(draw(st.integers(1, 2)))]}
    else:
        work = batch()
    return {
        "redVersion": "9",
        "cli": cli,
        "container": draw(containers()),
        **work,
        **some(draw, execution=executions(), doc=TEXTS),
    }


JUNK: list[Any] = [
    None, True, 0, 1, -1, 1.0, 0.5, "", "x", "File", "stdout", "Directory", "9", "docker", "a\n",
    "{{v}}", "a}}b", "{{a{{b}}", "/x", "../x", "a/b", "..", "$(inputs.a)", "$(inputs", "$(x.y)",
    "$(inputs.text.connector)", [], {}, ["x"], [1], {"a": 1}, [[]], [{}], float("nan"),
    float("-inf"), 2**70, "\0", "\ud800", {"password": 1}, {"_p": "{{v}}"}, {"class": "File"},
]  # fmt: skip
KEYS = [
    "", "a b", "a\n", "x", "_x", "password", "privateKey", "access", "auth", "doc", "mount",
    "class", "type", "listing", "url", "inputs", "batches", "count", "devices", "basename", "ü",
]  # fmt: skip


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return holder and key of everything in a document."""
    found: list[tuple[Any, Any]] = []
    steps = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in steps:
        found.append((value, key))
        if isinstance(child, (dict, list)):
            found += places(child)
    return found


def near(value: Any) -> list[Any]:
    """Return junk of the same kind as a value."""
    return [junk for junk in JUNK if type(junk) is type(value)] or JUNK


@st.composite
def broken_documents(draw: Draw) -> dict[str, Any]:
    """Return a document that was sound before one or two changes at random places."""
    document: dict[str, Any] = copy.deepcopy(draw(documents()))
    chance = draw(st.randoms(use_true_random=False))
    for _ in range(chance.choice([1, 1, 1, 2])):
        everywhere = places(document)
        if everywhere:
            change(chance, everywhere)
    return document


def change(chance: random.Random, everywhere: list[tuple[Any, Any]]) -> None:
    """Make one change at one of the places."""
    holder, key = chance.choice(everywhere)
    kind = chance.choice(["near", "near", "junk", "delete", "rename", "add", "copy"])
    if kind in ("near", "junk"):
        holder[key] = copy.deepcopy(chance.choice(near(holder[key]) if kind == "near" else JUNK))
    elif kind == "delete":
        del holder[key]
    elif kind == "copy":
        other, name = chance.choice(everywhere)
        holder[key] = copy.deepcopy(other[name])
    elif isinstance(holder, dict):
        value = holder.pop(key) if kind == "rename" else chance.choice(JUNK)
        holder[chance.choice(KEYS)] = copy.deepcopy(value)
    else:
        holder.append(copy.deepcopy(chance.choice(JUNK)))
