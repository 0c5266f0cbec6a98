"""What engines and registries answer, and what it means."""

from __future__ import annotations

import socket

import pytest
from urllib3.util.wait import wait_for_read

from ccp_jupyter.hub_service.engines._docker_errors import (
    CallersError,
    from_text,
    pull_failed,
    translated,
)
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

# Texts of docker 20.10 to 28, of Docker Hub and of common registries, as they came.
PULLS = [
    (404, "manifest for r/x:9 not found: manifest unknown: manifest unknown", ImageMissing),
    (
        404,
        "pull access denied for x, repository does not exist or may require 'docker login':"
        " denied: requested access to the resource is denied",
        ImageMissing,
    ),
    (500, "no matching manifest for linux/arm64/v8 in the manifest list entries", ImageMissing),
    (500, 'Head "https://r/v2/x/manifests/1": no basic auth credentials', NoAccess),
    (500, 'Head "https://r/v2/x/manifests/1": unauthorized: access forbidden', NoAccess),
    (
        500,
        'Get "https://r/v2/": unauthorized: incorrect username or password',
        NoAccess,
    ),
    (500, "error from registry: denied: requested access to the resource is denied", NoAccess),
    (500, 'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused', None),
    (500, 'Get "https://r/v2/": dial tcp: lookup r on 10.0.0.1:53: no such host', None),
    (500, 'Get "https://r/v2/": net/http: TLS handshake timeout', None),
    (500, 'Get "https://r/v2/": x509: certificate signed by unknown authority', None),
    (500, 'Get "https://r/v2/": http: server gave HTTP response to HTTPS client', None),
    (429, "toomanyrequests: You have reached your pull rate limit.", None),
    (500, "unexpected EOF", None),
    (500, "received unexpected HTTP status: 503 Service Unavailable", None),
    (
        200,
        "write /var/lib/docker/tmp/GetImageBlob1: no space left on device",
        NoResources,
    ),
    (400, "invalid reference format", BadRequest),
]


@pytest.mark.parametrize(("status", "text", "kind"), PULLS)
def test_pulls(status: int, text: str, kind: type[EngineError] | None) -> None:
    error = pull_failed(text, "n1", "r/x:9", status)
    assert type(error) is (kind or RegistryUnreachable)
    assert "r/x:9" in str(error)
    assert "n1" in str(error)
    assert text in str(error)
    assert kind is not None or "the registry cannot be reached" in str(error)


OTHERS = [
    (409, 'Conflict. The container name "/c" is already in use by container "ab".', AlreadyThere),
    (404, "No such container: c", NotThere),
    (404, "Could not find the file /x in container c", NotThere),
    (404, "No such image: x:1", ImageMissing),
    (404, "network nowhere not found", NotThere),
    (
        400,
        'OCI runtime create failed: exec: "/bin/sh": stat /bin/sh: no such file or directory',
        BadRequest,
    ),
    (
        400,
        'failed to create task: exec: "bash": executable file not found in $PATH: unknown',
        BadRequest,
    ),
    (500, "standard_init_linux.go:228: exec user process caused: exec format error", BadRequest),
    (500, 'exec: "docker-init": executable file not found in $PATH', NodeUnreachable),
    (500, "mkdir /var/lib/docker/overlay2/x: no space left on device", NoResources),
    (500, "fork/exec /usr/bin/runc: resource temporarily unavailable", NoResources),
    (500, "fork/exec /usr/bin/runc: cannot allocate memory", NoResources),
    (400, "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available", NoResources),
    (400, "Minimum memory limit allowed is 6MB", BadRequest),
    (500, "could not find an available, non-overlapping IPv4 address pool", NoResources),
    (500, "something that nobody has seen before", NodeUnreachable),
    (503, "", NodeUnreachable),
    (429, "slow down", NodeUnreachable),
    (418, "I am a teapot", BadRequest),
]


@pytest.mark.parametrize(("status", "text", "kind"), OTHERS)
def test_others(status: int, text: str, kind: type[EngineError]) -> None:
    error = from_text(text, "n1", "c", status)
    assert type(error) is kind
    assert str(error).startswith("c: ")
    assert "n1" in str(error)


def test_long_and_broken_texts_are_cut() -> None:
    error = from_text("a\n\tb  c" + "x" * 10_000, "n1", "c")
    assert "a b cxx" in str(error)
    assert len(str(error)) < 700


def test_connections() -> None:
    inner = ConnectionRefusedError(111, "Connection refused")
    outer = OSError("Max retries exceeded", inner)
    error = translated(outer, "n1")
    assert isinstance(error, NodeUnreachable)
    assert str(error) == "node n1 does not answer: Connection refused"
    assert error.__cause__ is outer


def test_errors_of_others_are_left_alone() -> None:
    bug = KeyError("x")
    assert translated(bug, "n1") is bug
    known = NotThere("gone")
    assert translated(known, "n1") is known
    carried = CallersError()
    carried.__cause__ = full = OSError(28, "No space left on device")
    assert translated(carried, "n1") is full


def test_a_connection_from_the_pool_that_was_just_closed() -> None:
    one, other = socket.socketpair()
    other.close()
    one.close()
    with pytest.raises(ValueError, match="file descriptor") as caught:
        wait_for_read(one, timeout=0.0)
    error = translated(caught.value, "n1")
    assert isinstance(error, NodeUnreachable)
    assert "n1 does not answer" in str(error)
