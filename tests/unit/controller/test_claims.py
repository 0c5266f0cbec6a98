"""Who may drive an engine, by the real rules over tokens kept in memory."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from dataclasses import replace
from typing import Any

import pytest

from ccp_jupyter.hub_service.controller.nodes import claims
from ccp_jupyter.hub_service.controller.nodes.claims import Claim, NodeTaken
from ccp_jupyter.hub_service.controller.nodes.instance import Instance

PATIENCE = 1.0
ENOUGH = 60.0  # for who lives to answer, however busy the machine is


class Board:
    """The tokens of one engine, and who hears of them.

    Parameters
    ----------
    pause : callable
        Seconds that each call takes.
    """

    def __init__(self, pause=lambda: 0.0):
        self.there = {}
        self.pause = pause
        self.listeners = []
        self.calls = 0

    async def tokens(self, key):
        await self._wait()
        return [token for token in self.there.values() if key in token.labels]

    async def put_token(self, token):
        await self._wait()
        self.there.setdefault(token.name, token)
        for listener in self.listeners:
            listener.hears(token.name)

    async def remove_token(self, name):
        await self._wait()
        self.there.pop(name, None)

    async def _wait(self):
        self.calls += 1
        await asyncio.sleep(self.pause())


class Service:
    """A process that wants an engine and, once it has it, hears of tokens unless it is frozen."""

    def __init__(self, board, number=None, service_id="s", patience=PATIENCE, **members):
        given = {"ticks": "", **members}  # else the others would know at once that it lives or not
        if number is not None:
            given["id"] = f"{number:032x}"
        self.me = replace(Instance.new(), **given)
        self.claim = Claim(board, service_id, self.me, "n1", patience)
        self.board = board
        self.frozen = False
        self.unheard = []
        self.lost = None
        self.work = set()

    def hears(self, name):
        if self.frozen:
            self.unheard.append(name)
        else:
            job = asyncio.create_task(self._heard(name))
            self.work.add(job)
            job.add_done_callback(self.work.discard)

    async def _heard(self, name):
        try:
            await self.claim.heard(name)
        except NodeTaken as error:
            self.lost = error

    async def take(self):
        await self.claim.take()
        self.board.listeners.append(self)
        await self.claim.take()  # as a Node's agent does, for what came before it could hear
        return self

    def freeze(self):
        self.frozen = True

    def wake(self):
        self.frozen = False
        names, self.unheard = self.unheard, []
        for name in names:
            self.hears(name)


def kinds(board):
    return sorted(name.split("-")[3] for name in board.there)


async def test_a_free_engine_is_taken_at_once():
    board = Board()
    await Service(board, patience=1000.0).take()
    assert kinds(board) == ["claim"]


async def test_a_clean_stop_leaves_nothing():
    board = Board()
    service = await Service(board).take()
    await service.claim.release()
    assert board.there == {}
    await service.claim.release()


async def test_a_stop_takes_back_what_was_just_put():
    board = Board(lambda: 0.05)
    taking = asyncio.create_task(Service(board).claim.take())
    while not board.there:
        await asyncio.sleep(0.01)
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert board.there == {}


@pytest.mark.parametrize("held", [False, True])
async def test_a_stop_does_not_wait_for_an_engine_that_takes_its_time(held, monkeypatch):
    monkeypatch.setattr(claims, "_LONGEST_FAREWELL", 0.2)
    board = Board()
    service = Service(board)
    if held:
        await service.take()
    board.pause = lambda: 1000.0
    going = asyncio.create_task(service.claim.release() if held else service.claim.take())
    await asyncio.sleep(0.05)
    if not held:
        going.cancel()
    done, _ = await asyncio.wait((going,), timeout=ENOUGH)
    assert done
    with pytest.raises(TimeoutError if held else asyncio.CancelledError):
        going.result()


async def test_another_service_id_is_none_of_our_business():
    board = Board()
    await Service(board, service_id="a", patience=1000.0).take()
    await Service(board, service_id="b", patience=1000.0).take()
    assert kinds(board) == ["claim", "claim"]


@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1)])
async def test_who_lives_keeps_it(first, second):
    board = Board()
    incumbent = await Service(board, first).take()
    late = Service(board, second, patience=ENOUGH)
    with pytest.raises(NodeTaken) as refused:
        await late.take()
    assert incumbent.me.host in str(refused.value)
    assert f"process {incumbent.me.pid}, since {incumbent.me.since}" in str(refused.value)
    assert "data_dir of its own" in str(refused.value)
    await incumbent.claim.take()
    assert incumbent.lost is None
    # What was asked and answered is gone again.
    assert kinds(board) == ["claim"]


async def test_a_process_that_was_given_one_engine_twice():
    board = Board()
    ticks = Instance.new().ticks
    first = await Service(board, 1, ticks=ticks).take()
    with pytest.raises(NodeTaken, match="has the engine already, as Node n1; remove one"):
        await Service(board, 2, ticks=ticks, patience=ENOUGH).take()
    await first.claim.take()


async def test_who_is_silent_loses_it_and_notices_before_it_does_anything():
    board = Board()
    old = await Service(board, 1).take()
    old.freeze()
    new = await Service(board, 2).take()
    # As if the time that went by were not ours: the machine slept.
    old.claim._sure_at -= PATIENCE
    with pytest.raises(NodeTaken, match="has taken over"):
        await old.claim.confirm()
    # It stays lost, whatever the clock says, until it is taken anew.
    with pytest.raises(NodeTaken):
        await old.claim.confirm()
    old.wake()
    await asyncio.gather(*old.work)
    await new.claim.confirm()
    with pytest.raises(NodeTaken, match=f"process {new.me.pid}"):
        await old.claim.take()


async def test_who_wakes_hears_of_it():
    board = Board()
    old = await Service(board, 1).take()
    old.freeze()
    await Service(board, 2).take()
    old.wake()
    await asyncio.gather(*old.work)
    assert old.lost is not None


async def test_a_short_silence_costs_no_look():
    board = Board()
    service = await Service(board, patience=1000.0).take()
    before = board.calls
    for _ in range(100):
        await service.claim.confirm()
    assert board.calls == before


async def test_a_dead_process_of_this_place_is_not_waited_for():
    board = Board()
    code = (
        "import json; from ccp_jupyter.hub_service.controller.nodes.instance import Instance as I;"
    )
    code += "print(json.dumps(I.new().labels), flush=True); input()"
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdin=pipe, stdout=pipe
    )
    assert child.stdout is not None
    found = Instance.read(json.loads(await child.stdout.readline()))
    assert found.pid == child.pid
    assert not found.is_dead()
    assert not Instance.new().is_dead()
    dead = await Service(board, 1, pid=found.pid, ticks=found.ticks).take()
    child.kill()
    await child.communicate()
    assert found.is_dead()
    assert not replace(found, place="of another machine").is_dead()
    dead.freeze()
    await Service(board, 2, patience=1000.0).take()
    assert kinds(board) == ["claim"]


async def test_tokens_that_an_admin_has_pruned_come_back():
    board = Board()
    service = await Service(board).take()
    board.there.clear()
    await service.claim.take()
    assert kinds(board) == ["claim"]


async def test_damaged_tokens_of_others_do_no_harm():
    board = Board()
    service = Service(board, patience=0.3)
    prefix = service.claim._prefix
    for name in ("claim-", "claim-x", "claim-x-y", "challenge-x", "denial-", "", "-", "else-a-b"):
        labels = {"ccp.claim": "s", "ccp.pid": "9" * 5000, "ccp.instance": "\n"}
        board.there[prefix + name] = type("T", (), {"name": prefix + name, "labels": labels})()
    await service.take()
    assert kinds(board) == ["claim"]


@pytest.mark.parametrize("seed", range(10))
async def test_of_many_that_start_at_once_one_has_it(seed):
    """And never two at a time, in whatever order their calls are done."""
    dice = random.Random(seed)
    board = Board(lambda: dice.random() * 0.03)
    owners: list[Any] = []

    async def compete(service):
        while True:
            try:
                await service.take()
            except NodeTaken:
                if owners:
                    return
                await asyncio.sleep(dice.random() * 0.2)
            else:
                owners.append(service)
                return

    services = [Service(board, number, patience=ENOUGH) for number in dice.sample(range(99), 4)]
    async with asyncio.timeout(60):
        await asyncio.gather(*(compete(service) for service in services))
    assert len(owners) == 1
    assert owners[0].lost is None
    await asyncio.gather(*owners[0].work)
    await owners[0].claim.take()
    assert kinds(board) == ["claim"]


async def test_two_that_find_the_same_dead_one():
    board = Board(lambda: 0.002)
    dead = await Service(board, 50).take()
    dead.freeze()
    pair = [Service(board, number, patience=3.0) for number in (10, 90)]
    done = await asyncio.gather(*(service.take() for service in pair), return_exceptions=True)
    assert [isinstance(found, NodeTaken) for found in done].count(True) == 1
    assert kinds(board) == ["claim"]
