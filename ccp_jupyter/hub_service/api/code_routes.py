"""Routes for code that repeats a request."""

from __future__ import annotations

from typing import Any, Final

from pydantic import RootModel

from ccp_jupyter.codegen.languages import LANGUAGES
from ccp_jupyter.hub_service.api import schemas
from ccp_jupyter.hub_service.api.code import ExecutionCodeHandler, RequestCodeHandler
from ccp_jupyter.hub_service.api.deploy_routes import REVISION
from ccp_jupyter.hub_service.api.identity import READ, SUBMIT
from ccp_jupyter.hub_service.api.operations import Answer, Body, Operation
from ccp_jupyter.hub_service.api.params import Param, choice
from ccp_jupyter.hub_service.api.route import Route


class Notebook(RootModel[dict[str, Any]]):
    """A Jupyter notebook."""


_LANGUAGE: Final = Param("language", "of the code", *choice(*LANGUAGES), required=True)
_CODE: Final = Answer(
    "the code, as a file",
    {
        each.media_type: Notebook if each.media_type.endswith("json") else None
        for each in LANGUAGES.values()
    },
)

CODE_ROUTES: Final = (
    Route(
        "jobs/{job_id}/code",
        ExecutionCodeHandler,
        {
            "GET": Operation(
                READ,
                "getExecutionCode",
                "Code that submits the request of an Execution again and fetches its outputs",
                {200: _CODE},
                query=(_LANGUAGE,),
                errors={409: "it is an Experiment"},
                tag="jobs",
            )
        },
    ),
    Route(
        "processes/{process_id}/code",
        RequestCodeHandler,
        {
            "POST": Operation(
                SUBMIT,
                "writeCode",
                "Check a request completely, and write code that submits it; nothing is kept",
                {200: _CODE},
                query=(_LANGUAGE, REVISION),
                body=Body(schemas.ExecuteRequest),
                errors={409: "not executable here, or you keep as much as you may"},
            )
        },
    ),
)
