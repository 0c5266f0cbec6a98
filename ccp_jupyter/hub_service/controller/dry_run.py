"""What would happen with a request: checked as if it came, and nothing is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from ccp_jupyter.hub_service.controller.admission import Admission
from ccp_jupyter.hub_service.controller.base import DryRun, ExperimentSubmission, Submission
from ccp_jupyter.hub_service.controller.experiments import Builder
from ccp_jupyter.hub_service.controller.nodes.agent import NodeAgent
from ccp_jupyter.hub_service.controller.progress import ordinal, to_the_minute
from ccp_jupyter.hub_service.controller.queue import Expectation, TaskQueue
from ccp_jupyter.hub_service.controller.reuse import Reuse
from ccp_jupyter.hub_service.controller.submission import build, check_usage
from ccp_jupyter.hub_service.store.base import Store
from ccp_jupyter.hub_service.vault.base import Vault
from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.request import CheckedRequest, unknown_secrets

_INSIDE: Final = "It would begin at once, in the service itself"


class DryRunner:
    """Says what would happen.

    Parameters
    ----------
    admission : Admission
        Checks requests.
    experiments : Builder
        Checks RED documents.
    store, vault
        What users keep: Executions, personal secrets.
    agents : callable
        Gives the Nodes of an Infrastructure.
    queue : TaskQueue
        Who waits; it is only asked.
    reuse : Reuse
        Knows what could be taken over.
    """

    def __init__(
        self,
        admission: Admission,
        experiments: Builder,
        store: Store,
        vault: Vault,
        agents: Callable[[str], Iterable[NodeAgent]],
        queue: TaskQueue,
        reuse: Reuse,
    ) -> None:
        self._admission = admission
        self._experiments = experiments
        self._store = store
        self._vault = vault
        self._agents = agents
        self._queue = queue
        self._reuse = reuse

    async def run(self, submission: Submission) -> DryRun:
        """See `base.Controller.dry_run`."""
        method, infrastructure, request = self._admission.checked(submission)
        check_usage(await self._store.usage(submission.owner, infrastructure.id), infrastructure)
        await self._check_named_secrets(submission.owner, request)
        execution, tasks, _ = build(submission, method, request, infrastructure)
        reusable = await self._reuse.find(execution, submission.groups)
        return self._told(execution, tasks, reusable[0][0].id if reusable else None)

    async def run_experiment(self, submission: ExperimentSubmission) -> DryRun:
        """Check a RED document as `base.Controller.submit_experiment` does, and tell."""
        infrastructure = self._experiments.infrastructure
        check_usage(await self._store.usage(submission.owner, infrastructure.id), infrastructure)
        built = await self._experiments.build(submission, keep=False)
        return self._told(built.execution, built.tasks, None)

    def _told(self, execution: Execution, tasks: list[Task], reusable: str | None) -> DryRun:
        expected = None if execution.built_in else self._queue.expect(execution, tasks[0])
        nodes = expected.nodes if expected is not None else ()
        having = {
            agent.id
            for agent in self._agents(execution.infrastructure_id)
            if execution.image in agent.images
        }
        start = None if expected is None else expected.start
        return DryRun(
            infrastructure_id=execution.infrastructure_id,
            image=execution.image,
            replicas=execution.replicas,
            limits=execution.limits,
            gpus=execution.gpus,
            priority=execution.priority,
            nodes=nodes,
            message=_INSIDE if expected is None else _message(expected, execution),
            position=None if expected is None or expected.node else expected.ahead + 1,
            start=None if start is None else to_the_minute(start),
            image_on=tuple(node for node in nodes if node in having),
            reusable=reusable,
        )

    async def _check_named_secrets(self, owner: str, request: CheckedRequest) -> None:
        """Refuse names that are none; their values stay where they are, so no use is noted."""
        if not request.named_secrets:
            return
        known = {each.name for each in await self._vault.list_secrets(owner)}
        if problems := unknown_secrets(request, known):
            raise InvalidDocument(problems)


def _message(expected: Expectation, execution: Execution) -> str:
    if expected.node:
        first = "replica" if execution.experiment is None else "batch"
        rest = "" if execution.replicas == 1 else f"; that counts for its first {first}"
        return f"It would begin at once, on Node {expected.node}{rest}"
    if not expected.nodes or expected.start is None:
        return f"It would wait, and nobody can tell how long: {expected.text}"
    place = ordinal(expected.ahead + 1)
    return f"It would wait, as {place} in the queue: {expected.text}"
