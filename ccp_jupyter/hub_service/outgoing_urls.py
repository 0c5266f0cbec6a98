"""URLs for outgoing HTTP: what they may be, how errors show them, and these errors."""

from __future__ import annotations

from typing import Final

import httpx

_PORTS: Final = {"http": 80, "https": 443}
_LONGEST_SHOWN: Final = 200


class OutgoingError(Exception):
    """Something could not be fetched or sent.

    Attributes
    ----------
    url : str
        Where, without query, fragment and credentials.
    reason : str
        Why it failed, in words for the user.
    """

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(f"{url}: {reason}")


class AddressRefused(OutgoingError):
    """The service does not go there: not public, not HTTP, or with credentials in the URL."""


class TooLarge(OutgoingError):
    """It is larger than the caller takes."""


class NoAnswer(OutgoingError):
    """There is no such name, nobody answers, or not in time; may be better later."""


class BadAnswer(OutgoingError):
    """There is an answer, but not the file: an HTTP error, cut off, encoded, not certified."""


def shown_url(url: str) -> str:
    """Return a URL without what may be secret; for error messages."""
    try:
        parsed = httpx.URL(url)
        bare = parsed.copy_with(query=None, fragment=None, username="", password="")
    except (httpx.InvalidURL, TypeError, ValueError):
        return "(not a URL)"
    text = str(bare)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def checked_url(url: str) -> httpx.URL:
    """Return a URL that may be asked, as far as it can tell by itself.  Raises `AddressRefused`."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError, ValueError) as error:
        raise AddressRefused(shown_url(url), f"not a URL: {error}") from error
    if parsed.scheme not in _PORTS:
        raise AddressRefused(shown_url(url), "only http and https are fetched")
    if parsed.userinfo:
        raise AddressRefused(shown_url(url), "a URL must not contain a user name or password")
    if not parsed.host or port_of(parsed) not in range(1, 2**16):
        raise AddressRefused(shown_url(url), "a URL must name a server, with a port below 65536")
    return parsed


def port_of(url: httpx.URL) -> int:
    """Return the port that a checked URL names, or means."""
    return _PORTS[url.scheme] if url.port is None else url.port
