"""The RO-Crate community's own validator, offline, on our crates.

Only when CCP_CRATE_VALIDATOR is set: to install it takes a minute or more, and each crate seconds.
What it checks as a MUST, `crates.py` asserts in every run.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from ccp_jupyter.provenance.crate import METADATA, crate_metadata
from tests.environments import environment
from tests.unit.provenance.crates import types_of
from tests.unit.provenance.records import kinds

pytestmark = [
    pytest.mark.skipif(
        not os.environ.get("CCP_CRATE_VALIDATOR"),
        reason="CCP_CRATE_VALIDATOR=1 lets roc-validator check the crates, too",
    ),
    pytest.mark.timeout(900),
]

# The second has RO-Crate's context 1.1 among its files.
REQUIREMENTS = ["roc-validator==0.13.0"]
ALONE = ["rocrate==0.13.0"]
FILL = Path(__file__).with_name("cached_contexts.py")


@pytest.fixture(scope="module")
def programs() -> Path:
    return environment("roc-validator", REQUIREMENTS, ALONE)


@pytest.fixture(scope="module")
def cache(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("contexts") / "cache"
    subprocess.run([str(programs / "python"), str(FILL), str(path)], check=True, timeout=120)
    return path


def written(metadata, folder: Path) -> Path:
    for entity in metadata["@graph"]:
        if "File" in types_of(entity) and not urlsplit(entity["@id"]).scheme:
            path = folder / unquote(entity["@id"])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    (folder / METADATA).write_text(json.dumps(metadata))
    return folder


def validate(programs: Path, cache: Path, crate: Path) -> tuple[int, str]:
    done = subprocess.run(
        [
            *(str(programs / "rocrate-validator"), "validate", "--offline", "--no-paging"),
            *("--cache-path", str(cache), "--profile-identifier", "process-run-crate-0.5"),
            *("--requirement-severity", "REQUIRED", "--verbose", str(crate)),
        ],
        env={"HOME": str(crate.parent), "PATH": str(programs), "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["successful", "experiment"])
def test_our_crates_are_valid(kind, programs, cache, tmp_path):
    code, text = validate(programs, cache, written(crate_metadata(kinds()[kind]), tmp_path))
    assert code == 0, text


def test_a_broken_one_is_not(programs, cache, tmp_path):
    metadata = crate_metadata(kinds()["successful"])
    for entity in metadata["@graph"]:
        if entity["@id"] == "#execution":
            del entity["instrument"]  # what was run: a MUST of Process Run Crate
    code, text = validate(programs, cache, written(metadata, tmp_path))
    assert code == 1 and "instrument" in text, text
