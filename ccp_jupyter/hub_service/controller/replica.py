"""The work of one replica of a Method: two scripts around /ccp_data."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from ccp_jupyter.hub_service.controller.container import RUN_FOLDER, Mark
from ccp_jupyter.hub_service.controller.judgement import judge
from ccp_jupyter.hub_service.controller.nodes.watches import Exit
from ccp_jupyter.hub_service.controller.outputs import Packed, pack
from ccp_jupyter.hub_service.controller.stage import Stager
from ccp_jupyter.hub_service.masking import Masker
from ccp_jupyter.model.execution import Attempt, Execution, Task
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.values import DATA_FOLDER


class ReplicaWork:
    """See `work.Work`.

    Parameters
    ----------
    stager : Stager
        Makes the tar of scripts and inputs.
    """

    folder = DATA_FOLDER
    fetches_failures = False
    notes_its_state = True
    refreshes_images = False

    def __init__(self, stager: Stager) -> None:
        self._stager = stager

    def longest_deploy(self, limits: Limits) -> int:
        """Return what the Infrastructure grants to deploy-scripts."""
        return limits.max_setup_time

    def secret_names(self, task: Task) -> list[str] | None:
        """All: every script may use every secret input."""
        return None

    def masked_texts(self, secrets: dict[str, str]) -> list[str]:
        """Return the values as they are."""
        return list(secrets.values())

    def command(self, mark: Mark) -> tuple[str, ...]:
        """Return the entry script's command."""
        return ("/bin/sh", f"{RUN_FOLDER}/deploy-entry.sh", mark.text)

    def environment(self, execution: Execution, task: Task) -> dict[str, str]:
        """Return the names that CCP gives to scripts (reference, section 3.3)."""
        return {
            "ccptaskname": execution.id,
            "ccptaskid": str(task.index),
            "ccpreplicas": str(execution.replicas),
            "ccpcontext": execution.context,
        }

    async def prepare(self, execution: Execution) -> None:
        """Fetch linked inputs."""
        await self._stager.fetch_links(execution)

    def archive(
        self, execution: Execution, task: Task, secrets: dict[str, str], mark: Mark
    ) -> AbstractContextManager[IO[bytes]]:
        """Return the tar of scripts and input files."""
        return self._stager.archive(execution, task.index, secrets)

    def take(
        self, archive: IO[bytes], target: Path, execution: Execution, masker: Masker | None
    ) -> Packed:
        """Write the zip of /ccp_data as it is: its content is the user's."""
        return pack(archive, target, execution.limits)

    def judge_end(
        self, exit_: Exit, attempt: Attempt, executed: bool, execution: Execution
    ) -> None:
        """Decide by exit code."""
        judge(exit_, attempt.phase, executed, attempt.node, execution.limits)

    def judge_result(
        self, exit_: Exit | None, attempt: Attempt, packed: Packed, execution: Execution
    ) -> None:
        """Whatever is in /ccp_data is fine."""
