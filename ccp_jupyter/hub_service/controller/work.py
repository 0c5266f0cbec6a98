"""What is particular to the Tasks of one kind of Execution: a Method's replica, or a batch."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Protocol

from ccp_jupyter.hub_service.controller.container import Mark
from ccp_jupyter.hub_service.controller.nodes.watches import Exit
from ccp_jupyter.hub_service.controller.outputs import Packed
from ccp_jupyter.hub_service.masking import Masker
from ccp_jupyter.model.execution import Attempt, Execution, Task
from ccp_jupyter.model.infrastructure import Limits


class Work(Protocol):
    """Follows a Task into its container and judges what comes out.

    An Attempt asks it; everything that is the same for all kinds is in `attempt.AttemptRun`.
    """

    folder: str
    """In the container; its content is fetched at the end."""
    fetches_failures: bool
    """Whether there is something to fetch after a failure too."""
    notes_its_state: bool
    """Whether `container.STATE_FILE` says how far it came."""
    refreshes_images: bool
    """Whether the registry is asked for a newer image although the Node has one."""

    def longest_deploy(self, limits: Limits) -> int:
        """Return the most seconds from the container's start to the Execute phase."""

    def secret_names(self, task: Task) -> list[str] | None:
        """Return which of the Execution's secrets the Task needs; None for all."""

    def masked_texts(self, secrets: dict[str, str]) -> list[str]:
        """Return the texts that must not be shown, from secrets as the vault gives them."""

    def command(self, mark: Mark) -> tuple[str, ...]:
        """Return what the container runs."""

    def environment(self, execution: Execution, task: Task) -> dict[str, str]:
        """Return variables of the container."""

    async def prepare(self, execution: Execution) -> None:
        """Make ready what all Tasks of an Execution share.  Raises `stage.InputsFailed`."""

    def archive(
        self, execution: Execution, task: Task, secrets: dict[str, str], mark: Mark
    ) -> AbstractContextManager[IO[bytes]]:
        """Return a tar of what the container needs, at its start; blocks, for worker threads."""

    def take(
        self, archive: IO[bytes], target: Path, execution: Execution, masker: Masker | None
    ) -> Packed:
        """Write the Task's zip from the engine's tar of `folder`; blocks, for worker threads.

        Without a masker (the vault has lost the secrets) what may hold one is left out.

        Raises
        ------
        outputs.OutputsTooLarge, outputs.NoRoom, tarfile.TarError
        """

    def judge_end(
        self, exit_: Exit, attempt: Attempt, executed: bool, execution: Execution
    ) -> None:
        """Look at how the container ended, before anything is fetched.

        Raises
        ------
        judgement.Ended
            When that decides already.
        """

    def judge_result(
        self, exit_: Exit | None, attempt: Attempt, packed: Packed, execution: Execution
    ) -> None:
        """Look at what was fetched; `exit_` is None when the container was stopped by us.

        Raises
        ------
        judgement.Ended
            When the Task is not successful.
        """
