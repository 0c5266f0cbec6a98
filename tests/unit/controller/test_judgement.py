"""Whose fault it is: every way an Attempt can break off."""

import pytest

from ccp_jupyter.hub_service.controller.judgement import Ended, ending, judge
from ccp_jupyter.hub_service.controller.nodes.agent import NodeLost
from ccp_jupyter.hub_service.controller.nodes.watches import Exit
from ccp_jupyter.hub_service.controller.stage import InputsFailed
from ccp_jupyter.hub_service.engines import base as engines
from ccp_jupyter.hub_service.vault.base import SecretsLost
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.states import Outcome, Phase


@pytest.mark.parametrize(
    ("code", "oom", "disturbed", "phase", "executed", "outcome", "reason"),
    [
        (0, False, False, Phase.EXECUTE, True, None, ""),
        (0, False, True, Phase.EXECUTE, True, None, ""),
        (0, True, False, Phase.EXECUTE, True, None, ""),
        (0, False, False, Phase.DEPLOY, False, Outcome.FAILED, "execute-script was not run"),
        (3, False, False, Phase.EXECUTE, True, Outcome.FAILED, "Execute: .* exit code 3"),
        (3, False, False, Phase.DEPLOY, False, Outcome.FAILED, "Deploy: .* exit code 3"),
        (3, False, True, Phase.EXECUTE, True, Outcome.FAILED, "exit code 3"),
        (137, True, False, Phase.EXECUTE, True, Outcome.FAILED, "out of memory.* 1073741824"),
        (137, False, False, Phase.EXECUTE, True, Outcome.FAILED, "exit code 137.* 1073741824"),
        (137, False, True, Phase.EXECUTE, True, Outcome.PLATFORM, "from outside on Node n1"),
        (255, False, True, Phase.DEPLOY, False, Outcome.PLATFORM, "from outside on Node n1"),
        (None, False, True, Phase.EXECUTE, True, Outcome.PLATFORM, "gone from Node n1"),
    ],
)
def test_exit_of_a_container(code, oom, disturbed, phase, executed, outcome, reason):
    if outcome is None:
        judge(Exit(code, oom, disturbed), phase, executed, "n1", Limits())
        return
    with pytest.raises(Ended, match=reason) as caught:
        judge(Exit(code, oom, disturbed), phase, executed, "n1", Limits())
    assert caught.value.outcome is outcome


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Ended(Outcome.DISMISSED, "x"), Outcome.DISMISSED),
        (NodeLost("x"), Outcome.PLATFORM),
        (engines.RegistryUnreachable("x"), Outcome.PLATFORM),
        (engines.NoResources("x"), Outcome.PLATFORM),
        (engines.NotThere("x"), Outcome.PLATFORM),
        (engines.ImageMissing("x"), Outcome.FAILED),
        (engines.NoAccess("x"), Outcome.FAILED),
        (engines.BadRequest("x"), Outcome.FAILED),
        (InputsFailed("x"), Outcome.FAILED),
        (SecretsLost("x"), Outcome.FAILED),
    ],
)
def test_errors_of_the_other_parts(error, outcome):
    assert ending(error, "c").outcome is outcome


def test_an_unexpected_error_is_the_platforms_and_goes_to_the_log(caplog):
    ended = ending(KeyError("secret detail"), "ccp-x.1.1")
    assert ended.outcome is Outcome.PLATFORM
    assert "secret detail" not in ended.reason
    assert "ccp-x.1.1" in caplog.text
    assert "secret detail" in caplog.text


def test_lost_secrets_say_what_to_do():
    assert "submit again" in ending(SecretsLost(), "c").reason
