"""The service's log: one JSON object a line, with what the line is about.

What it is about comes from the asyncio task that writes it, see `note`. There are no user names:
they are personal data, and an Execution's id leads whoever may know to its owner.
"""

from __future__ import annotations

import json
import logging
import re
import time
from contextvars import ContextVar
from typing import Any, Final

_NOTHING: Final[dict[str, Any]] = {}
_LINK: Final = re.compile(r"(/shared/)[^\s/?#\"']+")
_ABOUT: Final[ContextVar[dict[str, Any]]] = ContextVar("about", default=_NOTHING)
QUIET: Final = {
    # One line for every outgoing request and every schema change is too much.
    "httpx": logging.WARNING,
    "alembic": logging.WARNING,
    "tornado.access": logging.WARNING,
}


def note(**about: Any) -> None:
    """Add to each line that the running asyncio task logs from now on.

    Tasks and threads (`asyncio.to_thread`) that it starts inherit it.

    Parameters
    ----------
    **about : str or int
        ``execution``, ``task`` (number in the Execution), ``attempt``, ``node``, ``request``.
    """
    _ABOUT.set({**_ABOUT.get(), **about})


def about() -> dict[str, Any]:
    """Return what the running asyncio task is about."""
    return dict(_ABOUT.get())


def without_links(text: str) -> str:
    """Return a text without the shareable links in it, which let in whoever has one."""
    return _LINK.sub(r"\1…", text)


class JsonLines(logging.Formatter):
    """One JSON object a line, for log collectors."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line: time (UTC), level, logger, message, what it is about, exception."""
        entry = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": without_links(record.getMessage()),
            **_ABOUT.get(),
        }
        if record.exc_info:
            entry["exception"] = without_links(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


def set_up_log(level: int) -> None:
    """Send all logging of this process to stderr.

    Parameters
    ----------
    level : int
        As in `logging`; lines below it are left out.
    """
    handler = logging.StreamHandler()
    formatter = JsonLines()
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, quiet in QUIET.items():
        logging.getLogger(name).setLevel(max(level, quiet))
