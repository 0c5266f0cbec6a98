"""End a stack, however it was left."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from tests.stack.engines import EngineHandle
from tests.stack.marks import STACK, end_all, end_marked
from tests.stack.records import StackError, from_pid_file, noted
from tests.stack.registry import RegistryHandle
from tests.stack.service import remove_vault_socket, vault

MARKER = ".ccp-stack"
"""File that says: this folder was made by a stack and may be removed."""


def down(folder: Path, keep_logs: bool = False) -> None:
    """End every process of a stack, take away what its engines left, remove its folder.

    Works on a stack that runs, that crashed, or that was being started; no error when there is
    none in the folder.

    Parameters
    ----------
    folder : Path
        The stack's.
    keep_logs : bool
        Leave the folder ``logs`` in it, to find out what went wrong.

    Raises
    ------
    StackError
        The folder holds something else.
    """
    folder = folder.resolve()
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not (folder / MARKER).exists():
        raise StackError(f"{folder} was not made by a stack: nothing was removed")
    # First who would start others again or use the engines. Nothing is worth a slow farewell.
    servers = [*noted(folder).values(), vault(folder), from_pid_file(folder / "state/proxy.pid")]
    end_all([server for server in servers if server is not None], grace=2)
    for state in sorted(folder.glob("engines/*/engine.json")):
        EngineHandle.attach(state.parent).stop()
    if (folder / "registry/registry.json").exists():
        RegistryHandle.attach(folder / "registry").stop()
    # User servers, kernels, and what was started a moment before a crash and never noted.
    end_marked(STACK, str(folder), grace=1)
    remove_vault_socket(folder)
    for path in folder.iterdir():
        if path.name == MARKER or (keep_logs and path.name == "logs"):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    if not keep_logs:
        (folder / MARKER).unlink()
        with suppress(OSError):  # an empty folder that is, say, a mount point may stay
            folder.rmdir()
