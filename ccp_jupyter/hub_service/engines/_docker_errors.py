"""What engines answer, as the typed errors of the interface, in words for users."""

from __future__ import annotations

import re
from http.client import HTTPException

from docker.errors import APIError, DockerException
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from ccp_jupyter.hub_service.engines.base import (
    AlreadyThere,
    BadRequest,
    EngineError,
    ImageMissing,
    NoAccess,
    NodeUnreachable,
    NoResources,
    NotThere,
    RegistryUnreachable,
)

_CONNECTION = (RequestException, HTTPError, HTTPException, DockerException, OSError)

_LONGEST = 500

# Texts of the engine, the registry and the low-level runtime, first match first. The status alone
# says little: most failures of registries and runtimes come as 500.
_TEXTS: tuple[tuple[type[EngineError], str, str], ...] = (
    (NoResources, r"no space left on device", "the node's disk is full"),
    (NoResources, r"disk quota exceeded", "the node's disk quota is used up"),
    (NoResources, r"cannot allocate memory", "the node is out of memory"),
    (
        NoResources,
        r"resource temporarily unavailable|too many open files",
        "the node has no processes or files to spare",
    ),
    (NoResources, r"no available IPv?4? addr|could not find an available", "no network address"),
    (NoResources, r"range of CPUs is from", "the node has fewer CPUs than are asked for"),
    (AlreadyThere, r"container name .* is already in use", "exists already"),
    (
        ImageMissing,
        r"may require 'docker login'|pull access denied",
        "no such image in the registry, or it needs a login",
    ),
    (
        NoAccess,
        r"no basic auth credentials|authentication required|unauthorized|incorrect username"
        r"|authorization failed",
        "the registry refuses the login, or wants one",
    ),
    (NoAccess, r"forbidden|requested access .* is denied$", "the registry refuses access"),
    (
        ImageMissing,
        r"manifest unknown|manifest for .* not found|name unknown|no such image"
        r"|no matching manifest|repository .* not found",
        "no such image or tag",
    ),
    (
        BadRequest,
        r"invalid reference format|repository name must be|invalid tag format",
        "is no valid image reference",
    ),
    (NodeUnreachable, r"docker-init.*(not found|no such file)", "docker-init is not installed"),
    (
        BadRequest,
        r"executable file not found|exec:? .*no such file or directory|exec format error"
        r"|exec:? .*permission denied",
        "the image has no such command",
    ),
)

# Failures between an engine and a registry; another try, or another node, may succeed.
_REGISTRY_DOWN = re.compile(
    r"connection refused|no such host|i/o timeout|tls:|x509|certificate|TLS handshake"
    r"|connection reset|unexpected EOF|\bEOF\b|request canceled|network is unreachable"
    r"|server gave HTTP response|toomanyrequests|502|503|504",
    re.IGNORECASE,
)


class CallersError(Exception):
    """Carries, as its cause, what a caller's own function or file raised."""


def translated(error: Exception, node: str, subject: str = "") -> Exception:
    """Return an error as the interface's type.

    Parameters
    ----------
    error : Exception
        Whatever the docker SDK, its transport, or a caller's function raised.
    node : str
        Name of the Node.
    subject : str
        Image or container that the call was about.

    Returns
    -------
    Exception
        An `EngineError`; or `error` itself when it is one, or comes from neither engine nor
        network.
    """
    if isinstance(error, EngineError):
        return error
    if isinstance(error, CallersError) and isinstance(error.__cause__, Exception):
        return error.__cause__
    known: EngineError | None = None
    if isinstance(error, APIError):
        known = from_text(str(error.explanation or error), node, subject, error.status_code or 500)
    elif isinstance(error, _CONNECTION) or _met_closed_socket(error):
        known = NodeUnreachable(f"node {node} does not answer: {_shortest(error)}")
    if known is None:
        return error
    known.__cause__ = error
    return known


def from_text(text: str, node: str, subject: str, status: int = 500) -> EngineError:
    """Return the error that an engine's text means.

    Parameters
    ----------
    text : str
        What the engine answered.
    node, subject : str
        As for `translated`.
    status : int
        Of HTTP; says whose fault it is when the text tells nothing.
    """
    text = " ".join(text.split())[:_LONGEST]
    for kind, pattern, meaning in _TEXTS:
        if re.search(pattern, text, re.IGNORECASE):
            return kind(_sentence(subject, meaning, node, text))
    if status == 404:
        return NotThere(_sentence(subject, "is not there", node, text))
    if 400 <= status < 500 and status != 429:
        return BadRequest(_sentence(subject, "cannot work", node, text))
    return NodeUnreachable(_sentence(subject, "the engine failed", node, text))


def pull_failed(text: str, node: str, reference: str, status: int = 500) -> EngineError:
    """Return the error that a failed pull means; network failures name the registry."""
    known = from_text(text, node, reference, status)
    if isinstance(known, NodeUnreachable | BadRequest) and _REGISTRY_DOWN.search(text):
        what = f"{reference}: the registry cannot be reached"
        return RegistryUnreachable(f"{what} from node {node} ({' '.join(text.split())[:_LONGEST]})")
    if isinstance(known, NotThere):
        return ImageMissing(str(known))
    return known


def _sentence(subject: str, meaning: str, node: str, text: str) -> str:
    about = f"{subject}: " if subject else ""
    return f"{about}{meaning} (node {node}: {text})"


def _met_closed_socket(error: Exception) -> bool:
    """Tell whether urllib3 took a connection from its pool whose call was just given up."""
    return isinstance(error, ValueError) and "file descriptor" in str(error)


def _shortest(error: BaseException) -> str:
    """Return the innermost reason, such as "Connection refused", without the layers around it."""
    seen = error
    while True:
        inner = seen.__cause__ or getattr(seen, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((arg for arg in seen.args if isinstance(arg, BaseException)), None)
        if inner is None or inner is seen:
            break
        seen = inner
    if isinstance(seen, OSError) and seen.strerror:
        return seen.strerror
    return (str(seen) or type(seen).__name__)[:_LONGEST]
