"""The configuration file of CC-Agency (``cc-agency.yml``), from version 5.4 to 9.3, and its rules.

Names and types are the interface of CC-Agency, as its documentation and behaviour show it.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
)
from pydantic_core import ErrorDetails

from ccp_jupyter.hub_service.agency_nodes import AgencyNode, Closed, NumberOrText, Whole
from ccp_jupyter.model.errors import InvalidDocument, Problem, shown
from ccp_jupyter.model.red import Source
from ccp_jupyter.model.red.findings import below

VERSIONS: Final = ("5.4", "6.1", "7.0", "8.1", "9.2", "9.3")
"""Those whose configuration is known; others are like the one before."""

_RULES: Final = {
    "missing": "is required",
    "extra_forbidden": "CC-Agency has no such key",
    "string_type": "must be text",
    "string_pattern_mismatch": "must consist of letters, digits, _ and -",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "dict_type": "must be a map",
    "list_type": "must be a list",
    "model_type": "must be a map",
}


def _http_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("must be an http or https URL")
    return value


NodeName = Annotated[str, StringConstraints(pattern=r"\A[a-zA-Z0-9_-]+\z")]


class Jwt(Closed):
    """Tokens of the broker."""

    secret_key: SecretStr | None = None
    access_token_expires: Whole | None = None
    refresh_token_expires: Whole | None = None


class Auth(Closed):
    """Throttling of logins, and how long a login is good for."""

    num_login_attempts: Whole
    block_for_seconds: Whole
    tokens_valid_for_seconds: Whole
    jwt: Jwt | None = None


class Broker(Closed):
    """The part that speaks HTTP."""

    external_url: str | None = None
    auth: Auth


class Scheduling(Closed):
    """How the controller places batches."""

    strategy: Literal["spread", "binpack"] | None = None
    attempts_to_fail: Whole | None = None


class CoreImage(Closed):
    """The image with the agent of version 5."""

    url: str | None = None
    auth: dict[str, SecretStr] | None = None
    disable_pull: bool | None = None


class Docker(Closed):
    """Engines and what containers may."""

    core_image: CoreImage | None = None
    nodes: dict[NodeName, AgencyNode] = Field(min_length=1)
    allow_insecure_capabilities: bool | None = None
    image_prune_duration: float | None = None


class HookAuth(Closed):
    """Login at the receiver of notifications."""

    username: str
    password: SecretStr


class Hook(Closed):
    """A receiver of notifications."""

    url: Annotated[str, AfterValidator(_http_url)]
    auth: HookAuth | None = None


class Controller(Closed):
    """The part that runs batches."""

    external_url: str | None = None
    bind_host: str | None = None
    bind_port: Whole | None = None
    bind_socket_path: str | None = None
    scheduling: Scheduling = Scheduling()
    docker: Docker
    notification_hooks: list[Hook] = Field([])


class Trustee(Closed):
    """The keeper of secrets."""

    internal_url: str
    username: str
    password: SecretStr


class Mongo(Closed):
    """The database."""

    db: str
    username: str
    password: SecretStr
    host: str | None = None
    port: Whole | None = None


class Cloud(Closed):
    """The storage service of the same project."""

    enable: bool
    internal_url: str
    username: str
    password: SecretStr
    ssh_port: NumberOrText = Field(None, alias="sshPort")
    disable_strict_host_key_checking: bool | None = Field(
        None, alias="disableStrictHostKeyChecking"
    )
    public_ssh_key: str | None = Field(None, alias="publicsshKey")
    upload_directory_name: str | None = None
    userhome_directory: str | None = None
    filesystem_directory: str | None = None
    user_storage_limit: NumberOrText = None


class AgencyConfig(Closed):
    """The whole file. A key that every version requires is required."""

    broker: Broker
    controller: Controller
    trustee: Trustee | None = None
    mongo: Mongo
    cloud: Cloud | None = None


# Keys that not every version has: first and last version. A star is any name or number.
_LIFETIMES: Final = {
    "broker.external_url": ("5.4", "7.0"),
    "broker.auth.jwt": ("9.3", "9.3"),
    "controller.external_url": ("5.4", "6.1"),
    "controller.bind_host": ("5.4", "6.1"),
    "controller.bind_port": ("5.4", "6.1"),
    "controller.bind_socket_path": ("7.0", "9.3"),
    "controller.scheduling.strategy": ("5.4", "6.1"),
    "controller.scheduling.attempts_to_fail": ("5.4", "5.4"),
    "controller.docker.core_image": ("5.4", "5.4"),
    "controller.docker.nodes.*.hardware.gpus": ("5.4", "7.0"),
    "controller.docker.nodes.*.hardware.gpu_blacklist": ("8.1", "9.3"),
    "controller.docker.allow_insecure_capabilities": ("6.1", "9.3"),
    "controller.docker.image_prune_duration": ("8.1", "9.3"),
    "controller.notification_hooks": ("6.1", "9.3"),
    "trustee": ("7.0", "9.3"),
    "cloud": ("9.2", "9.3"),
}


def parse_config(source: Source) -> AgencyConfig:
    """Check a configuration.

    Raises
    ------
    InvalidDocument
        With every broken rule, its path, line and column. Values are shown where no password,
        address or variable can be in them.
    """
    try:
        return AgencyConfig.model_validate(source.document)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=True)
        problems = [_problem(source, each) for each in details]
    raise InvalidDocument(problems)


def versions(source: Source) -> tuple[str, ...]:
    """Return the versions of CC-Agency that know all keys of a file; none when it is a mixture."""
    found = list(VERSIONS)
    for pattern, (first, last) in _LIFETIMES.items():
        if _has(source.document, pattern.split(".")):
            low, high = VERSIONS.index(first), VERSIONS.index(last)
            found = [v for v in found if low <= VERSIONS.index(v) <= high]
    return tuple(found)


def _has(value: object, pattern: list[str]) -> bool:
    if not pattern:
        return True
    if not isinstance(value, dict):
        return False
    if pattern[0] == "*":
        return any(_has(child, pattern[1:]) for child in value.values())
    return pattern[0] in value and _has(value[pattern[0]], pattern[1:])


def _problem(source: Source, details: ErrorDetails) -> Problem:
    kind = details["type"]
    path = [part for part in details["loc"] if part != "[key]"]
    member = ""
    for part in path:
        member = below(member, part)
    line, column = source.place(member) or (1, 1)
    return Problem(
        f"line {line}, column {column}: {member or 'the file'}",
        _rule(details),
        _shown(path, details["input"]) if kind not in ("missing", "extra_forbidden") else "",
    )


def _rule(details: ErrorDetails) -> str:
    if found := _RULES.get(details["type"]):
        return found
    text = details["msg"].removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


_OPEN: Final = {
    *("num_login_attempts", "block_for_seconds", "tokens_valid_for_seconds", "bind_port"),
    *("access_token_expires", "refresh_token_expires", "strategy", "attempts_to_fail", "vram"),
    *("disable_pull", "allow_insecure_capabilities", "image_prune_duration", "enable", "port"),
}


def _shown(path: list[str | int], value: object) -> str:
    """Return the value where it cannot be a secret: nobody writes passwords there."""
    scalar = isinstance(value, str | int | float | bool)
    return shown(value) if scalar and path and path[-1] in _OPEN else ""
