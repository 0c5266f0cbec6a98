"""Keeping Executions that ran elsewhere: all of it, or nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ccp_jupyter.hub_service.controller.base import Imported, LimitReached, ServiceFull
from ccp_jupyter.hub_service.controller.imports import came, keep
from ccp_jupyter.hub_service.controller.records import Records
from ccp_jupyter.hub_service.events.log import FileEventLog
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.store.base import StoreFull
from ccp_jupyter.hub_service.store.sqlite import SqliteStore
from ccp_jupyter.model.infrastructure import Infrastructure, Limits
from ccp_jupyter.model.states import Status
from ccp_jupyter.model.times import now
from tests.unit.client import zips
from tests.unit.exchange.folders import HERE, a_folder, read


@pytest.fixture
async def parts(tmp_path: Path):
    folders = Folders(tmp_path / "executions")
    store = await SqliteStore.open(tmp_path / "store.sqlite")
    events = FileEventLog(folders)
    yield Records(store, events), folders
    await events.close()
    await store.close()


def imported(folders: Folders) -> Imported:
    return read(zips.make(a_folder()), folders.incoming() / "work").imported


async def test_everything_is_there(parts):
    records, folders = parts
    given = imported(folders)
    execution = await keep(given, HERE, records, folders)
    assert execution.version == 1
    assert await records.store.get_execution(execution.id) == execution
    assert len(await records.store.list_tasks(execution.id)) == 1
    assert folders.outputs(execution.id).stat().st_size == execution.output_size
    assert not given.files.exists()
    events = await records.events.read(execution.id)
    assert [each.seq for each in events] == [1, 2, 3, 4, 5]
    assert (await records.store.usage("bob", HERE.id)).executions == 1
    assert await records.store.open_executions() == []
    # It is as old as it is, but not longer here than since now.
    assert execution.created < now() - timedelta(hours=1) < came(execution)


async def test_nothing_is_left_of_what_is_refused(parts, monkeypatch):
    records, folders = parts
    full = Infrastructure(id=HERE.id, name="Full", limits=Limits(stored_executions=1))
    await keep(imported(folders), full, records, folders)
    with pytest.raises(LimitReached):
        await keep(imported(folders), full, records, folders)
    running = imported(folders)
    running.execution.status = Status.RUNNING
    with pytest.raises(ValueError, match="has not ended"):
        await keep(running, HERE, records, folders)

    async def refuse(*_: object) -> None:
        raise StoreFull("full")

    monkeypatch.setattr(records.store, "add_execution", refuse)
    given = imported(folders)
    with pytest.raises(ServiceFull):
        await keep(given, HERE, records, folders)
    assert not folders.folder(given.execution.id).exists()


async def test_what_a_dead_process_left_is_swept(parts):
    _, folders = parts
    (folders.incoming() / "body").write_bytes(b"PK")
    folders.sweep()
    assert not (folders.root / "incoming").exists()
    assert folders.incoming().is_dir()
