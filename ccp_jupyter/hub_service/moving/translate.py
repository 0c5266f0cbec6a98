"""From a configuration of CC-Agency to one of the service, with a report of what became what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlsplit, urlunsplit

from ccp_jupyter.hub_service.agency_nodes import LeftOut
from ccp_jupyter.hub_service.moving.agency_config import AgencyConfig, Hook
from ccp_jupyter.hub_service.moving.nodes import translate_node
from ccp_jupyter.hub_service.moving.report import Report
from ccp_jupyter.model.errors import InvalidDocument, Problem
from ccp_jupyter.model.infrastructure import Limits

LONGEST_TIME: Final = 7 * 24 * 3600
"""`max_time` of the new Infrastructure, seconds: CC-Agency had no limit, here there is one."""


@dataclass(slots=True)
class Translation:
    """The new configuration as data."""

    infrastructure: dict[str, Any]
    options: dict[str, Any]
    """Other options of `CcpService`."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Nodes that cannot be taken over, and why."""
    report: Report = field(default_factory=Report)


def translate(config: AgencyConfig, infrastructure_id: str) -> Translation:
    """Translate a configuration.

    Parameters
    ----------
    config : AgencyConfig
        Of any known version.
    infrastructure_id : str
        What the Infrastructure with the agency's nodes shall be called.

    Raises
    ------
    InvalidDocument
        No node can be taken over; the problems say why.
    """
    infrastructure = {
        "id": infrastructure_id,
        "name": "Nodes of CC-Agency",
        "description": "Taken over from cc-agency.yml",
        "limits": {
            "max_time": LONGEST_TIME,
            "cpus": Limits().cpus,
            "pids": Limits().pids,
        },
        "nodes": [],
    }
    made = Translation(infrastructure, {"experiments_on": infrastructure_id})
    _nodes(config, made)
    _docker(config, made)
    _scheduling(config, made)
    _logins(config, made)
    _hooks(config, made)
    _without_counterpart(config, made.report)
    _what_is_new(made.report)
    return made


def _what_is_new(report: Report) -> None:
    report.attention += [
        "limits.max_time: CC-Agency had no time limit; here every batch has one, set to"
        f" {LONGEST_TIME // 86400} days. Lower it to what your users need",
        "limits.cpus and limits.pids: CC-Agency bounded only memory; here a container has"
        f" {Limits().cpus:g} CPU core and {Limits().pids} processes unless you raise them"
        " (docs/deployment.md)",
        "users: they log in at the hub. Their RED files name the hub's address and a hub token as"
        " password (docs/moving-from-cc-agency.md)",
    ]


def _nodes(config: AgencyConfig, made: Translation) -> None:
    taken: set[str] = set()
    for name, node in config.controller.docker.nodes.items():
        place = f"controller.docker.nodes.{name}"
        try:
            record = translate_node(name, node, taken, made.report)
        except LeftOut as error:
            made.left_out[name] = str(error)
            made.report.attention.append(f"{place} is left out: {error}")
            continue
        taken.add(record["id"])
        made.infrastructure["nodes"].append(record)
        made.report.became.append((place, f"Node {record['id']}"))
    if not made.infrastructure["nodes"]:
        raise InvalidDocument(
            Problem(f"controller.docker.nodes.{name}", f"cannot be taken over: {why}")
            for name, why in made.left_out.items()
        )


def _docker(config: AgencyConfig, made: Translation) -> None:
    docker, became = config.controller.docker, made.report.became
    if docker.allow_insecure_capabilities is not None:
        made.infrastructure["allow_fuse"] = docker.allow_insecure_capabilities
        became.append(("controller.docker.allow_insecure_capabilities", "allow_fuse"))
        if docker.allow_insecure_capabilities:
            made.report.attention.append(
                "allow_fuse is on, as allow_insecure_capabilities was: a batch that mounts a"
                " directory can break out of its container"
            )
    if docker.image_prune_duration is not None:
        # 0 means "at once" there and "never" here.
        kept = max(docker.image_prune_duration, 1.0)
        made.infrastructure["keep_images_for"] = kept
        became.append(("controller.docker.image_prune_duration", f"keep_images_for ({kept:g} s)"))
    if docker.core_image is not None:
        made.report.without.append(
            ("controller.docker.core_image", "the agent is part of the service, not of an image")
        )


def _scheduling(config: AgencyConfig, made: Translation) -> None:
    scheduling = config.controller.scheduling
    if scheduling.strategy is not None:
        made.infrastructure["strategy"] = scheduling.strategy
        made.report.became.append(("controller.scheduling.strategy", "strategy"))
    if scheduling.attempts_to_fail is not None:
        made.options["attempts"] = max(scheduling.attempts_to_fail, 1)
        made.report.became.append(("controller.scheduling.attempts_to_fail", "attempts"))
        made.report.attention.append(
            "attempts counts Attempts that fail by the platform (Node gone, engine error). What"
            " fails by itself is tried once more, and only if the Experiment asks for it"
        )


def _logins(config: AgencyConfig, made: Translation) -> None:
    auth, report = config.broker.auth, made.report
    for name in ("num_login_attempts", "block_for_seconds", "tokens_valid_for_seconds"):
        value = getattr(auth, name)
        made.options[name] = max(value, 1)
        report.became.append((f"broker.auth.{name}", name))
        if value < 1:
            report.attention.append(f"{name} was {value}; the smallest possible value is 1")
    for name in ("access_token_expires", "refresh_token_expires"):
        value = getattr(auth.jwt, name, None)
        if value is not None:
            made.options[name] = max(value, 1)
            report.became.append((f"broker.auth.jwt.{name}", name))
    if auth.jwt is not None and auth.jwt.secret_key is not None:
        report.without.append(
            ("broker.auth.jwt.secret_key", "the service makes the keys of its tokens itself")
        )
    report.attention += [
        "trusted_proxies: name the web server in front of the hub's proxy, if there is one; else"
        " failed logins of all users count for its address",
        "agency_origins: CC-Agency let pages of every origin call it. If users have a web page for"
        " it, such as the agency's UI, name its origin",
    ]


def _hooks(config: AgencyConfig, made: Translation) -> None:
    hooks = config.controller.notification_hooks
    if not hooks:
        return
    made.options["notification_hooks"] = [
        _hook(number, hook, made.report) for number, hook in enumerate(hooks)
    ]
    made.report.attention.append(
        "notification_hooks: a failed call is repeated here, so a receiver may hear of a batch"
        " twice; give a hook a `secret` and its calls are signed"
    )


def _hook(number: int, hook: Hook, report: Report) -> dict[str, str]:
    place = f"controller.notification_hooks[{number}]"
    parts = urlsplit(hook.url)
    host = parts.netloc.rpartition("@")[2]
    found = {"url": urlunsplit(parts._replace(netloc=host))}
    if hook.auth is not None:
        found |= {
            "username": hook.auth.username,
            "password": hook.auth.password.get_secret_value(),
        }
    elif parts.username is not None:
        found |= {
            "username": unquote(parts.username),
            "password": unquote(parts.password or ""),
        }
    # The rest of the URL may be a secret too: many receivers know their senders by it.
    report.became.append((place, f"notification_hooks[{number}] ({parts.scheme}://{host}/…)"))
    return found


def _without_counterpart(config: AgencyConfig, report: Report) -> None:
    controller = config.controller
    inside = "the parts of the service speak inside one process, or by a socket in data_dir"
    for place, value, why in (
        (
            "broker.external_url",
            config.broker.external_url,
            "the hub's address and /services/ccp/agency; option public_url if the hub's own is not"
            " what users type",
        ),
        ("controller.external_url", controller.external_url, inside),
        ("controller.bind_host", controller.bind_host, inside),
        ("controller.bind_port", controller.bind_port, inside),
        ("controller.bind_socket_path", controller.bind_socket_path, inside),
        ("trustee", config.trustee, "the service starts its vault itself; nothing to log in to"),
        (
            "mongo",
            config.mongo,
            "Experiments are kept in data_dir; `ccp import-agency` takes the old ones over",
        ),
        (
            "cloud",
            config.cloud,
            "there is no storage service; outputs go where connectors send them",
        ),
    ):
        if value is not None:
            report.without.append((place, why))
