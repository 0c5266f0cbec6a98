"""RED documents on the user's side: read, checked, completed, before anything is sent."""

from __future__ import annotations

import copy
import os
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from ccp_jupyter.client.errors import CcpError, InvalidRequest, ServiceError
from ccp_jupyter.client.transport import Body, Call, path_of
from ccp_jupyter.client.uploads import Request
from ccp_jupyter.model import errors, red
from ccp_jupyter.model.errors import Problem
from ccp_jupyter.model.red.reading import LARGEST

_BRACES = re.compile(r"\{\{|\}\}")
Place = tuple[int, int]
"""Line and column, both from 1."""


class InvalidDocument(InvalidRequest):
    """A RED document breaks rules; nothing was sent.

    Parameters
    ----------
    problems : iterable of Problem
        At least one.
    name : str
        File that it came from; empty when it came from none.
    places : mapping
        Members to where they stand in the file.
    """

    def __init__(
        self,
        problems: Iterable[Problem],
        name: str = "",
        places: Mapping[str, Place] | None = None,
    ) -> None:
        super().__init__(problems)
        self.name = name
        self.places = dict(places or {})
        lines = [self._line(problem) for problem in self.problems]
        intro = [] if len(lines) == 1 else [f"{name or 'the document'} breaks {len(lines)} rules:"]
        self.args = ("\n  ".join([*intro, *lines]),)

    def _line(self, problem: Problem) -> str:
        line, column = self.places.get(problem.member, (0, 0))
        place = self.name
        if line:
            place = f"{place}:{line}:{column}" if place else f"line {line}, column {column}"
        return f"{place}: {problem}" if place else str(problem)


@dataclass(frozen=True)
class RedDocument:
    """A RED document that breaks no rule; `read` makes it.

    Attributes
    ----------
    name : str
        Where it came from; empty when it was given as an object.
    document : dict
        As it was written.
    converted : dict
        The same as version 9.
    version : str
        ``redVersion`` as it was written.
    changes : tuple of str
        What the conversion to version 9 changed, in words.
    variables : dict
        Names of the ``{{variables}}``; True for those that are secrets.
    """

    name: str
    document: dict[str, Any]
    converted: dict[str, Any]
    version: str
    changes: tuple[str, ...]
    variables: dict[str, bool]
    is_json: bool

    @property
    def batch_count(self) -> int:
        """Number of batches."""
        batches = self.converted.get("batches")
        return len(batches) if isinstance(batches, list) else 1

    @classmethod
    def read(cls, source: RedSource) -> RedDocument:
        """Read and check a document; see `AsyncClient.submit_red` for what a source may be.

        Raises
        ------
        InvalidDocument
            It breaks rules; with line and column where it was read from text.
        CcpError
            The file cannot be read.
        """
        if isinstance(source, RedDocument):
            return source
        if isinstance(source, Mapping):
            document = copy.deepcopy(dict(source))
            try:
                return _checked("", document, is_json=True)
            except errors.InvalidDocument as error:
                raise InvalidDocument(error.problems) from None
        if isinstance(source, str) and ("\n" in source or source.lstrip()[:1] == "{"):
            return cls.of_bytes(source.encode())
        path = Path(source).expanduser()
        return cls.of_bytes(_content(path), str(source))

    @classmethod
    def of_bytes(cls, content: bytes, name: str = "") -> RedDocument:
        """Read and check a document from the content of a file.

        Parameters
        ----------
        content : bytes
            YAML or JSON.
        name : str
            What messages call it.

        Raises
        ------
        InvalidDocument
            It breaks rules; with line and column.
        """
        places: dict[str, Place] = {}
        try:
            found = red.read(content)
        except errors.InvalidDocument as error:
            raise InvalidDocument(error.problems, name) from None
        try:
            return _checked(name, found.document, is_json=content.lstrip()[:1] == b"{")
        except errors.InvalidDocument as error:
            known = {each.member: found.place(each.member) for each in error.problems}
            places = {member: place for member, place in known.items() if place is not None}
            raise InvalidDocument(error.problems, name, places) from None

    def submission(
        self,
        values: Mapping[str, SecretStr],
        *,
        use_vault: bool,
        retry: bool,
        validate_connectors: bool,
        after: Sequence[str],
    ) -> Call:
        """Return the call that hands it in, with values in place of its variables.

        ``execution.settings.access`` (where and as whom to submit) is not the service's to know.
        The parameters are those of `AsyncClient.submit_red`.

        Raises
        ------
        InvalidRequest
            A variable has no value, or one that cannot be sent.
        """
        found = [*self._unfit(values, use_vault)]
        if found:
            raise InvalidRequest(found, "" if len(found) == 1 else "variables:")
        params = {
            "disableRetry": str(int(not retry)),
            "disableConnectorValidation": str(int(not validate_connectors)),
        }
        if use_vault:
            params["useVault"] = "1"
        if after:
            params["after"] = ",".join(after)
        # The key makes a repeated request safe: the service returns what it made of the first.
        return Call(
            "POST",
            path_of("agency", "red"),
            params,
            body=self._body(values),
            headers={"Idempotency-Key": uuid.uuid4().hex},
            repeatable=True,
        )

    def accepted(self, answer: object) -> dict[str, Any]:
        """Return what is known of the Experiment from the answer to its submission.

        Raises
        ------
        ServiceError
            The answer is of the wrong shape.
        """
        identifier = answer.get("experimentId") if isinstance(answer, dict) else None
        if not isinstance(identifier, str) or not identifier:
            raise ServiceError("the service sent no experimentId; is the url right?")
        known = {"kind": "experiment", "status": "accepted", "replicas": self.batch_count}
        return {"jobID": identifier, **known}

    def _body(self, values: Mapping[str, SecretStr]) -> Body:
        given = {n: v.get_secret_value() for n, v in values.items() if n in self.variables}
        completed = red.substituted(_without_access(self.document), given)
        if not isinstance(completed, dict):
            raise TypeError("a RED document stays an object")
        return Request().body(completed)

    def _unfit(self, values: Mapping[str, SecretStr], use_vault: bool) -> Iterator[Problem]:
        for name in self.variables:
            if name not in values:
                if not use_vault:
                    yield Problem(name, "this variable has no value")
            elif _BRACES.search(values[name].get_secret_value()):
                # The service would take it for a variable.
                yield Problem(name, "the value of this variable holds {{ or }}")


def _checked(name: str, document: object, *, is_json: bool) -> RedDocument:
    converted = red.convert(document)
    red.check(converted.document)
    if not isinstance(document, dict) or not isinstance(converted.document, dict):
        raise TypeError("what passed the check is an object")
    return RedDocument(
        name=name,
        document=document,
        converted=converted.document,
        version=converted.version,
        changes=tuple(converted.changes),
        variables=dict(red.variables(_without_access(converted.document))),
        is_json=is_json,
    )


def _without_access(document: dict[str, Any]) -> dict[str, Any]:
    """Return a checked document without ``execution.settings.access``."""
    execution: dict[str, Any] | None = document.get("execution")
    if not execution or "access" not in execution["settings"]:
        return document
    kept = {name: value for name, value in execution["settings"].items() if name != "access"}
    return {**document, "execution": {**execution, "settings": kept}}


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)  # so that a larger one is refused as such
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise CcpError(f"{path}: cannot be read: {why}") from None
    return content


RedSource = str | os.PathLike[str] | Mapping[str, Any] | RedDocument
"""What a RED document may come from."""
