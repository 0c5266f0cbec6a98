"""A Method as the Workbench keeps it: the document and whose it is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from ccp_jupyter.model.origin import Origin
from ccp_jupyter.model.sharing import Sharing
from ccp_jupyter.model.times import now


class Package(BaseModel):
    """The body of a request that deployed a Method (OGC API - Processes, Part 2)."""

    media_type: str
    """Such as ``application/cwl+json``."""
    text: str


class StoredMethod(BaseModel):
    """A Method in the Workbench."""

    id: str
    owner: str
    document: dict[str, Any]
    """The Method in its one output form (`ccp_jupyter.model.method`)."""
    public: bool = False
    contexts: list[str] = []
    """JupyterHub groups whose members may see and run it."""
    users: list[str] = []
    """Names of users who may see and run it."""
    revision: int = Field(1, ge=1)
    """Counts its documents: each replacement makes a new one, the older ones are kept."""
    replaced: datetime | None = None
    """When it got its present document; None: when it was created."""
    replaced_by: str = ""
    """Who gave it the present document; empty: its owner."""
    origin: Origin | None = None
    package: Package | None = None
    """What it was deployed from, when that was no Method."""
    created: datetime = Field(default_factory=now)
    updated: datetime = Field(default_factory=now)
    version: int = 0
    """Counts saves; the store refuses a save whose version is not the stored one."""

    @property
    def title(self) -> str:
        """Title for people, or the id when there is none."""
        return str(self.document.get("title") or self.id)

    @property
    def summary(self) -> Revision:
        """What lists of revisions show of the present one."""
        return Revision(
            method_id=self.id,
            revision=self.revision,
            title=self.title,
            version=str(self.document.get("version") or ""),
            created=self.replaced or self.created,
            author=self.replaced_by or self.owner,
        )

    @property
    def sharing(self) -> Sharing:
        """With whom it is shared."""
        return Sharing(public=self.public, contexts=self.contexts, users=self.users)


class Revision(BaseModel):
    """One of the documents that a Method has had; lists show it without the document."""

    method_id: str
    revision: int = Field(ge=1)
    title: str
    version: str
    """The author's, such as 1.2.0."""
    created: datetime
    """When it was deployed or replaced."""
    author: str = ""
    """Who did that."""
