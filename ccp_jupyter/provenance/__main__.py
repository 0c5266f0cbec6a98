"""Writes provenance: ``python -m ccp_jupyter.provenance FOLDER FORM…`` with facts on stdin.

A process of its own, because the libraries for PROV and RDF and their documents take much memory,
which a service would never give back, and because a large document takes many seconds of Python,
in which other requests would be slow.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ccp_jupyter.provenance.facts import Facts
from ccp_jupyter.provenance.formats import write


def main() -> None:
    """Read facts as JSON and write them in the forms that the arguments name."""
    folder, *forms = sys.argv[1:]
    write(Facts.model_validate_json(sys.stdin.buffer.read()), forms, Path(folder))


if __name__ == "__main__":
    main()
