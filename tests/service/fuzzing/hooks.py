"""Hooks of schemathesis: real names in addresses, and each route's own way of login.

The environment variable CCP_FUZZ names a JSON file with ``token``, ``user``, and ``names``: lists
of values by path parameter, of which a request takes one as often as a made-up one.
"""

from __future__ import annotations

import base64
import json
import os
import random
from pathlib import Path
from typing import Any

import schemathesis

_GIVEN = json.loads(Path(os.environ["CCP_FUZZ"]).read_text())
_NAMES: dict[str, list[str]] = _GIVEN["names"]
_BASIC = base64.b64encode(f"{_GIVEN['user']}:{_GIVEN['token']}".encode()).decode()


@schemathesis.hook
def map_path_parameters(_: Any, values: dict[str, Any] | None) -> dict[str, Any] | None:
    """Put names of what there is into half of the addresses."""
    if values is None:
        return None
    found = dict(values)
    for name in found:
        if _NAMES.get(name) and random.random() < 0.5:
            found[name] = random.choice(_NAMES[name])
    return found


@schemathesis.hook
def filter_query(context: Any, query: dict[str, Any] | None) -> bool:
    """Leave out pages that are asked for with empty fields, as forms do: they are taken."""
    return (
        not query
        or query.get("f") != "html"
        or all(value not in ("", {}, []) for value in query.values())
    )


@schemathesis.auth()
class Login:
    """Token or Basic, as the route has it."""

    def get(self, case: Any, _: Any) -> str:
        """Return the header."""
        agency = str(case.operation.path).startswith("/agency")
        return f"Basic {_BASIC}" if agency else f"token {_GIVEN['token']}"

    def set(self, case: Any, data: str, _: Any) -> None:
        """Send it."""
        case.headers = {**(case.headers or {}), "Authorization": data}
