"""What Attempts work with, put together once."""

from __future__ import annotations

from dataclasses import dataclass, field

from ccp_jupyter.hub_service.builtin.base import BuiltIns
from ccp_jupyter.hub_service.controller.callbacks import Means
from ccp_jupyter.hub_service.controller.hooks import Hook
from ccp_jupyter.hub_service.controller.logins import Logins
from ccp_jupyter.hub_service.controller.records import Records
from ccp_jupyter.hub_service.controller.settings import Settings
from ccp_jupyter.hub_service.controller.work import Work
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.outgoing import Outgoing
from ccp_jupyter.hub_service.vault.base import Vault
from ccp_jupyter.model.execution import Task


@dataclass(frozen=True, slots=True)
class Parts:
    """What an Attempt works with."""

    service_id: str
    records: Records
    vault: Vault
    folders: Folders
    replica: Work
    """How a Method's replica works."""
    batch: Work
    """How an Experiment's batch works."""
    logins: Logins
    outgoing: Outgoing
    settings: Settings
    hooks: tuple[Hook, ...] = ()
    """Who is told of ended batches."""
    built_ins: BuiltIns = field(default_factory=dict)
    """Processes that the service runs itself, by id."""
    means: Means | None = None
    """For callbacks; None: nobody is told, and what is due stays due."""

    def work(self, task: Task) -> Work:
        """Return how a Task works."""
        return self.replica if task.batch is None else self.batch
