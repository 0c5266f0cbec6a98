"""Links that let others have a copy of a Method or an Execution."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from ccp_jupyter.model.times import now


class ShareLink(BaseModel):
    """What the service remembers of a link that it gave out; the link itself is signed.

    Attributes
    ----------
    id : str
        Unique; part of the link.
    owner : str
        Who made it.
    kind, target : str
        What it leads to: ``method`` or ``execution``, and its id.
    revision : int
        Of the Method; 0: always the newest.
    expires : datetime
        When it ends to work.
    uses : int
        How often something was fetched by it.
    """

    id: str
    owner: str
    kind: Literal["method", "execution"]
    target: str
    revision: int = 0
    created: datetime = Field(default_factory=now)
    expires: datetime
    uses: int = Field(0, ge=0)
    version: int = 0
    """Counts saves; the store refuses a save whose version is not the stored one."""
