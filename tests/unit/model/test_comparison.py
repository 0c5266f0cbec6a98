"""What is different between two Executions."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccp_jupyter.model.comparison import Side, compare
from ccp_jupyter.model.execution import Attempt, Execution, PhaseTime, Task
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.manifest import Manifest, OutputFile
from ccp_jupyter.model.states import Outcome, Phase, Status, TaskState
from ccp_jupyter.model.text_diff import MOST_LINES, text_diff
from ccp_jupyter.model.values import FileValue, LinkValue, PlainValue, SecretValue
from tests.unit.model.test_reuse import an_execution

BEGIN = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def task(index: int = 1, seconds: float = 2.0, **members: Any) -> Task:
    """Return a Task that has ended; each phase took so long."""
    phases = [
        PhaseTime(phase=phase, at=BEGIN + timedelta(seconds=seconds * number))
        for number, phase in enumerate(Phase)
    ]
    given = {"node": "n1", "image": "busybox@sha256:1", "exit_code": 0, **members}
    attempt = Attempt(number=1, phases=phases, outcome=Outcome.SUCCESSFUL, **given)
    return Task(execution_id="e1", index=index, state=TaskState.SUCCESSFUL, attempts=[attempt])


def manifest(**files: str) -> Manifest:
    return Manifest.of(
        OutputFile(path=path, size=len(letter), sha256=letter * 64)
        for path, letter in files.items()
    )


def side(execution: Execution | None = None, *tasks: Task, **members: Any) -> Side:
    ended = {"status": Status.SUCCESSFUL, "message": "Successful", "method_revision": 1}
    found = (execution or an_execution()).model_copy(update=ended)
    return Side(found, tasks or (task(),), **{"manifest": manifest(a="1"), **members})


def test_an_execution_is_the_same_as_itself():
    found = compare(side(log=["one", "two"]), side(log=["one", "two"]))
    assert all(
        each.same for each in (found.id, found.status, found.message, found.exit_codes, found.image)
    )
    assert found.digests.same and found.nodes.same and found.infrastructure.same
    assert found.method.same and found.outputs.same and found.log.same
    assert (found.method.scripts, found.method.members, found.limits) == ({}, {}, {})
    assert (found.inputs.added, found.inputs.removed, found.inputs.changed) == ({}, {}, {})
    assert [(each.phase, each.this, each.other) for each in found.times] == [
        (phase, 2.0, 2.0) for phase in list(Phase)[:-1]
    ]


def test_another_method():
    one = an_execution("set -e\necho {{ word }}\necho end")
    two = an_execution("set -e\necho '{{ word }}'\necho end")
    two.method["title"], two.method["version"] = "Better", "2.0.0"
    two.method_revision = 2
    found = compare(side(two), side(one)).method
    assert not found.same
    assert (found.version.this, found.version.other) == ("2.0.0", "1.0.0")
    assert found.scripts["execute-script"].lines == [
        "@@ -1,3 +1,3 @@",
        " set -e",
        "-echo {{ word }}",
        "+echo '{{ word }}'",
        " echo end",
    ]
    assert set(found.members) == {"title", "version"}
    assert found.members["title"].lines == ["@@ -1 +1 @@", '-"Test"', '+"Better"']


def test_inputs_files_by_digest_and_secrets_only_by_name():
    def inputs(**values: Any) -> Side:
        given = {name: [value] for name, value in values.items()}
        return side(an_execution(inputs=given))

    def file(letter: str) -> FileValue:
        return FileValue(path="inputs/x", size=3, sha256=letter * 64, media_type="text/csv")

    found = compare(
        inputs(
            kept=PlainValue(value=1),
            word=PlainValue(value="new"),
            table=file("b"),
            key=SecretValue(),
            mine=LinkValue(href="https://example.org/x"),
            was_plain=SecretValue(),
        ),
        inputs(
            kept=PlainValue(value=1),
            word=PlainValue(value="old"),
            table=file("a"),
            key=SecretValue(),
            theirs=PlainValue(value="x" * 5000),
            was_plain=PlainValue(value="hunter2"),
        ),
    ).inputs
    assert set(found.changed) == {"word", "table"}
    assert found.changed["word"].this == [{"value": "new"}]
    assert found.changed["table"].other == [
        {"sha256": "a" * 64, "size": 3, "mediaType": "text/csv"}
    ]
    assert list(found.added) == ["mine"]
    assert set(found.removed["theirs"][0]) == {"sha256", "characters"}
    assert found.secrets == ["key", "was_plain"]
    assert "hunter2" not in found.model_dump_json()


def test_what_happened():
    mine = side(
        an_execution(limits=Limits(max_time=5), replicas=2),
        task(1, 1.5, exit_code=3, node="n2", image="busybox@sha256:2"),
        task(2),
    )
    found = compare(mine, side())
    assert found.exit_codes.model_dump() == {"this": [3, 0], "other": [0], "same": False}
    assert found.nodes.this == ["n1", "n2"] and found.nodes.other == ["n1"]
    assert found.digests.this == ["busybox@sha256:1", "busybox@sha256:2"]
    assert set(found.limits) == {"max_time", "replicas"}
    launch = [(each.task, each.this, each.other) for each in found.times if each.phase == "launch"]
    assert launch == [(1, 1.5, 2.0), (2, 2.0, None)]


def test_outputs_by_digest():
    here, there = manifest(same="1", new="2", changed="3"), manifest(same="1", old="2", changed="4")
    found = compare(side(manifest=here), side(manifest=there)).outputs
    assert found.counts == {"same": 1, "changed": 1, "added": 1, "removed": 1}
    assert [each.path for each in found.changed] == ["changed"]
    assert found.changed[0].this.sha256 == "3" * 64
    assert [each.path for each in found.added] == ["new"]
    assert [each.path for each in found.removed] == ["old"]
    nothing = compare(side(manifest=None), side(manifest=None)).outputs
    assert not nothing.known and not nothing.same


def test_many_outputs_are_counted_and_cut():
    many = Manifest.of(OutputFile(path=f"{n:05}", size=1, sha256="1" * 64) for n in range(20_000))
    found = compare(side(manifest=many), side()).outputs
    assert found.counts["added"] == 20_000
    assert len(found.added) == 500


def test_a_log_that_was_not_read_to_its_end_is_never_the_same():
    found = compare(side(log=["a"], log_cut=True), side(log=["a"])).log
    assert not found.same and found.cut and found.lines == []


LINES = st.lists(st.sampled_from(["a", "b", "c", "", "--- x", "@@"]), max_size=30)


def patched(old: list[str], lines: list[str]) -> list[str]:
    """Apply a unified diff as `patch` does."""
    found, at = [], 0
    for line in lines:
        if line.startswith("@@ -"):
            start, _, count = line.split(" ")[1][1:].partition(",")
            begin = int(start) if count == "0" else int(start) - 1
            found += old[at:begin]
            at = begin
        elif line.startswith("+"):
            found.append(line[1:])
        else:
            assert old[at] == line[1:]
            at += 1
            if line.startswith(" "):
                found.append(line[1:])
    return found + old[at:]


@given(old=LINES, new=LINES, around=st.integers(0, 5))
@settings(max_examples=150, deadline=None)
def test_a_difference_leads_from_one_text_to_the_other(old, new, around):
    same = [f"same {number}" for number in range(around)]
    old, new = same + old + same, same + new + same
    found = text_diff(old, new)
    assert found.same is (old == new) is (not found.lines)
    assert not found.cut
    assert patched(old, found.lines) == new


@pytest.mark.parametrize(
    "lines",
    [
        [str(number) for number in range(3 * MOST_LINES)],
        ["x"] * 3 * MOST_LINES,
        ["x", "y"] * MOST_LINES,
        ["x" * 10**6] * 5,
        [f"{number % 97}" for number in range(MOST_LINES)],
    ],
)
def test_the_cost_is_bounded(lines):
    begin = time.process_time()
    found = text_diff(lines, [*lines[1:], "end", *lines[::-2]])
    assert len(json.dumps(found.lines)) < 500_000
    assert not found.same
    # Of this process alone; far more than it takes, far less than without bounds.
    assert time.process_time() - begin < 20
