"""The list of processes: those that the service runs itself, then the Methods in the store."""

from __future__ import annotations

from dataclasses import replace

from ccp_jupyter.hub_service.builtin.base import BuiltIns
from ccp_jupyter.hub_service.store.base import MethodQuery, Page, Store
from ccp_jupyter.model.stored_method import StoredMethod


async def list_processes(
    store: Store, built_ins: BuiltIns, query: MethodQuery
) -> Page[StoredMethod]:
    """Return a page of what somebody may execute.

    Parameters
    ----------
    store : Store
        Has the Methods.
    built_ins : mapping
        Come first, by id.
    query : MethodQuery
        Which; only Methods have owner and category.
    """
    own = [each.record for _, each in sorted(built_ins.items()) if _fits(each.record, query)]
    end = query.offset + query.limit
    first = own[query.offset : end]
    # At least one is looked for, to know whether a page follows.
    rest = replace(
        query,
        offset=max(0, query.offset - len(own)),
        limit=max(1, query.limit - len(first)),
    )
    page = await store.list_methods(rest)
    if len(first) == query.limit:
        more = end < len(own) or bool(page.items)
        return Page(first, end if more else None)
    following = None if page.next_offset is None else page.next_offset + len(own)
    return Page([*first, *page.items], following)


def _fits(record: StoredMethod, query: MethodQuery) -> bool:
    if query.owner is not None or query.category:
        return False
    document = record.document
    texts = [document["title"], document.get("description", ""), *document.get("keywords", [])]
    return query.search.casefold() in "\n".join(texts).casefold()
