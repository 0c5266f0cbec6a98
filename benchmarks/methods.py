"""The Methods that are run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TRIVIAL = "bench-trivial"
SLEEPER = "bench-sleeper"
NAP = "bench-nap"
BULK = "bench-bulk"

_FILES = 10  # of each kind


def trivial(image: str, infrastructure: str) -> dict[str, Any]:
    """Return a Method that writes three bytes."""
    return _method(TRIVIAL, image, infrastructure, ["echo hi > /ccp_data/x"])


def sleeper(image: str, infrastructure: str) -> dict[str, Any]:
    """Return a Method that does nothing for an hour, and ends at once when asked to."""
    return _method(SLEEPER, image, infrastructure, ["exec sleep 3600"])


def nap(image: str, infrastructure: str) -> dict[str, Any]:
    """Return a Method that sleeps for some `seconds`."""
    schema = {"type": "integer", "minimum": 1, "maximum": 3600}
    inputs = {"seconds": {"title": "Seconds", "minOccurs": 1, "maxOccurs": 1, "schema": schema}}
    return _method(NAP, image, infrastructure, ["exec sleep {{ seconds }}"], inputs)


def filler(number: int, image: str, infrastructure: str) -> dict[str, Any]:
    """Return one of the Methods that only make the list of Methods longer."""
    found = _method(f"bench-filler-{number:02}", image, infrastructure, ["true"])
    return {**found, "keywords": ["filler", "statistics"], "description": "Not run. " * 10}


def bulk(image: str, infrastructure: str) -> dict[str, Any]:
    """Return a Method that fills /ccp_data with `megabytes`: half text, half random bytes.

    The text is lines of measurements, about 2 MB long and then repeated, which is far more than a
    compressor looks back.
    """
    lines = [
        "table() {",
        "  awk 'BEGIN { srand(1); for (i = 0; i < 50000; i++)",
        '    printf "%d,station-%03d,%.3f,%.2f,%s\\n", i, 400 * rand(), 90 * rand(),',
        '      1013 + 9 * rand(), rand() < 0.5 ? "ok" : "suspect" }\'',
        "}",
        "table > /table.csv",
        f"each=$(({{{{ megabytes }}}} * 1000000 / 2 / {_FILES}))",
        f"for number in $(seq {_FILES}); do",
        '  while cat /table.csv; do :; done 2>/dev/null | head -c "$each" > "table-$number.csv"',
        '  head -c "$each" /dev/urandom > "noise-$number.bin"',
        "done",
    ]
    schema = {"type": "integer", "minimum": 1, "maximum": 100_000}
    return _method(
        BULK,
        image,
        infrastructure,
        lines,
        {"megabytes": {"title": "Size", "minOccurs": 1, "maxOccurs": 1, "schema": schema}},
    )


def _method(
    name: str,
    image: str,
    infrastructure: str,
    script: list[str],
    inputs: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "id": name,
        "title": name,
        "description": "Run by the benchmarks.",
        "version": "1.0.0",
        "inputs": {
            "ccpimage": {
                "title": "Runtime",
                "minOccurs": 1,
                "maxOccurs": 1,
                "schema": {"type": "string", "format": "url", "default": image},
            },
            **(inputs or {}),
        },
        "outputs": {},
        "additionalParameters": {"parameters": [{"name": "execute-script", "value": script}]},
        "links": [{"rel": "compatibleWith", "href": f"infrastructures/{infrastructure}"}],
    }
