"""The page for administrators: Nodes, queue, latest failures, kept up to date by its script."""

from __future__ import annotations

from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.api.html.page import Place, made


class AdminPageHandler(ApiHandler):
    """The page; what it shows comes from the API, as its reader may see it."""

    async def get(self) -> None:
        """Send it."""
        self.send_page(
            made(
                Place.of(self),
                "admin.html",
                title="Administration",
                xsrf=self.xsrf_token.decode(),
            )
        )
