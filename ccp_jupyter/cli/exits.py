"""Exit codes, and which error means which. docs/cli.md lists them for users."""

from __future__ import annotations

from enum import IntEnum

from ccp_jupyter.client.errors import (
    CcpError,
    ExecutionFailed,
    InvalidRequest,
    ServiceError,
    ServiceUnavailable,
    WaitTimeout,
)
from ccp_jupyter.model.states import Status


class Exit(IntEnum):
    """What ``ccp`` returns to the shell."""

    OK = 0
    FAILED = 1
    """The Experiment that was waited for failed, or a check found something that is not well."""
    USAGE = 2
    """Wrong arguments, a file that cannot be read, a variable without a value."""
    INVALID = 3
    """The document breaks rules."""
    REFUSED = 4
    """Not allowed, not logged in, not known, or a limit is reached."""
    UNREACHABLE = 5
    """The service does not answer, or does not work."""
    CANCELLED = 6
    """The Experiment that was waited for was cancelled."""
    WAITING = 7
    """``--timeout`` is over, and what was waited for goes on."""
    INTERNAL = 70
    """A fault in this program."""
    INTERRUPTED = 130
    """Ctrl-C; an Experiment that was waited for goes on."""


class UsageError(CcpError):
    """The command line asks for something that cannot be done; the text says what to do."""


class Refused(CcpError):
    """What was asked for is not known here."""


_BY_STATUS = {
    Status.SUCCESSFUL: Exit.OK,
    Status.FAILED: Exit.FAILED,
    Status.DISMISSED: Exit.CANCELLED,
}


def of_status(status: str) -> Exit:
    """Return the exit code for the final status of an Execution."""
    return _BY_STATUS.get(Status(status), Exit.WAITING)


def of_error(error: CcpError) -> Exit:
    """Return the exit code for an error of the client."""
    match error:
        case ExecutionFailed():
            return of_status(error.status)
        case InvalidRequest():
            return Exit.INVALID
        case WaitTimeout():
            return Exit.WAITING
        case ServiceUnavailable():
            return Exit.UNREACHABLE
        case ServiceError(status=int(status)) if 400 <= status < 500:
            return Exit.REFUSED
        case ServiceError():
            return Exit.UNREACHABLE
        case Refused():
            return Exit.REFUSED
    return Exit.USAGE  # not configured, no such file …
