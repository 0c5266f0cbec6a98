"""All processes that the service has itself."""

from __future__ import annotations

from ccp_jupyter.hub_service.builtin.base import BuiltIns, Offered
from ccp_jupyter.hub_service.builtin.echo import Echo
from ccp_jupyter.hub_service.builtin.red import Red


def built_ins(*, with_echo: bool = True) -> BuiltIns:
    """Return them, by id.

    Parameters
    ----------
    with_echo : bool
        Whether ``echo`` is one of them; ``red`` always is, for every Experiment is one of its
        Executions.
    """
    offered = [Offered(Red())]
    if with_echo:
        offered.append(Offered(Echo()))
    return {each.id: each for each in offered}
