"""The work of one batch of an Experiment: our agent, which moves files by connectors."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from importlib.resources import files
from pathlib import Path
from typing import IO, Any, Final

from ccp_jupyter.hub_service.controller.batch_result import read_result
from ccp_jupyter.hub_service.controller.container import AGAIN_CODE, Mark
from ccp_jupyter.hub_service.controller.judgement import Ended, judge_disturbance
from ccp_jupyter.hub_service.controller.nodes.watches import Exit
from ccp_jupyter.hub_service.controller.outputs import Packed
from ccp_jupyter.hub_service.controller.tars import add_folder, add_text, writing
from ccp_jupyter.hub_service.masking import Masker
from ccp_jupyter.model import red
from ccp_jupyter.model.execution import Attempt, Execution, Task
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.states import Outcome

MASKS: Final = "masks"
"""Name of the vault's entry with further texts to mask: values of the owner's own secrets."""

_ROOT: Final = "/cc"
_AGENT: Final = f"{_ROOT}/restricted_red_agent.py"
_JOB: Final = f"{_ROOT}/restricted_red_file.json"
_RESULT: Final = f"{_ROOT}/result"
_NO_SUCH_COMMAND: Final = 127  # of the engine's init process
_LONGEST_REASON: Final = 2000


class BatchWork:
    """See `work.Work`."""

    folder = _RESULT
    fetches_failures = True
    notes_its_state = False
    refreshes_images = True

    def __init__(self) -> None:
        self._agent = (files("ccp_jupyter.hub_service.batch") / "agent.py").read_text("utf-8")

    def longest_deploy(self, limits: Limits) -> int:
        """Return as much as for the command: inputs are received then, and may be large."""
        return limits.max_time

    def secret_names(self, task: Task) -> list[str] | None:
        """Return those that the batch's connectors refer to."""
        batch = task.batch
        names = set() if batch is None else set(_references([batch.inputs, batch.outputs]))
        return [*names, MASKS] if names else []

    def masked_texts(self, secrets: dict[str, str]) -> list[str]:
        """Return what stands under protected keys, and what came from the owner's secrets."""
        found: list[str] = []
        for name, text in secrets.items():
            found += json.loads(text) if name == MASKS else red.protected_texts(text)
        return found

    def command(self, mark: Mark) -> tuple[str, ...]:
        """Return the agent's command."""
        return ("python3", _AGENT, _JOB)

    def environment(self, execution: Execution, task: Task) -> dict[str, str]:
        """None of ours: images were made for CC-Agency, which sets none."""
        return {}

    async def prepare(self, execution: Execution) -> None:
        """Nothing: connectors fetch in the container."""

    def archive(
        self, execution: Execution, task: Task, secrets: dict[str, str], mark: Mark
    ) -> AbstractContextManager[IO[bytes]]:
        """Return the tar of agent, job and empty folders."""
        return self._archive(execution, task, secrets, mark)

    @contextlib.contextmanager
    def _archive(
        self, execution: Execution, task: Task, secrets: dict[str, str], mark: Mark
    ) -> Iterator[IO[bytes]]:
        experiment, batch = execution.experiment, task.batch
        if experiment is None or batch is None:
            raise ValueError(f"task {task.id} is no batch")
        access = {name: text for name, text in secrets.items() if name != MASKS}
        job = red.job(
            experiment,
            batch,
            access,
            mark=mark.text,
            stream_limit=int(execution.limits.log_size),
        )
        job["protected"] = self.masked_texts(secrets)
        # Never on disk: the job has the secrets in clear.
        with io.BytesIO() as spool:
            with writing(spool) as tar:
                # Anybody may write there: images run as any user, and root's group is nobody's.
                for name in ("", "/inputs", "/outputs", "/cloud", "/result"):
                    add_folder(tar, f"{_ROOT}{name}", 0o777)
                add_text(tar, _AGENT, self._agent, 0o555)
                add_text(tar, _JOB, json.dumps(job), 0o444)
            spool.seek(0)
            yield spool

    def take(
        self, archive: IO[bytes], target: Path, execution: Execution, masker: Masker | None
    ) -> Packed:
        """Write the zip of streams and result, with secrets masked."""
        return read_result(archive, target, int(execution.limits.log_size), masker)

    def judge_end(
        self, exit_: Exit, attempt: Attempt, executed: bool, execution: Execution
    ) -> None:
        """Only what the platform did wrong counts before the result is read."""
        judge_disturbance(exit_, attempt.node)

    def judge_result(
        self, exit_: Exit | None, attempt: Attempt, packed: Packed, execution: Execution
    ) -> None:
        """Decide by the agent's result."""
        attempt.result = packed.result
        if exit_ is None:
            return
        if exit_.out_of_memory:
            limit = int(execution.limits.memory) // 2**20
            raise Ended(Outcome.FAILED, f"Batch failed: out of memory, its ram is {limit} MB")
        again = exit_.code == AGAIN_CODE
        if packed.result is None and again:
            raise Ended(Outcome.PLATFORM, f"Node {attempt.node} started the container twice")
        if packed.result is None and exit_.code == _NO_SUCH_COMMAND:
            raise Ended(
                Outcome.FAILED,
                "Batch failed: the image has no python3, which batches need",
                repeatable=False,
            )
        if packed.result is None:
            raise Ended(
                Outcome.FAILED,
                f"Batch failed: the agent left no result (exit code {exit_.code});"
                f" {packed.notes[0] if packed.notes else 'see the log'}",
            )
        # A result is complete, so it counts too when the container was started once more after it.
        if packed.result["state"] != "succeeded" or (exit_.code != 0 and not again):
            info = "\n".join(packed.result.get("debugInfo") or ["no further information"])
            raise Ended(Outcome.FAILED, f"Batch failed.\n{info}"[:_LONGEST_REASON])


def _references(value: Any) -> Iterator[str]:
    """Yield the names that stand in the place of ``connector.access``."""
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, dict):
        for name, member in value.items():
            if name == "connector":
                yield str(member["access"])
            else:
                yield from _references(member)
