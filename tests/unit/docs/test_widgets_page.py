"""The page about widgets names every trait, and its example runs."""

from __future__ import annotations

import re

import pytest

from ccp_jupyter import widgets
from tests.stack.hub import repository

PAGE = (repository() / "docs/widgets.md").read_text()


@pytest.mark.parametrize("name", widgets.__all__)
def test_every_trait_is_explained(name: str) -> None:
    widget = getattr(widgets, name)()
    state = {key for key in widget.get_state() if not key.startswith("_")}
    for key in state - {"layout", "tabbable", "tooltip", "view"}:
        assert f"`{key}`" in PAGE


def test_the_example_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(code, "docs/widgets.md", "exec"), {})
