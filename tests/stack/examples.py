"""The example Methods and Experiments, made to run in images that an engine really has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PUBLISHED: Mapping[str, str] = {
    "docker.io/library/busybox:1.36": "shell",
    "docker.io/library/python:3.11-slim": "python",
}
"""Images that the examples ask for, and ours (tests/stack/images.py) that can do the same."""

_EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
_FOLDER = _EXAMPLES / "methods"


def example_methods(images: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the documents of all example Methods.

    Parameters
    ----------
    images : mapping
        What to put in place of the image that a Method asks for, by the names of
        `tests.stack.images`.

    Raises
    ------
    KeyError
        An example asks for an image that is not in `PUBLISHED`.
    """
    documents = []
    for path in sorted(_FOLDER.glob("*.json")):
        document = json.loads(path.read_text())
        schema = document["inputs"]["ccpimage"]["schema"]
        schema["default"] = images[PUBLISHED[schema["default"]]]
        documents.append(document)
    return documents


def write_example_experiments(images: Mapping[str, str], folder: Path) -> list[Path]:
    """Write all example RED files, with images that there are; returns their paths.

    Parameters
    ----------
    images : mapping
        As for `example_methods`.
    folder : Path
        Where to write.
    """
    written = []
    for path in sorted((_EXAMPLES / "red").glob("*.yml")):
        text = path.read_text()
        for published, name in PUBLISHED.items():
            text = text.replace(published, images[name])
        written.append(folder / path.name)
        written[-1].write_text(text)
    return written
