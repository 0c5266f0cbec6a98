"""Jupyter notebooks (nbformat 4.5), with the code of `python` in cells."""

from __future__ import annotations

import json
from typing import Any, Final

from ccp_jupyter.codegen import python
from ccp_jupyter.codegen.facts import Facts, header, one_line

SUFFIX: Final = ".ipynb"
MEDIA_TYPE: Final = "application/x-ipynb+json"

_AS_IT_IS: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", **{c: "\\" + c for c in r"\`*_{}[]()#!|~$"}}
)


def document(facts: Facts) -> str:
    """Return a notebook as JSON.

    The cell with the parameters has the tag ``parameters``, as papermill and others look for it.
    """
    cells = [
        _markdown("title", _about(facts)),
        _code("setup", python.setup(facts)),
        _code("parameters", python.parameters(facts), "parameters"),
        _markdown("submitting", "Submit the request. The service keeps it from here on."),
        _code("submit", python.submit()),
        _markdown("monitoring", "Wait for its end, at first with short pauses."),
        _code("monitor", python.monitor()),
        _markdown("fetching", "Fetch and unpack all files that it put out."),
        _code("results", python.results()),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    found = {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(found, indent=1, ensure_ascii=True) + "\n"


def _about(facts: Facts) -> str:
    told = [f"* {plain(line)}" for line in header(facts)[3:]]
    first = f"# {plain(one_line(facts.title)) or 'Method'}"
    what = "Runs a Method, waits for its end, and fetches what it put out."
    return "\n".join([first, "", what, "", *told])


def plain(text: str) -> str:
    """Return a text so that Markdown shows it as it is: no markup, no HTML, no formula."""
    return text.translate(_AS_IT_IS)


def _markdown(cell_id: str, source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": cell_id, "metadata": {}, "source": source}


def _code(cell_id: str, source: str, *tags: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": cell_id,
        "metadata": {"tags": list(tags)} if tags else {},
        "outputs": [],
        "source": source,
    }
