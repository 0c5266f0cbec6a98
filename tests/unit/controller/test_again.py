"""Dry runs, outputs taken over, and what a crash between zip and manifest leaves."""

from __future__ import annotations

import errno
import os
import zipfile
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from ccp_jupyter.hub_service.controller.base import KeyReused, LimitReached, Submission
from ccp_jupyter.hub_service.controller.reuse import Reuse
from ccp_jupyter.hub_service.controller.submission import build
from ccp_jupyter.hub_service.engines.base import Image
from ccp_jupyter.hub_service.manifests import from_zip, read
from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.method import parse_method
from ccp_jupyter.model.origin import Origin
from ccp_jupyter.model.request import check_request
from ccp_jupyter.model.reuse import reuse_key
from ccp_jupyter.model.sharing import Sharing
from ccp_jupyter.model.states import Status, Target, TaskState
from tests.jobs import method
from tests.stack.daemons import find
from tests.unit.controller.test_controller import SECRET, World

DIGEST = "docker.io/library/busybox@sha256:" + "a" * 64
METHOD = method("busybox", "echo {{ word }}", inputs={"word": {"minOccurs": 0}})


@pytest.fixture
async def world(tmp_path):
    made = await World(tmp_path).start()
    yield made
    await made.stop()
    find(made.vault_pid).end()


def wanted(world: World, owner: str = "alice", word: str = "one") -> Execution:
    """Return an Execution that is not kept."""
    submission = world.submission({"inputs": {"word": word}})
    submission = Submission(owner, {}, submission.method, submission.body)
    described = parse_method({**METHOD, "id": submission.method.id})
    infrastructure = world.controller.infrastructures["local-docker"]
    request = check_request(described, submission.body, infrastructure.limits)
    return build(submission, described, request, infrastructure)[0]


async def successful(world: World, owner: str = "alice", **members: Any) -> Execution:
    """Keep an Execution that has run."""
    execution = wanted(world, owner)
    archive = world.folders.outputs(execution.id)
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("word", "one")
    ended = {
        "status": Status.SUCCESSFUL,
        "output_size": archive.stat().st_size,
        "output_digest": from_zip(archive).digest,
        "reuse_key": reuse_key(execution, DIGEST),
        **members,
    }
    return await world.store.add_execution(execution.model_copy(update=ended), [])


def reuse(world: World, *digests: str | None, enabled: bool = True) -> Reuse:
    """Return it with Nodes that have an image of these digests; None: has it not."""
    nodes = [
        SimpleNamespace(
            online=True,
            images=SimpleNamespace(known={"busybox": Image("sha256:1", each, ())} if each else {}),
        )
        for each in digests or (DIGEST,)
    ]
    return Reuse(world.store, world.folders, lambda _: nodes, enabled)  # type: ignore[arg-type,return-value]


async def test_the_newest_equal_execution_is_taken_over_without_copying(world):
    await successful(world)
    source = await successful(world)
    new = wanted(world)
    assert await reuse(world, DIGEST, None).take(new, frozenset())
    assert new.status is Status.SUCCESSFUL and new.finished is not None
    assert new.origin is not None and (new.origin.kind, new.origin.id) == ("reuse", source.id)
    assert (new.output_size, new.output_digest) == (source.output_size, source.output_digest)
    assert new.reuse_key == ""  # only what has run is taken over
    assert world.folders.outputs(new.id).samefile(world.folders.outputs(source.id))
    assert read(world.folders.manifest(new.id)) == from_zip(world.folders.outputs(source.id))


async def test_without_hard_links_it_is_copied(world, monkeypatch):
    await successful(world)

    def refused(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refused)
    new = wanted(world)
    assert await reuse(world).take(new, frozenset())
    assert from_zip(world.folders.outputs(new.id)).digest == new.output_digest


async def test_a_full_disk_means_that_it_runs(world, monkeypatch):
    await successful(world)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    new = wanted(world)
    assert not await reuse(world).take(new, frozenset())
    assert new.status is Status.ACCEPTED
    assert not world.folders.folder(new.id).exists()


@pytest.mark.parametrize(
    ("digests", "enabled"),
    [
        ((None,), True),  # no Node knows what the tag stands for
        ((DIGEST, DIGEST.replace("a", "b")), True),  # Nodes do not agree
        ((DIGEST.replace("a", "b"),), True),  # another image than then
        ((DIGEST,), False),
    ],
)
async def test_what_is_not_sure_is_not_taken_over(world, digests, enabled):
    await successful(world)
    assert await reuse(world, *digests, enabled=enabled).find(wanted(world), frozenset()) == []


async def test_nobody_gets_what_they_may_not_see(world):
    await successful(world)
    await successful(world, target=Target.DELETED)
    found = reuse(world)
    assert await found.find(wanted(world, "bob"), frozenset({"physics"})) == []
    shared = await successful(world, sharing=Sharing(contexts=["physics"]))
    [(seen, _)] = await found.find(wanted(world, "bob"), frozenset({"physics"}))
    assert seen.id == shared.id
    assert await found.find(wanted(world, "bob"), frozenset({"other"})) == []


async def test_outputs_that_are_gone_or_not_what_they_were_are_passed_over(world):
    gone = await successful(world)
    world.folders.outputs(gone.id).unlink()
    forged = await successful(world)
    with zipfile.ZipFile(world.folders.outputs(forged.id), "w") as target:
        target.writestr("word", "else")
    assert await reuse(world).find(wanted(world), frozenset()) == []


async def test_a_dry_run_keeps_nothing_and_notes_no_use_of_secrets(world):
    await world.vault.save_secret("alice", "mine", "hunter2")
    body = {"inputs": {"key": {"$secret": "mine"}}}
    said = await world.controller.dry_run(world.submission(body, inputs=SECRET))
    assert said.message.startswith(
        "It would wait, and nobody can tell how long: no Node of local-docker is online (n1:"
    )
    assert (said.position, said.start, said.nodes) == (1, None, ())
    assert await world.stored() == []
    [secret] = await world.vault.list_secrets("alice")
    assert not secret.uses
    unknown = {"inputs": {"key": {"$secret": "other"}}}
    with pytest.raises(InvalidDocument, match=r"inputs\.key\.\$secret: must name one of your"):
        await world.controller.dry_run(world.submission(unknown, inputs=SECRET))


async def test_a_dry_run_says_that_a_limit_is_reached(tmp_path):
    made = await World(tmp_path).start({"stored_executions": 1})
    try:
        await made.controller.submit(made.submission({"inputs": {}}))
        with pytest.raises(LimitReached):
            await made.controller.dry_run(made.submission({"inputs": {}}))
    finally:
        await made.stop()
        find(made.vault_pid).end()


async def test_a_key_belongs_to_what_is_repeated(world):
    first = world.submission({"inputs": {}}, "k1")
    one, two = (replace(first, origin=Origin(kind="verify", id=each)) for each in ("e1", "e2"))
    made = await world.controller.submit(one)
    assert (await world.controller.submit(one)).id == made.id
    with pytest.raises(KeyReused):
        await world.controller.submit(two)


@pytest.mark.parametrize("damage", ["missing", "cut", "of another zip"])
async def test_a_crash_between_zip_and_status(world, damage):
    execution = await world.controller.submit(world.submission({"inputs": {}}))
    execution.status = Status.RUNNING
    await world.store.save_execution(execution)
    [task] = await world.store.list_tasks(execution.id)
    task.state = TaskState.SUCCESSFUL
    await world.store.save_task(task)
    archive = world.folders.outputs(execution.id)
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("word", "one")
    text = {"missing": None, "cut": '{"files": [', "of another zip": '{"files": []}'}[damage]
    if text is not None:
        world.folders.manifest(execution.id).write_text(text)
    (archive.parent / "part-1.json").write_text("left over")
    await world.controller._lifecycle.conclusion.conclude(execution.id)
    found = await world.store.get_execution(execution.id)
    assert found.status is Status.SUCCESSFUL
    manifest = from_zip(archive)
    assert found.output_digest == manifest.digest
    assert read(world.folders.manifest(execution.id)) == manifest
    left = {path.name for path in archive.parent.iterdir()}
    assert left == {"events.jsonl", "manifest.json", "output.zip"}
