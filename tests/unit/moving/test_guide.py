"""What docs/moving-from-cc-agency.md says is true."""

from __future__ import annotations

import argparse
import re
import shlex

import pytest
from pymongo.common import MIN_SUPPORTED_SERVER_VERSION

from ccp_jupyter.hub_service.moving import add_commands
from ccp_jupyter.hub_service.moving.agency_config import parse_config
from ccp_jupyter.hub_service.moving.history import LONGEST_REASON
from ccp_jupyter.hub_service.moving.translate import translate
from ccp_jupyter.hub_service.old_ids import FILE
from ccp_jupyter.model import red
from tests.stack.hub import repository
from tests.unit.moving.agency_files import EVERYTHING_93, SEED_5, SMALLEST_93

GUIDE = (repository() / "docs/moving-from-cc-agency.md").read_text()
COMMANDS = re.findall(r"^ +ccp ((?:config|import-agency) .*)$", GUIDE, re.MULTILINE)


def test_the_commands_were_found():
    assert len(COMMANDS) == 3


@pytest.mark.parametrize("line", COMMANDS)
def test_the_commands_are_commands(line):
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers(required=True))
    assert callable(parser.parse_args(shlex.split(line)).run)


@pytest.mark.parametrize("option", sorted(set(re.findall(r"(--[a-z][a-z-]+)", GUIDE))))
def test_the_options_are_options(option, capsys):
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers(required=True))
    said = ""
    for words in (["config", "import", "--help"], ["import-agency", "--help"]):
        with pytest.raises(SystemExit):
            parser.parse_args(words)
        said += capsys.readouterr().out
    assert option in said or option == "--wait"  # the last belongs to `ccp red submit`


def test_the_part_of_a_red_file_is_valid():
    block = re.search(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    assert block
    lines = block[1].splitlines()
    given = "\n".join(line[3:] for line in lines).replace("HUB", "hub.example.org")
    rest = """
redVersion: "9"
cli: {cwlVersion: "v1.0", class: "CommandLineTool", baseCommand: "true", inputs: {}, outputs: {}}
container: {engine: "docker", settings: {image: {url: "x"}, ram: 256}}
inputs: {}
outputs: {}
"""
    red.check(red.read(given + rest).document)  # raises when it is not


def test_numbers_and_names():
    assert f"{LONGEST_REASON:,} characters" in GUIDE
    assert f"MongoDB {MIN_SUPPORTED_SERVER_VERSION} or newer" in GUIDE
    assert f"`{FILE}` in the `data_dir`" in GUIDE


@pytest.mark.parametrize("text", [SEED_5, SMALLEST_93, EVERYTHING_93])
def test_every_key_without_counterpart_is_listed(text):
    made = translate(parse_config(red.read(text)), "agency")
    listed = GUIDE.partition("### Without counterpart")[2].partition("## For users")[0]
    assert made.report.without
    for key, _ in made.report.without:
        assert f"`{key}`" in listed or f"`{key.rpartition('.')[2]}`" in listed, key
