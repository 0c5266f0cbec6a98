"""The shapes of documents about sharing, links and callbacks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ccp_jupyter.hub_service.api.schemas import Document, Link
from ccp_jupyter.hub_service.api.share_links import DEFAULT, LONGEST, SHORTEST
from ccp_jupyter.model.sharing import LONGEST_NAME, MOST_NAMES

_Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]


class Me(Document):
    """The caller."""

    name: str = Field(description="of the user; of a hub service, service/ and its name")
    admin: bool = Field(description="whether they administer the service")
    contexts: list[str] = Field(description="the hub's groups that they are in")
    links: list[Link]


class NewSharing(BaseModel):
    """With whom to share; what is left out is nobody."""

    model_config = ConfigDict(extra="forbid")

    public: bool = Field(False, description="with everybody who may use the service")
    contexts: list[_Name] = Field([], max_length=MOST_NAMES, description="groups that you are in")
    users: list[_Name] = Field([], max_length=MOST_NAMES, description="names of users")


class SharingInfo(Document):
    """With whom something is shared."""

    public: bool
    contexts: list[str]
    users: list[str]
    links: list[Link]


class NewLink(BaseModel):
    """A shareable link to make."""

    model_config = ConfigDict(extra="forbid")

    target: str = Field(
        min_length=1, max_length=2000, description="address or id of a Method or an Execution"
    )
    expiresIn: int = Field(  # noqa: N815
        DEFAULT, ge=SHORTEST, le=LONGEST, description="seconds for which it works"
    )
    revision: int = Field(0, ge=0, lt=2**31, description="of the Method; 0: the newest at any time")


class LinkInfo(Document):
    """A shareable link."""

    id: str
    url: str = Field(description="whoever has it gets a copy, without a login")
    kind: Literal["method", "execution"]
    target: str
    revision: int = 0
    created: datetime
    expires: datetime
    uses: int
    links: list[Link]


class LinkList(Document):
    """Links that the caller made, newest first."""

    shareLinks: list[LinkInfo]  # noqa: N815
    links: list[Link]


class SharedThing(Document):
    """What a link leads to."""

    kind: Literal["method", "execution"]
    id: str
    title: str
    version: str
    description: str
    created: datetime
    expires: datetime = Field(description="when the link ends to work")
    name: str = Field(description="of the file")
    links: list[Link] = Field(description="`enclosure` is the file")


class CallbackKey(Document):
    """The key with which callbacks of the caller's Executions are signed."""

    key: str
    algorithm: Literal["HMAC-SHA256"]
