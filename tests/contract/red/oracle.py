"""The original validator, red-val, as a process that judges documents.

It is installed from PyPI into an environment of its own, which is kept for later runs. The parts
of cc-core that know engines, references and command lines are installed beside it.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.environments import environment

VERSION = "9.3.0"
_SERVER = Path(__file__).with_name("oracle_server.py")


def _python() -> Path:
    return environment("red-val", [f"red-val=={VERSION}"], [f"cc-core=={VERSION}"]) / "python"


@dataclass(frozen=True)
class Verdict:
    """What the original says of a document."""

    accepted: bool
    variables: tuple[tuple[str, bool], ...] = ()
    reason: str = ""


class Oracle:
    """The original; use it as a context."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [_python(), "-I", _SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()

    def _ask(self, *question: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def judge(self, document: object) -> Verdict:
        """Return what client and server of the original say of a document together."""
        answer = self._ask("judge", document)
        if "error" in answer:
            return Verdict(False, reason=answer["error"])
        return Verdict(True, tuple((name, protected) for name, protected in answer["variables"]))

    def words(self, base: object, declared: object, inputs: object) -> list[str]:
        """Return the command line."""
        answer = self._ask("words", base, declared, inputs)
        words: list[str] = answer["words"]
        return words

    def restricted(self, document: object) -> list[dict[str, Any]]:
        """Return the job file of each batch."""
        answer = self._ask("restricted", document)
        jobs: list[dict[str, Any]] = answer["jobs"]
        return jobs
