"""What is asked of an engine, as the engine itself counts it in its debug log."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.stack.engines import EngineHandle

_CALL = re.compile(r'level=debug msg="Calling ([A-Z]+) (\S+)"')
# Names of images have slashes in them.
_NAMED = re.compile(
    r"/(containers|images)/(?!(?:json|create|prune|search|load|get)$)(.+?)(/[a-z]+)?$"
)
_WAIT = 10.0


@dataclass
class Calls:
    """Calls by kind, such as ``POST /containers/…/start``."""

    kinds: Counter[str] = field(default_factory=Counter)

    @property
    def of_containers(self) -> int:
        """Calls about one container or image, or that make one."""
        return sum(n for kind, n in self.kinds.items() if not is_of_node(kind))

    @property
    def of_node(self) -> int:
        """Calls about the Node as a whole: signs of life, its events, its lists."""
        return sum(n for kind, n in self.kinds.items() if is_of_node(kind))

    def text(self) -> str:
        """Return the kinds with their numbers, most frequent first."""
        return ", ".join(f"{count} x {kind}" for kind, count in self.kinds.most_common())


def is_of_node(kind: str) -> bool:
    """Tell whether a kind of call is about the Node as a whole."""
    path = kind.split(" ")[1]
    return path in ("/_ping", "/info", "/version", "/events", "/containers/json", "/images/json")


def parse(log: str) -> Calls:
    """Count the calls in a piece of an engine's log."""
    return Calls(Counter(f"{method} {_general(path)}" for method, path in _CALL.findall(log)))


@contextmanager
def counted(engine: EngineHandle) -> Iterator[Calls]:
    """Count what an engine is asked for while the block runs; the calls are there at its end.

    The engine logs every call while its debug mode is on, which it takes from its configuration
    file at SIGHUP; nothing stands between it and the service.

    Raises
    ------
    RuntimeError
        The engine did not take up the new configuration.
    """
    calls = Calls()
    _set_debug(engine, True)
    begin = engine.log.stat().st_size
    try:
        yield calls
    finally:
        end = engine.log.stat().st_size
        _set_debug(engine, False)
    with engine.log.open("rb") as log:
        log.seek(begin)
        calls.kinds.update(parse(log.read(end - begin).decode(errors="replace")).kinds)


def _set_debug(engine: EngineHandle, debug: bool) -> None:
    begin = engine.log.stat().st_size
    config = _config_file(engine.pid)
    config.write_text(json.dumps({"debug": debug}))
    os.kill(engine.pid, signal.SIGHUP)
    end = time.monotonic() + _WAIT
    while b"Reloaded configuration" not in _from(engine.log, begin):
        if time.monotonic() > end:
            raise RuntimeError(f"engine {engine.name} did not read {config} again")
        time.sleep(0.05)


def _config_file(pid: int) -> Path:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    return Path(words[words.index("--config-file") + 1])


def _from(log: Path, begin: int) -> bytes:
    with log.open("rb") as file:
        file.seek(begin)
        return file.read()


def _general(path: str) -> str:
    """Return a path without version, query, and names."""
    path = re.sub(r"^/v[\d.]+", "", path).partition("?")[0]
    return _NAMED.sub(lambda found: f"/{found[1]}/…{found[3] or ''}", path)
