"""Formats of values that are checked; every other format is free text."""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Final

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}:[^\s\x00-\x1f\x7f]+\Z")
_GIT_OVER_SSH = re.compile(r"[\w.-]{1,64}@[\w.-]{1,255}:[^\s\x00-\x1f\x7f]+\Z")
_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f]{1,64}@[^\s@\x00-\x1f\x7f]{1,255}\Z")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_TIME = re.compile(r"\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?\Z", re.ASCII)
_LONGEST = 8192


def _made_by(make: Callable[[str], object]) -> Callable[[str], bool]:
    def holds(text: str) -> bool:
        try:
            make(text)
        except ValueError:
            return False
        return True

    return holds


def _is_date(text: str) -> bool:
    return bool(_DATE.match(text)) and _made_by(date.fromisoformat)(text)


def _is_time(text: str) -> bool:
    return bool(_TIME.match(text)) and _made_by(time.fromisoformat)(text)


def _is_date_time(text: str) -> bool:
    # Forms in a browser leave out the seconds and the zone.
    day, separator, hours = text[:10], text[10:11], text[11:]
    if separator not in ("T", "t", " "):
        return False
    hours = hours.upper()
    return _is_date(day) and _is_time(hours) and _made_by(datetime.fromisoformat)(f"{day}T{hours}")


def _is_url(text: str) -> bool:
    return bool(_URL.match(text) or _GIT_OVER_SSH.match(text))


_CHECKS: Final[dict[str, tuple[Callable[[str], bool], str]]] = {
    "date": (_is_date, "a date such as 2026-11-21"),
    "dateTime": (_is_date_time, "a date and time such as 2026-11-21T10:00:00Z"),
    "date-time": (_is_date_time, "a date and time such as 2026-11-21T10:00:00Z"),
    "time": (_is_time, "a time such as 10:00:00"),
    "url": (_is_url, "an address such as https://example.org/data"),
    "uri": (_is_url, "an address such as https://example.org/data"),
    "email": (lambda text: bool(_EMAIL.match(text)), "an e-mail address"),
    "uuid": (_made_by(uuid.UUID), "a UUID"),
    "ipv4": (_made_by(ipaddress.IPv4Address), "an IPv4 address"),
    "ipv6": (_made_by(ipaddress.IPv6Address), "an IPv6 address"),
}

CHECKED_FORMATS: Final = frozenset(_CHECKS)


def format_rule(name: str, text: str) -> str:
    """Return what a text must be by its format, or nothing when it is that.

    Parameters
    ----------
    name : str
        ``schema.format``; formats outside `CHECKED_FORMATS` are free text.
    text : str
        The value.

    Returns
    -------
    str
        Such as ``a date such as 2026-11-21``.
    """
    check, rule = _CHECKS.get(name, (None, ""))
    if check is None or (len(text) <= _LONGEST and check(text)):
        return ""
    return rule
