"""What whoever has a shareable link gets, without a login: see `share_links`."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from ccp_jupyter.hub_service.api.errors import ApiError
from ccp_jupyter.hub_service.api.exports import file_name
from ccp_jupyter.hub_service.api.folder_zip import folder_chunks
from ccp_jupyter.hub_service.api.links import link
from ccp_jupyter.hub_service.api.operations import HTML, JSON, ZIP
from ccp_jupyter.hub_service.api.rendering import rendered
from ccp_jupyter.hub_service.api.services import Services
from ccp_jupyter.hub_service.api.streaming import DownloadHandler
from ccp_jupyter.hub_service.store.base import Conflict, Store
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.file_names import execution_name
from ccp_jupyter.model.share_link import ShareLink
from ccp_jupyter.model.sharing import Sharing, with_sharing
from ccp_jupyter.model.states import Target
from ccp_jupyter.model.stored_method import StoredMethod
from ccp_jupyter.model.times import iso, now

_MOST_TRIES: Final = 5


class SharedHandler(DownloadHandler):
    """What a link leads to."""

    async def get(self, token: str) -> None:
        """Send it, or with ``f=json`` and to browsers first what it is."""
        rates, address = self.shared.link_rates, self.shared.logins.address(self.request)
        rates.check_address(address)
        found = await linked(self.services, token)
        if found is None:
            rates.wrong(address)
            raise ApiError(404, "This link does not work: it is wrong, or works no longer")
        made, record = found
        rates.use(made.id)
        form = self.query["f"] or ("html" if self.form == HTML else "file")
        if form != "file":
            self.reply(_about(made, record, f"{self.base_url}shared/{token}"))
            return
        await count_use(self.services.store, made)
        if isinstance(record, StoredMethod):
            body = rendered(copied_document(record))
            self.announce(file_name(record), JSON, len(body))
            self.finish(body)
            return
        async with folder_chunks(
            self.services, record, self.base_url, self.closed, private=False
        ) as chunks:
            self.announce(_execution_file_name(record), ZIP)
            await self.send_chunks(chunks)


async def linked(
    services: Services, token: str
) -> tuple[ShareLink, StoredMethod | Execution] | None:
    """Return a link that works, and what it leads to; None for one that does not."""
    link_id, _, signature = token.partition(".")
    if not await asyncio.to_thread(services.keys.is_link_signature, link_id, signature):
        return None
    made = await services.store.get_link(link_id)
    if made is None or made.expires <= now():
        return None
    record = await _record(services.store, made)
    # Somebody else may have made another one of the same id since.
    if record is None or record.created > made.created:
        return None
    return made, record


async def _record(store: Store, made: ShareLink) -> StoredMethod | Execution | None:
    if made.kind == "execution":
        execution = await store.get_execution(made.target)
        gone = execution is None or execution.target is Target.DELETED
        return None if gone else execution
    method = await store.get_method(made.target)
    if method is None or made.revision in (0, method.revision):
        return method
    old = await store.get_revision(made.target, made.revision)
    return old and old.model_copy(update={"created": method.created})


async def count_use(store: Store, made: ShareLink) -> None:
    """Note the use; when others note theirs at the same time all the time, leave it."""
    latest: ShareLink | None = made
    for _ in range(_MOST_TRIES):
        if latest is None:
            return
        latest.uses += 1
        try:
            await store.save_link(latest)
        except Conflict:
            latest = await store.get_link(made.id)
            continue
        return


def copied_document(method: StoredMethod) -> dict[str, Any]:
    """Return the document of a Method for elsewhere: with whom it is shared concerns nobody."""
    return with_sharing(method.document, Sharing())


def _execution_file_name(execution: Execution) -> str:
    """Return the name of an Execution's file."""
    title = str(execution.method.get("title") or execution.method_id or "experiment")
    return execution_name(title, execution.id) + ".zip"


def _about(made: ShareLink, record: StoredMethod | Execution, href: str) -> dict[str, Any]:
    """Return what there is to know before it is fetched."""
    found: dict[str, Any] = {"kind": made.kind, "id": record.id}
    if isinstance(record, StoredMethod):
        document, name, kind = record.document, file_name(record), JSON
        found["revision"] = record.revision
    else:
        document, name, kind = record.method, _execution_file_name(record), ZIP
        found |= {"status": record.status, "outputSize": record.output_size or 0}
    found |= {
        "title": str(document.get("title") or record.id),
        "version": str(document.get("version", "")),
        "description": str(document.get("description") or ""),
        "created": iso(record.created),
        "expires": iso(made.expires),
        "name": name,
        "links": [
            link(href + "?f=json", "self"),
            link(href + "?f=file", "enclosure", name, kind),
        ],
    }
    return found
