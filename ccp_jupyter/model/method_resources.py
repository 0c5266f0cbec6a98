"""What a Method asks of the machine: OGC's execution unit, and what of it a Task is granted.

The form is the ``config`` of an execution unit of OGC API - Processes - Part 2 (OGC 20-044,
``executionUnit.yaml``), in an additional parameter whose name is ``executionUnit``.  ``gpus`` and
``pids`` are ours: the standard leaves room for members of others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ByteSize

from ccp_jupyter.model.errors import Problem, shown
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.method_import import EXECUTION_UNIT
from ccp_jupyter.model.method_parts import Descriptor
from ccp_jupyter.model.resources import GpuWish

MOST_GPUS: Final = 1024

_PLACE: Final = f"additionalParameters.{EXECUTION_UNIT}"
_GB: Final = 10**9
_LONGEST_ID: Final = 200
_MOST_VRAM: Final = 10**9  # MB
# Least and most: docker takes no less memory than 6 MiB and no less of a core than a hundredth,
# Linux has no more process ids.  The other bounds only keep the absurd away.
_NUMBERS: Final = {
    "cpuMin": (0.01, 10_000),
    "cpuMax": (0.01, 10_000),
    "memoryMin": (0.01, 1_000_000),
    "memoryMax": (0.01, 1_000_000),
    "storageTempMin": (0, 1_000_000),
    "storageOutputsMin": (0, 1_000_000),
    "jobTimeout": (1, 10**9),
    "pids": (16, 2**22),
}
_WHOLE: Final = frozenset(["jobTimeout", "pids"])
_CONFIG: Final = frozenset([*_NUMBERS, "gpus"])


@dataclass(frozen=True, slots=True)
class Bounds:
    """From the least to the most of something; None: no bound."""

    least: float | None = None
    most: float | None = None

    def into(self, value: float) -> float:
        """Return the value, raised to the least, lowered to the most."""
        if self.least is not None and value < self.least:
            return self.least
        return value if self.most is None else min(value, self.most)


@dataclass(frozen=True, slots=True)
class Resources:
    """What a Method asks for."""

    cpus: Bounds = Bounds()
    """Cores."""
    memory: Bounds = Bounds()
    """GB."""
    disk: float = 0.0
    """GB that the Node must have to hand out."""
    max_time: int | None = None
    """Seconds for the Execute phase."""
    pids: int | None = None
    gpus: tuple[GpuWish, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user chose by control inputs; None: nothing."""

    cpus: float | None = None
    memory: float | None = None
    """GB."""
    gpus: int | None = None


def read_resources(parameters: object, problems: list[Problem]) -> Resources:
    """Read what a Method asks for.

    Parameters
    ----------
    parameters : object
        ``additionalParameters`` in the one form, if it has it.
    problems : list of Problem
        Takes what is found.
    """
    config = _config(parameters, problems)
    for name in config:
        if name not in _CONFIG:
            rule = f"unknown member; there are {', '.join([*_NUMBERS, 'gpus'])}"
            problems.append(Problem(f"{_PLACE}.config.{name[:100]}", rule))
    number = {
        name: found
        for name in _NUMBERS
        if name in config and (found := _number(config[name], name, problems)) is not None
    }
    for kind in ("cpu", "memory"):
        least, most = number.get(f"{kind}Min"), number.get(f"{kind}Max")
        if least is not None and most is not None and least > most:
            rule = f"must not be more than {kind}Max ({most:g})"
            problems.append(Problem(f"{_PLACE}.config.{kind}Min", rule, f"{least:g}"))
    return Resources(
        cpus=Bounds(number.get("cpuMin"), number.get("cpuMax")),
        memory=Bounds(number.get("memoryMin"), number.get("memoryMax")),
        disk=number.get("storageTempMin", 0) + number.get("storageOutputsMin", 0),
        max_time=int(number["jobTimeout"]) if "jobTimeout" in number else None,
        pids=int(number["pids"]) if "pids" in number else None,
        gpus=_gpus(config["gpus"], problems) if "gpus" in config else (),
    )


def resource_problems(parameters: object, inputs: Mapping[str, Descriptor | None]) -> list[Problem]:
    """Return what is wrong with what a Method asks for, also together with its control inputs."""
    problems: list[Problem] = []
    asked = read_resources(parameters, problems)
    if "ccpgpus" in inputs and (len(set(asked.gpus)) > 1 or any(gpu.id for gpu in asked.gpus)):
        rule = "with the input ccpgpus all GPUs must be alike, and none have an id"
        problems.append(Problem(f"{_PLACE}.config.gpus", rule))
    for name, bounds in (("ccpcpus", asked.cpus), ("ccpmemory", asked.memory)):
        descriptor = inputs.get(name)
        default = None if descriptor is None else descriptor.schema_.default
        if not isinstance(default, (int, float)) or isinstance(default, bool):
            continue  # reported where types are
        if rule := _bounds_rule(bounds, default):
            problems.append(Problem(f"inputs.{name}.schema.default", rule, shown(default)))
    return problems


def grant(
    asked: Resources, choice: Choice, limits: Limits, problems: list[Problem]
) -> tuple[Limits, list[GpuWish]]:
    """Return what each Task gets on an Infrastructure.

    Memory and cores are the Infrastructure's own, raised to what the Method needs at least, lowered
    to what it can use at most; or what the user chose between the two.

    Parameters
    ----------
    asked : Resources
        By the Method.
    choice : Choice
        By the user.
    limits : Limits
        Of the Infrastructure.
    problems : list of Problem
        Takes what is not allowed.
    """
    cpus = _granted(
        (asked.cpus, "cpuMin", float(limits.cpus), limits.max_cpus, "cores"),
        (choice.cpus, "ccpcpus"),
        problems,
    )
    most_memory = None if limits.max_memory is None else limits.max_memory / _GB
    memory = _granted(
        (asked.memory, "memoryMin", limits.memory / _GB, most_memory, "GB"),
        (choice.memory, "ccpmemory"),
        problems,
    )
    most_disk = None if limits.max_disk is None else max(limits.disk, limits.max_disk) / _GB
    if most_disk is not None and asked.disk > most_disk:
        rule = _too_much(most_disk, "GB with storageOutputsMin")
        problems.append(Problem(f"{_PLACE}.config.storageTempMin", rule, f"{asked.disk:g}"))
    most_pids = max(limits.pids, limits.max_pids)
    if asked.pids is not None and asked.pids > most_pids:
        rule = _too_much(most_pids, "processes")
        problems.append(Problem(f"{_PLACE}.config.pids", rule, str(asked.pids)))
    gpus = _granted_gpus(asked, choice, limits, problems)
    granted = limits.model_copy(
        update={
            "cpus": cpus,
            "memory": _bytes(memory),
            "disk": max(limits.disk, _bytes(asked.disk)),
            "pids": limits.pids if asked.pids is None else asked.pids,
            "max_time": min(limits.max_time, asked.max_time or limits.max_time),
        }
    )
    return granted, gpus


def _bytes(gigabytes: float) -> ByteSize:
    return ByteSize(round(gigabytes * _GB))


def _granted(
    about: tuple[Bounds, str, float, float | None, str],
    chosen: tuple[float | None, str],
    problems: list[Problem],
) -> float:
    bounds, member, own, allowed, unit = about
    choice, name = chosen
    place, value = f"inputs.{name}", choice
    if value is None:
        place, value = f"{_PLACE}.config.{member}", bounds.into(own)
    elif rule := _range_rule(value, member) or _bounds_rule(bounds, value):
        problems.append(Problem(place, rule, f"{value:g}"))
    # What everybody gets is allowed, whatever the bound says.
    if allowed is not None and value > max(own, allowed):
        problems.append(Problem(place, _too_much(max(own, allowed), unit), f"{value:g}"))
    return value


def _granted_gpus(
    asked: Resources, choice: Choice, limits: Limits, problems: list[Problem]
) -> list[GpuWish]:
    gpus, place = list(asked.gpus), f"{_PLACE}.config.gpus"
    if choice.gpus is not None:
        place = "inputs.ccpgpus"
        if not 0 <= choice.gpus <= MOST_GPUS:
            rule = f"must be a whole number from 0 to {MOST_GPUS}"
            problems.append(Problem(place, rule, shown(choice.gpus)))
            return []
        gpus = [asked.gpus[0] if asked.gpus else GpuWish()] * choice.gpus
    if limits.max_gpus is not None and len(gpus) > limits.max_gpus:
        problems.append(Problem(place, _too_much(limits.max_gpus, "GPUs"), str(len(gpus))))
    return gpus


def _too_much(most: float, unit: str) -> str:
    return f"this Infrastructure allows at most {most:g} {unit}"


def _bounds_rule(bounds: Bounds, value: float) -> str:
    if bounds.least is not None and value < bounds.least:
        return f"the Method needs at least {bounds.least:g}"
    if bounds.most is not None and value > bounds.most:
        return f"the Method uses at most {bounds.most:g}"
    return ""


def _config(parameters: object, problems: list[Problem]) -> dict[str, Any]:
    """Return the ``config`` of the execution unit; empty when there is none."""
    entries = parameters.get("parameters") if isinstance(parameters, dict) else None
    units = [
        entry.get("value")
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict) and entry.get("name") == EXECUTION_UNIT
    ]
    if not units:
        return {}
    if len(units) > 1:
        problems.append(Problem(_PLACE, "there must be only one"))
    value = units[0]
    if not isinstance(value, list) or len(value) != 1 or not isinstance(value[0], dict):
        problems.append(Problem(_PLACE, "must be a list of one object", shown(value)))
        return {}
    config = value[0].get("config", {})
    if not isinstance(config, dict):
        problems.append(Problem(f"{_PLACE}.config", "must be an object", shown(config)))
        return {}
    return config


def _number(value: object, name: str, problems: list[Problem]) -> float | None:
    if rule := _range_rule(value, name):
        problems.append(Problem(f"{_PLACE}.config.{name}", rule, shown(value)))
        return None
    number: Any = value
    return float(number)


def _range_rule(value: object, name: str) -> str:
    least, most = _NUMBERS[name]
    whole = name in _WHOLE
    if (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and least <= value <= most  # false for NaN
        and (not whole or float(value).is_integer())
    ):
        return ""
    return f"must be a {'whole ' if whole else ''}number from {least} to {most}"


def _gpus(value: object, problems: list[Problem]) -> tuple[GpuWish, ...]:
    place = f"{_PLACE}.config.gpus"
    if type(value) is int and 0 <= value <= MOST_GPUS:
        return (GpuWish(),) * value
    if not isinstance(value, list) or len(value) > MOST_GPUS:
        rule = (
            f"must be a whole number from 0 to {MOST_GPUS},"
            ' or a list of objects such as {"vram": 8192}'
        )
        problems.append(Problem(place, rule, shown(value)))
        return ()
    wishes = [_gpu(each, f"{place}[{number}]", problems) for number, each in enumerate(value)]
    ids = [wish.id for wish in wishes if wish.id]
    problems += [
        Problem(place, "asks for one GPU twice", shown(each))
        for each in dict.fromkeys(ids)
        if ids.count(each) > 1
    ]
    return tuple(wishes)


def _gpu(value: object, place: str, problems: list[Problem]) -> GpuWish:
    if not isinstance(value, dict) or not value.keys() <= {"vram", "id"}:
        rule = "must be an object with vram (MB), id, or neither"
        problems.append(Problem(place, rule, shown(value)))
        return GpuWish()
    vram, name = value.get("vram", 0), value.get("id", "")
    if type(vram) not in (int, float) or not 0 <= vram <= _MOST_VRAM:
        rule = f"must be a number of MB from 0 to {_MOST_VRAM}"
        problems.append(Problem(f"{place}.vram", rule, shown(vram)))
        vram = 0
    if not isinstance(name, str) or len(name) > _LONGEST_ID:
        rule = f"must be text of at most {_LONGEST_ID} characters, as the engine names the GPU"
        problems.append(Problem(f"{place}.id", rule, shown(name)))
        name = ""
    return GpuWish(vram=math.ceil(vram), id=name)
