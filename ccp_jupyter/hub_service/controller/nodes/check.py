"""Everything that a Node needs, looked at one by one, and what to do where it lacks."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from ccp_jupyter.hub_service.controller.base import NodeCheck
from ccp_jupyter.hub_service.controller.logins import registry_of
from ccp_jupyter.hub_service.controller.nodes import certificate
from ccp_jupyter.hub_service.controller.nodes.agent import NodeAgent
from ccp_jupyter.hub_service.engines.base import (
    BadRequest,
    ContainerSpec,
    Credentials,
    EngineError,
    ImageMissing,
    NodeInfo,
    NodeUnreachable,
)
from ccp_jupyter.model.infrastructure import Infrastructure, Node, Tls
from ccp_jupyter.model.times import now

_REACH: Final = 15.0  # seconds
_CERTIFICATE: Final = 30.0
_PULL: Final = 120.0
_CONTAINER: Final = 60.0
_LEAST_API: Final = (1, 40)  # of docker 19.03: GPUs by device requests
_MOST_SKEW: Final = timedelta(seconds=5)
_MOST_USED: Final = 90  # per cent of the disk
_LEAST_FREE: Final = 2 * 2**20  # KiB
_MOST_IMAGES: Final = 3  # tried for one with a shell
_MARK: Final = "ccp-check"
# Status 124 or 143: it was connected, and the other side waited for us to speak.
_SCRIPT: Final = f"""\
df -Pk / | tail -n 1 | sed 's/^/{_MARK} disk /'
[ -n "$CCP_HOST" ] || exit 0
if command -v python3; then
    python3 -c 'import os, socket
socket.create_connection((os.environ["CCP_HOST"], int(os.environ["CCP_PORT"])), 5)'
elif command -v bash; then timeout 8 bash -c ': <>"/dev/tcp/$CCP_HOST/$CCP_PORT"'
elif command -v nc; then timeout 8 nc -w 5 "$CCP_HOST" "$CCP_PORT" </dev/null
else exit 0
fi
echo "{_MARK} network $?"
"""
_CONNECTED: Final = ("0", "124", "143")


async def check_node(agent: NodeAgent, public_url: str) -> list[NodeCheck]:
    """Look at a Node, each thing within a bounded time.

    Parameters
    ----------
    agent : NodeAgent
        Need not be online.
    public_url : str
        Where containers should reach this service; empty: that is not looked at.

    Returns
    -------
    list of NodeCheck
        Of what could be looked at: when it is not reached only why.
    """
    found = []
    if (tls := agent.node.tls) is not None:
        work = _certificate(agent.node, tls)
        found.append(await _bounded("certificate", _CERTIFICATE, work))
    before = now()
    try:
        async with asyncio.timeout(_REACH):
            info = await agent.engine.info()
    except (NodeUnreachable, EngineError, TimeoutError) as error:
        return [NodeCheck("reach", False, _unreached(agent, error)), *found]
    clock = _clock(info, before)
    found = [NodeCheck("reach", True, f"engine {info.version} answers"), *found]
    found += [_version(info), clock]
    found.append(await _bounded("image", _PULL, _image(agent)))
    found += await _inside(agent, _address(public_url))
    return found


def _address(url: str) -> str:
    """Return host and port of a URL, as ``host:port``; empty when there is none."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.hostname}:{port}" if parts.hostname else ""


async def _bounded(name: str, seconds: float, work: Awaitable[NodeCheck]) -> NodeCheck:
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        return NodeCheck(name, False, f"no answer within {seconds:g} seconds")
    except (EngineError, NodeUnreachable) as error:
        return NodeCheck(name, False, str(error))


def _unreached(agent: NodeAgent, error: Exception) -> str:
    url = agent.node.base_url
    said = str(error) or f"no answer within {_REACH:g} seconds"
    if url.startswith("unix://"):
        what = "is the engine started, and may this service's user use its socket"
    elif url.startswith("ssh://"):
        what = "can this service's user log in there by ssh without a password, and use docker"
    else:
        what = "is the engine started, does it listen there, and does a firewall let us through"
    return f"{said}; {what}? ({url})"


async def _certificate(node: Node, tls: Tls) -> NodeCheck:
    try:
        text = await asyncio.to_thread(certificate.look, node, tls, now())
    except certificate.BadCertificate as error:
        return NodeCheck("certificate", False, str(error))
    except OSError as error:
        return NodeCheck("certificate", False, f"could not be looked at: {error}")
    return NodeCheck("certificate", True, text)


def _version(info: NodeInfo) -> NodeCheck:
    if not (found := re.fullmatch(r"(\d+)\.(\d+)", info.api)):
        return NodeCheck("version", True, f"{info.version}; its interface has no version")
    ok = (int(found[1]), int(found[2])) >= _LEAST_API
    least = ".".join(map(str, _LEAST_API))
    text = f"engine {info.version} speaks version {info.api} of the docker API"
    return NodeCheck(
        "version", ok, text if ok else f"{text}; at least {least} is needed: update it"
    )


def _clock(info: NodeInfo, before: datetime) -> NodeCheck:
    if info.time is None:
        return NodeCheck("clock", True, "not looked at: the engine does not say its time")
    behind, ahead = before - info.time, info.time - now()
    skew, how = (behind, "behind") if behind > ahead else (ahead, "ahead of")
    if skew <= _MOST_SKEW:
        return NodeCheck("clock", True, "the same time as here")
    text = f"{skew.total_seconds():.0f} s {how} the clock here; let both follow a time server (NTP)"
    return NodeCheck("clock", False, text)


async def _image(agent: NodeAgent) -> NodeCheck:
    reference = _to_pull(agent)
    if reference is None:
        text = "not looked at: the Infrastructure names no runtimes, and the Node has no image yet"
        return NodeCheck("image", True, text)
    await agent.engine.pull(reference, _login(agent.infrastructure, reference))
    return NodeCheck("image", True, f"{reference} can be pulled")


def _to_pull(agent: NodeAgent) -> str | None:
    """Return an image that came from a registry, or should."""
    if agent.infrastructure.runtimes:
        return agent.infrastructure.runtimes[0]
    pulled = (r for r, image in agent.images.known.items() if image.digest is not None)
    return next((r for r in sorted(pulled) if not agent.images.is_private(r)), None)


def _login(infrastructure: Infrastructure, reference: str) -> Credentials | None:
    for registry in infrastructure.registries:
        if registry.host == registry_of(reference) and registry.username and registry.password:
            return Credentials(registry.username, registry.password)
    return None


async def _inside(agent: NodeAgent, address: str) -> list[NodeCheck]:
    """Look at the disk and at the way back to us from inside of a container."""
    try:
        async with asyncio.timeout(_CONTAINER):
            said = await _said_inside(agent, address)
    except TimeoutError:
        return [NodeCheck("disk", False, f"a container did not end within {_CONTAINER:g} seconds")]
    except (EngineError, NodeUnreachable) as error:
        return [NodeCheck("disk", False, f"a container could not run: {error}")]
    if said is None:
        text = "not looked at: the Node has no image with a shell yet"
        return [NodeCheck("disk", True, text), NodeCheck("network", True, text)]
    return [_disk(said), _network(said, address)]


async def _said_inside(agent: NodeAgent, address: str) -> str | None:
    """Run the script; returns what it wrote, or None when no image has a shell."""
    runtimes = [r for r in agent.infrastructure.runtimes if r in agent.images]
    others = [r for r in sorted(agent.images.known) if not agent.images.is_private(r)]
    for reference in list(dict.fromkeys(runtimes + others))[:_MOST_IMAGES]:
        try:
            return await _run(agent, _spec(agent, reference, address))
        except (BadRequest, ImageMissing):
            continue
    return None


def _spec(agent: NodeAgent, reference: str, address: str) -> ContainerSpec:
    host, _, port = address.rpartition(":")
    node = agent.node
    # By its label the next contact removes it, should this process end before.
    label, _, value = agent.label.partition("=")
    return ContainerSpec(
        name=f"{_MARK}-{secrets.token_hex(8)}",
        image=reference,
        command=("/bin/sh", "-c", _SCRIPT),
        environment={**node.environment, "CCP_HOST": host, "CCP_PORT": port},
        labels={label: value},
        memory=64 * 2**20,
        pids=32,
        network=node.network or agent.infrastructure.network,
    )


async def _run(agent: NodeAgent, spec: ContainerSpec) -> str:
    engine = agent.engine
    container = await engine.create(spec)
    try:
        await engine.start(container)
        lines = [frame.data async for frame in engine.logs(container)]
    finally:
        await engine.remove(container)
    return b"\n".join(lines).decode(errors="replace")


def _disk(said: str) -> NodeCheck:
    found = re.search(rf"{_MARK} disk \S+ +\d+ +\d+ +(\d+) +(\d+)%", said)
    if found is None:
        return NodeCheck("disk", True, "not looked at: the image with a shell has no df")
    free, used = int(found[1]), int(found[2])
    text = f"{free / 2**20:.1f} GiB free, {used} % used, where containers lie"
    if used < _MOST_USED and free >= _LEAST_FREE:
        return NodeCheck("disk", True, text)
    remedy = "remove images and containers that nobody needs, or set `keep_images_for`"
    return NodeCheck("disk", False, f"{text}; {remedy}")


def _network(said: str, address: str) -> NodeCheck:
    if not address:
        text = "not looked at: the service does not know its own address; set `public_url`"
        return NodeCheck("network", True, text)
    found = re.search(rf"{_MARK} network (\d+)", said)
    if found is None:
        text = "not looked at: the image with a shell has neither python3, bash nor nc"
        return NodeCheck("network", True, text)
    if found[1] in _CONNECTED:
        return NodeCheck("network", True, f"containers reach this service at {address}")
    return NodeCheck(
        "network",
        False,
        f"containers cannot connect to this service at {address}; look at the Node's routes, name"
        " service and firewall, and at `network` of the Node",
    )
