"""Sending results, in the same forms as answers to execute requests and to those who come later."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ccp_jupyter.hub_service.api.errors import RESULT_NOT_AVAILABLE, ApiError
from ccp_jupyter.hub_service.api.links import OGC_REL, segment
from ccp_jupyter.hub_service.api.negotiation import preferred
from ccp_jupyter.hub_service.api.operations import HTML, JSON
from ccp_jupyter.hub_service.api.raw_results import (
    Parts,
    RawPart,
    multipart_chunks,
    raw_chunks,
    shown,
)
from ccp_jupyter.hub_service.api.streaming import DownloadHandler
from ccp_jupyter.hub_service.api.wanted import MULTIPART, Form

REPRESENTATION: Final = 16
"""With ``Prefer: return=representation``, largest value of a document in multiples of the usual."""


def as_document(archive: Path, parts: Parts, limit: int) -> dict[str, Any]:
    """Return outputs as the standard's ``results.yaml`` has them; those not there are left out.

    Parameters
    ----------
    archive : Path
        output.zip, which need not be there when no part lies in it.
    parts : mapping
        By output id.
    limit : int
        Largest output that is carried by value, bytes; 0: all by reference.
    """
    values = shown(archive, parts, limit)
    return {name: each[0] if len(each) == 1 else each for name, each in values.items() if each}


class Delivery(DownloadHandler):
    """Base of handlers that send results."""

    def accepted(self) -> str:
        """Return what the caller's header ``Accept`` says; empty when there is none."""
        return ",".join(self.request.headers.get_list("Accept"))

    def inline_limit(self, returns: str) -> int:
        """Return the largest output that a document carries by value, bytes.

        Parameters
        ----------
        returns : str
            What the caller prefers: ``minimal``, ``representation``, or nothing.
        """
        limit = self.services.options.inline_output
        return {"minimal": 0, "representation": limit * REPRESENTATION}.get(returns, limit)

    async def deliver(self, archive: Path, parts: Parts, form: Form, limit: int) -> None:
        """Send outputs.

        Parameters
        ----------
        archive : Path
            output.zip, which need not be there when no part lies in it.
        parts : mapping
            By output id.
        form : Form
            How.
        limit : int
            Largest output that a document carries by value, bytes.

        Raises
        ------
        ApiError
            404: a raw output is wanted, and none is there.
        """
        if form is Form.NONE:
            self.send_nothing()
        elif form is Form.DOCUMENT or self.form == HTML:
            self.reply(await asyncio.to_thread(as_document, archive, parts, limit))
        else:
            await self._deliver_raw(archive, parts, form)

    def send_nothing(self) -> None:
        """Finish without a body."""
        self.set_status(204)
        self.clear_header("Content-Type")
        self.finish()

    async def _deliver_raw(self, archive: Path, parts: Parts, form: Form) -> None:
        every = [part for each in parts.values() for part in each]
        if not every:
            raise ApiError(404, "None of the requested outputs is there", RESULT_NOT_AVAILABLE)
        if not any(part.sent for part in every):
            self.link_to(every)
            self.send_nothing()
        elif len(every) > 1:
            boundary = uuid.uuid4().hex
            self.announce("results", f"{MULTIPART}; boundary={boundary}")
            await self.send_chunks(multipart_chunks(archive, every, boundary))
        elif form is Form.ONE and self._wants_json(every[0]):
            values = await asyncio.to_thread(shown, archive, parts, self.inline_limit(""))
            self.reply_rendered(json.dumps(values[every[0].id][0]).encode())
        else:
            await self.send_part(archive, every[0])

    async def send_part(self, archive: Path, part: RawPart) -> None:
        """Send one output as it is."""
        self.announce(part.name, part.content_type, part.size)
        await self.send_chunks(raw_chunks(archive, part))

    def link_to(self, parts: Sequence[RawPart]) -> None:
        """Tell in headers where outputs are."""
        for part in parts:
            title = segment(part.id)  # what a header must not hold is escaped
            self.add_header("Link", f'<{part.href}>; rel="{OGC_REL}results"; title="{title}"')

    def _wants_json(self, part: RawPart) -> bool:
        """Tell whether the caller takes no other form of an output than JSON."""
        kind = part.media_type.partition(";")[0].strip().lower()
        return kind != JSON and preferred(self.accepted(), (kind, JSON)) == JSON
