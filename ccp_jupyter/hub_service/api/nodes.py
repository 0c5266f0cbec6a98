"""Nodes: how they are, and what administrators do with them."""

from __future__ import annotations

import json
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from ccp_jupyter.hub_service.api import node_documents
from ccp_jupyter.hub_service.api.admin import all_nodes
from ccp_jupyter.hub_service.api.errors import ApiError
from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.api.infrastructures import InfrastructureHandlerBase
from ccp_jupyter.hub_service.api.links import link, segment
from ccp_jupyter.hub_service.api.node_schemas import NodeChange
from ccp_jupyter.hub_service.controller.base import NodeStatus
from ccp_jupyter.model.errors import InvalidDocument, Problem, shown
from ccp_jupyter.model.infrastructure import Node

Model = TypeVar("Model", bound=BaseModel)
_MOST_VALUES: Final = 2000
"""In the description of a Node."""


class InfrastructureNodesHandler(InfrastructureHandlerBase):
    """The Nodes of an Infrastructure."""

    async def get(self, infrastructure_id: str) -> None:
        """List them as they are now; administrators see addresses too."""
        record = self.known(infrastructure_id)
        self.reply(
            {
                "nodes": [
                    node_documents.node(status, full=self.caller.admin)
                    for status in self.services.controller.nodes(record.id)
                ],
                "links": [
                    link(self.href(record) + "/nodes", "self"),
                    link(self.href(record), "up", record.name),
                ],
            }
        )

    async def post(self, infrastructure_id: str) -> None:
        """Take in a Node; it need not answer yet."""
        record = self.known(infrastructure_id)
        node = checked(Node, await self.json_body(_MOST_VALUES))
        status = await self.services.controller.add_node(record.id, node, self.caller.name)
        self.set_header("Location", f"{self.base_url}nodes/{segment(status.id)}")
        self.reply(node_documents.node(status, full=True), 201)


class NodesHandler(ApiHandler):
    """The Nodes of all Infrastructures."""

    async def get(self) -> None:
        """List them as they are now; administrators see addresses too."""
        self.reply(
            {
                "nodes": [
                    node_documents.node(status, full=self.caller.admin)
                    for status in all_nodes(self.services)
                ],
                "links": [link(self.base_url + "nodes", "self")],
            }
        )


class NodeHandler(ApiHandler):
    """One Node."""

    async def get(self, node_id: str) -> None:
        """Tell how it is."""
        status = self._known(node_id)
        self.reply(node_documents.node(status, full=self.caller.admin))

    async def patch(self, node_id: str) -> None:
        """Let it drain, or work again."""
        self._known(node_id)
        change = checked(NodeChange, await self.json_body(_MOST_VALUES))
        if not change.reason.isprintable():
            rule = "must be one line without control characters"
            raise InvalidDocument([Problem("reason", rule, shown(change.reason))])
        status = await self.services.controller.drain_node(
            node_id, change.draining, change.reason, self.caller.name
        )
        self.reply(node_documents.node(status, full=True))

    async def delete(self, node_id: str) -> None:
        """Forget it."""
        self._known(node_id)
        force = self.query["force"] == "true"
        await self.services.controller.remove_node(node_id, force, self.caller.name)
        self.set_status(204)
        self.clear_header("Content-Type")
        self.finish()

    def _known(self, node_id: str) -> NodeStatus:
        for status in all_nodes(self.services):
            if status.id == node_id:
                return status
        raise ApiError(404, f"There is no Node {shown(node_id)}")


class NodeCheckHandler(ApiHandler):
    """What a Node needs, looked at."""

    async def post(self, node_id: str) -> None:
        """Look now."""
        found = await self.services.controller.check_node(node_id)
        self.reply(
            {
                "id": node_id,
                "ok": all(each.ok for each in found),
                "checks": [node_documents.check(each) for each in found],
            }
        )


def checked(model: type[Model], body: Any) -> Model:
    """Return a record from a decoded body.

    Raises
    ------
    InvalidDocument
        With everything that is wrong.
    """
    try:
        # By way of JSON, where "strict" takes paths and lists as JSON has them, and no 1 for true.
        return model.model_validate_json(json.dumps(body), strict=True)
    except ValidationError as error:
        raise InvalidDocument(
            Problem(
                ".".join(map(str, each["loc"])),
                each["msg"].removeprefix("Value error, "),
                shown(each["input"]) if each["loc"] and each["type"] != "missing" else "",
            )
            for each in error.errors(include_url=False)
        ) from None
