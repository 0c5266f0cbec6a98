"""Has provenance written by processes of their own, a few at a time."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ccp_jupyter.provenance.facts import Facts

_ENVIRONMENT: Final = ("PATH", "LANG", "LC_ALL", "TZ")
"""All that the process gets: nothing of the service's own tokens."""
_IMPORT_FOLDER: Final = Path(__file__).parents[2]
_LONGEST: Final = 600.0  # seconds; with all that may be told it takes a tenth of that
_PLACES: Final = 2


class CannotWrite(Exception):
    """The process ended badly, or did not end."""


class ProvenanceWriter:
    """Writes provenance outside of the service's process.

    The libraries for PROV and RDF, and what they make of many thousand files, need memory that
    Python does not give back, and seconds in which a thread would slow down every request.

    Parameters
    ----------
    places : int
        Processes at a time; further requests wait.
    """

    def __init__(self, places: int = _PLACES) -> None:
        self._places = asyncio.Semaphore(places)

    async def write(self, facts: Facts, forms: Sequence[str], folder: Path) -> None:
        """Write provenance in some forms into a folder, as `provenance.formats.write` does.

        Raises
        ------
        CannotWrite
        """
        told = await asyncio.to_thread(lambda: facts.model_dump_json().encode())
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        environment["PYTHONPATH"] = str(_IMPORT_FOLDER)
        # The prov library keeps values in sets: so that they are written in the same order always.
        environment["PYTHONHASHSEED"] = "0"
        async with self._places:
            # -P: a module in the present folder must not stand in for one of ours.
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "ccp_jupyter.provenance",
                str(folder),
                *forms,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                cwd="/",
                env=environment,
            )
            try:
                _, error = await asyncio.wait_for(process.communicate(told), _LONGEST)
            except TimeoutError as found:
                raise CannotWrite(f"not done after {_LONGEST:.0f} seconds") from found
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        if process.returncode != 0:
            lines = error.decode(errors="replace").strip().splitlines()
            raise CannotWrite(lines[-1] if lines else f"exit code {process.returncode}")
