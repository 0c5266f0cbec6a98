"""``container`` and ``execution``: engines and their settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ccp_jupyter.model.red.findings import (
    Findings,
    below,
    has_members,
    is_text,
    is_whole,
    kind_of,
    seen,
)
from ccp_jupyter.model.resources import GpuWish

LEAST_RAM: Final = 256
"""MB; for memory and VRAM alike."""
MOST_GPUS: Final = 1024
"""GPUs that one batch may ask for."""

_ENGINE = frozenset(("engine", "settings", "doc"))
_DOCKER = frozenset(("image", "ram", "gpus", "version"))
_IMAGE = frozenset(("url", "auth", "source"))
_SOURCE = frozenset(("url",))
_GPUS = frozenset(("vendor", "count", "devices"))
_DEVICE = frozenset(("vramMin",))
_AGENCY = frozenset(("access", "batchConcurrencyLimit"))
_ACCESS = frozenset(("url", "auth"))
_AUTH = frozenset(("username", "_username", "password", "_password"))


def check_container(findings: Findings, container: object) -> None:
    """Check ``container``."""
    _check_engine(findings, container, "container", {"docker": _check_docker})


def check_execution(findings: Findings, execution: object) -> None:
    """Check ``execution``."""
    engines = {"ccagency": _check_agency, "ccfaice": _check_local}
    _check_engine(findings, execution, "execution", engines)


def gpus_of(settings: dict[str, Any]) -> list[GpuWish]:
    """Return what GPUs checked settings ask for."""
    gpus = settings.get("gpus", {"count": 0})
    if "count" in gpus:
        return [GpuWish()] * int(gpus["count"])
    return [GpuWish(vram=int(device.get("vramMin", 0))) for device in gpus["devices"]]


def _check_engine(
    findings: Findings,
    value: object,
    member: str,
    engines: Mapping[str, Callable[[Findings, object, str], None]],
) -> None:
    if not has_members(findings, value, member, ("engine", "settings"), _ENGINE) or not isinstance(
        value, dict
    ):
        return
    is_text(findings, value, "doc", member)
    engine = value.get("engine", "")
    check = engines.get(engine) if isinstance(engine, str) else None
    if check is not None and "settings" in value:
        check(findings, value["settings"], f"{member}.settings")
    elif check is None and "engine" in value:
        hint = "; GPUs are settings of docker" if engine == "nvidia-docker" else ""
        findings.add(f"{member}.engine", f"must be {' or '.join(engines)}{hint}", seen(engine))


def _check_docker(findings: Findings, settings: object, member: str) -> None:
    if not has_members(findings, settings, member, ("image",), _DOCKER) or not isinstance(
        settings, dict
    ):
        return
    is_text(findings, settings, "version", member)
    if "ram" in settings:
        _check_megabytes(findings, settings["ram"], f"{member}.ram")
    if "gpus" in settings:
        _check_gpus(findings, settings["gpus"], f"{member}.gpus")
    image, place = settings.get("image", {"url": "x"}), f"{member}.image"
    if not has_members(findings, image, place, ("url",), _IMAGE) or not isinstance(image, dict):
        return
    _check_url(findings, image, place)
    if "auth" in image:
        _check_auth(findings, image["auth"], f"{place}.auth")
    if "source" in image:
        source, place = image["source"], f"{place}.source"
        if has_members(findings, source, place, ("url",), _SOURCE) and isinstance(source, dict):
            is_text(findings, source, "url", place)


def _check_url(findings: Findings, image: dict[str, Any], member: str) -> None:
    url = image.get("url", "x")
    if not isinstance(url, str) or not url.strip():
        findings.add(f"{member}.url", "must be the name of an image", kind_of(url))


def _check_megabytes(findings: Findings, value: object, member: str) -> None:
    if not is_whole(value) or not isinstance(value, (int, float)) or value < LEAST_RAM:
        rule = f"must be a whole number of megabytes, at least {LEAST_RAM}"
        findings.add(member, rule, seen(value))


def _check_gpus(findings: Findings, gpus: object, member: str) -> None:
    if not has_members(findings, gpus, member, ("vendor",), _GPUS) or not isinstance(gpus, dict):
        return
    if gpus.get("vendor", "nvidia") != "nvidia":
        findings.add(f"{member}.vendor", "must be nvidia", seen(gpus["vendor"]))
    if ("count" in gpus) == ("devices" in gpus):
        findings.add(member, "needs either count or devices")
    count = gpus.get("count", 1)
    if not is_whole(count) or not 1 <= count <= MOST_GPUS:
        rule = f"must be a whole number from 1 to {MOST_GPUS}; leave gpus out for none"
        findings.add(f"{member}.count", rule, seen(count))
    if "devices" in gpus:
        _check_devices(findings, gpus["devices"], f"{member}.devices")


def _check_devices(findings: Findings, devices: object, member: str) -> None:
    if not isinstance(devices, list) or not 1 <= len(devices) <= MOST_GPUS:
        rule = f"must be a list of 1 to {MOST_GPUS} devices; leave gpus out for none"
        findings.add(member, rule, kind_of(devices))
        return
    for number, device in enumerate(devices):
        place = f"{member}[{number}]"
        if has_members(findings, device, place, (), _DEVICE) and "vramMin" in device:
            _check_megabytes(findings, device["vramMin"], f"{place}.vramMin")


def _check_auth(findings: Findings, auth: object, member: str) -> None:
    if not has_members(findings, auth, member, (), _AUTH) or not isinstance(auth, dict):
        return
    for name in ("username", "password"):
        spellings = [spelling for spelling in (name, f"_{name}") if spelling in auth]
        if not spellings:
            findings.add(below(member, name), "is missing")
        for spelling in spellings:
            if not isinstance(auth[spelling], str):
                findings.add(below(member, spelling), "must be text")


def _check_agency(findings: Findings, settings: object, member: str) -> None:
    if not has_members(findings, settings, member, (), _AGENCY) or not isinstance(settings, dict):
        return
    limit = settings.get("batchConcurrencyLimit", 1)
    if not is_whole(limit) or limit < 1:
        findings.add(
            f"{member}.batchConcurrencyLimit", "must be a whole number from 1", seen(limit)
        )
    if "access" not in settings:
        return
    access, place = settings["access"], f"{member}.access"
    if has_members(findings, access, place, ("url",), _ACCESS) and isinstance(access, dict):
        if not isinstance(access.get("url", ""), str):
            findings.add(f"{place}.url", "must be text")
        if "auth" in access:
            _check_auth(findings, access["auth"], f"{place}.auth")


def _check_local(findings: Findings, settings: object, member: str) -> None:
    has_members(findings, settings, member, (), frozenset())
