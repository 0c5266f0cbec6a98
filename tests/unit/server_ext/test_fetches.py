"""Fetches into the workspace that the browser starts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.unit.client import zips
from tests.unit.client.peer import Handler, answer, status
from tests.unit.client.test_fetch import ARCHIVE, DATA, FILES, contents, served
from tests.unit.server_ext.conftest import until


@pytest.fixture
def job(peer):
    peer.on("GET", "jobs/j1", answer(status("successful")))
    peer.on("GET", ARCHIVE, served(DATA))
    return peer


def fetches(heard) -> list[dict[str, Any]]:
    return [data for kind, data in heard if kind == "fetch"]


async def ended(heard) -> dict[str, Any]:
    await until(lambda: fetches(heard) and fetches(heard)[-1]["state"] != "running")
    return fetches(heard)[-1]


async def test_fetch(job, call, heard, jp_root_dir):
    code, document = await call("POST", "fetch/j1")
    assert (code, document["state"]) == (202, "running")
    last = await ended(heard)
    assert last["state"] == "done"
    assert last["path"] == "CCP/executions/Column statistics-j1"
    assert contents(jp_root_dir / last["path"]) == {**FILES, "output.zip": DATA}
    assert await call("GET", "fetch/j1") == (200, last)
    assert any(each["received"] and each["total"] == len(DATA) for each in fetches(heard))


async def test_asked_twice_at_once(job, call, heard, jp_root_dir):
    await asyncio.gather(call("POST", "fetch/j1"), call("POST", "fetch/j1"))
    await ended(heard)
    assert len(list((jp_root_dir / "CCP/executions").iterdir())) == 1


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        (answer({"detail": "its files come later"}, 404), "its files come later"),
        (served(b"no zip"), "broken"),
        (served(zips.with_name(b"../../x")), "refused"),
    ],
)
async def test_failure_is_told(job, call, heard, jp_root_dir, behaviour, message):
    job.on("GET", ARCHIVE, behaviour)
    await call("POST", "fetch/j1")
    last = await ended(heard)
    assert last["state"] == "failed"
    assert message in last["message"]
    assert list((jp_root_dir / "CCP/executions").iterdir()) == []


async def test_cancel(job, call, heard, jp_root_dir):
    job.on("GET", ARCHIVE, served(DATA, stop_at=2**21, wait=3600))
    await call("POST", "fetch/j1")
    await until(lambda: any(each["received"] for each in fetches(heard)))
    assert (await call("DELETE", "fetch/j1"))[0] == 204
    assert (await ended(heard))["state"] == "cancelled"
    assert list((jp_root_dir / "CCP/executions").iterdir()) == []
    assert (await call("DELETE", "fetch/j1"))[0] == 204


async def test_unknown(peer, call, heard):
    assert (await call("GET", "fetch/j9"))[0] == 404
    await call("POST", "fetch/j9")
    assert "nothing at" in (await ended(heard))["message"]


async def test_title_and_id_from_a_hostile_service(job, call, heard, jp_root_dir):
    job.on("GET", "jobs/j1", answer(status("successful", title="../../../etc", jobID="../../x")))
    job.on("GET", "jobs/..%2F..%2Fx/outputs/output.zip", served(DATA))
    await call("POST", "fetch/j1")
    last = await ended(heard)
    assert last["path"] == "CCP/executions/etc-x"
    assert [path.name for path in jp_root_dir.iterdir()] == ["CCP"]


async def test_server_that_ends_leaves_nothing_visible(job, call, heard, jp_root_dir, jp_serverapp):
    started = asyncio.Event()

    async def behave(handler: Handler) -> None:
        started.set()
        await served(DATA, stop_at=2**21, wait=3600)(handler)

    job.on("GET", ARCHIVE, behave)
    await call("POST", "fetch/j1")
    await until(started.is_set)
    await jp_serverapp.web_app.settings["ccp_jupyter"].stop_extension()
    assert list((jp_root_dir / "CCP/executions").iterdir()) == []
