"""The routes that give Methods out as files, and take files in."""

from __future__ import annotations

from typing import Final

from ccp_jupyter.hub_service.api import exchange_schemas, schemas
from ccp_jupyter.hub_service.api.exports import MethodExportHandler, MethodsExportHandler
from ccp_jupyter.hub_service.api.identity import READ, SUBMIT
from ccp_jupyter.hub_service.api.imports import ImportsHandler
from ccp_jupyter.hub_service.api.operations import JSON, ZIP, Answer, Body, Operation
from ccp_jupyter.hub_service.api.params import Param, choice, identifier, integer, text
from ccp_jupyter.hub_service.api.route import Route

_NAMED: Final = {"Content-Disposition": "with the name of the file"}


def _flag(name: str, description: str) -> Param:
    return Param(name, description, *choice("true", "false"), default="false")


EXCHANGE_ROUTES: Final = (
    Route(
        "processes/export",
        MethodsExportHandler,
        {
            "GET": Operation(
                READ,
                "exportProcesses",
                "Several Methods, or a category, as a zip of JSON files",
                {200: Answer("the zip", {ZIP: None}, _NAMED)},
                (
                    Param("ids", "of the Methods", *identifier(), many=True),
                    Param(
                        "category", "all of it that you may see; empty: those in none", *text(200)
                    ),
                ),
                errors={404: "there is no such Method, or you may not see it"},
                tag="exchange",
            )
        },
    ),
    Route(
        "processes/{process_id}/export",
        MethodExportHandler,
        {
            "GET": Operation(
                READ,
                "exportProcess",
                "A Method as a JSON file",
                {200: Answer("the file", {JSON: schemas.MethodDocument}, _NAMED)},
                (Param("revision", "an older one; default: the newest", *integer(1, 10**9)),),
                tag="exchange",
            )
        },
    ),
    Route(
        "imports",
        ImportsHandler,
        {
            "POST": Operation(
                SUBMIT,
                "import",
                "Import Methods (JSON, an array, a zip), an Execution (zip), or what a link has",
                {200: Answer("what became of each file", {JSON: exchange_schemas.ImportReport})},
                (
                    _flag("replace", "replace Methods of yours that have the same id"),
                    _flag("renew", "give a Method a new id where its own is taken"),
                    Param(
                        "sharing",
                        "who may see Methods: only you, or whom the file says (custom:ccp:share)",
                        *choice("private", "keep"),
                        default="private",
                    ),
                ),
                body=Body(exchange_schemas.NewImport, {ZIP: None}),
                errors={
                    409: "you keep as many Executions as you may",
                    429: "you have several imports under way",
                },
                tag="exchange",
            )
        },
    ),
)
