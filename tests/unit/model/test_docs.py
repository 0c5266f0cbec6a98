"""What docs/methods.md shows is true."""

import json
import re
from pathlib import Path

import pytest

from ccp_jupyter.model.method import parse_method
from ccp_jupyter.model.resources import GpuWish
from ccp_jupyter.model.script import render

GUIDE = (Path(__file__).parents[3] / "docs" / "methods.md").read_text(encoding="utf-8")


def test_the_method_is_one():
    block = re.search(r"<!-- tested: method -->\n```json\n(.*?)```", GUIDE, re.DOTALL)
    assert block
    method = parse_method(json.loads(block[1]))
    assert method.id == "column-sum"
    assert method.inputs["table"].schema_.content_encoding == "base64"


def test_the_execution_unit_is_one():
    blocks = [
        re.search(rf"<!-- tested: {name} -->\n```json\n(.*?)```", GUIDE, re.DOTALL)
        for name in ("method", "resources")
    ]
    document, unit = (json.loads(block[1]) for block in blocks if block)
    document["additionalParameters"]["parameters"].append(unit)
    asked = parse_method(document).resources
    assert (asked.cpus.least, asked.memory.most, asked.max_time, asked.pids) == (2, 64, 7200, 1024)
    assert (asked.disk, asked.gpus) == (20, (GpuWish(vram=8192),))


ROWS = re.findall(
    r"^\| `(.*?)` \| `(.*?)` \| `(.*?)` \|$",
    GUIDE.partition("<!-- tested: quoting -->")[2].partition("\n\n")[0],
    re.MULTILINE,
)


def test_the_quoting_table_was_found():
    assert len(ROWS) == 6


@pytest.mark.parametrize(("script", "value", "becomes"), ROWS)
def test_quoting(script, value, becomes):
    assert render([script.replace("\\|", "|")], {"x": value}) == becomes
