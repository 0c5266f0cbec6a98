"""What else is on a docker engine: containers of others, and tokens that say who works there."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from docker.errors import APIError, NotFound

from ccp_jupyter.hub_service.engines import _docker_formats as formats
from ccp_jupyter.hub_service.engines._docker_transport import Client
from ccp_jupyter.hub_service.engines.base import TOKEN_PREFIX, BadRequest, Outsider, Token

_TOKEN = re.compile(re.escape(TOKEN_PREFIX) + r"[A-Za-z0-9_.-]{1,200}")
# Seconds that the measured use of a container without a limit counts.
_USE_COUNTS = 30.0
_PERIOD = 100_000  # of a CPU quota that names none, microseconds
_GPU_FILE = re.compile(r"/dev/nvidia(\d+)")
_ALL = "*"


@dataclass(frozen=True, slots=True)
class _Known:
    outsider: Outsider
    limited: bool
    """Whether it has a limit of memory."""
    measured: float
    """Monotonic time when its use was asked for."""


class Neighbours:
    """The running containers of others on one engine; each is inspected once."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def look(self, client: Client, label: str) -> list[Outsider]:
        """Return those that do not carry a label, ``key`` or ``key=value``."""
        found = {}
        for listed in client.containers():
            if formats.carries(listed.get("Labels") or {}, label):
                continue
            container = str(listed["Id"])
            try:
                found[container] = self._look_at(client, container)
            except NotFound:
                continue  # it has ended since
        self._known = found
        return [known.outsider for known in found.values()]

    def _look_at(self, client: Client, container: str) -> _Known:
        known = self._known.get(container)
        if known is None:
            outsider = read_outsider(client.inspect_container(container))
            known = _Known(outsider, limited=outsider.memory > 0, measured=float("-inf"))
        if known.limited or time.monotonic() - known.measured < _USE_COUNTS:
            return known
        use = formats.stats(client.stats(container, stream=False, one_shot=True)).memory
        return replace(
            known, outsider=replace(known.outsider, memory=use), measured=time.monotonic()
        )


def read_outsider(data: Mapping[str, Any]) -> Outsider:
    """Read ``GET /containers/…/json``; its memory is 0 when it has no limit."""
    host = data["HostConfig"]
    quota, period = int(host.get("CpuQuota") or 0), int(host.get("CpuPeriod") or 0) or _PERIOD
    cpus = int(host.get("NanoCpus") or 0) / 1e9 or max(0, quota) / period
    gpus = [*_requested(host), *_from_environment(data), *_from_files(host)]
    return Outsider(
        name=str(data["Name"]).removeprefix("/"),
        memory=max(0, int(host.get("Memory") or 0)),
        cpus=cpus,
        gpus=(_ALL,) if _ALL in gpus else tuple(dict.fromkeys(gpus)),
    )


def _requested(host: Mapping[str, Any]) -> list[str]:
    """Return the ids of device requests (``docker run --gpus``, or ``--device`` with CDI)."""
    gpus: list[str] = []
    for request in host.get("DeviceRequests") or ():
        names = [str(name) for name in request.get("DeviceIDs") or ()]
        if request.get("Driver") == "cdi":
            pairs = (name.partition("=") for name in names)
            gpus += [_ALL if i == "all" else i for kind, _, i in pairs if kind.endswith("/gpu")]
        elif names:
            gpus += names
        elif (count := int(request.get("Count") or 0)) < 0:
            gpus.append(_ALL)
        else:
            # The engine gives the first ones.
            gpus += [str(number) for number in range(count)]
    return gpus


def _from_environment(data: Mapping[str, Any]) -> list[str]:
    """Return what the older way (``--runtime=nvidia`` and a variable) gives."""
    if data["HostConfig"].get("Runtime") != "nvidia":
        return []
    for variable in data["Config"].get("Env") or ():
        name, _, value = str(variable).partition("=")
        if name == "NVIDIA_VISIBLE_DEVICES" and value not in ("", "none", "void"):
            return [_ALL if part == "all" else part for part in value.split(",")]
    return []


def _from_files(host: Mapping[str, Any]) -> list[str]:
    """Return the GPUs whose device files were given."""
    paths = (str(device.get("PathOnHost")) for device in host.get("Devices") or ())
    return [found[1] for path in paths if (found := _GPU_FILE.fullmatch(path))]


def checked_token(name: str) -> str:
    """Return the name of a token if it is one.

    Raises
    ------
    BadRequest
        With what it must be like.
    """
    if not _TOKEN.fullmatch(name):
        raise BadRequest(
            f"{name[:80]!r} is no name of a token: {TOKEN_PREFIX}, then letters, digits and _.-"
        )
    return name


def tokens(client: Client, key: str) -> list[Token]:
    """Return the volumes that are tokens and carry a label of this key."""
    found = client.volumes(filters={"label": [key]}).get("Volumes") or ()
    return [
        Token(volume["Name"], volume.get("Labels") or {})
        for volume in found
        if _TOKEN.fullmatch(volume["Name"])
    ]


def put_token(client: Client, token: Token) -> None:
    """Make a volume; the engine leaves one that is there as it is."""
    client.create_volume(token.name, driver="local", labels=dict(token.labels))


def remove_token(client: Client, name: str) -> None:
    """Remove a volume, if it is there."""
    try:
        client.remove_volume(name)
    except APIError as error:
        if error.status_code != 404:
            raise
