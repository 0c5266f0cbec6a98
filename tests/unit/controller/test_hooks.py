"""Notification hooks against a real server that is sometimes unwell."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from base64 import b64encode

import pytest

from ccp_jupyter.hub_service.controller.hooks import Hook, Hooks
from ccp_jupyter.hub_service.store.sqlite import SqliteStore
from ccp_jupyter.model.execution import Task
from ccp_jupyter.model.experiment import Batch, batch_id, experiment_id
from ccp_jupyter.model.states import Status, TaskState
from tests.contract.store_data import START, an_execution
from tests.receiver import Receiver

NAME = experiment_id(1, b"12345")


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
async def store(tmp_path):
    made = await SqliteStore.open(tmp_path / "store.sqlite")
    tasks = [
        Task(
            execution_id=NAME,
            index=index,
            owner="alice",
            created=START,
            state=TaskState.FAILED if index == 2 else TaskState.SUCCESSFUL,
            batch=Batch(),
            to_notify=True,
        )
        for index in (1, 2, 3)
    ]
    await made.add_execution(an_execution(NAME, status=Status.FAILED, replicas=3), tasks)
    yield made
    await made.close()


async def run(hooks, store, wanted=True):
    """Tell of all Tasks and wait until the store says that hooks know."""
    workers = [asyncio.create_task(work()) for work in hooks.workers()]
    for task in await store.list_tasks(NAME):
        hooks.tell(task)
    try:
        async with asyncio.timeout(15):
            while any(task.to_notify for task in await store.list_tasks(NAME)) is wanted:
                await asyncio.sleep(0.02)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def test_ends_are_told_together_signed_and_with_a_login(receiver, store):
    hook = Hook(url=receiver.url, username="u", password="p", secret="key")
    await run(Hooks((hook,), store, lambda task: False), store)
    [(headers, body)] = receiver.requests
    assert json.loads(body) == {
        "batches": [
            {"batchId": batch_id(NAME, 1), "state": "succeeded"},
            {"batchId": batch_id(NAME, 2), "state": "failed"},
            {"batchId": batch_id(NAME, 3), "state": "succeeded"},
        ]
    }
    signature = hmac.new(b"key", body, hashlib.sha256).hexdigest()
    assert headers["X-Ccp-Signature"] == f"sha256={signature}"
    assert headers["Authorization"] == "Basic " + b64encode(b"u:p").decode()


async def test_a_hook_that_fails_is_told_again(receiver, store):
    receiver.codes = [500, 404]
    await run(Hooks((Hook(url=receiver.url),), store, lambda task: False), store)
    assert len(receiver.requests) == 3
    assert len({body for _, body in receiver.requests}) == 1
    assert "X-Ccp-Signature" not in receiver.requests[0][0]


async def test_one_hook_that_is_away_does_not_delay_another(receiver, store):
    away = Hook(url="http://127.0.0.1:9/nobody")
    hooks = Hooks((away, Hook(url=receiver.url)), store, lambda task: False)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(2):
            await run(hooks, store)
    assert len(receiver.told()) == 3
    # Not all hooks know: after a restart they are told again.
    assert all(task.to_notify for task in await store.list_tasks(NAME))
    assert len(await store.open_tasks()) == 3


async def test_a_task_that_is_still_saved_by_others_is_left_alone(receiver, store):
    running = {2}
    hooks = Hooks((Hook(url=receiver.url),), store, lambda task: task.index in running)

    async def finish():
        while not receiver.requests:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        left = [task.index for task in await store.list_tasks(NAME) if task.to_notify]
        running.clear()
        return left

    left = asyncio.create_task(finish())
    await run(hooks, store)
    assert 2 in await left


@pytest.mark.parametrize("entry", [{}, {"url": "ftp://x"}, {"url": "http://x", "token": "y"}])
def test_a_wrong_entry_is_refused(entry):
    with pytest.raises(ValueError, match=r"url|token"):
        Hook.model_validate(entry)
