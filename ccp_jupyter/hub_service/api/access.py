"""Who may see a Method or an Execution, and who may change it: decided here, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence

from ccp_jupyter.hub_service.api.errors import ApiError
from ccp_jupyter.hub_service.api.identity import SHARE, Caller, Groups
from ccp_jupyter.model.errors import shown
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.stored_method import StoredMethod


def may_change(caller: Caller, record: StoredMethod | Execution) -> bool:
    """Tell whether a record is the caller's to change, and to see all of it."""
    return caller.admin or record.owner == caller.name


async def may_see(groups: Groups, caller: Caller, record: StoredMethod | Execution) -> bool:
    """Tell whether a record is the caller's, or shared with them.

    Raises
    ------
    ApiError
        503: it may be shared in a Context of theirs, and the hub does not tell which these are.
    """
    if may_change(caller, record):
        return True
    # The hub is asked for their groups only when these can matter.
    if record.sharing.with_nobody:
        return False
    return (await groups.viewer(caller)).may_see(record)


async def check_may_share(groups: Groups, caller: Caller, contexts: Sequence[str]) -> None:
    """Refuse callers who may not share, or not in these Contexts.  Raises `ApiError` 403."""
    if SHARE not in caller.scopes:
        raise ApiError(403, f"To share something requires scope {SHARE}", scope=SHARE)
    if caller.admin or not contexts:
        return
    if foreign := sorted(set(contexts) - await groups.of(caller)):
        named = ", ".join(map(shown, foreign[:10]))
        raise ApiError(403, f"You are in no Context {named}, so you cannot share in it")
