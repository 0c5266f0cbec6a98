"""REST face for the browser and the kernel, below ``<base>/ccp_jupyter/``."""

from __future__ import annotations

import json
import mimetypes
from typing import TYPE_CHECKING, Any, cast

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from jupyter_server.utils import ensure_async
from tornado import web

if TYPE_CHECKING:
    from ccp_jupyter.server_ext.app import CcpExtension

LONGEST_ID = 200


class CcpHandler(ExtensionHandlerMixin, APIHandler):
    """What all handlers have in common."""

    auth_resource = "ccp_jupyter"

    @property
    def ccp(self) -> CcpExtension:
        """The extension, which is switched on (else 503 is answered)."""
        extension = self.extension
        if extension.disabled:
            raise web.HTTPError(503, extension.disabled)
        return extension

    @property
    def extension(self) -> CcpExtension:
        """The extension, switched on or not."""
        return cast("CcpExtension", self.settings[self.name])

    def set_default_headers(self) -> None:
        """Keep what the service sends from acting as a page of this server."""
        super().set_default_headers()
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")

    @property
    def content_security_policy(self) -> str:
        """Forbid everything, scripts of users' output files above all."""
        return "default-src 'none'; sandbox; frame-ancestors 'none'"

    def json_object(self, *, longest: int = 10_000) -> dict[str, Any]:
        """Return the JSON object of the body.  Raises `tornado.web.HTTPError` 400."""
        try:
            document = json.loads(self.request.body[: longest + 1] or b"{}")
        except (ValueError, RecursionError):
            raise web.HTTPError(400, "the body must be a JSON object") from None
        if not isinstance(document, dict):
            raise web.HTTPError(400, "the body must be a JSON object")
        return document

    def reply(self, document: object, status: int = 200) -> None:
        """Finish with a JSON document."""
        self.set_status(status)
        self.finish(json.dumps(document))


class StatusHandler(CcpHandler):
    """Whether the extension works."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Tell; this works when the extension is switched off too."""
        extension = self.extension
        reason = extension.disabled or extension.feed.reason
        self.reply(
            {
                "enabled": not extension.disabled,
                "connected": not reason,
                "reason": reason,
                # By these two a page finds that its socket was closed and events went past it.
                "session": extension.session,
                "events": extension.emitted,
            }
        )


class FetchHandler(CcpHandler):
    """Outputs of an Execution, on their way into the workspace."""

    @web.authenticated
    @authorized
    async def post(self, execution_id: str) -> None:
        """Begin; events and GET tell how it goes on."""
        self.reply(self.ccp.fetches.start(_checked(execution_id)).model_dump(), 202)

    @web.authenticated
    @authorized
    async def get(self, execution_id: str) -> None:
        """Tell how far it is."""
        fetch = self.ccp.fetches.get(execution_id)
        if fetch is None:
            raise web.HTTPError(404, "this Execution was not fetched since the server started")
        self.reply(fetch.model_dump())

    @web.authenticated
    @authorized
    async def delete(self, execution_id: str) -> None:
        """Cancel; nothing is left."""
        await self.ccp.fetches.cancel(execution_id)
        self.set_status(204)
        self.finish()


class FilesHandler(CcpHandler):
    """Workspace files as values of inputs."""

    @web.authenticated
    @authorized("read", "contents")  # type: ignore[untyped-decorator]
    async def post(self) -> None:
        """Return the file that ``path`` names as the value of a file input."""
        limit = self.ccp.max_file_size
        path = self.json_object().get("path")
        if not isinstance(path, str) or not path or "\x00" in path:
            raise web.HTTPError(400, "path: must be a path relative to the contents root")
        manager: Any = self.contents_manager
        model = await ensure_async(manager.get(path, content=False))
        if model["type"] == "directory":
            raise web.HTTPError(400, "path: is a folder; choose a file")
        # Some contents managers do not know the size before they read.
        if (model.get("size") or 0) > limit:
            raise web.HTTPError(413, _too_large(limit))
        model = await ensure_async(manager.get(path, type="file", format="base64"))
        content = "".join(model["content"].split())
        if len(content) * 3 // 4 > limit:
            raise web.HTTPError(413, _too_large(limit))
        guessed = model.get("mimetype") or mimetypes.guess_type(path)[0]
        media_type = guessed or "application/octet-stream"
        self.reply(
            {"name": model["name"], "value": content, "mediaType": media_type, "encoding": "base64"}
        )


def _too_large(limit: int) -> str:
    return f"path: the file has more than {limit} bytes; give large files as links"


def _checked(execution_id: str) -> str:
    if len(execution_id) > LONGEST_ID or not execution_id.isprintable():
        raise web.HTTPError(400, "this is no id of an Execution")
    return execution_id
