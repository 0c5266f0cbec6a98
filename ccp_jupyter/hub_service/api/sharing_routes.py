"""The routes for sharing, shareable links and callbacks."""

from __future__ import annotations

from typing import Final

from ccp_jupyter.hub_service.api import schemas, sharing_schemas
from ccp_jupyter.hub_service.api.callbacks import CallbackKeyHandler, CallbackRetryHandler
from ccp_jupyter.hub_service.api.identity import OPEN, READ, SHARE, SUBMIT
from ccp_jupyter.hub_service.api.operations import JSON, ZIP, Answer, Body, Operation
from ccp_jupyter.hub_service.api.params import Paging, Param, choice, identifier
from ccp_jupyter.hub_service.api.route import Route
from ccp_jupyter.hub_service.api.share_links import LinkHandler, LinksHandler
from ccp_jupyter.hub_service.api.shared import SharedHandler
from ccp_jupyter.hub_service.api.sharing import JobSharingHandler, ProcessSharingHandler

_SHARING: Final = Answer("with whom", {JSON: sharing_schemas.SharingInfo})
_KEY: Final = Answer("the key", {JSON: sharing_schemas.CallbackKey})
_BUSY: Final = {409: "others change it at the same time"}
_OWNER: Final = {403: "only its owner sees and changes it; some of it needs custom:ccp:share"}

SHARING_ROUTES: Final = (
    Route(
        "processes/{process_id}/sharing",
        ProcessSharingHandler,
        {
            "GET": Operation(
                READ,
                "getProcessSharing",
                "With whom a Method of yours is shared",
                {200: _SHARING},
                errors=_OWNER,
                tag="sharing",
            ),
            "PUT": Operation(
                SUBMIT,
                "shareProcess",
                "Share a Method of yours, or make it private",
                {200: _SHARING},
                body=Body(sharing_schemas.NewSharing),
                errors=_BUSY | _OWNER,
                tag="sharing",
            ),
        },
    ),
    Route(
        "jobs/{job_id}/sharing",
        JobSharingHandler,
        {
            "GET": Operation(
                READ,
                "getJobSharing",
                "With whom an Execution of yours is shared",
                {200: _SHARING},
                errors=_OWNER,
                tag="sharing",
            ),
            "PUT": Operation(
                SUBMIT,
                "shareJob",
                "Let others look at an Execution of yours, or make it private",
                {200: _SHARING},
                body=Body(sharing_schemas.NewSharing),
                errors=_BUSY | _OWNER,
                tag="sharing",
            ),
        },
    ),
    Route(
        "links",
        LinksHandler,
        {
            "GET": Operation(
                SHARE,
                "getLinks",
                "Shareable links that you made",
                {200: Answer("links", {JSON: sharing_schemas.LinkList})},
                (*Paging(100).params, Param("target", "only to this id", *identifier())),
                tag="sharing",
            ),
            "POST": Operation(
                SHARE,
                "makeLink",
                "Make a link that lets others have a copy, without a login",
                {
                    201: Answer(
                        "made",
                        {JSON: sharing_schemas.LinkInfo},
                        {"Location": "where to take it back"},
                    )
                },
                body=Body(sharing_schemas.NewLink),
                errors={
                    403: "only its owner may make a link to it",
                    404: "there is no such Method or Execution",
                    409: "you have as many as you may",
                },
                tag="sharing",
            ),
        },
    ),
    Route(
        "links/{link_id}",
        LinkHandler,
        {
            "DELETE": Operation(
                SHARE,
                "removeLink",
                "Take a link back: it works no more",
                {204: Answer("taken back")},
                tag="sharing",
            )
        },
    ),
    Route(
        "shared/{token}",
        SharedHandler,
        {
            "GET": Operation(
                OPEN,
                "getShared",
                "What a shareable link leads to: the Method, or the Execution folder as a zip",
                {
                    200: Answer(
                        "the Method, the folder, or with f=json what it is", {JSON: None, ZIP: None}
                    )
                },
                (
                    Param(
                        "f",
                        "`file`: the thing itself; `json`, `html`: what it is",
                        *choice("file", "json", "html"),
                    ),
                ),
                errors={
                    404: "the link is wrong, or works no longer",
                    429: "very many wrong ones from one address, or uses of one link",
                },
                tag="sharing",
            )
        },
    ),
    Route(
        "callback-key",
        CallbackKeyHandler,
        {
            "GET": Operation(
                SUBMIT,
                "getCallbackKey",
                "The key with which callbacks of your Executions are signed",
                {200: _KEY},
                tag="callbacks",
            ),
            "POST": Operation(
                SUBMIT,
                "rotateCallbackKey",
                "Make another key; the old one signs nothing any more",
                {200: _KEY},
                tag="callbacks",
            ),
        },
    ),
    Route(
        "jobs/{job_id}/callbacks/retry",
        CallbackRetryHandler,
        {
            "POST": Operation(
                SUBMIT,
                "retryCallbacks",
                "Send callbacks again that were given up",
                {200: Answer("the status", {JSON: schemas.StatusInfo})},
                errors={403: "only its owner may"},
                tag="callbacks",
            )
        },
    ),
)
