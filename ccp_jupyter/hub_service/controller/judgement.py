"""Whose fault it is: from what happened to the outcome of an Attempt."""

from __future__ import annotations

import logging
from typing import Final

from ccp_jupyter.hub_service.controller.nodes.agent import NodeLost
from ccp_jupyter.hub_service.controller.nodes.watches import Exit
from ccp_jupyter.hub_service.controller.stage import InputsFailed
from ccp_jupyter.hub_service.engines.base import (
    EngineError,
    NoResources,
    NotThere,
    RegistryUnreachable,
)
from ccp_jupyter.hub_service.vault.base import SecretsLost
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.states import Outcome, Phase

_log = logging.getLogger(__name__)

_KILLED: Final = 137  # exit code of what SIGKILL has ended
# Exit codes of containers that an engine ended, or lost sight of, when it went down.
_ENDED_BY_ENGINE: Final = frozenset({_KILLED, 143, 255})


class Ended(Exception):
    """The Attempt has an outcome; carries it to the end of the road.

    Parameters
    ----------
    outcome : Outcome
        Only ``platform`` may be followed by another Attempt.
    reason : str
        In words for the user.
    repeatable : bool
        Whether another try of a failed batch could make a difference.
    """

    def __init__(self, outcome: Outcome, reason: str = "", *, repeatable: bool = True) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason
        self.repeatable = repeatable


def ending(error: Exception, name: str) -> Ended:
    """Turn what broke off an Attempt into its outcome; the unexpected goes to the log."""
    match error:
        case Ended():
            return error
        case NodeLost() | RegistryUnreachable() | NoResources():
            return Ended(Outcome.PLATFORM, str(error))
        case NotThere():
            # The image has errors of its own: what is missing is the container, and the user's
            # code cannot have removed it. Its engine has lost it, or somebody has removed it.
            _log.warning("%s: %s", name, error)
            return Ended(Outcome.PLATFORM, "The container is gone from its Node")
        case EngineError() | InputsFailed():
            return Ended(Outcome.FAILED, str(error), repeatable=False)
        case SecretsLost():
            return Ended(
                Outcome.FAILED,
                "The vault was restarted and has the secret inputs no more; submit again",
                repeatable=False,
            )
    _log.error("%s: unexpected error", name, exc_info=error)
    return Ended(Outcome.PLATFORM, "internal error of the service, see its log")


def judge_disturbance(exit_: Exit, node: str) -> None:
    """Return when a container ended by itself, raise `Ended` when engine or admin ended it."""
    if exit_.code is None:
        raise Ended(Outcome.PLATFORM, f"The container is gone from Node {node}")
    if exit_.disturbed and exit_.code in _ENDED_BY_ENGINE and not exit_.out_of_memory:
        raise Ended(Outcome.PLATFORM, f"The container was ended from outside on Node {node}")


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
    if exit_.code == 0 and executed:
        return
    judge_disturbance(exit_, node)
    if exit_.out_of_memory:
        raise Ended(
            Outcome.FAILED, f"{where}: out of memory, the limit is {int(limits.memory)} bytes"
        )
    if exit_.code == 0:
        raise Ended(
            Outcome.FAILED,
            "Deploy: deploy-script ended the shell, so execute-script was not run",
        )
    told = f"{where}: the script ended with exit code {exit_.code}"
    if exit_.code == _KILLED:
        # Engines miss now and then that it was for its memory.
        told += (
            ": it was killed, as happens when it needs more memory than the limit of"
            f" {int(limits.memory)} bytes"
        )
    raise Ended(Outcome.FAILED, told)
