"""Who is asking, as the hub and the service see them."""

from __future__ import annotations

from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.api.links import link


class MeHandler(ApiHandler):
    """The caller."""

    async def get(self) -> None:
        """Tell callers their own name, rights and Contexts."""
        caller = self.caller
        self.set_header("Cache-Control", "private, no-cache")
        self.reply(
            {
                "name": caller.name,
                "admin": caller.admin,
                "contexts": sorted(await self.shared.groups.of(caller)),
                "links": [link(self.base_url + "me", "self")],
            }
        )
