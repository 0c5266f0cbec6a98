"""The event log against a list, in any order of calls, restarts and damage."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ccp_jupyter.hub_service.events.base import FeedItem
from ccp_jupyter.hub_service.events.log import FileEventLog
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.model.events import Event
from ccp_jupyter.model.states import Status
from tests.unit.events.samples import E1, E2, log_event, phase_event, status_event

T = TypeVar("T")
executions = st.sampled_from([E1, E2, "ef" * 16])
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
FEED_SIZE = 7


def made(kind: int, execution_id: str, text: str) -> Event:
    if kind == 0:
        return log_event(text, execution_id)
    return status_event(Status.FAILED, execution_id) if kind == 1 else phase_event(execution_id)


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp())
        self.loop = asyncio.new_event_loop()
        self.folders = Folders(self.place)
        self.model: dict[str, list[Event]] = {}
        self.start()

    def start(self) -> None:
        self.log = FileEventLog(self.folders, feed_size=FEED_SIZE)
        self.followers: dict[str, tuple[AsyncGenerator[Event, None], int]] = {}
        self.published: list[Event | None] = []
        self.feed: AsyncGenerator[FeedItem, None] | None = None
        self.feed_position = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(work, 20))

    def keep(self, events: list[Event]) -> None:
        for event in events:
            self.model.setdefault(event.execution_id, []).append(event)
            self.published.append(event)

    @rule(execution_id=executions, kind=st.integers(0, 2), text=texts)
    def append(self, execution_id: str, kind: int, text: str) -> None:
        event = made(kind, execution_id, text)
        kept = self.run(self.log.append("alice", event))
        number = len(self.model.get(execution_id, [])) + 1
        assert kept == event.model_copy(update={"seq": number})
        self.keep([kept])

    @rule(given=st.lists(st.tuples(executions, st.integers(0, 2), texts), max_size=20))
    def append_many(self, given: list[tuple[str, int, str]]) -> None:
        async def all_of_them() -> list[Event]:
            events = [made(kind, execution_id, text) for execution_id, kind, text in given]
            return list(await asyncio.gather(*(self.log.append("alice", e) for e in events)))

        self.keep(self.run(all_of_them()))

    @rule(execution_id=executions, after=st.integers(-2, 60), limit=st.integers(0, 60))
    def read(self, execution_id: str, after: int, limit: int) -> None:
        expected = [e for e in self.model.get(execution_id, []) if e.seq > after][:limit]
        assert self.run(self.log.read(execution_id, after, limit)) == expected

    @rule(execution_id=executions, after=st.integers(0, 10))
    def follow(self, execution_id: str, after: int) -> None:
        if execution_id in self.followers:
            self.run(self.followers[execution_id][0].aclose())
        self.followers[execution_id] = (self.log.follow(execution_id, after), after)

    @rule(execution_id=executions, most=st.integers(1, 30))
    def follow_on(self, execution_id: str, most: int) -> None:
        if execution_id not in self.followers:
            return
        follower, after = self.followers[execution_id]
        expected = [e for e in self.model.get(execution_id, []) if e.seq > after][:most]
        for event in expected:
            assert self.run(anext(follower)) == event
            after = event.seq
        self.followers[execution_id] = (follower, after)

    @rule()
    def feed_start(self) -> None:
        if self.feed is not None:
            self.run(self.feed.aclose())
        self.feed = self.log.feed("alice")
        self.feed_position = len(self.published)

    @rule(most=st.integers(1, 30))
    def feed_on(self, most: int) -> None:
        for _ in range(most):
            expected = [e for e in self.published[self.feed_position :] if e is not None]
            if self.feed is None or not expected:
                return
            item = self.run(anext(self.feed))
            if item.event is None:
                assert len(self.published) - self.feed_position > FEED_SIZE
                assert int(item.cursor.partition("-")[2]) == len(self.published)
                self.feed_position = len(self.published)
            else:
                assert item.event == expected[0]
                self.feed_position = int(item.cursor.partition("-")[2])
                assert self.published[self.feed_position - 1] == item.event

    @rule(execution_id=executions)
    def remove(self, execution_id: str) -> None:
        self.run(self.log.remove(execution_id))
        self.model.pop(execution_id, None)
        self.published = [
            None if e is None or e.execution_id == execution_id else e for e in self.published
        ]
        if execution_id in self.followers:
            follower, _ = self.followers.pop(execution_id)
            self.run(follower.aclose())

    @rule(execution_id=executions, rest=st.binary(max_size=50))
    def restart_after_damage(self, execution_id: str, rest: bytes) -> None:
        self.stop()
        journal = self.folders.journal(execution_id)
        if journal.exists():
            with journal.open("ab") as file:
                file.write(rest.replace(b"\n", b""))
        self.start()

    @invariant()
    def files_hold_the_model(self) -> None:
        for execution_id, events in self.model.items():
            assert [e.seq for e in events] == list(range(1, len(events) + 1))
            lines = self.folders.journal(execution_id).read_bytes().split(b"\n")[:-1]
            assert len(lines) == len(events)

    def stop(self) -> None:
        for follower, _ in self.followers.values():
            self.run(follower.aclose())
        if self.feed is not None:
            self.run(self.feed.aclose())
        self.run(self.log.close())

    def teardown(self) -> None:
        self.stop()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        shutil.rmtree(self.place)


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
