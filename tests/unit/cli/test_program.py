"""The program itself: commands of other packages, interrupts, its start."""

from __future__ import annotations

import argparse
import subprocess
import sys
from importlib.metadata import EntryPoint, entry_points

import pytest

from ccp_jupyter.cli import COMMANDS_GROUP, program
from ccp_jupyter.client.errors import CcpError
from tests.unit.cli.documents import ID


def add_commands(commands) -> None:
    """Stands for another package: two commands in one function."""
    one = commands.add_parser("one", help="the first")
    one.add_argument("--json", action="store_true")
    one.set_defaults(run=lambda _: 7)
    commands.add_parser("two").set_defaults(run=fails)


def fails(_: argparse.Namespace) -> int:
    raise CcpError("two is broken")


@pytest.fixture
def others(monkeypatch):
    """Entry points of other packages."""
    found: list[EntryPoint] = []
    asked: list[str] = []

    def by_group(group: str) -> list[EntryPoint]:
        asked.append(group)
        return found

    monkeypatch.setattr(program, "entry_points", by_group)
    here = f"{__name__}:add_commands"
    found += [EntryPoint(name, here, COMMANDS_GROUP) for name in ("one", "two")]
    return found, asked


def test_commands_of_other_packages(ccp, others):
    assert ccp("one").code == 7
    ran = ccp("two")
    assert (ran.code, "two is broken" in ran.err) == (2, True)
    assert "the first" in ccp("--help").out


def test_they_are_not_loaded_in_vain(ccp, others):
    ccp("red", "status", ID)
    assert others[1] == []


def test_missing_extra(ccp, others):
    value = "ccp_jupyter_no_such_package.x:add [hub]"
    others[0].append(EntryPoint("three", value, COMMANDS_GROUP))
    for more in ((), ("import", "--x", "y"), ("--x",), ("--help",)):
        ran = ccp("three", *more)
        assert ran.code == 2
        assert "pip install 'ccp-jupyter[hub]'" in ran.err
        assert "ccp_jupyter_no_such_package" in ran.err
    assert ccp("one").code == 7


def test_nobody_takes_our_names(ccp, others):
    others[0].append(EntryPoint("red", "ccp_jupyter_no_such_package:add", COMMANDS_GROUP))
    assert "submit" in ccp("red", "--help").out


def test_what_is_installed():
    """The commands of the service's package, without that we import it."""
    names = {each.name for each in entry_points(group=COMMANDS_GROUP)}
    assert names >= {"config", "import-agency"}


def test_interrupt(ccp, monkeypatch, red):
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ccp_jupyter.cli.documents.read", interrupted)
    ran = ccp("red", "validate", red, "--json")
    assert (ran.code, ran.json()["exitCode"]) == (130, 130)


def test_version(ccp):
    assert ccp("--version").out.startswith("ccp 0.")


def test_as_a_module_and_as_a_script():
    script = sys.executable.replace("/python3.11", "/ccp").replace("/python3", "/ccp")
    script = script.replace("/python", "/ccp")
    for command in ([sys.executable, "-m", "ccp_jupyter.cli"], [script]):
        ran = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=60)
        assert ran.stdout.startswith("ccp 0.")


def test_start_does_not_import_the_service():
    code = (
        "import sys, ccp_jupyter.cli as c; c.main(['red', 'status', 'x']);"
        "print([n for n in sys.modules if n.startswith('ccp_jupyter.hub_service')"
        " or n in ('docker', 'sqlalchemy', 'keyring', 'ruamel.yaml', 'IPython')])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.stdout == "[]\n"
