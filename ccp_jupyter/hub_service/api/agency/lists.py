"""Lists of the agency: arrays that are sent page by page, with links and a total beside them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Generic, TypeVar
from urllib.parse import urlencode

from tornado.iostream import StreamClosedError

from ccp_jupyter.hub_service.api.agency.handler import AgencyHandler
from ccp_jupyter.hub_service.api.rendering import rendered
from ccp_jupyter.hub_service.store.base import Page
from ccp_jupyter.model.times import now

T = TypeVar("T")

_PAGE: Final = 500
"""Records held at a time."""
_LARGEST_LINKED: Final = 10**9


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """What a list is made of.

    Attributes
    ----------
    read : callable
        Gives limit and offset, gets a page.
    count : callable
        Gets the length of the whole list.
    document : callable
        From record to document.
    """

    read: Callable[[int, int], Awaitable[Page[T]]]
    count: Callable[[], Awaitable[int]]
    document: Callable[[T], Awaitable[Any]]


class ListHandler(AgencyHandler):
    """Base of the two lists, and of the two counts."""

    path: ClassVar[str] = ""

    def nobodys(self) -> bool:
        """Tell whether the list is empty, because it is about somebody else."""
        wanted = self.query["username"]
        return wanted not in (None, "", self.caller.name) and not self.caller.admin

    def filters(self) -> dict[str, Any]:
        """Return what both kinds of queries to the store have in common.

        What is submitted while a list is sent does not belong to it: it would shift the pages.
        """
        owner = self.query["username"] or (None if self.caller.admin else self.caller.name)
        until = self.query["until"]
        return {
            "owner": owner,
            "created_from": self.query["since"],
            "created_to": now() if until is None else until,
        }

    async def send_list(self, listing: Listing[T]) -> None:
        """Send a list in constant memory, from ``skip`` on; all of it when there is no limit.

        With a limit the answer tells the whole length and where its neighbours are.
        """
        skip: int = self.query["skip"] or 0
        left: int | None = self.query["limit"]
        if left is not None:
            await self._announce(listing, skip, left)
        self.set_header("Content-Type", "application/json")
        separator = b"["
        try:
            while left is None or left > 0:
                page = await listing.read(min(_PAGE, left or _PAGE), skip)
                for item in page.items:
                    self.write(separator + rendered(await listing.document(item)))
                    separator = b","
                await self.flush()
                if page.next_offset is None or self.closed.is_set():
                    break
                skip = page.next_offset
                left = None if left is None else left - len(page.items)
        except StreamClosedError:
            return  # the caller went away
        except Exception as error:
            if not self._headers_written:
                raise
            self.log_exception(type(error), error, error.__traceback__)
            self.abort()  # an array that ended here would look complete
            return
        self.finish(b"[]" if separator == b"[" else b"]")

    async def _announce(self, listing: Listing[T], skip: int, limit: int) -> None:
        count = await listing.count()
        self.set_header("X-Total-Count", str(count))
        links = []
        if skip + limit < min(count, _LARGEST_LINKED):
            links.append(self._link(skip + limit, limit, "next"))
        if skip > 0:
            links.append(self._link(max(0, skip - limit), limit, "prev"))
        if links:
            self.set_header("Link", ", ".join(links))

    def _link(self, skip: int, limit: int, rel: str) -> str:
        rest = [
            (param.name, self.request.query_arguments[param.name][0])
            for param in self.operation.query
            if param.name not in ("skip", "limit") and param.name in self.request.query_arguments
        ]
        query = urlencode([*rest, ("skip", skip), ("limit", limit)])
        return f'<{self.base_url}{self.path}?{query}>; rel="{rel}"'

    def send_nothing(self) -> None:
        """Send the empty list."""
        if self.query["limit"] is not None:
            self.set_header("X-Total-Count", "0")
        self.reply([])
