"""docs/configuration.md is what the options' definitions say, and says something of each."""

from __future__ import annotations

import re

import pytest

from scripts import configuration_reference

PAGE = configuration_reference.reference()


def test_the_page_is_current() -> None:
    page = configuration_reference.TARGET.read_text()
    assert page == PAGE, "run: python -m scripts.configuration_reference"


def test_every_option_has_a_type_a_default_and_help() -> None:
    options = re.findall(r"^### `(\w+)`\n\n(.+); default: (.+)\n\n(.+)$", PAGE, re.MULTILINE)
    assert len(options) == len(re.findall(r"^### ", PAGE, re.MULTILINE)) > 20
    for name, kind, default, text in options:
        assert kind and default and len(text) > 15, name


@pytest.mark.parametrize("model", configuration_reference.MODELS)
def test_every_member_is_described(model: type) -> None:
    section = PAGE.split(f"## `{model.__name__}`\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \| (.*) \|$", section, re.MULTILINE)
    assert rows
    for name, kind, default, text in rows:
        assert kind and default and text, f"{model.__name__}.{name}"
