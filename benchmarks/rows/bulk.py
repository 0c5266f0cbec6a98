"""A large /ccp_data: how fast it becomes a zip, and the memory that this takes."""

from __future__ import annotations

from datetime import datetime

from benchmarks import machine, methods
from benchmarks.direct import Direct
from benchmarks.figures import Budget, Row, Spread, ratio_row
from benchmarks.setting import Setting, interleaved
from ccp_jupyter import Client
from ccp_jupyter.model.events import PhaseEvent
from ccp_jupyter.model.states import Phase

_GROWTH = 16.0  # MB that the peak may grow from the small to the large size; noise is about 5


def measure(setting: Setting) -> list[Row]:
    """Compare the Fetch phase with the archive stream piped into ``zip``."""
    large = setting.choose(200, 1000)
    small = large // 10
    with setting.client() as client, setting.direct() as direct:
        container = direct.start(setting.job(methods.bulk, megabytes=large))
        try:
            direct.follow(container)
            pairs = interleaved(
                setting.choose(2, 3),
                lambda: _ours(setting, client, large),
                lambda: _theirs(setting, direct, container),
                warm_up=False,
            )
        finally:
            direct.remove(container)
        little = [_ours(setting, client, small)[2] for _ in range(2)]
    peaks = [ours[2] for ours, _ in pairs]
    return [
        ratio_row(
            "fetch",
            f"{large} MB of /ccp_data, rate of the Fetch phase",
            [(large / ours[0], large / theirs[0]) for ours, theirs in pairs],
            Budget("at least", 0.8),
            "MB/s",
            [
                f"size of the zip: ours {pairs[0][0][1] / 1e6:.0f} MB,"
                f" by the zip program {pairs[0][1][1] / 1e6:.0f} MB"
            ],
        ),
        Row(
            "fetch.memory",
            f"peak memory of the service, {large} MB against {small} MB",
            "MB more",
            Spread.of(peak - min(little) for peak in peaks),
            Budget("at most", _GROWTH),
            notes=[
                f"peak {max(peaks):.0f} MB with {large} MB, {min(little):.0f} MB with {small} MB"
            ],
        ),
    ]


def _ours(setting: Setting, client: Client, megabytes: int) -> tuple[float, int, float]:
    """Return seconds of the Fetch phase, bytes of the zip, and the service's peak in MB."""
    pid = setting.service.pid
    machine.forget_peak(pid)
    execution = client.run(methods.BULK, megabytes=megabytes).wait(600, progress=False)
    peak = machine.peak(pid) / 1e6
    at: dict[Phase, datetime] = {
        event.phase: event.at for event in execution.events() if isinstance(event, PhaseEvent)
    }
    size = (setting.outputs(execution.id)).stat().st_size
    execution.delete()
    return (at[Phase.DESTROY] - at[Phase.FETCH]).total_seconds(), size, peak


def _theirs(setting: Setting, direct: Direct, container: str) -> tuple[float, int]:
    """Return seconds and bytes of the zip."""
    target = setting.folder("direct") / "bulk.zip"
    target.unlink(missing_ok=True)
    seconds = direct.zip_program(container, target)
    return seconds, target.stat().st_size
