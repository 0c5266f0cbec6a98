"""Documents of the engine's API to and from the types of the interface."""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from docker import APIClient
from docker.types import DeviceRequest, Healthcheck, LogConfig, Ulimit

from ccp_jupyter.hub_service.engines.base import (
    TOKEN_PREFIX,
    BadRequest,
    ContainerEvent,
    ContainerInfo,
    ContainerSpec,
    Image,
    LogFrame,
    NodeInfo,
    NodeUnreachable,
    Stats,
)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")
# The grammar of github.com/distribution/reference, without its limits of length.
_REFERENCE = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?/)?"
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
_LONGEST_REFERENCE = 512
# Not more: an engine without CAP_SYS_RESOURCE cannot give more than it has itself.
_OPEN_FILES = 16_384
# Binary-safe, unlike json-file, which turns what is not UTF-8 (such as a character that was cut
# at 16 KiB) into "\ufffd". The service keeps less than this of each log.
_LOG = LogConfig(type="local", config={"max-size": "64m", "max-file": "2", "compress": "false"})
# Podman's has no other that can be followed without a journal.
_PODMANS_LOG = LogConfig(type="k8s-file", config={"max-size": "64m"})
_NOT_LABELS = {"image", "name", "exitCode", "signal", "execDuration", "containerExitCode", "podId"}
_STATES: dict[str, Literal["created", "running", "exited"]] = {
    "created": "created",
    "running": "running",
    "paused": "running",
    "restarting": "running",
    "removing": "exited",
    "exited": "exited",
    "dead": "exited",
    "stopped": "exited",  # Podman's, until it has cleaned up
}
_ENDED = frozenset({"exited", "dead", "stopped"})
_EVENT_KINDS: dict[str, Literal["start", "oom", "kill", "die", "destroy"]] = {
    "start": "start",
    "kill": "kill",
    "oom": "oom",
    "die": "die",
    "destroy": "destroy",
    # Podman's words.
    "died": "die",
    "remove": "destroy",
}
EVENT_FILTERS = {"type": ["container", "volume"], "event": [*_EVENT_KINDS, "create"]}
"""Of ``GET /events``. Not the label: others' containers and tokens would be missing."""
_STREAMS: dict[int, Literal["stdout", "stderr"]] = {1: "stdout", 2: "stderr"}
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")
_PIECE = 16 * 1024  # in which the engine cuts long lines
_STAMP = 30  # of "2026-11-21T10:00:00.123456789Z"


def checked_name(name: str) -> str:
    """Return a container's name or id if it is one.

    Raises
    ------
    BadRequest
        For anything that would change the meaning of a URL.
    """
    if not _NAME.fullmatch(name):
        raise BadRequest(f"{name[:80]!r} is no name of a container")
    return name


def checked_reference(reference: str) -> str:
    """Return an image reference, or an image's id, if it is one.

    Raises
    ------
    BadRequest
        With what is asked for.
    """
    if len(reference) > _LONGEST_REFERENCE or not _REFERENCE.fullmatch(reference):
        raise BadRequest(
            f"{reference[:80]!r} is no image reference: lower case, as in"
            " registry.example.org:5000/group/image:tag"
        )
    return reference


def create_body(
    client: APIClient,
    spec: ContainerSpec,
    *,
    limit_disk: bool = False,
    podman: bool = False,
    rootless: bool = False,
) -> dict[str, Any]:
    """Return what to ask the engine for: limits, and no privileges.

    Parameters
    ----------
    client : docker.APIClient
        Knows the version that the engine speaks.
    spec : ContainerSpec
    limit_disk : bool
        Whether the container gets a quota.
    podman, rootless : bool
        As in `Client.is_podman` and `Client.is_rootless`.
    """
    capabilities, security = list(spec.capabilities), ["no-new-privileges:true"]
    if spec.fuse:
        capabilities.append("SYS_ADMIN")
        # fusermount is a setuid program, and docker's profile forbids every mount.
        security = ["apparmor=unconfined"]
    host = client.create_host_config(
        mem_limit=spec.memory,
        memswap_limit=spec.memory,  # both together, so: no swap
        nano_cpus=round(spec.cpus * 1e9),
        pids_limit=spec.pids,
        ulimits=[
            Ulimit(name="fsize", soft=spec.file_size, hard=spec.file_size),
            Ulimit(name="nofile", soft=_OPEN_FILES, hard=_OPEN_FILES),
            Ulimit(name="core", soft=0, hard=0),
        ],
        cap_drop=["ALL"],
        cap_add=capabilities,
        security_opt=security,
        devices=["/dev/fuse"] if spec.fuse else [],
        device_requests=[
            DeviceRequest(device_ids=list(spec.gpus), capabilities=[["gpu"]]),
        ]
        if spec.gpus
        else [],
        storage_opt={"size": str(spec.disk)} if limit_disk else None,
        # Podman without root has no bridge, but the like.
        network_mode="slirp4netns" if rootless and spec.network == "bridge" else spec.network,
        ipc_mode="private",
        init=True,
        log_config=_PODMANS_LOG if podman else _LOG,
    )
    return dict(
        client.create_container_config(
            image=checked_reference(spec.image),
            command=[],
            entrypoint=list(spec.command),
            environment=dict(spec.environment),
            labels=dict(spec.labels),
            host_config=host,
            stop_signal="SIGTERM",
            healthcheck=Healthcheck(test=["NONE"]),
        )
    )


def node_info(data: Mapping[str, Any], api: str) -> NodeInfo:
    """Read ``GET /info``, of an engine that speaks a version of the API."""
    return NodeInfo(
        version=str(data["ServerVersion"]),
        memory=int(data["MemTotal"]),
        cpus=int(data["NCPU"]),
        containers_running=int(data["ContainersRunning"]),
        time=_moment(str(data.get("SystemTime", ""))),
        api=api,
    )


def may_limit_disk(data: Mapping[str, Any]) -> bool:
    """Tell from ``GET /info`` whether containers may have a quota, as far as it says."""
    driver = data.get("Driver")
    if driver == "overlay2":
        # Of what it can lie on, only this has quotas, if it is mounted with them.
        return ["Backing Filesystem", "xfs"] in [list(pair) for pair in data["DriverStatus"] or ()]
    return driver in ("btrfs", "zfs", "devicemapper")


def image(data: Mapping[str, Any]) -> Image:
    """Read an item of ``GET /images/json``, or ``GET /images/…/json``."""
    digests = [d for d in data.get("RepoDigests") or () if not d.startswith("<none>")]
    tags = [t for t in data.get("RepoTags") or () if not t.startswith("<none>")]
    return Image(
        id=str(data["Id"]),
        digest=digests[0] if digests else None,
        references=tuple(tags or digests),
    )


def container(data: Mapping[str, Any]) -> ContainerInfo:
    """Read ``GET /containers/…/json``."""
    state = data["State"]
    kind = _STATES.get(state["Status"], "exited")
    ended = state["Status"] in _ENDED
    started, finished = _moment(state.get("StartedAt", "")), None
    if ended and (finished := _moment(state.get("FinishedAt", ""))) and started:
        # The engine notes the start of a very short life after its end.
        finished = max(started, finished)
    return ContainerInfo(
        id=data["Id"],
        name=data["Name"].removeprefix("/"),
        labels=data["Config"].get("Labels") or {},
        state=kind,
        exit_code=int(state["ExitCode"]) if ended else None,
        started_at=started,
        finished_at=finished,
        out_of_memory=bool(state.get("OOMKilled")),
    )


def listed_container(data: Mapping[str, Any]) -> ContainerInfo:
    """Read an item of ``GET /containers/json``, which has the exit code in a text only."""
    code = re.match(r"Exited \((\d+)\)", data.get("Status", ""))
    names = data.get("Names") or [""]
    return ContainerInfo(
        id=data["Id"],
        name=names[0].removeprefix("/"),
        labels=data.get("Labels") or {},
        state=_STATES.get(data["State"], "exited"),
        exit_code=int(code[1]) if code else None,
    )


def event(data: Mapping[str, Any], label: str) -> ContainerEvent | None:
    """Read an item of ``GET /events``.

    Parameters
    ----------
    data : mapping
        The item.
    label : str
        As for `Engine.events`.

    Returns
    -------
    ContainerEvent or None
        None when it is of no kind that anybody waits for.
    """
    actor, action, moment = data["Actor"], data.get("Action", ""), int(data["timeNano"])
    if data.get("Type") == "volume":
        if action != "create" or not actor["ID"].startswith(TOKEN_PREFIX):
            return None
        return ContainerEvent("token", actor["ID"], {}, moment)
    kind = _EVENT_KINDS.get(action)
    if kind is None or data.get("Type") != "container":
        return None
    attributes = actor["Attributes"]
    labels = {k: v for k, v in attributes.items() if k not in _NOT_LABELS}
    if not carries(labels, label):
        if kind not in ("start", "die"):
            return None
        return ContainerEvent("outside", actor["ID"], {}, moment)
    code = None
    if kind == "die":
        code = attributes.get("exitCode", attributes.get("containerExitCode"))
    return ContainerEvent(kind, actor["ID"], labels, moment, None if code is None else int(code))


def carries(labels: Mapping[str, str], label: str) -> bool:
    """Tell whether a label, ``key`` or ``key=value``, is among these."""
    key, separator, value = label.partition("=")
    return labels.get(key) == value if separator else key in labels


def stats(data: Mapping[str, Any]) -> Stats:
    """Read ``GET /containers/…/stats``; memory without what the kernel can drop at any time."""
    memory = data.get("memory_stats") or {}
    details = memory.get("stats") or {}
    cached = details.get("total_inactive_file", details.get("inactive_file", 0))
    return Stats(
        memory=max(0, int(memory.get("usage", 0)) - int(cached)),
        cpu_seconds=int(data["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9,
    )


class FrameParser:
    """Turns the engine's multiplexed log stream into frames.

    Stamps of frames rise strictly, in the order in which the engine delivers them, which is what
    makes a stamp a place to continue from. The engine's own do not: all pieces of a long line have
    one stamp, and those of the two streams may be swapped. What would not rise is counted up by a
    nanosecond, in the same way whenever the log is read from (a little before) the same place.

    `last` is the stamp of the last frame, empty before the first.

    The log driver "local" loses the line end of a line that came in pieces; it is put back.
    """

    def __init__(self, after: str | None) -> None:
        self._after = after or ""
        self.last = ""
        self._buffer = bytearray()
        self._in_pieces = {"stdout": False, "stderr": False}

    def feed(self, data: bytes) -> list[LogFrame]:
        """Take bytes as they come, return the frames that are complete and later than `after`."""
        self._buffer += data
        buffer, place, frames = self._buffer, 0, []
        while len(buffer) - place >= 8:
            end = place + 8 + int.from_bytes(buffer[place + 4 : place + 8])
            if len(buffer) < end:
                break
            frame = self._frame(buffer[place], bytes(buffer[place + 8 : end]))
            if frame.stamp > self._after:
                frames.append(frame)
            place = end
        del buffer[:place]
        return frames

    def _frame(self, kind: int, payload: bytes) -> LogFrame:
        stream = _STREAMS.get(kind)
        if stream is None:
            text = payload.decode(errors="replace")[:200]
            raise NodeUnreachable(f"the engine could not read a container's log: {text!r}")
        head, _, data = payload.partition(b" ")
        stamp = _full_stamp(head.decode("ascii", errors="replace"))
        if stamp <= self.last:
            stamp = _one_later(self.last)
        self.last = stamp
        if self._in_pieces[stream] and len(data) < _PIECE and not data.endswith(b"\n"):
            data += b"\n"
        self._in_pieces[stream] = len(data) == _PIECE and not data.endswith(b"\n")
        return LogFrame(stream, data, stamp)


class LineSplitter:
    """Turns pieces of a stream into lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes as they come, yield the lines that are complete and not empty."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return (line for line in lines if line.strip())


def since_before(stamp: str, seconds: int) -> str:
    """Return the value of ``since`` for some seconds before a stamp, whatever its form.

    Raises
    ------
    BadRequest
        When it is no stamp.
    """
    try:
        return str(max(0, _seconds(stamp) - seconds))
    except ValueError as error:
        raise BadRequest(f"{stamp[:40]!r} is no stamp of a log frame") from error


def _full_stamp(text: str) -> str:
    """Return a time in the form of `LogFrame.stamp`; Podman's has no fractions, but a zone."""
    if len(text) == _STAMP and text.endswith("Z"):
        return text
    if (moment := _moment(text)) is None:
        raise NodeUnreachable(f"a container's log has no times: {text[:40]!r}")
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


def _one_later(stamp: str) -> str:
    nanoseconds = int(stamp[20:29]) + 1
    if nanoseconds < 10**9:
        return f"{stamp[:20]}{nanoseconds:09}Z"
    moment = time.gmtime(_seconds(stamp) + 1)
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", moment)


def _seconds(stamp: str) -> int:
    return calendar.timegm(time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S"))


def _moment(text: str) -> datetime | None:
    """Read the engine's RFC 3339 time, in UTC or not; it writes year 1 for "never"."""
    found = _TIME.fullmatch(text)
    if found is None or text.startswith("0001"):
        return None
    zone = "+00:00" if found[3] == "Z" else found[3]
    moment = datetime.fromisoformat(f"{found[1]}{zone}").astimezone(UTC)
    return moment.replace(microsecond=int((found[2] or "0").ljust(9, "0")[:6]))
