"""Very many batches at once, with the real store, journal and vault, on a scripted engine."""

from benchmarks.agency.documents import trivial
from benchmarks.agency.scripted import IMAGE
from benchmarks.agency.world import world

MANY = 120


async def test_batches_that_end_together_conclude_once_and_leave_nothing(tmp_path, caplog):
    async with world(tmp_path / "w", 0.3, MANY) as found:
        execution = await found.submit(trivial(IMAGE, MANY))
        await found.wait_ended(execution, 60)
        assert await found.engine.containers("ccp.service") == []
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_the_first_starts_before_the_last_is_on_its_way(tmp_path):
    async with world(tmp_path / "w", 0.1, MANY) as found:
        execution = await found.submit(trivial(IMAGE, MANY))
        await found.wait_started(execution, 1, 30)
        tasks = await found.store.list_tasks(execution.id)
        assert sum(task.attempt is not None for task in tasks) < MANY / 2
        await found.wait_ended(execution, 60)
