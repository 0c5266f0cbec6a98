"""Whose fault it is: from what happened to the outcome of an Attempt."""

from __future__ import annotations

import logging
from typing import Final

from ccp_jupyter.hub_service.controller.nodes import Exit, NodeLost
from ccp_jupyter.hub_service.controller.stage import InputsFailed
from ccp_jupyter.hub_service.engines.base import EngineError, NoResources, RegistryUnreachable
from ccp_jupyter.hub_service.vault.base import SecretsLost
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.states import Outcome, Phase

_log = logging.getLogger(__name__)

# Exit codes of containers that an engine ended, or lost sight of, when it went down.
_ENDED_BY_ENGINE: Final = frozenset({137, 143, 255})


class Ended(Exception):
    """The Attempt has an outcome; carries it to the end of the road.

    Parameters
    ----------
    outcome : Outcome
        Only ``platform`` may be followed by another Attempt.
    reason : str
        In words for the user.
    """

    def __init__(self, outcome: Outcome, reason: str = "") -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


def ending(error: Exception, name: str) -> Ended:
    """Turn what broke off an Attempt into its outcome; the unexpected goes to the log."""
    match error:
        case Ended():
            return error
        case NodeLost() | RegistryUnreachable() | NoResources():
            return Ended(Outcome.PLATFORM, str(error))
        case EngineError() | InputsFailed():
            return Ended(Outcome.FAILED, str(error))
        case SecretsLost():
            return Ended(
                Outcome.FAILED,
                "The vault was restarted and has the secret inputs no more; submit again",
            )
    _log.error("%s: unexpected error", name, exc_info=error)
    return Ended(Outcome.PLATFORM, "internal error of the service, see its log")


def judge(exit_: Exit, phase: Phase, executed: bool, node: str, limits: Limits) -> None:
    """Return when a container did its work, raise `Ended` when it did not.

    Parameters
    ----------
    exit_ : Exit
        How it ended.
    phase : Phase
        Where the Attempt was.
    executed : bool
        Whether execute-script was begun.
    node : str
        Where it ran.
    limits : Limits
        What it was granted.
    """
    where = phase.capitalize()
    if exit_.code is None:
        raise Ended(Outcome.PLATFORM, f"The container is gone from Node {node}")
    if exit_.code == 0 and executed:
        return
    if exit_.out_of_memory:
        raise Ended(
            Outcome.FAILED, f"{where}: out of memory, the limit is {int(limits.memory)} bytes"
        )
    if exit_.disturbed and exit_.code in _ENDED_BY_ENGINE:
        raise Ended(Outcome.PLATFORM, f"The container was ended from outside on Node {node}")
    if exit_.code == 0:
        raise Ended(
            Outcome.FAILED,
            "Deploy: deploy-script ended the shell, so execute-script was not run",
        )
    raise Ended(Outcome.FAILED, f"{where}: the script ended with exit code {exit_.code}")
