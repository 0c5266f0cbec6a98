"""Virtual environments with original packages that cannot live beside ours, made once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_TIME = 900  # seconds for one installation


def environment(name: str, requirements: Sequence[str], alone: Sequence[str] = ()) -> Path:
    """Return the folder of programs of a virtual environment, made when it is not there.

    Parameters
    ----------
    name : str
        For people who look into the cache.
    requirements : sequence of str
        As pip takes them; another list is another environment.
    alone : sequence of str
        Further ones whose dependencies are left out.
    """
    wanted = "\n".join([sys.version, *requirements, *alone])
    digest = hashlib.sha256(wanted.encode()).hexdigest()[:12]
    cache = Path(os.environ.get("CCP_CACHE", "~/.cache/ccp-jupyter")).expanduser()
    folder = cache / "environments" / f"{name}-{digest}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ready = folder / "ready"
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            # Not moved afterwards: the scripts of an environment name its folder.
            _run([sys.executable, "-m", "venv", str(folder)])
            install = [str(folder / "bin/python"), "-m", "pip", "install", "-q"]
            _run([*install, *requirements])
            if alone:
                _run([*install, "--no-deps", *alone])
            ready.touch()
    return folder / "bin"


def _run(command: list[str]) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        command, env=clean, capture_output=True, text=True, timeout=_TIME, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr[-2000:]}")
