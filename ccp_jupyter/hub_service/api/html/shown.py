"""How sizes, times and durations are written for people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

_UNITS: Final = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


def size(value: float) -> str:
    """Return a number of bytes, such as ``1.5 MiB``."""
    unit = 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def moment(value: str) -> str:
    """Return an RFC 3339 time as date and time of day in UTC; unchanged when it is none."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return value
    return found.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def duration(first: str, last: str) -> str:
    """Return the time from one RFC 3339 time to another, such as ``2 min 5 s``."""
    try:
        between = datetime.fromisoformat(last) - datetime.fromisoformat(first)
    except (ValueError, TypeError):
        return ""
    return seconds(between.total_seconds())


def seconds(value: float) -> str:
    """Return a number of seconds, such as ``2 min 5 s``."""
    if value < 10:
        return f"{max(0.0, value):.1f} s"
    whole = round(value)
    parts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min")]
    words = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join([*words[:2], f"{whole % 60} s"] if whole < 3600 else words[:2])
