"""Experiments: submit, list, document, state, cancel, events, log."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ccp_jupyter.hub_service.api.agency import documents
from ccp_jupyter.hub_service.api.agency.handler import (
    PATH,
    AgencyHandler,
    ExperimentHandlerBase,
    no_such_experiment,
)
from ccp_jupyter.hub_service.api.agency.lists import ListHandler, Listing
from ccp_jupyter.hub_service.api.agency.logs import AgencyLogHandler
from ccp_jupyter.hub_service.api.bodies import MOST_VALUES_OF_RED
from ccp_jupyter.hub_service.api.processes import idempotency_key
from ccp_jupyter.hub_service.api.services import Services
from ccp_jupyter.hub_service.api.streams import EventsHandler
from ccp_jupyter.hub_service.controller.base import ExperimentSubmission
from ccp_jupyter.hub_service.store.base import BatchQuery, ExecutionQuery
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.experiment import BatchState
from ccp_jupyter.model.states import is_final

_TELLING: Final = (
    (BatchState.PROCESSING,),
    (BatchState.SUCCEEDED, BatchState.FAILED, BatchState.CANCELLED),
    (BatchState.SCHEDULED,),
)
"""What decides an unfinished Experiment's state, in the order of its weight."""


async def state_of(services: Services, execution: Execution) -> BatchState:
    """Return where an Experiment stands, with as few questions as possible."""
    counts: dict[BatchState, int] = {}
    if not is_final(execution.status):
        for states in _TELLING:
            query = BatchQuery(execution_id=execution.id, states=states)
            counts[states[0]] = await services.store.count_batches(query)
            if counts[states[0]]:
                break
    return documents.experiment_state(execution.status, counts)


class RedHandler(AgencyHandler):
    """Submission of RED documents."""

    async def post(self) -> None:
        """Submit an Experiment; it is durable when the answer comes."""
        submission = ExperimentSubmission(
            owner=self.caller.name,
            claims=self.caller.claims,
            document=await self.json_body(MOST_VALUES_OF_RED),
            disable_retry=self.query["disableRetry"],
            disable_connector_validation=self.query["disableConnectorValidation"],
            use_vault=self.query["useVault"],
            after=self.query["after"],
            idempotency_key=idempotency_key(self.request.headers),
        )
        execution = await self.services.controller.submit_experiment(submission)
        self.reply({"experimentId": execution.id})


class ExperimentsHandler(ListHandler):
    """The list of Experiments."""

    path = f"{PATH}/experiments"

    async def get(self) -> None:
        """List those that the caller may see, newest first."""
        if self.nobodys():
            self.send_nothing()
            return
        store = self.services.store
        query = ExecutionQuery(
            experiments=True, ascending=self.query["ascending"], **self.filters()
        )

        async def item(execution: Execution) -> object:
            return documents.experiment_item(execution, await state_of(self.services, execution))

        await self.send_list(
            Listing(
                lambda limit, skip: store.list_executions(replace(query, limit=limit, offset=skip)),
                lambda: store.count_executions(query),
                item,
            )
        )


class ExperimentCountHandler(ListHandler):
    """How many Experiments there are."""

    async def get(self) -> None:
        """Count those that the list has."""
        query = ExecutionQuery(experiments=True, **self.filters())
        count = 0 if self.nobodys() else await self.services.store.count_executions(query)
        self.reply({"count": count})


class ExperimentHandler(ExperimentHandlerBase):
    """One Experiment."""

    async def get(self, experiment_id: str) -> None:
        """Show it in full."""
        await self._send(await self.visible(experiment_id))

    async def delete(self, experiment_id: str) -> None:
        """Cancel all its batches that have not ended; one that is finished stays as it is."""
        execution = await self.visible(experiment_id)
        if not is_final(execution.status):
            dismissed = await self.services.controller.dismiss(experiment_id)
            if dismissed is None:
                raise no_such_experiment(experiment_id)
            execution = dismissed
        await self._send(execution)

    async def _send(self, execution: Execution) -> None:
        live = self.services.controller.live(execution)
        state = await state_of(self.services, execution)
        self.reply(documents.experiment(execution, state, live))


class ExperimentStateHandler(ExperimentHandlerBase):
    """Where an Experiment stands, in few bytes."""

    async def get(self, experiment_id: str) -> None:
        """Tell its state, and how many batches are in each state."""
        execution = await self.visible(experiment_id)
        store = self.services.store
        counts = {
            state: await store.count_batches(BatchQuery(execution_id=execution.id, states=(state,)))
            for state in BatchState
        }
        live = self.services.controller.live(execution)
        self.reply(documents.experiment_summary(execution, counts, live))


class ExperimentEventsHandler(ExperimentHandlerBase, EventsHandler):
    """Events of one Experiment, as those of any Execution."""


class ExperimentLogHandler(AgencyLogHandler):
    """What the containers of an Experiment wrote."""

    async def get(self, experiment_id: str) -> None:
        """Send it."""
        await self.send_log(await self.visible(experiment_id), None)
