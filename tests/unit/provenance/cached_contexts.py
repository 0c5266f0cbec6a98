"""Puts the JSON-LD contexts of a Process Run Crate into the cache that roc-validator reads offline.

Run by the Python of its environment: ``python cached_contexts.py CACHE``.
"""

from __future__ import annotations

import importlib.util
import io
import json
import sys
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

CRATE = "https://w3id.org/ro/crate/1.1/context"
TERMS = "https://w3id.org/ro/terms/workflow-run"
NAMES = (
    *("ParameterConnection", "connection", "sourceParameter", "targetParameter"),
    *("md5", "sha1", "sha256", "sha512", "environment", "containerImage", "resourceUsage"),
    *("ContainerImage", "DockerImage", "SIFImage", "registry", "tag"),
)
"""The terms that https://w3id.org/ro/terms/workflow-run defines."""


def documents() -> dict[str, bytes]:
    """Return the contexts by address; RO-Crate's own is in older releases of its library."""
    library = importlib.util.find_spec("rocrate")
    assert library is not None and library.origin is not None
    terms = {name: f"{TERMS}#{name}" for name in NAMES}
    return {
        CRATE: Path(library.origin).with_name("data").joinpath("ro-crate.jsonld").read_bytes(),
        f"{TERMS}/context": json.dumps({"@context": terms}).encode(),
    }


class _Local(HTTPAdapter):
    """Answers from `documents` instead of the web."""

    def __init__(self, known: dict[str, bytes]) -> None:
        super().__init__()
        self._known = known

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        body = io.BytesIO(self._known[str(request.url)])
        headers = {"Content-Type": "application/ld+json"}
        answer = HTTPResponse(body, headers, status=200, preload_content=False)
        return self.build_response(request, answer)


def main(cache: str) -> None:
    """Fill a cache, as the validator would from the web."""
    from requests_cache import CachedSession  # type: ignore[import-not-found]

    known = documents()
    with CachedSession(cache, backend="sqlite", expire_after=-1) as session:
        session.mount("https://", _Local(known))
        for address in known:
            session.get(address).raise_for_status()


if __name__ == "__main__":
    main(sys.argv[1])
