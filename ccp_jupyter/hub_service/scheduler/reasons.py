"""Why a Task waits, in words for its user."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from math import inf
from typing import Final

from ccp_jupyter.hub_service.scheduler.base import Place, Shape
from ccp_jupyter.hub_service.scheduler.gpus import matched
from ccp_jupyter.hub_service.scheduler.rooms import Rooms
from ccp_jupyter.model.resources import GpuWish

_MIB: Final = 2**20
_NAMED: Final = 3  # Nodes named in a reason


def never(infrastructure: str, shape: Shape, rooms: Rooms) -> str:
    """Say why no Node, online or not, can ever run Tasks of a shape; empty when one may."""
    if any(node.could_hold(shape) for node in rooms.nodes.values()):
        return ""
    places = [node.place for node in rooms.nodes.values()]
    return _missing(shape, places, f"no Node of {infrastructure}")


def too_large(infrastructure: str, shape: Shape, rooms: Rooms) -> str:
    """Say why no Node that is online could run Tasks of a shape."""
    places = [node.place for node in rooms.nodes.values()]
    online = [place for place in places if place.online]
    others = [place for place in places if not place.online]
    if not online:
        told = _offline(others) or "none is configured"
        return f"no Node of {infrastructure} is online ({told})"
    text = _missing(shape, online, f"no Node of {infrastructure} that is online")
    return f"{text}; not online: {_offline(others)}" if others else text


def busy(shape: Shape, rooms: Rooms) -> str:
    """Say that a shape fits nowhere now, though it could."""
    if len(rooms.nodes) == 1:
        return f"needs {_needs(shape)}: {next(iter(rooms.nodes))} is busy"
    return f"needs {_needs(shape)}: none of {len(rooms.nodes)} Nodes has that free"


def _missing(shape: Shape, places: list[Place], nobody: str) -> str:
    if shape.gpus and not any(matched(shape.gpus, place.gpus) is not None for place in places):
        present = "; ".join(
            f"{place.node_id}: {_list(_gpu(*gpu) for gpu in place.gpus.items())}"
            for place in islice((place for place in places if place.gpus), _NAMED)
        )
        has = f"{nobody} has them ({present or 'there are no GPUs'})"
        return f"needs {_wishes(shape.gpus)}; {has}"
    enough = [place for place in places if matched(shape.gpus, place.gpus) is not None]
    such = f"{nobody} with such GPUs" if shape.gpus else nobody
    for needed, having, text in (
        (shape.memory, [place.memory for place in enough], _size),
        (shape.disk, [_count(place.disk) for place in enough], _disk),
        (shape.cpus, [_count(place.cpus) for place in enough], _cores),
    ):
        if needed > max(having):
            return f"needs {_needs(shape)}; {such} has more than {text(max(having))}"
    return f"needs {_needs(shape)}; {nobody} has all of that"


def _needs(shape: Shape) -> str:
    needs = [f"{_size(shape.memory)} of memory"]
    if shape.cpus:
        needs.append(f"{_cores(shape.cpus)}")
    if shape.disk:
        needs.append(f"{_disk(shape.disk)}")
    if shape.gpus:
        needs.append(_wishes(shape.gpus))
    return " and ".join(filter(None, (", ".join(needs[:-1]), needs[-1])))


def _wishes(gpus: tuple[GpuWish, ...]) -> str:
    named = [wish.id for wish in gpus if wish.id]
    others = [wish.vram for wish in gpus if not wish.id]
    texts = [f"GPU {gpu}" for gpu in named]
    if others:
        what = "1 GPU" if len(others) == 1 else f"{len(others)} GPUs"
        least = sorted(set(others), reverse=True)
        if least != [0]:
            what += f" with {_list(others if len(least) > 1 else least)} MB"
        texts.append(what)
    return " and ".join(texts)


def _gpu(name: str, vram: int | None) -> str:
    return f"GPU {name} with {'unknown' if vram is None else vram} MB"


def _count(most: int | None) -> float:
    return inf if most is None else most


def _cores(count: float) -> str:
    return f"{count / 1000:g} cores" if count != 1000 else "1 core"


def _disk(count: float) -> str:
    return f"{_size(count)} of disk"


def _offline(places: list[Place]) -> str:
    told = [f"{place.node_id}: {place.reason}" for place in places[:_NAMED]]
    if len(places) > _NAMED:
        told.append(f"{len(places) - _NAMED} more")
    return "; ".join(told)


def _list(values: Iterable[object]) -> str:
    return ", ".join(map(str, values))


def _size(count: float) -> str:
    return f"{count:.0f} bytes" if count % _MIB else f"{count / _MIB:.0f} MiB"
