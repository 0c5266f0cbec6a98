"""What a process that the service runs itself has to offer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Protocol

from ccp_jupyter.model.method import Method
from ccp_jupyter.model.stored_method import StoredMethod

JSON: Final = "application/json"
TEXT: Final = "text/plain"
SUFFIXES: Final = {TEXT: ".txt", JSON: ".json"}
"""How the files of outputs in output.zip end, by media type."""
SYNC: Final = "sync-execute"
ASYNC: Final = "async-execute"


@dataclass(frozen=True, slots=True)
class Produced:
    """One output: a text, or anything else that JSON can hold."""

    value: Any

    @property
    def media_type(self) -> str:
        """What `data` is."""
        return TEXT if isinstance(self.value, str) else JSON

    @property
    def data(self) -> bytes:
        """Its content, as a file has it."""
        if isinstance(self.value, str):
            return self.value.encode()
        return json.dumps(self.value, ensure_ascii=False).encode()

    def file_name(self, output_id: str) -> str:
        """Return the name of the file for it in output.zip."""
        return output_id + SUFFIXES[self.media_type]


class Failed(Exception):
    """It cannot do what was asked for; the text is for the user."""


class BuiltIn(Protocol):
    """One such process."""

    document: Mapping[str, Any]
    """The OGC process description. Its ``jobControlOptions`` say how it can be executed."""

    async def run(self, inputs: Mapping[str, Any]) -> dict[str, Produced]:
        """Do the work; may be cancelled at any time, and be done once more after a restart.

        Parameters
        ----------
        inputs : mapping of str to object
            Checked values, defaults filled in; those without a value are not there.

        Returns
        -------
        dict of str to Produced
            By output id; those that there is nothing for are not there.

        Raises
        ------
        Failed
        """


class Offered:
    """A built-in as the service keeps it at hand: in the forms in which Methods are used.

    Parameters
    ----------
    process : BuiltIn
        What to offer.
    """

    def __init__(self, process: BuiltIn) -> None:
        self.process = process

    @property
    def id(self) -> str:
        """Its id, which no Method can have."""
        return str(self.process.document["id"])

    @cached_property
    def record(self) -> StoredMethod:
        """As a Method that nobody owns and everybody sees."""
        return StoredMethod(
            id=self.id, owner="", document=dict(self.process.document), public=True, version=1
        )

    @cached_property
    def method(self) -> Method:
        """For checking requests. It breaks rules of Methods: no Runtime, no Infrastructure."""
        document = dict(self.process.document)
        del document["jobControlOptions"]
        for kind in ("inputs", "outputs"):
            document[kind] = {name: {**each, "id": name} for name, each in document[kind].items()}
        return Method.model_validate(document)

    def allows(self, mode: str) -> bool:
        """Tell whether it can be executed so: ``sync-execute`` or ``async-execute``."""
        return mode in self.process.document["jobControlOptions"]


BuiltIns = Mapping[str, Offered]
"""By id."""
