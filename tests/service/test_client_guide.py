"""docs/client.md says nothing that does not work."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ccp_jupyter.client import Client, Conflict
from tests.stack.examples import example_methods
from tests.stack.stack import Stack

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def examples(stack: Stack) -> None:
    """The example Methods, public."""
    with Client(stack.service_url, stack.users["alice"]) as client:
        for document in example_methods(stack.images):
            try:
                client.deploy(document)
            except Conflict:
                client.replace(document)


@pytest.mark.usefixtures("examples")
def test_all_examples_run_one_after_the_other(stack: Stack, tmp_path: Path) -> None:
    text = (ROOT / "docs/client.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) > 8
    shutil.copy(ROOT / "examples/data/weather.csv", tmp_path)
    script = tmp_path / "guide.py"
    script.write_text("\n".join(blocks))
    ran = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=tmp_path,
        env={
            "PATH": "/usr/bin:/bin",
            "CCP_SERVICE_URL": stack.service_url,
            "JUPYTERHUB_API_TOKEN": stack.users["alice"],
            "CCP_WORKSPACE": str(tmp_path),
        },
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert 'did you mean "table"' in ran.stdout
    (folder, archive) = sorted((tmp_path / "CCP/executions").iterdir())
    assert (folder / "output/statistics.json").exists()
    assert archive.suffix == ".zip"
    assert "'greeting'" in ran.stdout
