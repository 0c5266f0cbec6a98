"""What an Infrastructure allows to RED documents."""

from __future__ import annotations

import pytest

from benchmarks.agency.documents import trivial
from benchmarks.agency.scripted import IMAGE
from ccp_jupyter.hub_service.controller.base import ExperimentSubmission
from ccp_jupyter.hub_service.controller.experiments import Builder
from ccp_jupyter.hub_service.store.sqlite import SqliteStore
from ccp_jupyter.hub_service.vault.client import VaultClient
from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.infrastructure import Infrastructure
from ccp_jupyter.model.resources import GpuWish

MIB = 2**20


@pytest.fixture
async def build(tmp_path):
    store = await SqliteStore.open(tmp_path / "store.sqlite")
    vault = VaultClient(tmp_path / "vault.sock")  # not asked: nothing is taken from it

    async def built(limits, batches=1, **settings):
        document = dict(trivial(IMAGE, batches))
        container = document["container"]
        container = {**container, "settings": {**container["settings"], **settings}}
        lab = Infrastructure(id="lab", name="Lab", limits=limits)
        submission = ExperimentSubmission("alice", {}, {**document, "container": container})
        return await Builder(store, vault, lab).build(submission)

    yield built
    await vault.close()
    await store.close()


GPUS = {"vendor": "nvidia", "devices": [{"vramMin": 8192}, {}]}


async def test_what_is_asked_for_is_kept_exactly(build):
    made = await build({"max_memory": 512 * MIB, "max_gpus": 2}, ram=512, gpus=GPUS)
    assert made.execution.limits.memory == 512 * MIB
    assert made.execution.gpus == [GpuWish(vram=8192), GpuWish()]


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        (
            {"max_memory": 511 * MIB},
            "container.settings.ram: must be at most 511 (MB), the limit of lab (found 512)",
        ),
        ({"max_gpus": 1}, "container.settings.gpus: must be at most 1, the limit of lab (found 2)"),
        ({"max_gpus": 0}, "container.settings.gpus: must be at most 0, the limit of lab (found 2)"),
        ({"max_batches": 1}, "batches: must have at most 1 items (found 2)"),
    ],
)
async def test_more_is_refused(build, limits, problem):
    with pytest.raises(InvalidDocument) as error:
        await build(limits, batches=2, ram=512, gpus=GPUS)
    assert [str(found) for found in error.value.problems] == [problem]
