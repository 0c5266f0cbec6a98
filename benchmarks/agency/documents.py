"""The RED documents that both sides get, word for word the same."""

from __future__ import annotations

from typing import Any

from tests import red

EVERYTHING = 1000
"""A ``batchConcurrencyLimit`` that does not hold anything back."""


def trivial(image: str, batches: int = 1, limit: int = EVERYTHING) -> dict[str, Any]:
    """Return batches that do nothing and move no file."""
    return red.shell(image, "true", batches=batches, limit=limit)


def connected(image: str, batches: int) -> dict[str, Any]:
    """Return batches with a connector at an input and one at an output, each with a login."""
    return red.document(
        image,
        ["cp"],
        {
            "source": {"type": "File", "inputBinding": {"position": 0}},
            "target": {"type": "string", "inputBinding": {"position": 1}},
        },
        [_connected(number) for number in range(1, batches + 1)],
        outputs={"copy": {"type": "File", "outputBinding": {"glob": "copy"}}},
        limit=EVERYTHING,
    )


def _connected(number: int) -> dict[str, Any]:
    auth = {"username": "reader", "password": f"password-{number}"}
    address = f"https://data.example.org/measurements/{number}"
    sent = red.http_file(f"{address}/out", method="PUT", auth=auth)
    given = red.http_file(f"{address}/in.txt", auth=auth)
    return {"inputs": {"source": given, "target": "copy"}, "outputs": {"copy": sent}}
