"""When two Executions must have the same outputs: what decides about them, as one digest.

What decides: the Method's document without what only people read; the image by digest; the
Infrastructure, as its machines are of one kind; replicas and GPUs; the values of all inputs, files
by digest. Of the control inputs these count only where a script uses them: `IDLE`.

Nothing is reused of an Execution with secrets or links (what they stand for is not known), of one
whose scripts use its id, and of one that returns stdout or stderr as outputs (logs are not taken
over).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.values import FileValue, InputValue, PlainValue

IDLE: Final = frozenset(
    {"ccpimage", "ccpnote", "ccppriority", "ccpmaxtime", "ccpcpus", "ccpmemory", "ccpreplicas"}
)
"""Control inputs that say where and how it runs, not what it does; replicas count as a number."""
_FOR_PEOPLE: Final = frozenset(
    {"id", "title", "description", "version", "keywords", "metadata", "links"}
)
_OWN_NAME: Final = "ccptaskname"
_STREAMS: Final = ("stdout", "stderr")
_STREAM_LINKS: Final = ("/std_out", "/std_err")


def reuse_key(execution: Execution, image: str | None) -> str:
    """Return the digest of all that decides about an Execution's outputs.

    Parameters
    ----------
    execution : Execution
        Of a Method; it need not have run.
    image : str or None
        Digest of the image, or id on its engine; None or empty when it is not known.

    Returns
    -------
    str
        SHA-256, hexadecimal. Empty when its outputs cannot be reused.
    """
    scripts = json.dumps(execution.method.get("additionalParameters"), ensure_ascii=False)
    if (
        not image
        or execution.experiment is not None
        or execution.built_in
        or _OWN_NAME in scripts
        or _returns_streams(execution)
    ):
        return ""
    inputs: dict[str, list[Any]] = {}
    for name, values in execution.inputs.items():
        if name in IDLE and name not in scripts:
            continue
        found = [_decisive(value) for value in values]
        if None in found:
            return ""
        inputs[name] = found
    method = {name: v for name, v in execution.method.items() if name not in _FOR_PEOPLE}
    decisive = {
        "method": method,
        "image": image,
        "infrastructure": execution.infrastructure_id,
        "context": execution.context,
        "replicas": execution.replicas,
        "gpus": [asdict(gpu) for gpu in execution.gpus],
        "inputs": inputs,
    }
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def _decisive(value: InputValue) -> dict[str, Any] | None:
    """Return what decides of one value; None when nobody knows."""
    match value:
        case PlainValue():
            return {"value": value.value}
        case FileValue():
            return {"sha256": value.sha256}
        case _:
            return None


def _returns_streams(execution: Execution) -> bool:
    declared: Mapping[str, Any] = execution.method.get("outputs") or {}
    wanted = execution.request.get("outputs") or declared
    return any(_is_stream(name, declared.get(name) or {}) for name in wanted)


def _is_stream(name: str, declared: Mapping[str, Any]) -> bool:
    links = [
        entry.get("href") for entry in declared.get("metadata") or [] if entry.get("role") == "file"
    ]
    return links[0] in _STREAM_LINKS if links else name in _STREAMS
