"""docs/operations.md names metrics, checks and commands that are there, and all metrics."""

from __future__ import annotations

import re

import pytest

from ccp_jupyter.cli.program import _parser
from ccp_jupyter.hub_service.observing.observing import Observing
from tests.stack.hub import repository
from tests.unit.observing.samples import Parts

GUIDE = (repository() / "docs/operations.md").read_text()


async def test_metrics() -> None:
    observing = Observing("1")
    observing.controller(Parts().controller)
    await observing.exposition()
    there = set()
    for family in observing.metrics.registry.collect():
        if family.name.startswith("ccp_"):
            there.add(f"{family.name}_total" if family.type == "counter" else family.name)
    told = {re.sub("_bucket$", "", name) for name in re.findall(r"\bccp_[a-z_]+\b", GUIDE)}
    of_checks = {"ccp_vault_up", "ccp_data_free_bytes"}  # there when these have been looked at
    assert told - {"ccp_service"} <= there | of_checks
    assert there - {"ccp_build_info", "ccp_build"} <= told


def test_rules_of_alerts_are_closed() -> None:
    (rules,) = re.findall(r"```yaml\ngroups:\n(.*?)```", GUIDE, re.DOTALL)
    found = re.findall(r"\{alert: (\w+), expr: '([^']+)', for: \w+\}", rules)
    assert len(found) == rules.count("alert:") >= 8
    for name, rule in found:
        assert rule.count("(") == rule.count(")"), name
        assert rule.count("{") == rule.count("}"), name


@pytest.mark.parametrize(
    "line", sorted(set(re.findall(r"^(?:`?)(ccp (?:node|admin) [^#`\n\\]+)", GUIDE, re.MULTILINE)))
)
def test_commands(line: str) -> None:
    words = line.replace("…", "").replace('"new disk until 15:00"', "why").split()[1:]
    if words[:2] == ["node", "add"]:
        words += ["--tls-ca", "a", "--tls-cert", "b", "--tls-key", "c", "--check"]
    assert _parser(words).parse_args(words).run
