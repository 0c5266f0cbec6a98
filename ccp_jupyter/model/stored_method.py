"""A Method as the Workbench keeps it: the document and whose it is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from ccp_jupyter.model.times import now


class StoredMethod(BaseModel):
    """A Method in the Workbench."""

    id: str
    owner: str
    document: dict[str, Any]
    """The Method in its one output form (`ccp_jupyter.model.method`)."""
    public: bool = False
    contexts: list[str] = []
    """JupyterHub groups whose members may see and run it."""
    created: datetime = Field(default_factory=now)
    updated: datetime = Field(default_factory=now)
    version: int = 0
    """Counts saves; the store refuses a save whose version is not the stored one."""

    @property
    def title(self) -> str:
        """Title for people, or the id when there is none."""
        return str(self.document.get("title") or self.id)


class Viewer(BaseModel):
    """Somebody who wants to see things."""

    name: str
    groups: frozenset[str] = frozenset()
    admin: bool = False

    def may_see(self, method: StoredMethod) -> bool:
        """Tell whether the Method is theirs, public, or shared in one of their Contexts."""
        return (
            self.admin
            or method.public
            or method.owner == self.name
            or not self.groups.isdisjoint(method.contexts)
        )
