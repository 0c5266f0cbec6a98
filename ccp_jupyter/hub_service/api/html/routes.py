"""The routes that only people need: style, scripts, forms."""

from __future__ import annotations

from typing import Final

from ccp_jupyter.hub_service.api.html import schemas
from ccp_jupyter.hub_service.api.html.assets import KINDS, AssetHandler
from ccp_jupyter.hub_service.api.html.forms import (
    FORM_PAGE,
    EndHandler,
    MethodFormHandler,
    StartHandler,
)
from ccp_jupyter.hub_service.api.html.sent import MULTIPART
from ccp_jupyter.hub_service.api.identity import OPEN, READ, SUBMIT
from ccp_jupyter.hub_service.api.operations import JSON, Answer, Body, Operation
from ccp_jupyter.hub_service.api.params import Param, identifier, text
from ccp_jupyter.hub_service.api.route import Route

_FORM: Final = Body(schemas.FormData, media_type=MULTIPART)
_THERE: Final = {"Location": "the page that shows it"}
_LONGEST_INPUTS: Final = 10_000

PAGE_ROUTES: Final = (
    Route(
        "processes/{process_id}/form",
        MethodFormHandler,
        {
            "GET": Operation(
                READ,
                "getForm",
                "The form to execute a Method with, filled in from an Execution or a link",
                {200: Answer("its fields", {JSON: schemas.FormDocument})},
                query=(
                    Param("from", "id of an Execution whose inputs to fill in", *identifier()),
                    Param("inputs", "inputs to fill in, as JSON", *text(_LONGEST_INPUTS)),
                ),
                tag="pages",
                page=FORM_PAGE,
            ),
            "POST": Operation(
                SUBMIT,
                "postForm",
                "Execute a Method with what was filled into its form",
                {303: Answer("accepted", headers=_THERE)},
                body=_FORM,
                errors={
                    409: "not executable here, or you keep as much as you may",
                    422: "the same form came before, with another request",
                },
                tag="pages",
            ),
        },
    ),
    Route(
        "jobs/{job_id}/start",
        StartHandler,
        {
            "POST": Operation(
                SUBMIT,
                "postStart",
                "Start an Execution that was created and not started, by form",
                {303: Answer("started", headers=_THERE)},
                body=_FORM,
                errors={
                    409: "its Infrastructure is gone, or you keep as much as you may",
                    423: "it was started, or dismissed, before",
                },
                tag="pages",
            ),
        },
    ),
    Route(
        "jobs/{job_id}/end",
        EndHandler,
        {
            "GET": Operation(
                SUBMIT,
                "getEndQuestion",
                "Whether to dismiss a running Execution, or remove a finished one",
                {200: Answer("the question", {JSON: schemas.EndQuestion})},
                tag="pages",
                page="end.html",
            ),
            "POST": Operation(
                SUBMIT,
                "postEnd",
                "Dismiss a running Execution, or remove a finished one, by form",
                {303: Answer("done", headers=_THERE)},
                body=_FORM,
                errors={409: "it still runs, and so cannot be removed"},
                tag="pages",
            ),
        },
    ),
    Route(
        "assets/{name}",
        AssetHandler,
        {
            "GET": Operation(
                OPEN,
                "getAsset",
                "Style or script of the pages",
                {200: Answer("the file", dict.fromkeys(KINDS.values()))},
                query=(Param("v", "its version, so that browsers may keep it", *text(20)),),
                tag="pages",
            )
        },
    ),
)
