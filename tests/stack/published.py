"""What a stack's registry begins with: the test images, pushed once on a machine and then copied.

To load and push them costs more processor time than all the rest of a stack's start.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import tempfile
from pathlib import Path

from tests.stack import images
from tests.stack.engines import EngineHandle
from tests.stack.registry import PUBLIC, RegistryHandle, start_registry

IMAGES = ("shell", "python", "red")


def start_published(folder: Path, engine: EngineHandle, host: str) -> RegistryHandle:
    """Start registries, the open one of which has the images of `references`.

    Parameters
    ----------
    folder : Path
        For the registries.
    engine : EngineHandle
        Pushes them, the first time on a machine; it is left without them.
    host : str
        Address of this machine to listen on.
    """
    archives = images.ensure(IMAGES)
    digest = hashlib.sha256(repr(sorted(map(str, archives.values()))).encode()).hexdigest()[:12]
    cache = next(iter(archives.values())).parent
    content = cache / f"registry-{digest}"
    with (cache / "registry.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not content.exists():
            for old in cache.glob("registry-*"):
                shutil.rmtree(old)
            with tempfile.TemporaryDirectory(dir=cache) as work:
                _push(Path(work), engine, host)
                Path(work, PUBLIC).rename(content)
    shutil.copytree(content, folder / PUBLIC)
    return start_registry(folder, host=host)


def references(registry: RegistryHandle) -> dict[str, str]:
    """Return where the images are in a stack's registry, by name."""
    return {name: f"{registry.address}/{_repository(name)}" for name in IMAGES}


def _push(work: Path, engine: EngineHandle, host: str) -> None:
    registry = start_registry(work, host=host)
    try:
        for name, reference in images.load(engine, IMAGES).items():
            registry.push(engine, reference, _repository(name))
            images.remove(engine, reference)
    finally:
        registry.end()


def _repository(name: str) -> str:
    return f"ccp/{name}:1"
