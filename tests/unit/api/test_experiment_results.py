"""Results of Experiments, over a real store."""

from __future__ import annotations

import pytest

from ccp_jupyter.hub_service.api.experiment_results import experiment_results
from ccp_jupyter.hub_service.store.sqlite import SqliteStore
from ccp_jupyter.model.execution import Attempt
from ccp_jupyter.model.experiment import Batch, Experiment
from ccp_jupyter.model.states import Status, TaskState
from tests.contract.store_data import a_task, an_execution

ID = "65a1b2c3d4e5f60718000000"
REPORT = {"outputs": {"table": {"class": "File", "size": 7}, "other": None}}


@pytest.mark.parametrize("count", [1, 2])
async def test_each_output_tells_what_became_of_it(tmp_path, count):
    experiment = Experiment(
        red_version="9",
        cli={"outputs": {"table": {}, "absent": {}}, "stdout": "out.txt"},
        container={},
    )
    sent = {"class": "File", "connector": {"command": "red-connector-http", "access": "secret-1"}}
    execution = an_execution(
        ID, experiment=experiment, method_id="", status=Status.SUCCESSFUL, replicas=count
    )
    tasks = [
        a_task(
            ID,
            index=index,
            batch=Batch(outputs={"table": sent}),
            state=TaskState.SUCCESSFUL,
            attempts=[Attempt(number=1, node="n1", result=REPORT)],
            created=execution.created,
            owner=execution.owner,
        )
        for index in range(1, count + 1)
    ]
    store = await SqliteStore.open(tmp_path / "store.sqlite")
    try:
        await store.add_execution(execution, tasks)
        found = await experiment_results(store, execution, "http://h/")
    finally:
        await store.close()
    assert set(found) == {"table", "stdout", "batches"}
    values = found["table"] if count > 1 else [found["table"]]
    streams = found["stdout"] if count > 1 else [found["stdout"]]
    for number, (value, stream) in enumerate(zip(values, streams, strict=True), 1):
        assert value["mediaType"] == "application/json"
        assert value["value"] == {
            "batch": number,
            "state": "succeeded",
            "class": "File",
            "size": 7,
            "connector": "red-connector-http",
        }
        assert stream["href"] == f"http://h/agency/batches/{ID[:-1]}{number}/stdout"
    assert found["batches"]["href"] == f"http://h/agency/batches?experimentId={ID}"
    assert "secret-1" not in str(found)
