"""What is kept in memory for those who follow one Execution."""

from __future__ import annotations

from ccp_jupyter.hub_service.events.channel import Channel
from tests.unit.events.samples import log_event


def published(count: int, size: int) -> Channel:
    channel = Channel()
    for number in range(1, count + 1):
        channel.publish(log_event().model_copy(update={"seq": number}), size)
    return channel


def test_the_latest_events_are_there_and_older_ones_are_not() -> None:
    channel = published(1000, 10)
    events = channel.beyond(744)
    assert events is not None
    assert [event.seq for event in events] == list(range(745, 1001))
    assert channel.beyond(743) is None
    assert channel.beyond(999) == events[-1:]
    assert channel.beyond(1000) == []
    assert channel.beyond(5000) == []


def test_large_events_are_kept_up_to_half_a_mebibyte() -> None:
    channel = published(100, 100_000)
    events = channel.beyond(95)
    assert events is not None
    assert [event.seq for event in events] == [96, 97, 98, 99, 100]
    assert channel.beyond(94) is None


def test_one_huge_event_is_kept() -> None:
    events = published(3, 10**9).beyond(2)
    assert events is not None
    assert [event.seq for event in events] == [3]


def test_nothing_is_known_before_the_first_event() -> None:
    assert Channel().beyond(0) is None
