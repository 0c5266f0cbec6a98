"""Make the TypeScript types of the service's documents from its own OpenAPI document.

    python -m scripts.api_types            write labextension/src/generated/api.ts
    python -m scripts.api_types --check    say whether it is as it should be; exit code 1 if not

So the panels and the service cannot disagree about a member without a test that says so.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from ccp_jupyter.hub_service.api.openapi import openapi_document

ROOT = Path(__file__).resolve().parents[1] / "labextension"
TARGET = ROOT / "src/generated/api.ts"


def generate() -> str:
    """Return the text of the module.

    Raises
    ------
    SystemExit
        The program that makes it is not there.
    """
    program = ROOT / "node_modules/.bin/openapi-typescript"
    if not program.exists():
        sys.exit("needs the packages of labextension/: jlpm install there")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "api.json", Path(folder) / "api.ts"
        # Views know the documents; which requests there are is for readers of the OpenAPI document.
        source.write_text(json.dumps(openapi_document("/services/ccp/") | {"paths": {}}))
        subprocess.run([program, source, "-o", target], check=True, capture_output=True)
        return target.read_text()


def main() -> int:
    """Write, or check."""
    text = generate()
    if "--check" not in sys.argv[1:]:
        TARGET.parent.mkdir(exist_ok=True)
        TARGET.write_text(text)
        return 0
    if TARGET.exists() and TARGET.read_text() == text:
        return 0
    print("labextension/src/generated/api.ts is not up to date: python -m scripts.api_types")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
