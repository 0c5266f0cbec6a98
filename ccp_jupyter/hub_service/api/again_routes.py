"""The routes for trying a request, and for doing again what was done."""

from __future__ import annotations

from typing import Final

from ccp_jupyter.hub_service.api import again_schemas, schemas
from ccp_jupyter.hub_service.api.again import (
    ComparisonHandler,
    DryRunHandler,
    RepeatHandler,
    VerificationHandler,
    VerifyHandler,
)
from ccp_jupyter.hub_service.api.deploy_routes import REVISION
from ccp_jupyter.hub_service.api.identity import READ, SUBMIT
from ccp_jupyter.hub_service.api.operations import JSON, Answer, Body, Operation
from ccp_jupyter.hub_service.api.params import Param, choice, identifier
from ccp_jupyter.hub_service.api.route import Route

_ACCEPTED: Final = {
    201: Answer("accepted", {JSON: schemas.StatusInfo}, {"Location": "address of what was made"})
}
_KEY: Final = {"Idempotency-Key": "the same key with the same request makes one Execution"}
_REFUSED: Final = {
    409: "not executable here, not repeatable, or you keep as much as you may",
    422: "the Idempotency-Key came before, with another request",
}

REUSE: Final = Param(
    "reuse",
    "take over the outputs of an equal Execution that you may see, if there is one",
    *choice("true", "false"),
    default="false",
)

AGAIN_ROUTES: Final = (
    Route(
        "processes/{process_id}/dry-run",
        DryRunHandler,
        {
            "POST": Operation(
                SUBMIT,
                "dryRun",
                "Check a request completely, and say what would happen; nothing is kept",
                {200: Answer("what would happen", {JSON: again_schemas.DryRunInfo})},
                query=(REVISION,),
                body=Body(schemas.ExecuteRequest),
                errors={409: "not executable here, or you keep as much as you may"},
            )
        },
    ),
    Route(
        "jobs/{job_id}/repeat",
        RepeatHandler,
        {
            "POST": Operation(
                SUBMIT,
                "repeat",
                "Run an Execution again, with changes if wanted; {} for none",
                _ACCEPTED,
                query=(
                    Param(
                        "revision",
                        "whether the Method shall be as it was then, or as it is now",
                        *choice("then", "newest"),
                        default="then",
                    ),
                ),
                headers=_KEY,
                body=Body(again_schemas.Changes),
                errors=_REFUSED,
                tag="jobs",
            )
        },
    ),
    Route(
        "jobs/{job_id}/verify",
        VerifyHandler,
        {
            "POST": Operation(
                SUBMIT,
                "verify",
                "Run a successful Execution again, to compare the outputs",
                _ACCEPTED,
                headers=_KEY,
                errors=_REFUSED,
                tag="jobs",
            )
        },
    ),
    Route(
        "jobs/{job_id}/verification",
        VerificationHandler,
        {
            "GET": Operation(
                READ,
                "getVerification",
                "Whether an Execution that verifies another has the same outputs",
                {200: Answer("the verdict", {JSON: again_schemas.Verification})},
                tag="jobs",
            )
        },
    ),
    Route(
        "jobs/{job_id}/comparison",
        ComparisonHandler,
        {
            "GET": Operation(
                READ,
                "getComparison",
                "What is different between two Executions",
                {200: Answer("all that differs", {JSON: again_schemas.ComparisonInfo})},
                query=(Param("with", "id of the other one", *identifier(), required=True),),
                tag="jobs",
            )
        },
    ),
)
