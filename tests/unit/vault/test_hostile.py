"""Whatever comes over the wire, the vault answers and shows nothing."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from ccp_jupyter.hub_service.vault.bounds import Bounds
from ccp_jupyter.hub_service.vault.requests import Conversation, Secrets

OPERATIONS = sorted(Conversation(Secrets())._operations)
MEMBERS = (
    *("id", "secrets", "names", "attempt", "part", "last", "owner", "name", "value"),
    *("registry", "username", "key", "data", "seconds"),
)
PLANTED = "hunter2-hunter2"

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["a", "b", PLANTED, "x" * 500]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
requests = st.fixed_dictionaries(
    {"op": st.sampled_from(OPERATIONS) | anything},
    optional=dict.fromkeys(MEMBERS, anything),
)


@given(st.lists(requests | anything, max_size=8))
@settings(max_examples=100, deadline=None)
def test_every_request_is_answered(sent: list[Any]) -> None:
    secrets = Secrets(Bounds(total=2000))
    conversation = Conversation(secrets)
    for request in sent:
        answers = list(conversation.answers(json.dumps(request).encode()))
        assert answers
        assert all(answer["ok"] in (True, False) for answer in answers)
        last = answers[-1]
        assert "more" not in last
        if not last["ok"]:
            assert set(last) == {"ok", "error", "message"}
            assert PLANTED not in last["message"]
        assert 0 <= secrets.budget.used <= 2000
    conversation.drop()


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_every_line_is_answered(line: bytes) -> None:
    (answer,) = Conversation(Secrets()).answers(line)
    assert answer["ok"] in (True, False)


class Machine(RuleBasedStateMachine):
    """Two connections of one vault, compared with plain dictionaries."""

    @initialize()
    def begin(self) -> None:
        self.secrets = Secrets()
        self.connections = [Conversation(self.secrets), Conversation(self.secrets)]
        self.kept: dict[str, dict[str, str]] = {}
        self.mine: dict[tuple[str, str], str] = {}

    def ask(self, which: int, **request: object) -> dict[str, Any]:
        return list(self.connections[which].answers(json.dumps(request).encode()))[-1]

    which = st.integers(0, 1)
    names = st.sampled_from(["a", "b", "c"])
    values = st.text(max_size=8)
    some = st.dictionaries(names, values, max_size=3)

    @rule(which=which, name=names, secrets=some)
    def put(self, which: int, name: str, secrets: dict[str, str]) -> None:
        assert self.ask(which, op="put", id=name, secrets=secrets) == {"ok": True}
        self.kept[name] = secrets

    @rule(which=which, name=names, parts=st.lists(some, min_size=1, max_size=3), end=st.booleans())
    def put_in_parts(self, which: int, name: str, parts: list[dict[str, str]], end: bool) -> None:
        whole: dict[str, str] = {}
        for number, part in enumerate(parts):
            last = end and number == len(parts) - 1
            request = {"id": name, "secrets": part, "part": number, "last": last}
            assert self.ask(which, op="put", **request) == {"ok": True}
            whole |= part
        if end:
            self.kept[name] = whole

    @rule(which=which, name=names)
    def forget(self, which: int, name: str) -> None:
        assert self.ask(which, op="forget", id=name) == {"ok": True}
        self.kept.pop(name, None)
        assert self.ask(which, op="kept", id=name)["kept"] is False

    @rule(which=which, name=names, wanted=st.none() | st.lists(names, max_size=2))
    def get(self, which: int, name: str, wanted: list[str] | None) -> None:
        answer = self.ask(which, op="get", id=name, names=wanted)
        kept = self.kept.get(name)
        if kept is None or not set(wanted or ()) <= set(kept):
            assert answer["error"] == "lost"
        else:
            assert answer["secrets"] == (
                kept if wanted is None else {each: kept[each] for each in wanted}
            )

    @rule(which=which, owner=names, name=names, value=st.text(min_size=1, max_size=8))
    def save(self, which: int, owner: str, name: str, value: str) -> None:
        assert self.ask(which, op="save", owner=owner, name=name, value=value) == {"ok": True}
        self.mine[owner, name] = value

    @rule(which=which, owner=names, name=names)
    def remove(self, which: int, owner: str, name: str) -> None:
        answer = self.ask(which, op="remove", owner=owner, name=name)
        assert answer["removed"] == (self.mine.pop((owner, name), None) is not None)

    @rule(which=which, owner=names, wanted=st.lists(names, max_size=3))
    def use(self, which: int, owner: str, wanted: list[str]) -> None:
        answer = self.ask(which, op="use", owner=owner, names=wanted, id="e")
        found = {each: self.mine[owner, each] for each in wanted if (owner, each) in self.mine}
        assert answer["secrets"] == found

    def teardown(self) -> None:
        if not hasattr(self, "secrets"):
            return
        for conversation in self.connections:
            conversation.drop()
        executions = self.ask(0, op="executions")["executions"]
        assert set(executions) == set(self.kept)
        for name in executions:
            self.ask(0, op="forget", id=name)
        for owner, name in self.mine:
            self.ask(0, op="remove", owner=owner, name=name)
        assert self.secrets.budget.used == 0


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
