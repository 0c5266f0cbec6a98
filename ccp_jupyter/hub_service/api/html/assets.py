"""What pages load: style and scripts, for everybody, for error pages need them too."""

from __future__ import annotations

from functools import cache
from typing import Final

from ccp_jupyter.hub_service.api.errors import ApiError
from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.api.html.page import TEMPLATES
from ccp_jupyter.model.errors import shown

KINDS: Final = {"css": "text/css", "js": "text/javascript"}
_AGE: Final = 86_400
"""Seconds; the address changes with the content."""


class AssetHandler(ApiHandler):
    """One file."""

    async def get(self, name: str) -> None:
        """Send it."""
        content = _contents().get(name)
        if content is None:
            raise ApiError(404, f"There is no file {shown(name)}")
        self.set_header("Content-Type", KINDS[name.rpartition(".")[2]] + "; charset=utf-8")
        self.set_header("Cache-Control", f"public, max-age={_AGE}")
        self.finish(content)


@cache
def _contents() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (TEMPLATES / "assets").iterdir()}
