"""The shapes of the agency's documents as types: the OpenAPI document is made from them."""

from __future__ import annotations

from typing import Any

from pydantic import Field, RootModel

from ccp_jupyter.hub_service.api.schemas import Document
from ccp_jupyter.model.experiment import BatchState


class AgencyError(RootModel[str]):
    """An error: status and text, such as ``400 Bad Request: limit: must be at least 1``."""


class Hello(Document):
    """Something."""

    Hello: str


class AgencyVersion(Document):
    """Versions of the API and of the service."""

    agencyVersion: str  # noqa: N815  (names of CC-Agency, here and below)
    ccpVersion: str  # noqa: N815


class AgencyLogin(Document):
    """Tokens for ``Authorization: Bearer``."""

    username: str
    access_token: str
    refresh_token: str


class AgencyAccess(Document):
    """A new access token."""

    access_token: str


class AgencyToken(Document):
    """A token to use as password."""

    token: str
    validForSeconds: float  # noqa: N815


class RedDocument(Document):
    """A RED document; see ``schema/red``."""

    redVersion: str  # noqa: N815


class Submitted(Document):
    """The id of what was submitted."""

    experimentId: str  # noqa: N815


class Count(Document):
    """Length of a list."""

    count: int


class ExperimentItem(Document):
    """An Experiment in a list."""

    id: str = Field(alias="_id")
    username: str
    registrationTime: float  # noqa: N815
    state: BatchState


class ExperimentList(RootModel[list[ExperimentItem]]):
    """Experiments."""


class ExperimentDocument(ExperimentItem):
    """An Experiment in full."""

    redVersion: str  # noqa: N815
    cli: dict[str, Any]
    container: dict[str, Any]
    execution: dict[str, Any] = Field({})
    protectedKeysVoided: bool  # noqa: N815
    message: str
    progress: int
    batches: int
    after: list[str]
    changes: list[str]


class ExperimentState(Document):
    """Where an Experiment stands."""

    experimentId: str  # noqa: N815
    state: BatchState
    message: str
    progress: int
    batches: dict[str, int]


class BatchChange(Document):
    """A change of a batch's state."""

    state: BatchState
    time: float
    node: str | None


class BatchItem(Document):
    """A batch in a list."""

    id: str = Field(alias="_id")
    experimentId: str  # noqa: N815
    batchesListIndex: int  # noqa: N815
    username: str
    registrationTime: float  # noqa: N815
    state: BatchState
    node: str | None
    history: list[BatchChange]


class BatchList(RootModel[list[BatchItem]]):
    """Batches."""


class BatchDocument(BatchItem):
    """A batch in full."""

    attempts: int
    mount: bool
    usedGPUs: list[Any] | None  # noqa: N815
    usedSpecifiedStdout: bool  # noqa: N815
    usedSpecifiedStderr: bool  # noqa: N815
    cliStdout: str  # noqa: N815
    cliStderr: str  # noqa: N815
    protectedKeysVoided: bool  # noqa: N815
    notificationsSent: bool  # noqa: N815
    inputs: dict[str, Any]
    outputs: dict[str, Any]


class AgencyNode(Document):
    """A Node."""

    nodeName: str  # noqa: N815
    state: str | None
    ram: int | None
    cpus: int | None
    gpus: list[dict[str, Any]] | None
    history: list[dict[str, Any]]
    currentBatches: list[dict[str, Any]]  # noqa: N815


class AgencyNodes(RootModel[list[AgencyNode]]):
    """Nodes."""


class JsonSchema(RootModel[dict[str, Any]]):
    """A JSON schema, or several by name."""
