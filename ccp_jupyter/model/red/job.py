"""The job file: what the agent in the container reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ccp_jupyter.model.experiment import Batch, Experiment
from ccp_jupyter.model.red.checking import globs_of
from ccp_jupyter.model.red.command_line import argv
from ccp_jupyter.model.red.declaration import base_command
from ccp_jupyter.model.red.globs import resolved
from ccp_jupyter.model.red.protected import normalised

JOB_VERSION = 1


def job(
    experiment: Experiment,
    batch: Batch,
    secrets: Mapping[str, str],
    *,
    mark: str,
    stream_limit: int,
) -> dict[str, Any]:
    """Return the job of one batch, with its secrets in clear.

    Parameters
    ----------
    experiment : Experiment
        From `prepare`, or from the store.
    batch : Batch
        One of its batches.
    secrets : mapping
        Name to JSON text, as `Prepared.secrets` has them; at least those that the batch names.
    mark : str
        With what the agent marks its own lines, so that no other output is taken for them.
    stream_limit : int
        Bytes of stdout and of stderr that are kept.

    Raises
    ------
    KeyError
        A secret is missing.
    """
    cli = experiment.cli
    return {
        "job": JOB_VERSION,
        "command": base_command(cli),
        "argv": argv(cli, batch.inputs),
        "inputs": {name: _in_clear(value, secrets) for name, value in batch.inputs.items()},
        "outputs": {name: _in_clear(value, secrets) for name, value in batch.outputs.items()},
        "cli": {
            "outputs": _declared(cli, batch),
            "stdout": batch.stdout,
            "stderr": batch.stderr,
            "keep": [name for name in ("stdout", "stderr") if name in cli],
        },
        "validate": experiment.validate_connectors,
        "mark": mark,
        "limit": stream_limit,
    }


def _declared(cli: dict[str, Any], batch: Batch) -> dict[str, Any]:
    globs = globs_of(cli)
    return {
        name: {
            "type": declaration["type"],
            "outputBinding": {"glob": resolved(globs[name], batch.inputs)},
        }
        if name in globs
        else {"type": declaration["type"]}
        for name, declaration in cli["outputs"].items()
    }


def _in_clear(value: Any, secrets: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_in_clear(item, secrets) for item in value]
    if not isinstance(value, dict):
        return value
    connector = value["connector"]
    access = normalised(json.loads(secrets[connector["access"]]))
    kept = {name: connector[name] for name in ("command", "mount") if name in connector}
    described = {name: item for name, item in value.items() if name != "doc"}
    return {**described, "connector": {**kept, "access": access}}
