"""The process ``red``: runs an Experiment, that is, the batches of a RED document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ccp_jupyter.hub_service.builtin.base import Failed, Produced

RED: Final = "red"
"""Id of the process, and ``processID`` of every Experiment."""
MOST_DEPENDENCIES: Final = 100
"""Executions that one may wait for."""

_IDENTIFIER: Final = "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"


def _flag(title: str) -> dict[str, Any]:
    schema = {"type": "boolean", "default": False}
    return {"title": title, "minOccurs": 0, "maxOccurs": 1, "schema": schema}


class Red:
    """Describes the process; the controller makes Experiments of its execute requests."""

    document: Mapping[str, Any] = {
        "id": RED,
        "title": "Run a RED experiment",
        "description": "Runs the batches of a RED document, each in a container of its own. The"
        " outputs are those that the document declares: connectors send them where it says, and"
        " the results tell for each batch what became of them.",
        "version": "1.0.0",
        "keywords": ["RED", "experiment"],
        "jobControlOptions": ["async-execute", "dismiss"],
        "outputTransmission": ["value", "reference"],
        "inputs": {
            "document": {
                "title": "RED document",
                "description": "Version 5 to 9. What its `access` and `auth` hold goes to the"
                " vault only, and is forgotten when the Execution ends.",
                "minOccurs": 1,
                "maxOccurs": 1,
                "schema": {"type": "object"},
            },
            "disableRetry": _flag("No second Attempt for batches that fail by themselves"),
            "disableConnectorValidation": _flag("Connectors are not asked before the command runs"),
            "useVault": _flag("Variables without a value are filled from your personal secrets"),
            "after": {
                "title": "Executions of yours that must be successful first",
                "minOccurs": 0,
                "maxOccurs": MOST_DEPENDENCIES,
                "schema": {"type": "string", "pattern": _IDENTIFIER},
            },
        },
        "outputs": {},
        "links": [],
    }

    async def run(self, inputs: Mapping[str, Any]) -> dict[str, Produced]:
        """Refuse: an Experiment runs in containers, not in the service itself."""
        raise Failed(f"{RED} runs in containers, not in the service itself")
