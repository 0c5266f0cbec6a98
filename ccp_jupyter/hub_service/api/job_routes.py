"""Routes of Executions."""

from __future__ import annotations

from typing import Final

from ccp_jupyter.hub_service.api import schemas
from ccp_jupyter.hub_service.api.deploy_routes import (
    CHANGE_JOB,
    CREATE_JOB,
    START_JOB,
)
from ccp_jupyter.hub_service.api.folder_zip import FolderHandler
from ccp_jupyter.hub_service.api.identity import READ, SUBMIT
from ccp_jupyter.hub_service.api.job_management import (
    JobChangeHandler,
    JobCreationHandler,
    JobStartHandler,
)
from ccp_jupyter.hub_service.api.logs import LogHandler
from ccp_jupyter.hub_service.api.operations import (
    ANY,
    JSON,
    SSE,
    ZIP,
    Answer,
    Operation,
    get,
    ok,
)
from ccp_jupyter.hub_service.api.outputs import OutputFileHandler, OutputsHandler
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
from ccp_jupyter.hub_service.api.results import (
    PROFILE,
    RESULTS_PROFILE,
    ResultHandler,
    ResultValueHandler,
)
from ccp_jupyter.hub_service.api.route import Route
from ccp_jupyter.hub_service.api.streams import EVENT_NUMBER, EventsHandler
from ccp_jupyter.model.states import Status

_LONGEST_DURATION: Final = 1e9
STREAM: Final = Answer("events as they come", {SSE: None})
RESULTS: Final = {JSON: schemas.Results, "multipart/related": None, ANY: None}
_RESULT: Final = {JSON: schemas.Values, ANY: None}
OUTPUT_LINKS: Final = {"Link": "where the outputs are"}
_COUNTED: Final = {"OGC-Output-Values-Count": "how many values the output has"}
_RETURN: Final = {"Prefer": "return=minimal for links, return=representation for values"}
_FAILED: Final = {422: "the Execution failed; the detail says why"}

_JOB_FILTERS: Final = (
    Param("type", "kind of job", *choice("process"), many=True),
    Param("processID", "ids of Methods", *identifier(), many=True),
    Param("status", "wanted states", *choice(*(each.value for each in Status)), many=True),
    Param("datetime", "when it was submitted: a time, or two with a slash", *interval()),
    Param("minDuration", "seconds it has run at least", *seconds(_LONGEST_DURATION)),
    Param("maxDuration", "seconds it has run at most", *seconds(_LONGEST_DURATION)),
    Param(
        "shared",
        "instead of your own: those that others share with you, or with your Contexts",
        *choice("true", "false"),
        default="false",
    ),
    Param("owner", "whose; others than your own only for administrators, * for all", *text(200)),
)

JOB_ROUTE: Final = Route(
    "jobs/{job_id}",
    JobChangeHandler,
    {
        "GET": get(
            "getStatus",
            "How an Execution stands",
            schemas.StatusInfo,
            "jobs",
            page="job.html",
        ),
        "PATCH": CHANGE_JOB,
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
)

JOBS_ROUTE: Final = Route(
    "jobs",
    JobCreationHandler,
    {
        "POST": CREATE_JOB,
        "GET": get(
            "getJobs",
            "Your Executions, newest first",
            schemas.JobList,
            "jobs",
            (*_JOB_FILTERS, *Paging(10).params),
            page="jobs.html",
        ),
    },
)

JOB_ROUTES: Final = (
    Route(
        "jobs/{job_id}/results",
        JobStartHandler,
        {
            "POST": START_JOB,
            "GET": Operation(
                READ,
                "getResults",
                "Outputs by id, or raw if the request asked for that",
                {
                    200: Answer(
                        "a document; raw: the output, or multipart/related for several", RESULTS
                    ),
                    204: Answer("raw by reference, or no output is wanted", headers=OUTPUT_LINKS),
                },
                (
                    Param(
                        "outputs", "ids of outputs, with commas between; default: all", *text(9999)
                    ),
                    Param(
                        "profile",
                        "always a document, whatever the request asked for",
                        *choice(PROFILE, RESULTS_PROFILE),
                    ),
                ),
                headers=_RETURN,
                errors=_FAILED,
                tag="jobs",
            ),
        },
    ),
    Route(
        "jobs/{job_id}/results/{output_id}",
        ResultHandler,
        {
            "GET": Operation(
                READ,
                "getResult",
                "One output as it is; a list of values when each replica has one",
                {200: Answer("the output", _RESULT, _COUNTED)},
                headers=_RETURN,
                errors=_FAILED,
                tag="jobs",
            )
        },
    ),
    Route(
        "jobs/{job_id}/results/{output_id}/{number}",
        ResultValueHandler,
        {
            "GET": Operation(
                READ,
                "getResultValue",
                "One value of an output, by its number from 0, as it is",
                {200: Answer("the value", _RESULT, _COUNTED)},
                errors=_FAILED,
                tag="jobs",
            )
        },
    ),
    Route(
        "jobs/{job_id}/outputs",
        OutputsHandler,
        {
            "GET": get(
                "getOutputs",
                "Files in output.zip",
                schemas.OutputList,
                "jobs",
                Paging(1000).params,
                page="outputs.html",
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
                    200: Answer("the file", {ANY: None}, {"ETag": "of output.zip"}),
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
                {200: ok(None, ZIP)},
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
                {200: ok(None, "text/plain")},
                (
                    Param("task", "only this replica", *integer(1, 10**6)),
                    Param("stream", "only this stream", *choice("stdout", "stderr")),
                ),
                tag="jobs",
                page="log.html",
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
                patterns={"Last-Event-ID": EVENT_NUMBER},
                errors={429: "very many streams are open"},
                tag="events",
            )
        },
    ),
)
