"""Start a stack: what does not depend on each other starts side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.stack import images
from tests.stack.engines import EngineHandle, start_engine
from tests.stack.hub import GROUPS, HubSettings, start_hub, tokens, wait_answer, wait_hub
from tests.stack.records import from_pid_file, note, noted, write_private
from tests.stack.registry import RegistryHandle, start_registry
from tests.stack.service import start_service, vault, write_config

IMAGES = ("shell", "python", "red")
INFRASTRUCTURE = "local-docker"
LIMITS: Mapping[str, object] = {
    "memory": "256MiB",
    "cpus": 1,
    "pids": 128,
    "max_time": 120,
    "max_setup_time": 120,
    "max_replicas": 8,
    "input_size": "32MiB",
    "output_size": "256MiB",
    "output_files": 5_000,
    "file_size": "256MiB",
    "log_size": "1MiB",
    "stored_executions": 1_000,
    "stored_size": "2GiB",
}
"""Small, so that tests reach them."""


@dataclass(frozen=True)
class Plan:
    """What to start; `tests.stack.stack.Stack.up` explains the members."""

    folder: Path
    nodes: int = 1
    tls: bool = False
    limits: Mapping[str, object] = field(default_factory=dict)
    node_options: Mapping[str, object] = field(default_factory=dict)
    live_restore: bool = False

    @property
    def names(self) -> list[str]:
        """Names of the Nodes."""
        return [f"node-{number}" for number in range(1, self.nodes + 1)]


def start_all(plan: Plan) -> None:
    """Start everything, wait until it is ready, write ``stack.json``.

    Raises
    ------
    tests.stack.engines.CannotStart, tests.stack.hub.DidNotStart
        What started stays: call `tests.stack.down.down`.
    """
    settings = HubSettings.new(plan.folder, groups=GROUPS)
    with ThreadPoolExecutor(max_workers=plan.nodes + 2) as pool:
        hub = pool.submit(_hub, settings)
        registry = pool.submit(start_registry, plan.folder / "registry")
        engines = [pool.submit(_engine, plan, name) for name in plan.names]
        first = engines[0].result()
        references = pool.submit(_push, registry.result(), first)
        nodes = [engine.result() for engine in engines]
        write_config(
            plan.folder,
            settings.service_config,
            _infrastructure(plan, nodes, registry.result(), references.result()),
        )
        service = pool.submit(start_service, settings)
        users, admin_token = hub.result()
        # The route through the proxy is there as soon as the hub is.
        wait_answer(f"{settings.service_url}health", service.result(), 60)
    document = {
        "hub_url": settings.url,
        "service_url": settings.service_url,
        "users": users,
        "admin_token": admin_token,
        "password": settings.password,
        "admin_password": settings.admin_password,
        "nodes": {engine.name: _node(engine) for engine in nodes},
        "registry": {
            "address": registry.result().address,
            "private_address": registry.result().private_address,
            "user": registry.result().username,
            "password": registry.result().password,
        },
        "images": references.result(),
        "host_address": first.host_address,
        "pids": pids(plan.folder),
        "log_dir": str(plan.folder / "logs"),
    }
    write_private(plan.folder / "stack.json", json.dumps(document, indent=2) + "\n")


def pids(folder: Path) -> dict[str, int]:
    """Return the ids of a stack's processes as they are now, by name."""
    found = {name: daemon.pid for name, daemon in noted(folder).items() if daemon.alive()}
    for name, daemon in (
        ("proxy", from_pid_file(folder / "state/proxy.pid")),
        ("vault", vault(folder)),
    ):
        if daemon is not None:
            found[name] = daemon.pid
    for state in sorted(folder.glob("engines/*/engine.json")):
        found[f"engine-{state.parent.name}"] = EngineHandle.attach(state.parent).pid
    registry = RegistryHandle.attach(folder / "registry")
    return {**found, "registry": registry.pid, "registry-private": registry.private_pid}


def _hub(settings: HubSettings) -> tuple[dict[str, str], str]:
    hub = start_hub(settings, settings.folder / "logs/hub.log")
    note(settings.folder, "hub", hub)
    wait_hub(settings, hub)
    return tokens(settings)


def _engine(plan: Plan, name: str) -> EngineHandle:
    return start_engine(
        plan.folder / "engines" / name, name, tls=plan.tls, live_restore=plan.live_restore
    )


def _push(registry: RegistryHandle, engine: EngineHandle) -> dict[str, str]:
    local = images.load(engine, IMAGES)
    return {
        name: registry.push(engine, reference, f"ccp/{name}:1") for name, reference in local.items()
    }


def _infrastructure(
    plan: Plan,
    engines: list[EngineHandle],
    registry: RegistryHandle,
    references: Mapping[str, str],
) -> dict[str, Any]:
    return {
        "id": INFRASTRUCTURE,
        "name": "Local docker",
        "description": "Docker engines of the test stack",
        "limits": {**LIMITS, **plan.limits},
        "nodes": [
            engine.node(**plan.node_options).model_dump(mode="json", exclude_none=True)
            for engine in engines
        ],
        "registries": [
            {"host": registry.address, "insecure": True},
            {
                "host": registry.private_address,
                "username": registry.username,
                "password": registry.password,
                "insecure": True,
            },
        ],
        "runtimes": list(references.values()),
    }


def _node(engine: EngineHandle) -> dict[str, Any]:
    tls = engine.tls and engine.tls.model_dump(mode="json")
    return {"base_url": engine.base_url, "tls": tls}
