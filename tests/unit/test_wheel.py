"""The wheel brings the labextension along: who installs it needs no Node."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import ccp_jupyter
from tests.conftest import missing

ROOT = Path(__file__).resolve().parents[2]
DATA = f"ccp_jupyter-{ccp_jupyter.__version__}.data/data/"
EXTENSION = "share/jupyter/labextensions/ccp-jupyter/"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (ROOT / "ccp_jupyter/labextension/static/style.js").exists():
        missing("the labextension is not built: make ui")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]
    subprocess.run([*command, str(folder), str(ROOT)], check=True, timeout=110)
    (found,) = folder.glob("*.whl")
    return found


def test_it_contains_what_jupyterlab_loads(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        package = json.loads(archive.read(f"{DATA}{EXTENSION}package.json"))
    load = package["jupyterlab"]["_build"]["load"]
    wanted = {
        f"{EXTENSION}install.json",
        f"{EXTENSION}{load}",
        f"{EXTENSION}schemas/ccp-jupyter/plugin.json",
        "etc/jupyter/jupyter_server_config.d/ccp_jupyter.json",
    }
    assert {DATA + name for name in wanted} <= names
    assert package["version"] == ccp_jupyter.__version__
    assert not [name for name in names if "/node_modules/" in name]


def test_it_installs_without_node(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    command: list[str | Path] = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        wheel,
    ]
    # No Node on this path.
    subprocess.run(command, check=True, timeout=110, env={**os.environ, "PATH": "/nonexistent"})
    folder = tmp_path / "venv" / EXTENSION
    install = json.loads((folder / "install.json").read_text())
    assert install["packageName"] == "ccp-jupyter"
    assert list((folder / "static").glob("remoteEntry.*.js"))
