"""Python client of the service: `Client` for notebooks and scripts, `AsyncClient` for the rest."""

from ccp_jupyter.client.aio import AsyncClient
from ccp_jupyter.client.async_execution import AsyncExecution
from ccp_jupyter.client.batches import AsyncBatch
from ccp_jupyter.client.blocking import Client
from ccp_jupyter.client.errors import (
    CcpError,
    Conflict,
    ExecutionFailed,
    FetchFailed,
    InvalidRequest,
    LimitReached,
    NotAllowed,
    NotConfigured,
    NotFound,
    NotLoggedIn,
    ServiceError,
    ServiceUnavailable,
    WaitTimeout,
)
from ccp_jupyter.client.execution import Batch, Execution
from ccp_jupyter.client.method import Input, Method
from ccp_jupyter.client.red import InvalidDocument, RedDocument

__all__ = [
    "AsyncBatch",
    "AsyncClient",
    "AsyncExecution",
    "Batch",
    "CcpError",
    "Client",
    "Conflict",
    "Execution",
    "ExecutionFailed",
    "FetchFailed",
    "Input",
    "InvalidDocument",
    "InvalidRequest",
    "LimitReached",
    "Method",
    "NotAllowed",
    "NotConfigured",
    "NotFound",
    "NotLoggedIn",
    "RedDocument",
    "ServiceError",
    "ServiceUnavailable",
    "WaitTimeout",
]
