"""Every rule of the judge fails what breaks it, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ccp_jupyter.model.execution import Attempt, Execution, PhaseTime, Task
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.states import Outcome, Phase, Status, TaskState
from tests.chaos.faults import Blow, Fault
from tests.chaos.kinds import Job, work
from tests.chaos.load import Story
from tests.chaos.truth import Kept, Rules, judge

BEGIN = datetime(2026, 1, 1, 12, tzinfo=UTC)
ID = "11111111-2222-3333-4444-555555555555"
RULES = Rules(attempts=3, sealed=False)
PHASES = (Phase.LAUNCH, Phase.DEPLOY, Phase.EXECUTE, Phase.FETCH, Phase.DESTROY, Phase.ENDED)


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def story(kind: str = "quick", **members: Any) -> Story:
    job = Job(1, kind, "alice", 0.0, "word", 2, 1.0)
    made = Story(job, work(job, {"shell": "s", "red": "r"}), ID, Status.SUCCESSFUL, "Successful")
    made.files = dict(made.work.truth.files)
    return replace(made, **members)


def attempt(
    number: int = 1, outcome: Outcome | None = Outcome.SUCCESSFUL, **members: Any
) -> Attempt:
    phases = [PhaseTime(phase=phase, at=at(n)) for n, phase in enumerate(PHASES)]
    given = {"node": "node-1", "phase": Phase.ENDED, "phases": phases} | members
    return Attempt(number=number, outcome=outcome, **given)


def kept(
    *attempts: Attempt, state: TaskState = TaskState.SUCCESSFUL, lines: tuple[str, ...] = ()
) -> Kept:
    given = list(attempts or (attempt(),))
    status = Status(str(state))
    execution = Execution(
        id=ID,
        owner="alice",
        method_id="m",
        method={},
        request={},
        inputs={},
        infrastructure_id="i",
        limits=Limits(),
        image="s",
        status=status,
        message=given[-1].reason or "Successful",
    )
    log = {"kind": "log", "attempt": given[-1].number, "stream": "stdout", "lines": list(lines)}
    end = {"kind": "status", "status": str(status)}
    events: list[dict[str, Any]] = [log | {"seq": 1}, end | {"seq": 2}]
    return Kept(execution, [Task(execution_id=ID, index=1, state=state, attempts=given)], events)


def blow(kind: str, target: str = "node-1", note: str = "") -> Blow:
    return Blow(Fault(1, 0.0, kind, target, 1.0, 0.5), at(1), at(3), note)


def problems(told: Story, found: Kept | None, *blows: Blow, rules: Rules = RULES) -> list[str]:
    return judge(told, found, blows, rules).problems


def failed(number: int = 1, outcome: Outcome = Outcome.FAILED, reason: str = "why") -> Attempt:
    return attempt(number, outcome, reason=reason)


def ended_badly(*attempts: Attempt) -> tuple[Story, Kept]:
    return story(status=Status.FAILED, files={}), kept(*attempts, state=TaskState.FAILED)


def test_all_is_well():
    verdict = judge(story(), kept(), (), RULES)
    assert (verdict.problems, verdict.outcome) == ([], "as it should")
    assert verdict.attempts == ["successful"]


@pytest.mark.parametrize(
    ("reason", "described"),
    [
        ("host:5/shell:1: the node's disk is full (node node-1: …)", "the node's disk is full"),
        ("Node node-2 does not answer: no answer within 6 s", "a Node does not answer"),
    ],
)
def test_why_attempts_were_given_up_is_counted_without_names(reason, described):
    first = failed(1, Outcome.PLATFORM, reason)
    verdict = judge(story(), kept(first, attempt(2)), (blow("disk full"),), RULES)
    assert verdict.attempts == [f"platform: {described}", "successful"]


def test_never_acknowledged():
    assert "never acknowledged" in problems(story(id=""), None)[0]


def test_lost():
    assert "nothing is kept" in problems(story(), None)[0]


def test_deleted_and_kept():
    told = story("deleted", asked=True)
    assert problems(told, None) == []
    assert "is still kept" in problems(told, kept())[0]


def test_other_outputs():
    assert "should be" in problems(story(files={"word": b"wrong\n"}), kept())[0]
    assert "should have" in problems(story(files={}), kept())[0]


def test_told_otherwise():
    [problem] = problems(story(status=Status.RUNNING), kept())
    assert "was told running, the store has successful" in problem


def test_two_successful_attempts():
    [problem] = problems(story(), kept(attempt(1), attempt(2)))
    assert "2 successful Attempts" in problem


def test_an_attempt_is_missing():
    assert "has Attempts [2]" in problems(story(), kept(attempt(2)))[0]


def test_an_attempt_without_outcome_and_one_not_ended():
    first = attempt(1, None)
    assert "no outcome" in problems(story(), kept(first, attempt(2)))[0]
    last = attempt(1, phase=Phase.DESTROY)
    assert "still in phase destroy" in problems(story(), kept(last))[0]


def test_events_with_a_gap_or_twice():
    found = kept()
    found.events[1]["seq"] = 3
    assert "without gaps" in problems(story(), found)[0]
    found.events[1]["seq"] = 1
    assert "without gaps" in problems(story(), found)[0]


def test_given_up_for_no_reason():
    given = (failed(1, Outcome.PLATFORM), attempt(2))
    [problem] = problems(story(), kept(*given))
    assert "nothing was done to it" in problem
    assert problems(story(), kept(*given), blow("engine killed")) == []
    assert problems(story(), kept(*given), blow("engine killed", "node-2")) != []
    assert problems(story(), kept(*given), blow("service killed", "service")) == []


def test_failures_are_excused_by_what_was_done_only():
    assert "should be successful" in problems(*ended_badly(failed()))[0]
    full = blow("disk full")
    assert judge(*ended_badly(failed()), (full,), RULES).outcome == "the engine's disk was full"
    assert problems(*ended_badly(failed()), blow("disk full", "node-2")) != []
    name = f"ccp-{ID}.1.1"
    assert problems(*ended_badly(failed()), blow("process killed", note=name)) == []
    assert problems(*ended_badly(failed()), blow("process killed", note=f"{name}0")) != []
    assert problems(*ended_badly(failed()), blow("container killed", note=name)) != []


def test_time_may_run_out_where_the_engine_missed_the_end():
    expired = failed(reason="Execute: expired, it took longer than 90 seconds")
    assert problems(*ended_badly(expired), blow("containerd killed")) == []
    assert problems(*ended_badly(expired), blow("network cut")) != []
    assert problems(*ended_badly(failed()), blow("containerd killed")) != []


def test_the_platform_may_fail_every_attempt_but_not_give_up_before():
    cut = blow("network cut")
    three = [failed(n, Outcome.PLATFORM) for n in (1, 2, 3)]
    assert problems(*ended_badly(*three), cut) == []
    assert "should be successful" in problems(*ended_badly(*three[:2]), cut)[0]


def test_secrets_may_be_lost_with_the_vault_by_those_who_have_some():
    lost = failed(reason="The vault was restarted and has the secret inputs no more")
    killed = blow("vault killed", "vault")
    told, found = ended_badly(lost)
    assert problems(told, found, killed) != []
    needy = story("secret", status=Status.FAILED, files={})
    assert problems(needy, found, killed) == []
    assert problems(needy, found) != []
    assert problems(needy, found, killed, rules=replace(RULES, sealed=True)) != []


def test_a_failure_that_had_to_be_is_no_success():
    told = story("failing")
    assert "should be failed" in problems(told, kept())[0]
    right = failed(reason="Execute: the script ended with exit code 7")
    told = story("failing", status=Status.FAILED)
    assert problems(told, kept(right, state=TaskState.FAILED, lines=("word",))) == []


@pytest.mark.parametrize("lines", [(), ("word", "word")])
def test_a_log_with_lines_missing_or_twice(lines):
    right = failed(reason="Execute: the script ended with exit code 7")
    told = story("failing", status=Status.FAILED)
    [problem] = problems(told, kept(right, state=TaskState.FAILED, lines=lines))
    assert "has the log" in problem


def test_a_log_lacks_lines_only_where_the_engine_could_not_keep_them():
    told = story("chatty")
    assert told.work.truth.log is not None
    begin = told.work.truth.log[:5]
    dead = blow("engine killed")
    assert problems(told, kept(lines=begin), dead) == []
    assert problems(told, kept(lines=begin)) != []
    assert problems(told, kept(lines=begin), blow("engine killed", "node-2")) != []
    assert problems(told, kept(lines=begin), blow("service killed", "service")) != []
    assert problems(told, kept(lines=(*begin, begin[0])), dead) != []
