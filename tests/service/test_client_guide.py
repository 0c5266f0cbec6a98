"""docs/client.md and docs/cli.md say nothing that does not work."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ccp_jupyter.client import Client, Conflict
from tests.red import shell
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
    text = text.replace("python:3.12-slim", stack.images["python"])
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
    assert "1 succeeded" in ran.stdout
    assert "ModuleNotFoundError: No module named 'nothing_there'" in ran.stdout


@pytest.mark.timeout(600)  # some twenty processes, one after the other
def test_command_line_guide(stack: Stack, tmp_path: Path) -> None:
    """docs/cli.md says nothing that does not work either."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/cli.md").read_text(), re.DOTALL)
    assert len(blocks) == 7
    red = shell(stack.images["python"], "echo 6 times 7 is $((6 * 7))")
    (tmp_path / "experiment.yml").write_text(json.dumps(red))
    red["container"]["settings"]["image"]["auth"] = {"username": "u", "password": "{{web_pw}}"}
    (tmp_path / "with-secret.yml").write_text(json.dumps(red))
    # 1: something is not well; on a machine that is busy with tests the service may be late.
    script = "\n".join(blocks).replace("ccp admin status ", "(ccp admin status || [ $? = 1 ]) ")
    ran = subprocess.run(
        ["bash", "-euc", f"set -o pipefail\n{script}"],
        cwd=tmp_path,
        env={
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(tmp_path),
            "CCP_SERVICE_URL": stack.service_url,
            "JUPYTERHUB_API_TOKEN": stack.users["alice"],
            "WEB_PASSWORD": "S3CRET-of-the-guide",
            "ADMIN_TOKEN": stack.admin_token,
            "NODE": max(stack.engines),
        },
        capture_output=True,
        text=True,
        timeout=560,
        check=False,
    )
    assert ran.returncode == 0, (ran.stdout[-3000:], ran.stderr[-3000:])
    assert "\nccp service " in ran.stdout
    assert "6 times 7 is 42\n" in ran.stdout
    assert "\nendDocument\nexperiment.crate.zip\n" in ran.stdout
    assert "web_pw\t" in ran.stdout
    assert "ok    reach: " in ran.stdout and "FAIL" not in ran.stdout
    assert ran.stdout.endswith("successful\n")
    assert json.loads((tmp_path / "result.json").read_text())["status"] == "successful"
    assert json.loads((tmp_path / "experiment.json").read_text()) == json.loads(
        (tmp_path / "experiment.yml").read_text()
    )
    kept = [each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()]
    with zipfile.ZipFile(tmp_path / "experiment.crate.zip") as crate:
        kept += [crate.read(name) for name in crate.namelist()]
    said = [text.encode() for text in (ran.stdout, ran.stderr)]
    assert not any(b"S3CRET" in data for data in [*said, *kept])
