"""Infrastructures and their Runtimes, as users may see them."""

from __future__ import annotations

from ccp_jupyter.hub_service.api import documents
from ccp_jupyter.hub_service.api.errors import ApiError
from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.api.links import link, page_link, segment
from ccp_jupyter.model.errors import shown
from ccp_jupyter.model.infrastructure import Infrastructure


class InfrastructureHandlerBase(ApiHandler):
    """What the handlers of one Infrastructure have in common."""

    def known(self, infrastructure_id: str) -> Infrastructure:
        """Return an Infrastructure.  Raises `ApiError` 404."""
        record = self.services.controller.infrastructures.get(infrastructure_id)
        if record is None:
            raise ApiError(404, f"There is no Infrastructure {shown(infrastructure_id)}")
        return record

    def href(self, record: Infrastructure) -> str:
        """Return the address of an Infrastructure."""
        return f"{self.base_url}infrastructures/{segment(record.id)}"


class InfrastructuresHandler(ApiHandler):
    """All Infrastructures."""

    async def get(self) -> None:
        """List them."""
        base = self.base_url
        controller = self.services.controller
        self.reply(
            {
                "infrastructures": [
                    documents.infrastructure(record, controller.nodes(record.id), base)
                    for record in controller.infrastructures.values()
                ],
                "links": [
                    link(base + "infrastructures", "self"),
                    page_link(base + "infrastructures"),
                ],
            }
        )


class InfrastructureHandler(InfrastructureHandlerBase):
    """One Infrastructure."""

    async def get(self, infrastructure_id: str) -> None:
        """Describe it."""
        record = self.known(infrastructure_id)
        nodes = self.services.controller.nodes(record.id)
        self.reply(documents.infrastructure(record, nodes, self.base_url))


class RuntimesHandler(InfrastructureHandlerBase):
    """The Runtimes of an Infrastructure."""

    async def get(self, infrastructure_id: str) -> None:
        """List the images that it can run."""
        record = self.known(infrastructure_id)
        runtimes = await self.services.controller.runtimes(record.id)
        self.reply(
            {
                "runtimes": [documents.runtime(each) for each in runtimes],
                "links": [
                    link(self.href(record) + "/runtimes", "self"),
                    page_link(self.href(record) + "/runtimes"),
                    link(self.href(record), "up", record.name),
                ],
            }
        )
