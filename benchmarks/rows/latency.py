"""How soon a container starts, and how soon its end is known, with nothing else to do."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import docker

from benchmarks import methods
from benchmarks.direct import Direct
from benchmarks.figures import Budget, Row, Spread
from benchmarks.setting import Setting, interleaved, wait_until
from ccp_jupyter import Client
from ccp_jupyter.model.events import StatusEvent
from ccp_jupyter.model.states import Status


def measure(setting: Setting) -> list[Row]:
    """Take the engine's own moments of start and end."""
    with (
        setting.client() as client,
        setting.direct() as direct,
        engine_events(setting.engine.client()) as moments,
    ):
        pairs = interleaved(
            setting.choose(6, 30),
            lambda: _ours(setting, client, moments),
            lambda: _theirs(setting, direct, moments),
        )
    direct_start = Spread.of(theirs for _, theirs in pairs)
    return [
        Row(
            "start",
            "submit to start of the container",
            "s",
            Spread.of(ours[0] for ours, _ in pairs),
            Budget("at most", 0.5),
            notes=[
                f"create, put files and start directly: {direct_start.median:.3f} s until the"
                f" engine reports the start ({direct_start.low:.3f} … {direct_start.high:.3f})"
            ],
        ),
        Row(
            "recorded",
            "end of the container to status successful",
            "s",
            Spread.of(ours[1] for ours, _ in pairs),
            Budget("at most", 0.2),
            notes=["includes the outputs: archive, zip, and the zip's fsync"],
        ),
    ]


class Moments:
    """When containers started and ended, by name, as the engine says."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], float] = {}

    def take(self, event: dict[str, Any]) -> None:
        """Note an event."""
        name = event["Actor"]["Attributes"].get("name", "")
        self._known[name, event["Action"]] = event["timeNano"] / 1e9

    def of(self, action: str, name: str) -> float:
        """Return a moment as of `time.time`, waiting a little for the event."""
        wait_until(lambda: (name, action) in self._known, f"event {action} of {name}", 10, 0.01)
        return self._known[name, action]


@contextmanager
def engine_events(client: docker.APIClient) -> Iterator[Moments]:
    """Listen to an engine's events while the block runs."""
    moments = Moments()
    stream = client.events(decode=True, filters={"type": "container", "event": ["start", "die"]})

    def listen() -> None:
        for event in stream:
            moments.take(event)

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield moments
    finally:
        stream.close()
        thread.join(10)
        client.close()


def _ours(setting: Setting, client: Client, moments: Moments) -> tuple[float, float]:
    """Return seconds from submit to start, and from end to ``successful``."""
    time.sleep(0.3)  # idle again after the run before
    begun = time.time()
    execution = client.run(methods.TRIVIAL).wait(120, progress=False)
    name = f"ccp-{execution.id}.1.1"
    successful: list[datetime] = [
        event.at
        for event in execution.events()
        if isinstance(event, StatusEvent) and event.status is Status.SUCCESSFUL
    ]
    setting.wait_clean()
    return (
        moments.of("start", name) - begun,
        successful[0].timestamp() - moments.of("die", name),
    )


def _theirs(setting: Setting, direct: Direct, moments: Moments) -> float:
    job = setting.job(methods.trivial)
    begun = time.time()
    container = direct.start(job)
    try:
        direct.follow(container)
        return moments.of("start", job.spec.name) - begun
    finally:
        direct.remove(container)
