"""Every route: path, handler, verbs with their scopes, and what the OpenAPI document says."""

from __future__ import annotations

from typing import Final

from ccp_jupyter.hub_service.api import schemas, sharing_schemas
from ccp_jupyter.hub_service.api.admin_routes import ADMIN_ROUTES
from ccp_jupyter.hub_service.api.again_routes import AGAIN_ROUTES, REUSE
from ccp_jupyter.hub_service.api.agency.routes import AGENCY_ROUTES
from ccp_jupyter.hub_service.api.code_routes import CODE_ROUTES
from ccp_jupyter.hub_service.api.deploy_routes import (
    DEPLOYED,
    REVISION,
    WORKFLOW,
    deploy_routes,
)
from ccp_jupyter.hub_service.api.exchange_routes import EXCHANGE_ROUTES
from ccp_jupyter.hub_service.api.execution import ExecutionHandler
from ccp_jupyter.hub_service.api.html.routes import PAGE_ROUTES
from ccp_jupyter.hub_service.api.identity import READ, SUBMIT
from ccp_jupyter.hub_service.api.infrastructures import (
    InfrastructureHandler,
    InfrastructuresHandler,
    RuntimesHandler,
)
from ccp_jupyter.hub_service.api.job_routes import (
    JOB_ROUTE,
    JOB_ROUTES,
    JOBS_ROUTE,
    OUTPUT_LINKS,
    RESULTS,
    STREAM,
)
from ccp_jupyter.hub_service.api.me import MeHandler
from ccp_jupyter.hub_service.api.operations import (
    JSON,
    Answer,
    Body,
    Operation,
    get,
    ok,
)
from ccp_jupyter.hub_service.api.pages import (
    OPENAPI,
    ApiDocumentHandler,
    ConformanceHandler,
    LandingHandler,
)
from ccp_jupyter.hub_service.api.params import (
    Paging,
    Param,
    text,
)
from ccp_jupyter.hub_service.api.processes import ProcessesHandler, ProcessHandler
from ccp_jupyter.hub_service.api.provenance_routes import PROVENANCE_ROUTES
from ccp_jupyter.hub_service.api.route import Route
from ccp_jupyter.hub_service.api.secrets import SecretHandler, SecretsHandler
from ccp_jupyter.hub_service.api.sharing_routes import SHARING_ROUTES
from ccp_jupyter.hub_service.api.streams import FeedHandler

_LOCATION: Final = {"Location": "address of what was made"}
_ETAG: Final = {"ETag": "for If-Match, to replace or delete just this version"}


_EXECUTE: Final = Operation(
    SUBMIT,
    "execute",
    "Execute a process; Methods always asynchronously",
    {
        200: Answer("the results; only of processes that can be executed at once", RESULTS),
        201: Answer(
            "accepted",
            {JSON: schemas.StatusInfo},
            {**_LOCATION, "Preference-Applied": "what was taken of Prefer"},
        ),
        204: Answer("at once, by reference, or no output is wanted", headers=OUTPUT_LINKS),
    },
    headers={
        "Prefer": "respond-async, wait=SECONDS, return=minimal, return=representation",
        "Idempotency-Key": "the same key with the same request makes one Execution",
    },
    query=(REVISION, REUSE),
    body=Body(schemas.ExecuteRequest),
    errors={
        409: "not executable here, or you keep as much as you may",
        422: "the Idempotency-Key came before, with another request",
    },
)

# Tornado looks through them in this order, so those that are asked for most come first.
ROUTES: Final = (
    JOB_ROUTE,
    Route(
        "processes",
        ProcessesHandler,
        {
            "GET": get(
                "getProcesses",
                "Methods that you may see",
                schemas.ProcessList,
                "processes",
                (
                    *Paging(100).params,
                    Param("q", "text to look for", *text(200), default=""),
                    Param("category", "only Methods of this category", *text(500)),
                ),
                page="methods.html",
            ),
            "POST": Operation(
                SUBMIT,
                "deployProcess",
                "Deploy a Method; public ones and those in a Context need custom:ccp:share",
                {201: Answer("deployed", {JSON: schemas.ProcessSummary}, {**_LOCATION, **_ETAG})},
                query=(WORKFLOW,),
                body=DEPLOYED,
                errors={409: "there is a Method of this id: duplicated-process"},
            ),
        },
    ),
    JOBS_ROUTE,
    Route(
        "",
        LandingHandler,
        {
            "GET": Operation(
                READ,
                "getLanding",
                "Where everything is",
                {200: Answer("links", {JSON: schemas.Landing})},
                tag="service",
                page="landing.html",
            )
        },
    ),
    Route(
        "conformance",
        ConformanceHandler,
        {"GET": get("getConformance", "Conformance classes", schemas.Conformance, "service")},
    ),
    Route(
        "api",
        ApiDocumentHandler,
        {
            "GET": Operation(
                READ,
                "getApi",
                "This document",
                {200: ok(None, OPENAPI)},
                tag="service",
                page="api.html",
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
                {200: STREAM},
                (Param("after", "id of the last event that you have", *text(200)),),
                headers={"Last-Event-ID": "as `after`, sent by browsers"},
                errors={429: "very many streams are open"},
                tag="events",
            )
        },
    ),
    *EXCHANGE_ROUTES,
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
                page="method.html",
                headers={"If-None-Match": "ETag of the version that you have"},
            ),
            "PUT": Operation(
                SUBMIT,
                "replaceProcess",
                "Replace a Method of yours",
                {
                    200: Answer("replaced", {JSON: schemas.ProcessSummary}, _ETAG),
                    204: Answer("replaced, by a package", headers=_ETAG),
                },
                query=(WORKFLOW,),
                headers={"If-Match": "ETag of the version that shall be replaced"},
                body=DEPLOYED,
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
            "POST": _EXECUTE,
        },
    ),
    *JOB_ROUTES,
    Route(
        "infrastructures",
        InfrastructuresHandler,
        {
            "GET": get(
                "getInfrastructures",
                "All Infrastructures",
                schemas.InfrastructureList,
                "infrastructures",
                page="infrastructures.html",
            )
        },
    ),
    Route(
        "infrastructures/{infrastructure_id}",
        InfrastructureHandler,
        {
            "GET": get(
                "getInfrastructure",
                "One Infrastructure",
                schemas.InfrastructureInfo,
                "infrastructures",
            )
        },
    ),
    Route(
        "infrastructures/{infrastructure_id}/runtimes",
        RuntimesHandler,
        {"GET": get("getRuntimes", "Images to run", schemas.RuntimeList, "infrastructures")},
    ),
    Route(
        "me",
        MeHandler,
        {
            "GET": get(
                "getMe", "Who you are here, and in which Contexts", sharing_schemas.Me, "sharing"
            )
        },
    ),
    Route(
        "secrets",
        SecretsHandler,
        {
            "GET": get(
                "getSecrets",
                "Your personal secrets: names and uses, never values",
                schemas.SecretList,
                "secrets",
            )
        },
    ),
    Route(
        "secrets/{name}",
        SecretHandler,
        {
            "PUT": Operation(
                SUBMIT,
                "putSecret",
                "Keep a personal secret, or replace it",
                {
                    201: Answer("kept", {JSON: schemas.SecretKept}, _LOCATION),
                    204: Answer("replaced; its uses are forgotten"),
                },
                body=Body(schemas.NewSecret),
                errors={409: "you keep as many as you may"},
                tag="secrets",
            ),
            "DELETE": Operation(
                SUBMIT,
                "deleteSecret",
                "Delete a personal secret",
                {204: Answer("deleted")},
                tag="secrets",
            ),
        },
    ),
    *PROVENANCE_ROUTES,
    *deploy_routes(_EXECUTE),
    *ADMIN_ROUTES,
    *SHARING_ROUTES,
    *AGAIN_ROUTES,
    *CODE_ROUTES,
    *PAGE_ROUTES,
)

ALL_ROUTES: Final = (*ROUTES, *AGENCY_ROUTES)
"""With those of the agency, which have their own logins and errors."""
