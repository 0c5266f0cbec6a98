"""What a container says of its own end, beside what its engine says."""

import asyncio

import pytest

from ccp_jupyter.hub_service.controller import reports
from ccp_jupyter.hub_service.controller.nodes.watches import Exit


async def never():
    await asyncio.Event().wait()
    raise AssertionError


async def test_the_engines_word_is_waited_for():
    found, seen = reports.Reports("c", False), asyncio.get_running_loop().create_future()

    async def engine():
        return await seen

    ending = asyncio.create_task(found.ended(engine()))
    found.take("end 0")
    done, _ = await asyncio.wait((ending,), timeout=0.05)
    assert not done
    seen.set_result(Exit(0, True, False))
    assert await ending == Exit(0, True, False)


@pytest.mark.parametrize("code", [0, 3, 255])
async def test_an_engine_that_missed_the_end_is_not_waited_for_any_longer(
    code, monkeypatch, caplog
):
    monkeypatch.setattr(reports, "_PATIENCE", 0.01)
    found = reports.Reports("c", True)
    found.take(f"end {code}")
    assert await found.ended(never()) == Exit(code, False, False)
    assert "c: the engine missed its end" in caplog.text


@pytest.mark.parametrize(
    "report", ["", "end", "end x", "end -1", "end 1 2", "ending 1", "end 9999"]
)
async def test_anything_else_is_no_end(report, monkeypatch):
    monkeypatch.setattr(reports, "_PATIENCE", 0.0)
    found = reports.Reports("c", False)
    found.take(report)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(found.ended(never()), 0.05)
    assert not found.started_again


async def test_the_first_word_counts(monkeypatch):
    monkeypatch.setattr(reports, "_PATIENCE", 0.0)
    found = reports.Reports("c", False)
    for report in ("end 1", "end 0", "again"):
        found.take(report)
    assert (await found.ended(never())).code == 1
    assert found.started_again


@pytest.mark.parametrize("said", [0, 3])
@pytest.mark.parametrize("disturbed", [False, True])
async def test_a_code_that_the_engine_did_not_learn_is_the_containers_own(said, disturbed, caplog):
    found = reports.Reports("c", True)
    found.take(f"end {said}")
    assert found.corrected(Exit(255, False, disturbed)) == Exit(said, False, False)
    assert f"c: the engine did not learn its exit code {said}" in caplog.text


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ([], Exit(255, False, True)),  # nothing was said
        (["end 255"], Exit(255, False, False)),  # a script may end so
        (["end 0"], Exit(137, False, True)),  # killed after its last word
        (["end 0"], Exit(None, False, True)),  # it is gone
        (["end 0", "again"], Exit(255, False, False)),  # the second run's
    ],
)
async def test_any_other_code_is_the_engines(told, seen):
    found = reports.Reports("c", True)
    for each in told:
        found.take(each)
    assert found.corrected(seen) == seen
