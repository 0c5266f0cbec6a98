"""Results of an Experiment: what became of each output that its document declares.

The files themselves are where the document's connectors have sent them.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from ccp_jupyter.hub_service.api.operations import JSON
from ccp_jupyter.hub_service.store.base import BatchQuery, Store
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.experiment import batch_id, is_id

_MOST: Final = 1000
"""Batches that a document tells of; the list of batches has all."""
_STREAMS: Final = ("stdout", "stderr")


async def experiment_results(store: Store, execution: Execution, base: str) -> dict[str, Any]:
    """Return the results of an Experiment, by output id.

    Parameters
    ----------
    store : Store
        Has its batches.
    execution : Execution
        A successful one with an Experiment.
    base : str
        Address of the service.

    Returns
    -------
    dict
        An output of the document has a value for each batch, in a list when there are several: its
        number and state, what the agent in the container reported of the output, and the connector
        that sent it. ``stdout`` and ``stderr`` are links, ``batches`` links to the whole list.
    """
    document: dict[str, Any] = {}
    experiment = execution.experiment
    if experiment is None:
        return document
    query = BatchQuery(execution_id=execution.id, ascending=True, limit=_MOST)
    batches = (await store.list_batches(query)).items
    for output_id in experiment.cli.get("outputs") or {}:
        values = [
            {"value": _value(batch, output_id), "mediaType": JSON}
            for batch in batches
            if batch.batch is not None and output_id in batch.batch.outputs
        ]
        if values:
            document[output_id] = values[0] if execution.replicas == 1 else values
    if is_id(execution.id):
        for stream in _STREAMS:
            if stream in experiment.cli:
                links = [_stream(batch, stream, base) for batch in batches]
                document[stream] = links[0] if execution.replicas == 1 else links
        href = f"{base}agency/batches?{urlencode({'experimentId': execution.id})}"
        document["batches"] = {"href": href, "type": JSON}
    return document


def _value(batch: Task, output_id: str) -> dict[str, Any]:
    found: dict[str, Any] = {"batch": batch.index, "state": batch.batch_state}
    attempt = batch.attempt
    reported = (attempt.result or {}).get("outputs") if attempt else None
    if isinstance(reported, dict) and isinstance(reported.get(output_id), dict):
        found |= reported[output_id]
    sent = batch.batch.outputs.get(output_id) if batch.batch else None
    # Only its name: what it needs to get there is a secret of the vault.
    connector = sent.get("connector") if isinstance(sent, dict) else None
    if isinstance(connector, dict):
        found["connector"] = connector.get("command")
    return found


def _stream(batch: Task, stream: str, base: str) -> dict[str, str]:
    href = f"{base}agency/batches/{batch_id(batch.execution_id, batch.index)}/{stream}"
    return {"href": href, "type": "text/plain"}
