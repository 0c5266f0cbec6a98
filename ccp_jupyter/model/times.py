"""Times as both stores can keep them: timezone-aware UTC, cut to milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present time in UTC, cut to milliseconds (the finest that BSON keeps)."""
    return truncated(datetime.now(UTC))


def truncated(moment: datetime) -> datetime:
    """Return an aware time in UTC without what is finer than a millisecond."""
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def iso(moment: datetime) -> str:
    """Return RFC 3339 text such as ``2026-11-21T10:00:00.123Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
