"""The keys that CC-Agency has for a docker engine, in the members of a `Node`.

Names and types are the interface of CC-Agency, as its documentation and behaviour show it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_DEFAULT_SOCKET: Final = "/var/run/docker.sock"
_SCHEMES: Final = {"tcp": "tcp", "http": "tcp", "https": "https"}


class LeftOut(ValueError):
    """A node cannot be taken over; the text says why."""


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _one_of(words: str, *kinds: type) -> Callable[[object], object]:
    def check(value: object) -> object:
        if isinstance(value, kinds):
            return value
        raise ValueError(f"must be {words}")

    return check


Whole = Annotated[int, BeforeValidator(_whole)]
TextOrFlag = Annotated[Any, BeforeValidator(_one_of("text, true or false", str, bool))]
NumberOrText = Annotated[Any, BeforeValidator(_one_of("a whole number or text", int, str))]


class Closed(BaseModel):
    """A map that has no keys but these."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class AgencyTls(BaseModel):
    """TLS to an engine; further keys went to the docker SDK as they are."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    verify: TextOrFlag = None
    client_cert: list[str] | None = Field(None, min_length=2, max_length=2)
    assert_hostname: TextOrFlag = None


class AgencyGpu(Closed):
    """A GPU that the configuration names."""

    id: NumberOrText
    vram: Whole | None = Field(None, ge=256)


class Hardware(Closed):
    """What the configuration says of a node's machine."""

    gpus: list[AgencyGpu] | None = None
    gpu_blacklist: list[Whole] | None = None


class AgencyNode(Closed):
    """One docker engine."""

    base_url: str = Field(min_length=1)
    tls: AgencyTls | None = None
    environment: dict[str, str] = {}
    network: str | None = None
    hardware: Hardware | None = None


def address(url: str) -> str:
    """Return the address as our engines take it.

    ``unix://var/run/docker.sock``, as CC-Agency's own documentation writes it, means the absolute
    path; the docker SDK reads it so too.
    """
    if found := re.fullmatch(r"(?:http\+)?unix://(.*)", url, re.DOTALL):
        path = "/" + found[1].lstrip("/")
        return f"unix://{_DEFAULT_SOCKET if path == '/' else path}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise LeftOut("its base_url is no address") from None
    if parts.scheme not in _SCHEMES:
        # Not shown: what stands before "://" may be anything.
        raise LeftOut("an engine is reached by unix socket or by TCP, and by nothing else")
    if not host:
        raise LeftOut("its base_url names no host")
    if "@" in parts.netloc:
        raise LeftOut("its base_url holds a login, and engines know none")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise LeftOut("its base_url has a path, and engines are reached without")
    bare = f"[{host}]" if ":" in host else host
    return f"{_SCHEMES[parts.scheme]}://{bare}" + (f":{port}" if port else "")


def tls_members(tls: AgencyTls) -> dict[str, Any]:
    """Return the members of a `Tls`.  Raises `LeftOut`."""
    if not isinstance(tls.verify, str) or not tls.client_cert:
        raise LeftOut(
            "tls needs the CA's file (verify) and a client certificate with its key (client_cert):"
            " an engine that asks for none lets everybody in"
        )
    cert, key = tls.client_cert
    found: dict[str, Any] = {"ca": tls.verify, "cert": cert, "key": key}
    if tls.assert_hostname is not None:
        found["hostname"] = tls.assert_hostname
    return found


def gpu_members(hardware: Hardware) -> list[dict[str, Any]]:
    """Return the members of each `Gpu`."""
    return [
        {"id": str(gpu.id)} | ({} if gpu.vram is None else {"vram": gpu.vram})
        for gpu in hardware.gpus or ()
    ]


def members(name: str, entry: object) -> dict[str, Any]:
    """Return the members of a `Node` from an entry of CC-Agency's map of nodes.

    Parameters
    ----------
    name : str
        Its key, which becomes the id.
    entry : object
        CC-Agency's keys; others are taken for members of a `Node`, and not looked at here.

    Raises
    ------
    LeftOut
        There is no such way to an engine here, or something has no counterpart.
    pydantic.ValidationError
        A key of CC-Agency's is wrong.
    """
    if not isinstance(entry, Mapping):
        raise LeftOut("must be a map")
    if "id" in entry:
        raise LeftOut("id: the name that it stands under is its id")
    found = {"id": name, **{key: value for key, value in entry.items() if key != "hardware"}}
    url, tls = entry.get("base_url"), entry.get("tls")
    if isinstance(url, str) and not url.startswith("ssh://"):
        found["base_url"] = address(url)
    if isinstance(tls, Mapping) and not tls.keys() & {"ca", "cert", "key", "hostname"}:
        checked = _Tls.model_validate({"tls": _plain(tls)}).tls
        if others := sorted(checked.model_extra or {}):
            raise LeftOut(f"tls.{others[0]}: has no counterpart here; leave it out")
        found["tls"] = tls_members(checked)
    if entry.get("hardware") is not None:
        hardware = _Hardware.model_validate({"hardware": entry["hardware"]}).hardware
        if hardware.gpu_blacklist is not None:
            raise LeftOut(
                "hardware.gpu_blacklist: nothing looks for GPUs here; list those to hand out in"
                " hardware.gpus"
            )
        found["gpus"] = gpu_members(hardware)
    return found


class _Tls(Closed):
    """So that errors begin with the name of the member."""

    tls: AgencyTls


class _Hardware(Closed):
    hardware: Hardware


def _plain(tls: Mapping[str, Any]) -> dict[str, Any]:
    """Return it as YAML would have it: a configuration in Python may well have a tuple."""
    return {key: list(v) if isinstance(v, tuple) else v for key, v in tls.items()}
