"""RED documents for tests that run batches on engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def http_file(url: str, **access: Any) -> dict[str, Any]:
    """Return an input file that comes over HTTP."""
    connector = {"command": "red-connector-http", "access": {"url": url, **access}}
    return {"class": "File", "connector": connector}


def shell(
    image: str, script: str, *, ram: int = 256, batches: int = 1, **members: Any
) -> dict[str, Any]:
    """Return a document of batches without connectors, each of which runs ``sh -c script``.

    The script has the batch's number, from 1, as ``$0``.
    """
    inputs = [{"script": script, "number": str(n)} for n in range(1, batches + 1)]
    return document(
        image,
        ["sh", "-c"],
        {"script": _argument(0), "number": _argument(1)},
        [{"inputs": given, "outputs": {}} for given in inputs],
        ram=ram,
        **members,
    )


def document(
    image: str,
    command: Sequence[str],
    inputs: Mapping[str, Any],
    batches: Sequence[Mapping[str, Any]],
    *,
    outputs: Mapping[str, Any] | None = None,
    ram: int = 256,
    settings: Mapping[str, Any] | None = None,
    auth: Mapping[str, str] | None = None,
    limit: int | None = None,
    cli: Mapping[str, Any] | None = None,
    **members: Any,
) -> dict[str, Any]:
    """Return a RED 9 document; `inputs` and `outputs` are the declarations in ``cli``."""
    source = {"url": image} | ({"auth": dict(auth)} if auth else {})
    execution = {"batchConcurrencyLimit": limit} if limit else {}
    return {
        "redVersion": "9",
        "cli": {
            "cwlVersion": "v1.0",
            "class": "CommandLineTool",
            "baseCommand": list(command),
            "inputs": dict(inputs),
            "outputs": dict(outputs or {}),
            **(cli or {}),
        },
        "container": {
            "engine": "docker",
            "settings": {"image": source, "ram": ram, **(settings or {})},
        },
        "batches": [dict(batch) for batch in batches],
        "execution": {"engine": "ccagency", "settings": execution},
        **members,
    }


def _argument(position: int) -> dict[str, Any]:
    return {"type": "string", "inputBinding": {"position": position}}
