"""Every route: path, handler, verbs with their scopes, and what the OpenAPI document says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel

from ccp_jupyter.hub_service.api import schemas
from ccp_jupyter.hub_service.api.folder_zip import FolderHandler
from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.api.identity import OPEN, READ, SUBMIT
from ccp_jupyter.hub_service.api.infrastructures import (
    InfrastructureHandler,
    InfrastructuresHandler,
    NodesHandler,
    RuntimesHandler,
)
from ccp_jupyter.hub_service.api.jobs import JobHandler, JobsHandler
from ccp_jupyter.hub_service.api.logs import LogHandler
from ccp_jupyter.hub_service.api.operations import (
    JSON,
    SSE,
    ZIP,
    Answer,
    Body,
    Operation,
    Operations,
)
from ccp_jupyter.hub_service.api.outputs import OutputFileHandler, OutputsHandler
from ccp_jupyter.hub_service.api.pages import (
    OPENAPI,
    ApiDocumentHandler,
    ConformanceHandler,
    HealthHandler,
    LandingHandler,
)
from ccp_jupyter.hub_service.api.params import (
    Paging,
    Param,
    choice,
    identifier,
    integer,
    interval,
    seconds,
    text,
)
from ccp_jupyter.hub_service.api.processes import ExecutionHandler, ProcessesHandler, ProcessHandler
from ccp_jupyter.hub_service.api.results import ResultsHandler
from ccp_jupyter.hub_service.api.streams import EventsHandler, FeedHandler
from ccp_jupyter.model.states import Status


@dataclass(frozen=True, slots=True)
class Route:
    """One address, below the service's prefix, with ``{names}`` of its parts."""

    path: str
    handler: type[ApiHandler]
    operations: Operations


_LONGEST_DURATION: Final = 1e9
_LOCATION: Final = {"Location": "address of what was made"}
_ETAG: Final = {"ETag": "for If-Match, to replace or delete just this version"}


def _ok(model: type[BaseModel] | None, media: str = JSON, text: str = "it") -> Answer:
    return Answer(text, {media: model})


def _get(
    name: str, summary: str, model: type[BaseModel], tag: str, query: tuple[Param, ...] = ()
) -> Operation:
    return Operation(READ, name, summary, {200: _ok(model)}, query, tag=tag)


_JOB_FILTERS: Final = (
    Param("type", "kind of job", *choice("process"), many=True),
    Param("processID", "ids of Methods", *identifier(), many=True),
    Param("status", "wanted states", *choice(*(each.value for each in Status)), many=True),
    Param("datetime", "when it was submitted: a time, or two with a slash", *interval()),
    Param("minDuration", "seconds it has run at least", *seconds(_LONGEST_DURATION)),
    Param("maxDuration", "seconds it has run at most", *seconds(_LONGEST_DURATION)),
    Param("owner", "whose; others than your own only for administrators, * for all", *text(200)),
)
_STREAM: Final = Answer("events as they come", {SSE: None})

# Tornado looks through them in this order, so those that are asked for most come first.
ROUTES: Final = (
    Route(
        "jobs/{job_id}",
        JobHandler,
        {
            "GET": _get("getStatus", "How an Execution stands", schemas.StatusInfo, "jobs"),
            "DELETE": Operation(
                SUBMIT,
                "dismiss",
                "Dismiss a running Execution, remove a finished one",
                {200: Answer("its last status", {JSON: schemas.StatusInfo})},
                query=(
                    Param(
                        "finished",
                        "what to do when it has ended: remove it, or keep it as it is",
                        *choice("remove", "keep"),
                        default="remove",
                    ),
                ),
                tag="jobs",
            ),
        },
    ),
    Route(
        "processes",
        ProcessesHandler,
        {
            "GET": _get(
                "getProcesses",
                "Methods that you may see",
                schemas.ProcessList,
                "processes",
                (*Paging(100).params, Param("q", "text to look for", *text(200), default="")),
            ),
            "POST": Operation(
                SUBMIT,
                "deployProcess",
                "Deploy a Method; public ones and those in a Context need custom:ccp:share",
                {201: Answer("deployed", {JSON: schemas.ProcessSummary}, {**_LOCATION, **_ETAG})},
                body=Body(schemas.MethodDocument),
                errors={409: "there is a Method of this id: duplicated-process"},
            ),
        },
    ),
    Route(
        "jobs",
        JobsHandler,
        {
            "GET": _get(
                "getJobs",
                "Your Executions, newest first",
                schemas.JobList,
                "jobs",
                (*_JOB_FILTERS, *Paging(10).params),
            )
        },
    ),
    Route(
        "",
        LandingHandler,
        {
            "GET": Operation(
                READ,
                "getLanding",
                "Where everything is",
                {
                    200: Answer("links", {JSON: schemas.Landing, "text/html": None}),
                    302: Answer("to the login, for browsers", headers={"Location": "the login"}),
                },
                tag="service",
            )
        },
    ),
    Route(
        "conformance",
        ConformanceHandler,
        {"GET": _get("getConformance", "Conformance classes", schemas.Conformance, "service")},
    ),
    Route(
        "api",
        ApiDocumentHandler,
        {
            "GET": Operation(
                READ, "getApi", "This document", {200: _ok(None, OPENAPI)}, tag="service"
            )
        },
    ),
    Route(
        "health",
        HealthHandler,
        {
            "GET": Operation(
                OPEN,
                "getHealth",
                "Whether the service works",
                {200: _ok(schemas.Health), 503: _ok(schemas.Health, text="something does not")},
                tag="service",
            )
        },
    ),
    Route(
        "events",
        FeedHandler,
        {
            "GET": Operation(
                READ,
                "getFeed",
                "Live events of all your Executions",
                {200: _STREAM},
                (Param("after", "id of the last event that you have", *text(200)),),
                headers={"Last-Event-ID": "as `after`, sent by browsers"},
                errors={429: "very many streams are open"},
                tag="events",
            )
        },
    ),
    Route(
        "processes/{process_id}",
        ProcessHandler,
        {
            "GET": Operation(
                READ,
                "getProcess",
                "A Method in full",
                {
                    200: Answer("the Method", {JSON: schemas.Process}, _ETAG),
                    304: Answer("not changed since If-None-Match"),
                },
                headers={"If-None-Match": "ETag of the version that you have"},
            ),
            "PUT": Operation(
                SUBMIT,
                "replaceProcess",
                "Replace a Method of yours",
                {200: Answer("replaced", {JSON: schemas.ProcessSummary}, _ETAG)},
                headers={"If-Match": "ETag of the version that shall be replaced"},
                body=Body(schemas.MethodDocument),
                errors={
                    409: "others change it at the same time",
                    412: "it is not the version of If-Match",
                },
            ),
            "DELETE": Operation(
                SUBMIT,
                "undeployProcess",
                "Undeploy a Method of yours",
                {204: Answer("undeployed")},
                headers={"If-Match": "ETag of the version that shall be deleted"},
                errors={412: "it is not the version of If-Match"},
            ),
        },
    ),
    Route(
        "processes/{process_id}/execution",
        ExecutionHandler,
        {
            "POST": Operation(
                SUBMIT,
                "execute",
                "Execute a Method; always asynchronous",
                {
                    201: Answer(
                        "accepted",
                        {JSON: schemas.StatusInfo},
                        {**_LOCATION, "Preference-Applied": "respond-async, if it was asked for"},
                    )
                },
                headers={
                    "Prefer": "respond-async",
                    "Idempotency-Key": "the same key with the same request makes one Execution",
                },
                body=Body(schemas.ExecuteRequest),
                errors={
                    409: "not executable here, or you keep as much as you may",
                    422: "the Idempotency-Key came before, with another request",
                },
            )
        },
    ),
    Route(
        "jobs/{job_id}/results",
        ResultsHandler,
        {
            "GET": Operation(
                READ,
                "getResults",
                "Outputs by id, or raw if the request asked for that",
                {
                    200: Answer(
                        "a document; raw: the output, or multipart/related for several",
                        {JSON: schemas.Results, "multipart/related": None, "*/*": None},
                    ),
                    204: Answer("raw, by reference", headers={"Link": "where the outputs are"}),
                },
                errors={422: "the Execution failed; the detail says why"},
                tag="jobs",
            )
        },
    ),
    Route(
        "jobs/{job_id}/outputs",
        OutputsHandler,
        {
            "GET": _get(
                "getOutputs",
                "Files in output.zip",
                schemas.OutputList,
                "jobs",
                Paging(1000).params,
            )
        },
    ),
    Route(
        "jobs/{job_id}/outputs/{path}",
        OutputFileHandler,
        {
            "GET": Operation(
                READ,
                "getOutputFile",
                "One output file, or all as `output.zip`; the path may contain slashes",
                {
                    200: Answer("the file", {"*/*": None}, {"ETag": "of output.zip"}),
                    206: Answer("part of output.zip", {ZIP: None}, {"Content-Range": "which"}),
                    304: Answer("output.zip has not changed since If-None-Match"),
                },
                headers={
                    "Range": "one range of bytes; only for output.zip",
                    "If-Range": "ETag that the range belongs to",
                },
                errors={416: "the range lies outside of the file"},
                tag="jobs",
            )
        },
    ),
    Route(
        "jobs/{job_id}/folder",
        FolderHandler,
        {
            "GET": Operation(
                READ,
                "getFolder",
                "The Execution folder as a zip: metadata, claims, inputs, outputs, logs",
                {200: _ok(None, ZIP)},
                tag="jobs",
            )
        },
    ),
    Route(
        "jobs/{job_id}/log",
        LogHandler,
        {
            "GET": Operation(
                READ,
                "getLog",
                "What the containers wrote until now",
                {200: _ok(None, "text/plain")},
                (
                    Param("task", "only this replica", *integer(1, 10**6)),
                    Param("stream", "only this stream", *choice("stdout", "stderr")),
                ),
                tag="jobs",
            )
        },
    ),
    Route(
        "jobs/{job_id}/events",
        EventsHandler,
        {
            "GET": Operation(
                READ,
                "getEvents",
                "Events after a number, as a list or a stream",
                {
                    200: Answer("events", {JSON: schemas.Events, SSE: None}),
                    204: Answer("stream: there will be no more"),
                },
                (
                    Param("after", "number of the last that you have", *integer(0, 10**15), 0),
                    Param("limit", "most events in a list", *integer(1, 1000), 200),
                    Param("wait", "seconds to wait for the first", *seconds(20), 0.0),
                ),
                headers={"Last-Event-ID": "as `after`, sent by browsers; it wins"},
                errors={429: "very many streams are open"},
                tag="events",
            )
        },
    ),
    Route(
        "infrastructures",
        InfrastructuresHandler,
        {
            "GET": _get(
                "getInfrastructures",
                "All Infrastructures",
                schemas.InfrastructureList,
                "infrastructures",
            )
        },
    ),
    Route(
        "infrastructures/{infrastructure_id}",
        InfrastructureHandler,
        {
            "GET": _get(
                "getInfrastructure",
                "One Infrastructure",
                schemas.InfrastructureInfo,
                "infrastructures",
            )
        },
    ),
    Route(
        "infrastructures/{infrastructure_id}/nodes",
        NodesHandler,
        {"GET": _get("getNodes", "Its Nodes now", schemas.NodeList, "infrastructures")},
    ),
    Route(
        "infrastructures/{infrastructure_id}/runtimes",
        RuntimesHandler,
        {"GET": _get("getRuntimes", "Images to run", schemas.RuntimeList, "infrastructures")},
    ),
)
