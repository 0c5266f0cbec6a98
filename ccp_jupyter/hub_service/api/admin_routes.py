"""The routes for whoever runs the service: Nodes, health, metrics, what everybody runs."""

from __future__ import annotations

from typing import Final

from ccp_jupyter.hub_service.api import admin_schemas, node_schemas
from ccp_jupyter.hub_service.api.admin import StatusHandler, UsageHandler
from ccp_jupyter.hub_service.api.admin_page import AdminPageHandler
from ccp_jupyter.hub_service.api.health import EXPOSITION, HealthHandler, MetricsHandler
from ccp_jupyter.hub_service.api.identity import ADMIN, OPEN, READ
from ccp_jupyter.hub_service.api.nodes import (
    InfrastructureNodesHandler,
    NodeCheckHandler,
    NodeHandler,
    NodesHandler,
)
from ccp_jupyter.hub_service.api.operations import JSON, Answer, Body, Operation
from ccp_jupyter.hub_service.api.params import Param, choice
from ccp_jupyter.hub_service.api.route import Route

_NODE: Final = Answer("the Node as it is now", {JSON: node_schemas.NodeEntry})
_HEALTH: Final = Answer("it can", {JSON: admin_schemas.Health})
_NODES: Final = Answer("Nodes as they are now", {JSON: node_schemas.NodeList})

ADMIN_ROUTES: Final = (
    Route(
        "infrastructures/{infrastructure_id}/nodes",
        InfrastructureNodesHandler,
        {
            "GET": Operation(READ, "getNodes", "Its Nodes now", {200: _NODES}, tag="nodes"),
            "POST": Operation(
                ADMIN,
                "addNode",
                "Add a Node; it need not answer yet",
                {201: Answer("added", {JSON: node_schemas.NodeEntry}, {"Location": "its address"})},
                body=Body(node_schemas.NewNode),
                errors={409: "a Node has this id"},
                tag="nodes",
            ),
        },
    ),
    Route(
        "nodes",
        NodesHandler,
        {"GET": Operation(READ, "getAllNodes", "All Nodes now", {200: _NODES}, tag="nodes")},
    ),
    Route(
        "nodes/{node_id}",
        NodeHandler,
        {
            "GET": Operation(READ, "getNode", "One Node now", {200: _NODE}, tag="nodes"),
            "PATCH": Operation(
                ADMIN,
                "changeNode",
                "Let a Node drain (finish what it has), or work again",
                {200: _NODE},
                body=Body(node_schemas.NodeChange),
                tag="nodes",
            ),
            "DELETE": Operation(
                ADMIN,
                "removeNode",
                "Forget a Node that was added",
                {204: Answer("forgotten")},
                query=(
                    Param(
                        "force",
                        "also when Tasks run there; their Attempts are given up",
                        *choice("true", "false"),
                        default="false",
                    ),
                ),
                errors={409: "the configuration has it, or Tasks run there"},
                tag="nodes",
            ),
        },
    ),
    Route(
        "nodes/{node_id}/check",
        NodeCheckHandler,
        {
            "POST": Operation(
                ADMIN,
                "checkNode",
                "Look at everything that a Node needs",
                {200: Answer("what was found", {JSON: node_schemas.NodeChecks})},
                tag="nodes",
            )
        },
    ),
    Route(
        "health",
        HealthHandler,
        {
            "GET": Operation(
                OPEN,
                "getHealth",
                "Whether the service can accept work",
                {200: _HEALTH, 503: Answer("it cannot", {JSON: admin_schemas.Health})},
                query=(
                    Param(
                        "live",
                        "only whether the process is alive; nothing else is looked at",
                        *choice("", "true"),
                    ),
                ),
                tag="service",
            )
        },
    ),
    Route(
        "metrics",
        MetricsHandler,
        {
            "GET": Operation(
                ADMIN,
                "getMetrics",
                "Metrics for Prometheus; open to the networks that the configuration names",
                {200: Answer("in Prometheus' text format", {EXPOSITION: None})},
                tag="service",
            )
        },
    ),
    Route(
        "admin",
        AdminPageHandler,
        {
            "GET": Operation(
                ADMIN,
                "getAdminPage",
                "Nodes, queue and failures as a page",
                {
                    200: Answer("the page", {"text/html": None}),
                    302: Answer("to the login, for browsers", headers={"Location": "the login"}),
                },
                tag="administration",
            )
        },
    ),
    Route(
        "admin/status",
        StatusHandler,
        {
            "GET": Operation(
                ADMIN,
                "getAdminStatus",
                "How the service is: health, queue, Nodes, latest failures",
                {200: Answer("it", {JSON: admin_schemas.AdminStatus})},
                tag="administration",
            )
        },
    ),
    Route(
        "admin/usage",
        UsageHandler,
        {
            "GET": Operation(
                ADMIN,
                "getAdminUsage",
                "What each user keeps and runs",
                {200: Answer("by user and Infrastructure", {JSON: admin_schemas.UserUsageList})},
                tag="administration",
            )
        },
    ),
)
