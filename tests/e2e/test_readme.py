"""The README's commands, exactly as they stand there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.e2e.conftest import OpenNotebook
from tests.stack.examples import write_example_experiments
from tests.stack.hub import repository
from tests.stack.stack import Stack

pytestmark = pytest.mark.usefixtures("methods")


def blocks(kind: str) -> list[str]:
    """Return the README's code blocks that are marked as tested, of one kind."""
    text = (repository() / "README.md").read_text()
    return re.findall(rf"<!-- tested: {kind} -->\n```\w+\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def environment(stack: Stack, tmp_path: Path) -> dict[str, str]:
    """What a reader has exported; the current folder holds data.csv."""
    shutil.copy(repository() / "examples/data/weather.csv", tmp_path / "data.csv")
    return {
        **os.environ,
        "PYTHONPATH": str(repository()),
        "CCP_SERVICE_URL": stack.service_url,
        "JUPYTERHUB_API_TOKEN": stack.users["carol"],
    }


def test_every_kind_is_there() -> None:
    assert [len(blocks(kind)) for kind in ("notebook", "python", "bash")] == [1, 2, 2]


@pytest.mark.parametrize("number", [0, 1])
def test_python_blocks(number: int, environment: dict[str, str], tmp_path: Path) -> None:
    done = _run([sys.executable, "-c", blocks("python")[number]], environment, tmp_path)
    if number == 0:
        assert '"column": "pressure"' in done
    else:
        assert done.count("successful") == 2


def test_bash_block(environment: dict[str, str], tmp_path: Path) -> None:
    done = _run(["bash", "-euo", "pipefail", "-c", blocks("bash")[0]], environment, tmp_path)
    assert "successful" in done
    assert "wrote statistics.json" in done
    with zipfile.ZipFile(tmp_path / "output.zip") as archive:
        name = next(name for name in archive.namelist() if name.endswith("statistics.json"))
        assert json.loads(archive.read(name))["count"] > 900


def test_command_line_block(environment: dict[str, str], stack: Stack, tmp_path: Path) -> None:
    write_example_experiments(stack.images, tmp_path)
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    environment["XDG_STATE_HOME"] = str(tmp_path / "state")
    done = _run(["bash", "-euo", "pipefail", "-c", blocks("bash")[1]], environment, tmp_path)
    assert "6 twelve" in done


def test_notebook_block(stack: Stack, notebook: OpenNotebook, table: Path) -> None:
    opened = notebook("alice", blocks("notebook")[0], name="readme.ipynb")
    assert "Successful" in opened.run(0)
    folder = stack.home("alice") / "CCP/executions"
    assert list(folder.rglob("statistics.json"))


def _run(command: list[str], environment: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
