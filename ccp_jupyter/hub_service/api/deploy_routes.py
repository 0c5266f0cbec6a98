"""The routes for revisions and copies of Methods, and for looking at what a job was asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ccp_jupyter.hub_service.api import deploy_schemas, schemas
from ccp_jupyter.hub_service.api.errors import UNSUPPORTED_JOB_TYPE
from ccp_jupyter.hub_service.api.identity import READ, SUBMIT
from ccp_jupyter.hub_service.api.job_management import DefinitionHandler, InputsHandler
from ccp_jupyter.hub_service.api.operations import JSON, Answer, Body, Operation
from ccp_jupyter.hub_service.api.params import Paging, Param, integer, text
from ccp_jupyter.hub_service.api.revisions import (
    CloneHandler,
    PackageHandler,
    RevisionExecutionHandler,
    RevisionHandler,
    RevisionsHandler,
)
from ccp_jupyter.hub_service.api.route import Route
from ccp_jupyter.model.packages.package import CWL_TYPES, OGC

REVISION: Final = Param("revision", "of the Method; default: the newest", *integer(1, 10**9))
WORKFLOW: Final = Param("w", "id of the tool that is wanted of several in CWL", *text(200))
DEPLOYED: Final = Body(
    schemas.MethodDocument,
    others={OGC: deploy_schemas.OgcPackage, **dict.fromkeys(CWL_TYPES)}
    | {"application/cwl+json": deploy_schemas.CwlTool},
)
_ETAG: Final = {"ETag": "of this revision, or of what the Method is now"}
_LOCATION: Final = {"Location": "address of what was made"}
_STATUS: Final = {JSON: schemas.StatusInfo}
_SCHEMA: Final = {"Content-Schema": "execute.yaml of OGC API - Processes; nothing else"}
_WRONG_SCHEMA: Final = "Content-Schema names another schema: unsupported-schema"
_LOCKED: Final = "it was started already: locked"

CREATE_JOB: Final = Operation(
    SUBMIT,
    "createJob",
    "Keep a request until it is started",
    {201: Answer("kept; its status is created", _STATUS, _LOCATION)},
    headers={
        **_SCHEMA,
        "Idempotency-Key": "the same key with the same request makes one Execution",
    },
    body=Body(deploy_schemas.NewJob, unsupported=UNSUPPORTED_JOB_TYPE),
    errors={
        404: "there is no such Method, or the caller may not see it",
        409: "not executable here, or you keep as much as you may",
        422: f"{_WRONG_SCHEMA}; or the Idempotency-Key came before, with another request",
    },
    tag="jobs",
)
CHANGE_JOB: Final = Operation(
    SUBMIT,
    "changeJob",
    "Put another request in the place of one that is kept",
    {200: Answer("as it is now", _STATUS)},
    headers=_SCHEMA,
    body=Body(deploy_schemas.ChangedJob, unsupported=UNSUPPORTED_JOB_TYPE),
    errors={
        409: "not executable here, or you keep as much as you may",
        422: _WRONG_SCHEMA,
        423: _LOCKED,
    },
    tag="jobs",
)
START_JOB: Final = Operation(
    SUBMIT,
    "startJob",
    "Start an Execution that is only kept",
    {200: Answer("as it is now", _STATUS)},
    errors={
        409: "its Infrastructure is not there any more, or you keep as much as you may",
        423: _LOCKED,
        507: "the service's disk is full",
    },
    tag="jobs",
)


def _revision_routes(execute: Operation) -> tuple[Route, ...]:
    return (
        Route(
            "processes/{process_id}/revisions",
            RevisionsHandler,
            {
                "GET": Operation(
                    READ,
                    "getRevisions",
                    "What a Method was and is, newest first",
                    {200: Answer("its revisions", {JSON: deploy_schemas.RevisionList})},
                    Paging(20, 100).params,
                )
            },
        ),
        Route(
            "processes/{process_id}/revisions/{revision}",
            RevisionHandler,
            {
                "GET": Operation(
                    READ,
                    "getRevision",
                    "A Method in full as it was",
                    {
                        200: Answer("the Method", {JSON: schemas.Process}, _ETAG),
                        304: Answer("not changed since If-None-Match"),
                    },
                    headers={"If-None-Match": "ETag of what you have"},
                )
            },
        ),
        Route(
            "processes/{process_id}/revisions/{revision}/execution",
            RevisionExecutionHandler,
            {
                "POST": replace(
                    execute,
                    id="executeRevision",
                    summary="Execute a Method as it was",
                    query=tuple(each for each in execute.query if each is not REVISION),
                )
            },
        ),
    )


def deploy_routes(execute: Operation) -> tuple[Route, ...]:
    """Return the routes.

    Parameters
    ----------
    execute : Operation
        That which executes the newest revision of a Method.
    """
    return (
        *_revision_routes(execute),
        Route(
            "processes/{process_id}/package",
            PackageHandler,
            {
                "GET": Operation(
                    READ,
                    "getPackage",
                    "The body that deployed or replaced a Method, in its own media type",
                    {
                        200: Answer(
                            "the body",
                            {
                                JSON: schemas.MethodDocument,
                                OGC: deploy_schemas.OgcPackage,
                                **dict.fromkeys(CWL_TYPES),
                            },
                            _ETAG,
                        ),
                        304: Answer("not changed since If-None-Match"),
                    },
                    (REVISION,),
                    headers={"If-None-Match": "ETag of what you have"},
                )
            },
        ),
        Route(
            "processes/{process_id}/clone",
            CloneHandler,
            {
                "POST": Operation(
                    SUBMIT,
                    "cloneProcess",
                    "Make a private copy of a Method, which is yours",
                    {201: Answer("made", {JSON: schemas.ProcessSummary}, {**_LOCATION, **_ETAG})},
                    (REVISION,),
                    body=Body(deploy_schemas.CloneRequest),
                    errors={409: "there is a Method of the new id, or the other one is built in"},
                )
            },
        ),
        Route(
            "jobs/{job_id}/definition",
            DefinitionHandler,
            {
                "GET": Operation(
                    READ,
                    "getDefinition",
                    "The request that created or changed an Execution, without secrets",
                    {200: Answer("the request", {JSON: deploy_schemas.JobDefinition})},
                    tag="jobs",
                )
            },
        ),
        Route(
            "jobs/{job_id}/inputs",
            InputsHandler,
            {
                "GET": Operation(
                    READ,
                    "getInputs",
                    "What an Execution was given, without secrets",
                    {200: Answer("inputs and outputs", {JSON: deploy_schemas.JobInputs})},
                    tag="jobs",
                )
            },
        ),
    )
