"""Routes of provenance."""

from __future__ import annotations

from typing import Any, Final

from pydantic import RootModel

from ccp_jupyter.hub_service.api.identity import READ
from ccp_jupyter.hub_service.api.operations import JSON, ZIP, Answer, Operation
from ccp_jupyter.hub_service.api.params import Param, choice
from ccp_jupyter.hub_service.api.provenance import (
    CRATE_FORMS,
    LD_JSON,
    CrateHandler,
    ProvenanceHandler,
)
from ccp_jupyter.hub_service.api.route import Route
from ccp_jupyter.provenance.formats import FORMS

_REFUSED: Final = {406: "the Accept header refuses all forms that there are"}


class ProvenanceDocument(RootModel[dict[str, Any]]):
    """PROV-JSON, or JSON-LD."""


PROVENANCE_ROUTES: Final = (
    Route(
        "jobs/{job_id}/prov",
        ProvenanceHandler,
        {
            "GET": Operation(
                READ,
                "getProvenance",
                "What was done with what, by whom: W3C PROV in the form that Accept or f asks for",
                {
                    200: Answer(
                        "the provenance; PROV-JSON if nothing else is asked for",
                        {
                            form.media_type: ProvenanceDocument
                            if form.media_type in (JSON, LD_JSON)
                            else None
                            for form in FORMS.values()
                        },
                        {"Vary": "Accept"},
                    )
                },
                (Param("f", "the form, which wins over Accept", *choice(*FORMS)),),
                errors=_REFUSED,
                tag="jobs",
            )
        },
    ),
    Route(
        "jobs/{job_id}/rocrate",
        CrateHandler,
        {
            "GET": Operation(
                READ,
                "getCrate",
                "The Execution as a Workflow Run RO-Crate: its files with ro-crate-metadata.json",
                {
                    200: Answer(
                        "the crate as a zip, or its description alone",
                        {ZIP: None, LD_JSON: ProvenanceDocument},
                        {"Vary": "Accept"},
                    )
                },
                (Param("f", "the form, which wins over Accept", *choice(*CRATE_FORMS)),),
                errors=_REFUSED,
                tag="jobs",
            )
        },
    ),
)
