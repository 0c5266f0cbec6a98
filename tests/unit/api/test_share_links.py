"""Shareable links without a service: what they may name, how often they work, and in logs."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest

from ccp_jupyter.hub_service.api.errors import ApiError
from ccp_jupyter.hub_service.api.link_rates import LinkRates
from ccp_jupyter.hub_service.api.share_links import DEFAULT, read_link, target_of
from ccp_jupyter.hub_service.controller.callbacks import retry_seconds
from ccp_jupyter.hub_service.observing.logs import JsonLines
from ccp_jupyter.model.errors import InvalidDocument

BASE = "https://hub.example.org/services/ccp/"


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("m1", ("", "m1")),
        ("processes/m1", ("method", "m1")),
        ("jobs/7de2/", ("execution", "7de2")),
        (BASE + "processes/a%20b", ("method", "a b")),
        (BASE + "jobs/7de2?f=html", ("execution", "7de2")),
        ("/services/ccp/jobs/7de2", ("execution", "7de2")),
    ],
)
def test_targets(target: str, found: tuple[str, str]) -> None:
    assert target_of(target, BASE) == found


@pytest.mark.parametrize(
    "target",
    [
        "https://other.example.org/services/ccp/jobs/7de2",
        "jobs/",
        "jobs/7de2/results",
        "jobs/a%2Fb",
        "infrastructures/x",
        "//jobs/x",
        "/jobs/x",
    ],
)
def test_no_targets(target: str) -> None:
    with pytest.raises(InvalidDocument, match="target"):
        target_of(target, BASE)


def test_what_a_request_for_a_link_may_say() -> None:
    assert read_link({"target": "m"}) == ("m", DEFAULT, 0)
    assert read_link({"target": "m", "expiresIn": 60, "revision": 3}) == ("m", 60, 3)


@pytest.mark.parametrize(
    ("body", "member"),
    [
        ([], ""),
        ({}, "target"),
        ({"target": ""}, "target"),
        ({"target": 1}, "target"),
        ({"target": "x" * 2001}, "target"),
        ({"target": "m", "expiresIn": 59}, "expiresIn"),
        ({"target": "m", "expiresIn": 366 * 86_400 + 1}, "expiresIn"),
        ({"target": "m", "expiresIn": 60.0}, "expiresIn"),
        ({"target": "m", "expiresIn": True}, "expiresIn"),
        ({"target": "m", "revision": -1}, "revision"),
        ({"target": "m", "revision": 2**31}, "revision"),
        ({"target": "m", "expires": 60}, "expires"),
    ],
)
def test_what_it_may_not_say(body: object, member: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        read_link(body)
    assert [problem.member for problem in refused.value.problems] == [member]


def test_guessing_is_stopped_for_the_address_that_guesses() -> None:
    rates = LinkRates()
    for _ in range(21):
        rates.check_address("192.0.2.1")
        rates.wrong("192.0.2.1")
    with pytest.raises(ApiError) as refused:
        rates.check_address("192.0.2.1")
    assert refused.value.status_code == 429
    rates.check_address("192.0.2.2")
    for _ in range(121):
        rates.use("one")
    with pytest.raises(ApiError):
        rates.use("one")
    rates.use("other")


@pytest.mark.parametrize(
    "text", ["GET /services/ccp/shared/id.sig?f=json (::1)", "x/shared/id.sig"]
)
def test_links_are_masked_in_logs(text: str) -> None:
    record = logging.LogRecord("tornado.access", logging.WARNING, "", 0, "404 %s", (text,), None)
    line = JsonLines().format(record)
    assert "/shared/…" in line
    assert "sig" not in line


def test_links_are_masked_in_tracebacks() -> None:
    try:
        raise OSError("/services/ccp/shared/id.sig")
    except OSError as error:
        caught = (OSError, error, error.__traceback__)
    record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", (), caught)
    assert "id.sig" not in JsonLines().format(record)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", 0),
        ("120", 120),
        ("0", 0),
        ("999999999", 86_400),
        ("9" * 50, 0),
        ("-5", 0),
        ("1.5", 0),
        ("٣", 0),
        ("Sun, 22 Nov 2026 10:01:00 GMT", 60),
        ("Sun, 22 Nov 2026 09:00:00 GMT", 0),
        ("Sun, 22 Nov 2027 09:00:00 GMT", 86_400),
        ("Sun, 22 Nov 2026 10:01:00", 0),
        ("soon", 0),
    ],
)
def test_retry_after(header: str, seconds: float) -> None:
    assert retry_seconds(header, datetime(2026, 11, 22, 10, tzinfo=UTC)) == seconds
