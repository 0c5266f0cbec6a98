"""What a snippet is made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

SERVICE_VARIABLE = "CCP_SERVICE_URL"
TOKEN_VARIABLE = "JUPYTERHUB_API_TOKEN"  # noqa: S105 - a name, not a token


@dataclass(frozen=True, slots=True)
class Secret:
    """Stands in a request where the value of a secret input belongs."""

    input_id: str
    variable: str
    """Environment variable that may have the value."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """Stands in a request where the content of a file belongs, in base64."""

    name: str
    """Of the file that the snippet reads."""
    size: int
    """Bytes that it had."""
    origin: str
    """Where it came from, in a sentence."""


Hole = Secret | LocalFile


@dataclass(frozen=True, slots=True)
class Snippet:
    """Code in a file."""

    file_name: str
    media_type: str
    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a snippet says."""

    service: str
    """Address of the service, with a slash at its end."""
    method_id: str
    title: str
    version: str
    request: Mapping[str, Any]
    """The execute request: JSON in which a `Hole` stands where no value may be."""
    written: datetime
    revision: int | None = None
    """Of the Method; None for whichever is the newest when the snippet runs."""
    execution_id: str = ""
    """Of the past Execution whose request it is; empty for one that was just filled in."""
    submitted: datetime | None = None
    """When that Execution was."""
    left_out: str = ""
    """What the request had and the snippet does not, in a sentence."""

    @property
    def path(self) -> str:
        """Where the request goes, below the address of the service."""
        path = f"processes/{quote(self.method_id, safe='')}/execution"
        return path if self.revision is None else f"{path}?revision={self.revision}"

    @property
    def secrets(self) -> list[Secret]:
        """The secrets that it needs."""
        found = [hole for hole in holes(self.request) if isinstance(hole, Secret)]
        return list(dict.fromkeys(found))

    @property
    def files(self) -> list[LocalFile]:
        """The files that it needs."""
        found = [hole for hole in holes(self.request) if isinstance(hole, LocalFile)]
        return list(dict.fromkeys(found))


def holes(value: object) -> Iterator[Hole]:
    """Yield the holes of a request, from the first to the last."""
    if isinstance(value, (Secret, LocalFile)):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from holes(each)
    elif isinstance(value, list):
        for each in value:
            yield from holes(each)


def header(facts: Facts) -> list[str]:
    """Return the lines of the comment above every snippet, without control characters.

    What users wrote is neither first nor second: there Python looks for a file's encoding.
    """
    told = [
        ("Method", f"{facts.title}, version {facts.version}"),
        ("Id", facts.method_id + (f", revision {facts.revision}" if facts.revision else "")),
    ]
    if facts.execution_id:
        when = f", submitted {facts.submitted:%Y-%m-%d %H:%M} UTC" if facts.submitted else ""
        told.append(("Request", f"that of Execution {facts.execution_id}{when}"))
    told += [
        ("Written", f"{facts.written:%Y-%m-%d}"),
        ("Service", f"as below; the environment variable {SERVICE_VARIABLE} wins over that"),
        ("Token", f"from {TOKEN_VARIABLE}, or else it is asked for"),
    ]
    told += [
        ("Secret", f"input {each.input_id}, from {each.variable}, or else it is asked for")
        for each in facts.secrets
    ]
    told += [
        ("File", f"{each.name} ({each.size} bytes) in the current folder. {each.origin}")
        for each in facts.files
    ]
    if facts.left_out:
        told.append(("Left out", facts.left_out))
    width = max(len(name) for name, _ in told) + 1
    return [
        "Runs a Method on a Container Computing service, waits for its end,",
        "and fetches what it put out.",
        "",
        *(f"{name + ':':<{width}} {one_line(text)}" for name, text in told),
    ]


def one_line(text: str, longest: int = 300) -> str:
    """Return a text as part of a comment: in one line, and without what could steer a terminal.

    Parameters
    ----------
    text : str
        Anything.
    longest : int
        Characters; the rest is left out.
    """
    found = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return found if len(found) <= longest else found[: longest - 1] + "…"
