"""What containers of others hold, read from the engine's documents."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ccp_jupyter.hub_service.engines import _docker_formats as formats
from ccp_jupyter.hub_service.engines._docker_neighbours import read_outsider
from ccp_jupyter.hub_service.engines.base import Outsider


def _document(env: list[str] | None = None, **host: Any) -> dict[str, Any]:
    return {"Name": "/theirs", "Config": {"Env": env}, "HostConfig": host}


GPU = [["gpu"]]


@pytest.mark.parametrize(
    ("host", "gpus"),
    [
        ({}, ()),
        ({"DeviceRequests": None}, ()),
        ({"DeviceRequests": [{"Count": -1, "DeviceIDs": None, "Capabilities": GPU}]}, ("*",)),
        ({"DeviceRequests": [{"Count": 2, "DeviceIDs": None, "Capabilities": GPU}]}, ("0", "1")),
        ({"DeviceRequests": [{"Count": 0, "DeviceIDs": ["1", "GPU-a"]}]}, ("1", "GPU-a")),
        ({"DeviceRequests": [{"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=1"]}]}, ("1",)),
        ({"DeviceRequests": [{"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=all"]}]}, ("*",)),
        ({"DeviceRequests": [{"Driver": "cdi", "DeviceIDs": ["vendor.com/net=0"]}]}, ()),
        ({"Devices": [{"PathOnHost": "/dev/nvidia1"}, {"PathOnHost": "/dev/fuse"}]}, ("1",)),
        (
            {
                "Devices": [{"PathOnHost": "/dev/nvidia0"}],
                "DeviceRequests": [{"DeviceIDs": ["0", "2"]}],
            },
            ("0", "2"),
        ),
    ],
)
def test_gpus(host: dict[str, Any], gpus: tuple[str, ...]) -> None:
    assert read_outsider(_document(**host)) == Outsider("theirs", 0, 0.0, gpus)


@pytest.mark.parametrize(
    ("value", "gpus"),
    [("all", ("*",)), ("0,GPU-b", ("0", "GPU-b")), ("none", ()), ("void", ()), ("", ())],
)
def test_the_older_way_to_ask_for_gpus(value: str, gpus: tuple[str, ...]) -> None:
    env = ["A=b", f"NVIDIA_VISIBLE_DEVICES={value}"]
    assert read_outsider(_document(env, Runtime="nvidia")).gpus == gpus
    assert read_outsider(_document(env, Runtime="runc")).gpus == ()


@pytest.mark.parametrize(
    ("host", "memory", "cpus"),
    [
        ({"Memory": 2**30, "NanoCpus": 1_500_000_000}, 2**30, 1.5),
        ({"CpuQuota": 50_000, "CpuPeriod": 0}, 0, 0.5),
        ({"CpuQuota": 50_000, "CpuPeriod": 25_000}, 0, 2.0),
        ({"CpuQuota": -1, "Memory": -1}, 0, 0.0),
        ({"Memory": None, "NanoCpus": None}, 0, 0.0),
    ],
)
def test_limits(host: dict[str, Any], memory: int, cpus: float) -> None:
    found = read_outsider(_document(**host))
    assert (found.memory, found.cpus) == (memory, cpus)


def test_the_clock_in_any_zone() -> None:
    base = {"ServerVersion": "1", "MemTotal": 1, "NCPU": 1, "ContainersRunning": 0}
    expected = datetime(2026, 11, 22, 4, 0, 0, 123_456, UTC)
    for text, time in (
        ("2026-11-22T04:00:00.123456789Z", expected),
        ("2026-11-22T05:30:00.123456+01:30", expected),
        ("2026-11-21T20:00:00.123456-08:00", expected),
        ("0001-01-01T00:00:00Z", None),
        ("yesterday", None),
        ("", None),
    ):
        assert formats.node_info({**base, "SystemTime": text}, "1.41").time == time
    assert formats.node_info(base, "1.41").time is None


@pytest.mark.parametrize(
    ("labels", "label", "carried"),
    [
        ({"a": "b"}, "a=b", True),
        ({"a": "b"}, "a", True),
        ({"a": "b=c"}, "a=b=c", True),
        ({"a": ""}, "a=", True),
        ({"a": "bc"}, "a=b", False),
        ({}, "a", False),
        ({}, "a=", False),
    ],
)
def test_labels(labels: dict[str, str], label: str, carried: bool) -> None:
    assert formats.carries(labels, label) is carried
