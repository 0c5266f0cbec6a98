"""``python -m tests.conformance``: the official suite against a stack that it starts and ends.

Exit status: 0 passed; 1 something failed; 2 the suite could not be had, so nothing was tested.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.conformance.login import logged_in
from tests.conformance.suite import (
    ARTEFACT,
    CannotBeHad,
    compile_provider,
    find_jar,
    run,
    schema_folder,
)
from tests.stack.stack import Stack


def main() -> int:
    """Run it; returns the exit status."""
    with tempfile.TemporaryDirectory(prefix="ccp-conformance-") as name:
        folder = Path(name)
        try:
            jar = find_jar(folder)
            classes = compile_provider(folder)
            if not (schemas := schema_folder()).exists():
                raise CannotBeHad(f"the published schemas are not in {schemas}")
        except CannotBeHad as error:
            print(f"NOT RUN: the official suite {ARTEFACT} could not be had, so nothing was tested")
            print(f"  {error}")
            print("  Name its jar in CCP_ETS_JAR to run it. tests/service/test_conformance.py does")
            print("  what is known of it, request by request; `make service` runs that.")
            return 2
        return _run(jar, classes, schemas, folder)


def _run(jar: Path, classes: Path, schemas: Path, folder: Path) -> int:
    stack = Stack.up(folder / "stack", nodes=1)
    try:
        service = next(iter(stack.service_urls.values()))
        with logged_in(service, stack.users["alice"]) as address:
            outcome = run(jar, classes, schemas, address, folder)
    finally:
        stack.down()
    for line in outcome.told:
        print(line)
    print(", ".join(f"{count} {status}" for status, count in sorted(outcome.counts.items())))
    return 0 if outcome.good else 1


if __name__ == "__main__":
    sys.exit(main())
