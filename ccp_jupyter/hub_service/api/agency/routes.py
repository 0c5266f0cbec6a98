"""Every route of the agency: path, handler, verbs with their scopes, for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel

from ccp_jupyter.hub_service.api.agency import batches, entry, experiments, parameters, schemas
from ccp_jupyter.hub_service.api.agency.handler import PATH
from ccp_jupyter.hub_service.api.identity import OPEN, READ, SUBMIT
from ccp_jupyter.hub_service.api.operations import JSON, SSE, Answer, Body, Operation
from ccp_jupyter.hub_service.api.params import Param, choice, integer, seconds
from ccp_jupyter.hub_service.api.route import Route
from ccp_jupyter.hub_service.api.schemas import Events
from ccp_jupyter.hub_service.api.streams import EVENT_NUMBER

TAG: Final = "agency"
_PAGED: Final = {
    "X-Total-Count": "length of the whole list; with a limit only",
    "Link": "next and prev; with a limit only",
}
_TEXT: Final[Mapping[str, None]] = {"text/plain": None}
_LOG: Final = (
    Param("stream", "only this stream", *choice("stdout", "stderr")),
    parameters.flag("follow", "go on until the end"),
)
_STREAMS_OPEN: Final = {429: "very many streams are open"}


def _operation(
    name: str,
    summary: str,
    answer: type[BaseModel] | Answer,
    query: tuple[Param, ...] = (),
    scope: str = READ,
    schemes: tuple[str, ...] = ("basic", "bearer", "token", "cookie"),
    headers: Mapping[str, str] | None = None,
    patterns: Mapping[str, str] | None = None,
    body: Body | None = None,
    errors: Mapping[int, str] | None = None,
    more: Mapping[int, Answer] | None = None,
) -> Operation:
    answered = answer if isinstance(answer, Answer) else Answer("it", {JSON: answer})
    return Operation(
        scope,
        name,
        summary,
        {200: answered, **(more or {})},
        query,
        headers or {},
        patterns or {},
        body,
        errors or {},
        TAG,
        schemas.AgencyError,
        schemes,
    )


def _list(model: type[BaseModel]) -> Answer:
    return Answer("all, or a page", {JSON: model}, _PAGED)


# What a verb has no name in the path for comes first: `count` is no id.
_SERVICE: Final = (
    Route(
        f"{PATH}/",
        entry.RootHandler,
        {"GET": _operation("getAgency", "Something", schemas.Hello, scope=OPEN)},
    ),
    Route(
        f"{PATH}/version",
        entry.VersionHandler,
        {"GET": _operation("getAgencyVersion", "Versions", schemas.AgencyVersion)},
    ),
    Route(
        f"{PATH}/login",
        entry.LoginHandler,
        {
            "POST": _operation(
                "agencyLogin",
                "Tokens for a user name and a token of the hub",
                schemas.AgencyLogin,
                schemes=("basic", "bearer"),
            )
        },
    ),
    Route(
        f"{PATH}/refreshtoken",
        entry.RefreshHandler,
        {
            "POST": _operation(
                "agencyRefresh",
                "A new access token for a refresh token",
                schemas.AgencyAccess,
                schemes=("bearer",),
            )
        },
    ),
    Route(
        f"{PATH}/token",
        entry.TokenHandler,
        {
            "GET": _operation(
                "agencyToken",
                "A token to use as password for some time",
                schemas.AgencyToken,
                schemes=("basic", "bearer"),
            )
        },
    ),
    Route(
        f"{PATH}/nodes",
        entry.NodesHandler,
        {"GET": _operation("getAgencyNodes", "All Nodes now", schemas.AgencyNodes)},
    ),
    Route(
        f"{PATH}/schema/red",
        entry.RedSchemaHandler,
        {"GET": _operation("getRedSchema", "Of RED documents", schemas.JsonSchema, scope=OPEN)},
    ),
    Route(
        f"{PATH}/schema/engines/container",
        entry.ContainerSchemasHandler,
        {
            "GET": _operation(
                "getContainerSchemas",
                "Of container engines' settings, by engine",
                schemas.JsonSchema,
                scope=OPEN,
            )
        },
    ),
)

_EXPERIMENTS: Final = (
    Route(
        f"{PATH}/red",
        experiments.RedHandler,
        {
            "POST": _operation(
                "submitRed",
                "Submit a RED document",
                schemas.Submitted,
                (
                    parameters.flag("disableRetry", "a batch that fails is not tried again"),
                    parameters.flag(
                        "disableConnectorValidation", "connectors do not check their access first"
                    ),
                    parameters.flag(
                        "useVault", "fill {{variables}} from the caller's personal secrets"
                    ),
                    parameters.AFTER,
                ),
                SUBMIT,
                headers={
                    "Idempotency-Key": "the same key with the same document makes one Experiment"
                },
                body=Body(schemas.RedDocument),
                errors={
                    409: "you keep as much as you may",
                    422: "the Idempotency-Key came before, with another document",
                },
            )
        },
    ),
    Route(
        f"{PATH}/experiments",
        experiments.ExperimentsHandler,
        {
            "GET": _operation(
                "getExperiments",
                "Experiments, newest first",
                _list(schemas.ExperimentList),
                (*parameters.PAGE, parameters.OWNER, *parameters.TIMES),
            )
        },
    ),
    Route(
        f"{PATH}/experiments/count",
        experiments.ExperimentCountHandler,
        {
            "GET": _operation(
                "countExperiments",
                "How many there are",
                schemas.Count,
                (parameters.OWNER, *parameters.TIMES),
            )
        },
    ),
    Route(
        f"{PATH}/experiments/{{experiment_id}}",
        experiments.ExperimentHandler,
        {
            "GET": _operation("getExperiment", "An Experiment", schemas.ExperimentDocument),
            "DELETE": _operation(
                "cancelExperiment",
                "Cancel all its batches that have not ended",
                schemas.ExperimentDocument,
                scope=SUBMIT,
            ),
        },
    ),
    Route(
        f"{PATH}/experiments/{{experiment_id}}/state",
        experiments.ExperimentStateHandler,
        {
            "GET": _operation(
                "getExperimentState", "Where an Experiment stands", schemas.ExperimentState
            )
        },
    ),
    Route(
        f"{PATH}/experiments/{{job_id}}/events",
        experiments.ExperimentEventsHandler,
        {
            "GET": _operation(
                "getExperimentEvents",
                "Events after a number, as a list or a stream",
                Answer("events", {JSON: Events, SSE: None}),
                (
                    Param("after", "number of the last that you have", *integer(0, 10**15), 0),
                    Param("limit", "most events in a list", *integer(1, 1000), 200),
                    Param("wait", "seconds to wait for the first", *seconds(20), 0.0),
                ),
                headers={"Last-Event-ID": "as `after`, sent by browsers; it wins"},
                patterns={"Last-Event-ID": EVENT_NUMBER},
                errors=_STREAMS_OPEN,
                more={204: Answer("stream: there will be no more")},
            )
        },
    ),
    Route(
        f"{PATH}/experiments/{{experiment_id}}/log",
        experiments.ExperimentLogHandler,
        {
            "GET": _operation(
                "getExperimentLog",
                "What its containers wrote",
                Answer("the log", _TEXT),
                _LOG,
                errors=_STREAMS_OPEN,
            )
        },
    ),
)

_BATCH_FILTERS: Final = (
    parameters.OWNER,
    parameters.NODE,
    parameters.EXPERIMENT,
    *parameters.TIMES,
)
_BATCHES: Final = (
    Route(
        f"{PATH}/batches",
        batches.BatchesHandler,
        {
            "GET": _operation(
                "getBatches",
                "Batches, newest Experiment first",
                _list(schemas.BatchList),
                (*parameters.PAGE, *_BATCH_FILTERS, parameters.STATE),
            )
        },
    ),
    Route(
        f"{PATH}/batches/count",
        batches.BatchCountHandler,
        {
            "GET": _operation(
                "countBatches",
                "How many there are",
                schemas.Count,
                (*_BATCH_FILTERS, parameters.COUNTED_STATE),
            )
        },
    ),
    Route(
        f"{PATH}/batches/{{batch_id}}",
        batches.BatchHandler,
        {
            "GET": _operation("getBatch", "A batch", schemas.BatchDocument),
            "DELETE": _operation(
                "cancelBatch", "Cancel a batch", schemas.BatchDocument, scope=SUBMIT
            ),
        },
    ),
    Route(
        f"{PATH}/batches/{{batch_id}}/log",
        batches.BatchLogHandler,
        {
            "GET": _operation(
                "getBatchLog",
                "What its container wrote",
                Answer("the log", _TEXT),
                _LOG,
                errors=_STREAMS_OPEN,
            )
        },
    ),
    Route(
        f"{PATH}/batches/{{batch_id}}/{{stream}}",
        batches.BatchStreamHandler,
        {
            "GET": _operation(
                "getBatchStream",
                "What its command wrote to `stdout` or `stderr`",
                Answer("the stream", _TEXT),
            )
        },
    ),
)

AGENCY_ROUTES: Final = (*_SERVICE, *_EXPERIMENTS, *_BATCHES)
