"""Folders that were begun for Executions which the store never got."""

from __future__ import annotations

import asyncio
import base64

import pytest

from benchmarks.agency.scripted import IMAGE
from ccp_jupyter.hub_service.controller.base import Submission
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.store.base import StoreUnusable
from ccp_jupyter.hub_service.vault.client import ensure_running
from ccp_jupyter.model.method import parse_method
from ccp_jupyter.model.stored_method import StoredMethod
from tests.jobs import method
from tests.stack.daemons import find
from tests.unit.controller.test_attempts import World

FILE = {"table": {"minOccurs": 1, "schema": {"type": "string", "format": "file"}}}


@pytest.fixture
async def world(tmp_path):
    pid = await ensure_running(tmp_path / "vault.sock", tmp_path / "vault.log")
    yield World(tmp_path, tmp_path / "vault.sock")
    find(pid).end()


def submission():
    made = method(IMAGE, "true", inputs=FILE)
    made["links"] = [{"rel": "compatibleWith", "title": "Lab", "href": "infrastructures/lab"}]
    document = parse_method(made).document()
    stored = StoredMethod(id=document["id"], owner="alice", document=document)
    body = {"inputs": {"table": base64.b64encode(b"a,b\n").decode()}}
    return Submission("alice", {}, stored, body, hold=True)


async def test_it_is_noted_until_the_store_has_the_execution(world):
    async with world.service("a"):
        noted = []
        add = world.store.kept.add_execution

        async def watched(execution, tasks):
            noted.append((execution.id, world.folders.begun()))
            return await add(execution, tasks)

        world.store.kept.add_execution = watched
        execution = await world.controller.submit(submission())
        assert noted == [(execution.id, [execution.id])]
        async with asyncio.timeout(10):
            while world.folders.begun():
                await asyncio.sleep(0.01)
        assert (world.folders.folder(execution.id) / "inputs/table").read_bytes() == b"a,b\n"


async def test_nothing_is_left_of_a_submission_that_the_store_refuses(world):
    async with world.service("a"):
        world.store.fails = "add_execution"
        with pytest.raises(StoreUnusable):
            await world.controller.submit(submission())
        world.store.fails = ""
    assert [path for path in (world.folder / "executions").rglob("*") if path.is_file()] == []
    assert world.folders.begun() == []


async def test_a_start_removes_what_was_cut_off_and_keeps_what_was_kept(world, tmp_path):
    async with world.service("a"):
        execution = await world.controller.submit(submission())
    folders = Folders(tmp_path / "executions")  # of a process that died after the commit
    folders.begin(execution.id)
    folders.begin("cut-off")  # before it
    (folders.folder("cut-off") / "inputs").mkdir(parents=True)
    folders.begin("empty")
    async with world.service("a"):
        assert world.folders.begun() == []
        assert (world.folders.folder(execution.id) / "inputs/table").exists()
        assert not world.folders.folder("cut-off").exists()
