"""The vault's requests: what each has for members, and what it does.

===================  =========================================================================
``ping``             answers ``pid`` and ``spool``
``put``              ``id``, ``secrets``, ``owner``; ``part`` and ``last`` when in pieces
``get``              ``id``; ``names`` (default: all), ``attempt``; answers ``secrets``
``forget``           ``id``
``kept``             ``id``; answers ``kept``
``executions``       answers ``executions``
``save``             ``owner``, ``name``, ``value``; ``registry``, ``username``
``list``             ``owner``; answers ``personal``
``remove``           ``owner``, ``name``; answers ``removed``
``use``              ``owner``, ``names``, ``id``; answers ``secrets``
``login``            ``owner``, ``registry``, ``id``; answers ``login``
``open``             ``key``, ``data``, ``seconds``
``session``          ``key``; answers ``data``
``close``            ``key``
===================  =========================================================================
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from ccp_jupyter.hub_service.vault.bounds import Answer, Bounds, Budget, Refusal
from ccp_jupyter.hub_service.vault.kept import (
    Durable,
    ExecutionSecrets,
    Nowhere,
    PersonalSecrets,
    Record,
    Sessions,
)
from ccp_jupyter.hub_service.vault.wire import (
    MALFORMED,
    TOO_LARGE,
    entry_size,
    in_pieces,
)

_log = logging.getLogger("ccp_jupyter.vault")

_LONGEST_ID: Final = 200
_LONGEST_OWNER: Final = 300
_LONGEST_HOST: Final = 300
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")

Request = dict[str, Any]


class Secrets:
    """All that the vault keeps.

    Parameters
    ----------
    bounds : Bounds, optional
        How much it takes.
    durable : Durable, optional
        What makes it survive a restart; default: nothing does.
    clock : callable
        Seconds that never go back, for sessions.
    """

    def __init__(
        self,
        bounds: Bounds | None = None,
        durable: Durable | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.bounds = bounds or Bounds()
        self.budget = Budget(self.bounds.total)
        self.durable = durable or Nowhere()
        self.executions = ExecutionSecrets(self.bounds, self.budget, self.durable)
        self.personal = PersonalSecrets(self.bounds, self.budget, self.durable)
        self.sessions = Sessions(self.bounds, self.budget, clock)

    def load(self, key: tuple[str, ...], record: Record) -> None:
        """Take up a record that survived."""
        if key[0] == "execution":
            self.executions.load(key[1], record)
        else:
            self.personal.load(key[1], key[2], record)


@dataclass(slots=True)
class _Upload:
    """A ``put`` of which parts have come."""

    id: str
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    parts: int = 0
    size: int = 0


class Conversation:
    """Answers the requests of one connection.

    Parameters
    ----------
    secrets : Secrets
        Shared by all connections.
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._upload: _Upload | None = None
        self._operations: dict[str, Callable[[Request, int], Iterator[Answer]]] = {
            "ping": self._ping,
            "put": self._put,
            "get": self._get,
            "forget": self._forget,
            "kept": self._kept,
            "executions": self._executions,
            "save": self._save,
            "list": self._list,
            "remove": self._remove,
            "use": self._use,
            "login": self._login,
            "open": self._open,
            "session": self._session,
            "close": self._close,
        }

    def answers(self, line: bytes) -> Iterator[Answer]:
        """Do what one request asks for, and yield the lines of its answer; never raises."""
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):
            # The exception quotes the request.
            yield Refusal(MALFORMED, "not JSON").answer
            return
        try:
            for answer in self._do(request, len(line)):
                yield {"ok": True} | answer
        except Refusal as refusal:
            self.drop()
            yield refusal.answer

    def drop(self) -> None:
        """Let go of a ``put`` that is not complete."""
        if self._upload is not None:
            self._secrets.budget.give_back(self._upload.size)
            self._upload = None

    def _do(self, request: object, size: int) -> Iterator[Answer]:
        if not isinstance(request, dict):
            raise Refusal(MALFORMED, "not an object")
        op = request.get("op")
        operation = self._operations.get(op) if isinstance(op, str) else None
        if operation is None:
            raise Refusal(MALFORMED, f"op: one of {', '.join(self._operations)}")
        if op != "put":
            self.drop()
        self._secrets.sessions.expire()
        return operation(request, size)

    def _ping(self, _request: Request, _size: int) -> Iterator[Answer]:
        yield {"pid": os.getpid(), "spool": self._secrets.durable.place}

    # --- of Executions ---

    def _put(self, request: Request, size: int) -> Iterator[Answer]:
        name = _text(request, "id", _LONGEST_ID)
        secrets = _texts(request, "secrets")
        owner = _text(request, "owner", _LONGEST_OWNER, least=0, default="")
        part, last = request.get("part", 0), request.get("last", True)
        if type(part) is not int or not isinstance(last, bool):
            raise Refusal(MALFORMED, "part: a number; last: true or false")
        if part == 0:
            self.drop()
            self._upload = _Upload(name)
        upload = self._upload
        if upload is None or upload.parts != part or upload.id != name:
            raise Refusal(MALFORMED, "part: the next of the same Execution")
        most = self._secrets.bounds.execution
        if upload.size + size > most:
            raise Refusal(TOO_LARGE, f"secrets of one Execution have at most {most} bytes")
        executions = self._secrets.executions
        self._secrets.budget.take(size, instead_of=executions.size(name))
        upload.size += size
        upload.parts += 1
        upload.secrets.update(secrets)
        if last:
            executions.put(name, upload.secrets, upload.size, owner)
            self._upload = None
        yield {}

    def _get(self, request: Request, _size: int) -> Iterator[Answer]:
        name = _text(request, "id", _LONGEST_ID)
        names = None if request.get("names") is None else _list_of_texts(request, "names")
        attempt = _text(request, "attempt", _LONGEST_ID, least=0, default="")
        found = self._secrets.executions.get(name, names)
        _log.info("%d secret(s) of Execution %r released to %r", len(found), name, attempt)
        yield from _secrets_answers(found)

    def _forget(self, request: Request, _size: int) -> Iterator[Answer]:
        self._secrets.executions.forget(_text(request, "id", _LONGEST_ID))
        yield {}

    def _kept(self, request: Request, _size: int) -> Iterator[Answer]:
        yield {"kept": self._secrets.executions.holds(_text(request, "id", _LONGEST_ID))}

    def _executions(self, _request: Request, _size: int) -> Iterator[Answer]:
        names = self._secrets.executions.names()
        pieces = in_pieces((name, len(json.dumps(name)) + 2) for name in names)
        yield from _with_more({"executions": piece} for piece in pieces)

    # --- personal ---

    def _save(self, request: Request, _size: int) -> Iterator[Answer]:
        owner, name = _owner(request), _name(request)
        value = _text(request, "value", self._secrets.bounds.value)
        most = self._secrets.bounds.value
        if len(value.encode("utf-8", "surrogatepass")) > most:
            raise Refusal(MALFORMED, f"value: at most {most} bytes")
        record = {
            "value": value,
            "created": _now(),
            "registry": _optional(request, "registry", _LONGEST_HOST),
            "username": _optional(request, "username", _LONGEST_HOST),
        }
        self._secrets.personal.save(owner, name, record)
        _log.info("a personal secret of %r was saved", owner)
        yield {}

    def _list(self, request: Request, _size: int) -> Iterator[Answer]:
        known = self._secrets.personal.known(_owner(request))
        pieces = in_pieces((each, len(json.dumps(each)) + 2) for each in known)
        yield from _with_more({"personal": piece} for piece in pieces)

    def _remove(self, request: Request, _size: int) -> Iterator[Answer]:
        owner = _owner(request)
        removed = self._secrets.personal.remove(owner, _name(request))
        if removed:
            _log.info("a personal secret of %r was deleted", owner)
        yield {"removed": removed}

    def _use(self, request: Request, _size: int) -> Iterator[Answer]:
        owner, name = _owner(request), _text(request, "id", _LONGEST_ID)
        names = _list_of_texts(request, "names")
        found = self._secrets.personal.use(owner, names, name, _now())
        _log.info("%d personal secret(s) of %r released to Execution %r", len(found), owner, name)
        yield from _secrets_answers(found)

    def _login(self, request: Request, _size: int) -> Iterator[Answer]:
        owner, name = _owner(request), _text(request, "id", _LONGEST_ID)
        registry = _text(request, "registry", _LONGEST_HOST)
        login = self._secrets.personal.login(owner, registry, name, _now())
        if login is not None:
            _log.info("a registry login of %r released to Execution %r", owner, name)
        yield {"login": login}

    # --- sessions ---

    def _open(self, request: Request, size: int) -> Iterator[Answer]:
        key, data = _text(request, "key", _LONGEST_ID), _texts(request, "data")
        seconds: Any = request.get("seconds")
        bounds = self._secrets.bounds
        known = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if not known or not 0 < seconds <= bounds.session_seconds:
            rule = f"seconds: a number above 0, at most {bounds.session_seconds:g}"
            raise Refusal(MALFORMED, rule)
        if size > bounds.session:
            raise Refusal(MALFORMED, f"a session has at most {bounds.session} bytes")
        self._secrets.sessions.open(key, data, size, seconds)
        yield {}

    def _session(self, request: Request, _size: int) -> Iterator[Answer]:
        yield {"data": self._secrets.sessions.get(_text(request, "key", _LONGEST_ID))}

    def _close(self, request: Request, _size: int) -> Iterator[Answer]:
        self._secrets.sessions.close(_text(request, "key", _LONGEST_ID))
        yield {}


def _secrets_answers(found: dict[str, str]) -> Iterator[Answer]:
    pieces = in_pieces((entry, entry_size(*entry)) for entry in found.items())
    return _with_more({"secrets": dict(piece)} for piece in pieces)


def _with_more(answers: Iterator[Answer]) -> Iterator[Answer]:
    """Mark all answers but the last."""
    held = next(answers)
    for answer in answers:
        yield held | {"more": True}
        held = answer
    yield held


def _now() -> str:
    return datetime.now(UTC).isoformat()


# --- members ---


def _text(
    request: Request, member: str, longest: int, least: int = 1, default: object = None
) -> str:
    value = request.get(member, default)
    if not isinstance(value, str) or not least <= len(value) <= longest:
        raise Refusal(MALFORMED, f"{member}: a text of {least} to {longest} characters")
    return value


def _optional(request: Request, member: str, longest: int) -> str | None:
    return None if request.get(member) is None else _text(request, member, longest)


def _owner(request: Request) -> str:
    return _text(request, "owner", _LONGEST_OWNER)


def _name(request: Request) -> str:
    value = request.get("name")
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise Refusal(MALFORMED, f"name: must match ^{_NAME.pattern}$")
    return value


def _texts(request: Request, member: str) -> dict[str, str]:
    value = request.get(member)
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise Refusal(MALFORMED, f"{member}: an object of texts")
    return value


def _list_of_texts(request: Request, member: str) -> list[str]:
    value = request.get(member)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Refusal(MALFORMED, f"{member}: a list of texts")
    return value
