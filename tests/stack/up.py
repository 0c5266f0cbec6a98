"""Start a stack: what does not depend on each other starts side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.stack.balancer import start_balancer
from tests.stack.daemons import Daemon
from tests.stack.engines import EngineHandle, start_engine
from tests.stack.hub import (
    GROUPS,
    HubSettings,
    mongodb_url,
    start_hub,
    tokens,
    wait_answer,
    wait_hub,
)
from tests.stack.mongodb import start_mongod
from tests.stack.ports import free_port
from tests.stack.published import references, start_published
from tests.stack.records import from_pid_file, note, noted, write_private
from tests.stack.registry import RegistryHandle
from tests.stack.service import start_service, vault, write_config

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
    isolated: bool = False
    disk: str = ""
    store: str = "sqlite"
    services: int = 1

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
    settings = _settings(plan)
    with ThreadPoolExecutor(max_workers=plan.nodes + 4) as pool:
        hub = pool.submit(_hub, settings)
        engines = [pool.submit(_engine, plan, name) for name in plan.names]
        first = engines[0].result()
        # Isolated engines do not have this machine's loopback.
        host = first.host_address if plan.isolated else "127.0.0.1"
        registry = start_published(plan.folder / "registry", first, host)
        nodes = [engine.result() for engine in engines]
        write_config(
            plan.folder,
            settings.service_config,
            _infrastructure(plan, nodes, registry),
        )
        service = pool.submit(_services, settings)
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
            "address": registry.address,
            "private_address": registry.private_address,
            "user": registry.username,
            "password": registry.password,
        },
        "images": references(registry),
        "host_address": first.host_address,
        "mongodb": mongodb_url(settings.mongodb_port) if settings.mongodb_port else None,
        "services": {
            name: f"http://127.0.0.1:{port}/services/ccp/"
            for name, port in settings.service_ports.items()
        },
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


def _settings(plan: Plan) -> HubSettings:
    return HubSettings.new(
        plan.folder,
        groups=GROUPS,
        process_ports=[free_port() for _ in range(plan.services)] if plan.services > 1 else [],
        mongodb_port=free_port() if plan.store == "mongodb" else 0,
    )


def _services(settings: HubSettings) -> Daemon:
    """Start the service processes and what they need; returns what answers to all."""
    folder, ports = settings.folder, settings.service_ports
    if settings.mongodb_port:
        start_mongod(folder, settings.mongodb_port)
    with ThreadPoolExecutor(max_workers=len(ports)) as pool:
        started = list(pool.map(lambda name: start_service(settings, 60, name), ports))
    if len(ports) == 1:
        return started[0]
    return start_balancer(folder, settings.service_port, ports)


def _hub(settings: HubSettings) -> tuple[dict[str, str], str]:
    hub = start_hub(settings, settings.folder / "logs/hub.log")
    note(settings.folder, "hub", hub)
    wait_hub(settings, hub)
    return tokens(settings)


def _engine(plan: Plan, name: str) -> EngineHandle:
    return start_engine(
        plan.folder / "engines" / name,
        name,
        tls=plan.tls,
        isolated=plan.isolated,
        disk=plan.disk,
        live_restore=plan.live_restore,
    )


def _infrastructure(
    plan: Plan,
    engines: list[EngineHandle],
    registry: RegistryHandle,
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
        "runtimes": list(references(registry).values()),
    }


def _node(engine: EngineHandle) -> dict[str, Any]:
    tls = engine.tls and engine.tls.model_dump(mode="json")
    return {"base_url": engine.base_url, "tls": tls}
