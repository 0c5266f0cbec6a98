"""The admin guide names every limit with its default, and every variable of the reference."""

from __future__ import annotations

import re

import pytest
from pydantic import ByteSize, TypeAdapter
from traitlets.config import Config

from ccp_jupyter.hub_service.app import CcpService
from ccp_jupyter.hub_service.configuration import parse_hooks, parse_infrastructures
from ccp_jupyter.model.infrastructure import Limits
from tests.stack.hub import repository

GUIDE = (repository() / "docs/deployment.md").read_text()
CONFIG = (repository() / "jupyterhub_config.py").read_text()


@pytest.mark.parametrize("name", Limits.model_fields)
def test_limits(name: str) -> None:
    found = re.search(rf"^\| `{name}` \| ([^|]+) \|", GUIDE, re.MULTILINE)
    assert found, f"docs/deployment.md does not list the limit {name}"
    default = getattr(Limits(), name)
    said = found[1].strip().replace(",", "")
    if default is None:
        assert said == "what Nodes have"
    elif isinstance(default, ByteSize):
        assert TypeAdapter(ByteSize).validate_python(said) == default
    else:
        assert float(said) == default


def test_variables_of_the_reference_deployment() -> None:
    read = set(re.findall(r'environ(?:\.get)?[(\[]"(CCP_\w+)"', CONFIG))
    assert read
    listed = set(re.findall(r"^\| `(CCP_\w+)` \|", GUIDE, re.MULTILINE))
    assert read == listed


def test_scopes_of_the_reference_deployment() -> None:
    assert set(re.findall(r"custom:ccp:\w+", CONFIG)) == set(re.findall(r"custom:ccp:\w+", GUIDE))


def test_the_example_is_valid() -> None:
    blocks = [b for b in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL) if "c.Ccp" in b]
    assert len(blocks) == 2
    nodes = []
    for block in blocks:
        config = Config()
        exec(block, {"c": config})
        nodes += [
            node.id
            for found in parse_infrastructures(config.CcpService.infrastructures).values()
            for node in found.nodes
        ]
        unknown = set(config.CcpService) - set(CcpService.class_trait_names(config=True))
        assert not unknown
    assert nodes == ["local", "big-1", "gpu-1"]
    assert parse_hooks(config.CcpService.notification_hooks)
