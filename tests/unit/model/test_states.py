"""Every pair of states: what the lifecycle allows, and nothing else."""

from itertools import product

import pytest

from ccp_jupyter.model.states import (
    ForbiddenChange,
    Phase,
    Status,
    Target,
    TaskState,
    changed,
    is_final,
)

# Written out here once more, from the lifecycle as design and architecture tell it.
ALLOWED = {
    Status: {
        "created": {"accepted", "failed", "dismissed"},
        "accepted": {"running", "failed", "dismissed"},
        "running": {"successful", "failed", "dismissed"},
    },
    Target: {"finished": {"dismissed", "deleted"}, "dismissed": {"deleted"}},
    TaskState: {
        "queued": {"running", "failed", "dismissed"},
        "running": {"queued", "successful", "failed", "dismissed"},
    },
    Phase: {
        "launch": {"deploy", "destroy"},
        "deploy": {"execute", "fetch", "destroy"},
        "execute": {"fetch", "destroy"},
        "fetch": {"destroy"},
        "destroy": {"ended"},
    },
}
PAIRS = [pair for kind in ALLOWED for pair in product(kind, kind)]
FINAL = {
    Status: {"successful", "failed", "dismissed"},
    Target: {"deleted"},
    TaskState: {"successful", "failed", "dismissed"},
    Phase: {"ended"},
}


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_every_pair(old, new):
    if new is old or new.value in ALLOWED[type(old)].get(old.value, set()):
        assert changed(old, new) is new
    else:
        with pytest.raises(ForbiddenChange, match=f"{old} cannot become {new}"):
            changed(old, new)


@pytest.mark.parametrize("kind", ALLOWED)
def test_final_states(kind):
    assert {state.value for state in kind if is_final(state)} == FINAL[kind]


def test_an_error_in_any_phase_goes_to_destroy():
    for phase in (Phase.LAUNCH, Phase.DEPLOY, Phase.EXECUTE, Phase.FETCH):
        assert changed(phase, Phase.DESTROY) is Phase.DESTROY
