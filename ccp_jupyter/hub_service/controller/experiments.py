"""From a RED document to records that can be stored, or to a refusal that says why."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from dataclasses import dataclass
from typing import Any, Final

from ccp_jupyter.hub_service.builtin.red import MOST_DEPENDENCIES
from ccp_jupyter.hub_service.controller.base import ExperimentSubmission, UnknownDependency
from ccp_jupyter.hub_service.controller.batch import MASKS
from ccp_jupyter.hub_service.store.base import Store
from ccp_jupyter.hub_service.vault.base import Vault
from ccp_jupyter.model import red
from ccp_jupyter.model.errors import InvalidDocument, Problem
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.experiment import MOST_BATCHES, experiment_id
from ccp_jupyter.model.infrastructure import Infrastructure, Limits

_MIB: Final = 2**20
_SECRET_KEYS: Final = frozenset({"access", "auth"})


@dataclass(frozen=True, slots=True)
class Built:
    """A new Experiment; nothing of it is kept yet."""

    execution: Execution
    tasks: list[Task]
    secrets: dict[str, str]


class Builder:
    """Makes Experiments.

    Parameters
    ----------
    store : Store
        Where dependencies are looked up.
    vault : Vault
        Has the owners' personal secrets.
    infrastructure : Infrastructure
        Where Experiments run.
    """

    def __init__(self, store: Store, vault: Vault, infrastructure: Infrastructure) -> None:
        self._store = store
        self._vault = vault
        self.infrastructure = infrastructure

    async def build(self, submission: ExperimentSubmission, *, keep: bool = True) -> Built:
        """Check a document and make the records.

        Parameters
        ----------
        submission : ExperimentSubmission
            What came.
        keep : bool
            Whether the records will be kept; otherwise no personal secret is read for them.

        Raises
        ------
        ccp_jupyter.model.errors.InvalidDocument
        ccp_jupyter.hub_service.controller.base.UnknownDependency
        """
        await self._check_dependencies(submission)
        name = experiment_id(int(time.time()), os.urandom(5))
        document, masks = submission.document, list[str]()
        if submission.use_vault:
            values = await self._values(submission, name if keep else None)
            document, masks = red.substituted(document, values), list(values.values())
        # A document of a thousand batches takes a while.
        prepared = await asyncio.to_thread(
            red.prepare,
            document,
            disable_retry=submission.disable_retry,
            disable_connector_validation=submission.disable_connector_validation,
        )
        limits = self._limits(prepared)
        secrets = dict(prepared.secrets)
        if secrets:
            secrets[MASKS] = json.dumps(masks)
        execution = Execution(
            id=name,
            owner=submission.owner,
            experiment=prepared.experiment.model_copy(update={"has_secrets": bool(secrets)}),
            method_id="",
            method={},
            request={},
            inputs={},
            claims=submission.claims,
            infrastructure_id=self.infrastructure.id,
            limits=limits,
            gpus=prepared.gpus,
            image=prepared.image,
            callbacks=list(submission.callbacks),
            base_url=submission.base_url,
            replicas=len(prepared.batches),
            after=list(dict.fromkeys(submission.after)),
            idempotency_key=submission.idempotency_key,
            request_digest=document_digest(submission),
            message="Accepted",
        )
        tasks = [
            Task(
                execution_id=name,
                index=index,
                owner=submission.owner,
                created=execution.created,
                batch=batch,
            )
            for index, batch in enumerate(prepared.batches, 1)
        ]
        return Built(execution, tasks, secrets)

    async def _values(
        self, submission: ExperimentSubmission, execution_id: str | None
    ) -> dict[str, str]:
        """Return the personal secrets that fill variables of a document.

        Without an Execution that uses them their names stand for them, so that no use is noted.
        """
        wanted = [variable.name for variable in red.variables(submission.document)]
        if execution_id is not None:
            return await self._vault.use_secrets(submission.owner, wanted, execution_id)
        known = {each.name for each in await self._vault.list_secrets(submission.owner)}
        return {name: name for name in wanted if name in known}

    async def _check_dependencies(self, submission: ExperimentSubmission) -> None:
        if len(submission.after) > MOST_DEPENDENCIES:
            raise UnknownDependency(f"at most {MOST_DEPENDENCIES} Executions")
        for name in submission.after:
            found = await self._store.get_execution(name)
            if found is None or found.owner != submission.owner:
                raise UnknownDependency(f"you have no Execution {name}")

    def _limits(self, prepared: red.Prepared) -> Limits:
        limits, problems = self.infrastructure.limits, []
        most = limits.max_memory
        if most is not None and prepared.ram * _MIB > most:
            rule = (
                f"must be at most {int(most) // _MIB} (MB), the limit of {self.infrastructure.id}"
            )
            problems.append(Problem("container.settings.ram", rule, str(prepared.ram)))
        if limits.max_gpus is not None and len(prepared.gpus) > limits.max_gpus:
            rule = f"must be at most {limits.max_gpus}, the limit of {self.infrastructure.id}"
            problems.append(Problem("container.settings.gpus", rule, str(len(prepared.gpus))))
        if len(prepared.batches) > min(limits.max_batches, MOST_BATCHES):
            rule = f"must have at most {limits.max_batches} items"
            problems.append(Problem("batches", rule, str(len(prepared.batches))))
        if prepared.experiment.fuse and not self.infrastructure.allow_fuse:
            rule = f"mounts need FUSE, which {self.infrastructure.id} does not allow"
            problems.append(Problem("inputs", f"connector.mount: {rule}", "true"))
        if problems:
            raise InvalidDocument(problems)
        return limits.model_copy(update={"memory": prepared.ram * _MIB})


def document_digest(submission: ExperimentSubmission) -> str:
    """Return the SHA-256 of a document, its secret parts left out; empty without a key.

    It only tells a repeated request from another one with the same idempotency key.
    """
    if submission.idempotency_key is None:
        return ""
    parts = [_without_secrets(submission.document), submission.disable_retry, submission.after]
    parts += [[each.kind, each.uri] for each in submission.callbacks]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: None if k in _SECRET_KEYS else _without_secrets(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return value
