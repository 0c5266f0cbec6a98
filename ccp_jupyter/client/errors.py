"""What can go wrong when one talks to the service. Every error here is a `CcpError`."""

from __future__ import annotations

from collections.abc import Iterable

from ccp_jupyter.model.errors import Problem


class CcpError(Exception):
    """Base of all errors that the client raises; the text is written for users."""


class NotConfigured(CcpError):
    """The client does not know where the service is, or has no token for it."""


class ServiceError(CcpError):
    """The service refused a call.

    Parameters
    ----------
    message : str
        What happened, for users.
    status : int, optional
        HTTP status of the answer; None when there was none.
    type_uri : str
        ``type`` of the problem document (RFC 7807).
    """

    def __init__(self, message: str, *, status: int | None = None, type_uri: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.type_uri = type_uri


class NotFound(ServiceError):
    """There is no such Method, Execution or file, or you may not see it."""


class NotAllowed(ServiceError):
    """You are known, but may not do this."""


class NotLoggedIn(ServiceError):
    """The service does not know your token (any more)."""


class Conflict(ServiceError):
    """It is there already, or has changed in the meantime."""


class LimitReached(ServiceError):
    """You keep or use as much as you may; the text says what to do."""


class ServiceUnavailable(ServiceError):
    """The service cannot be reached or does not work now; try again later.

    Parameters
    ----------
    message, status
        As in `ServiceError`.
    retry_after : float, optional
        Seconds that the service asks to wait.
    maybe_done : bool
        False when the call certainly did not reach the service.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        maybe_done: bool = True,
    ) -> None:
        super().__init__(message, status=status)
        self.retry_after = retry_after
        self.maybe_done = maybe_done


class InvalidRequest(ServiceError):
    """Something in what you sent, or were about to send, breaks rules.

    Parameters
    ----------
    problems : iterable of Problem
        Each with member, rule and value; may be empty when the service named none.
    message : str
        Introduction to the list.
    status, type_uri
        As in `ServiceError`.
    """

    def __init__(
        self,
        problems: Iterable[Problem],
        message: str = "",
        *,
        status: int | None = None,
        type_uri: str = "",
    ) -> None:
        self.problems = tuple(problems)
        lines = [str(problem) for problem in self.problems]
        if len(lines) == 1 and not message:
            text = lines[0]
        else:
            text = "\n  ".join([message or "the request has several problems:", *lines])
        super().__init__(text, status=status, type_uri=type_uri)


class WaitTimeout(CcpError, TimeoutError):
    """An Execution had not ended when `wait`'s time was over; it goes on."""


class ExecutionFailed(CcpError):
    """An Execution that was waited for did not succeed.

    Parameters
    ----------
    execution_id : str
        Which one.
    status : str
        ``failed`` or ``dismissed``.
    message : str
        What the service says about it.
    log_tail : str
        Last lines that its containers wrote.
    """

    def __init__(self, execution_id: str, status: str, message: str, log_tail: str = "") -> None:
        self.execution_id = execution_id
        self.status = status
        self.message = message
        self.log_tail = log_tail
        text = f"Execution {execution_id} is {status}"
        if message:
            text += f": {message}"
        if log_tail:
            text += "\nLast lines of its log:\n" + log_tail
        super().__init__(text)


class FetchFailed(CcpError):
    """Outputs could not be brought into the workspace; nothing was left half-done."""
