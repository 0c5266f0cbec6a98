"""From what a Method or an Execution was made."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from ccp_jupyter.model.times import now


class Origin(BaseModel):
    """What a record was made from; the other one need not be there any more.

    Attributes
    ----------
    kind : str
        ``repeat``: an Execution with the request of another; ``verify``: the same, to compare the
        outputs; ``reuse``: an Execution that took over the outputs of another; ``clone``: a Method
        made from another; ``import``: came in a file or by a link.
    id : str
        Of the other Execution or Method, at its service.
    revision : int
        Of the other Method; 0 when nobody knows, and for Executions.
    service : str
        Address of the other service; empty: this one.
    at : datetime
        When it was made.
    """

    kind: Literal["repeat", "verify", "reuse", "clone", "import"]
    id: str
    revision: int = 0
    service: str = ""
    at: datetime = Field(default_factory=now)
