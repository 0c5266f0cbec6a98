"""YAML that readers of version 1.1 and 1.2 understand alike."""

from __future__ import annotations

import io
import re
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import SafeRepresenter

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_NO_TEXT: Final = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
"""Words, in any case, that some version takes for something else than text."""


class _Representer(SafeRepresenter):
    """Quotes every text that is not a plain word; never writes anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(representer: SafeRepresenter, value: str) -> ScalarNode:
    is_plain = _WORD.fullmatch(value) and value.lower() not in _NO_TEXT
    node: ScalarNode = representer.represent_scalar(
        "tag:yaml.org,2002:str", value, style=None if is_plain else '"'
    )
    return node


_Representer.add_representer(str, _text)


def yaml_text(document: dict[str, Any]) -> str:
    """Return a document of JSON values as YAML, block style, keys in their order."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # typed as None
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.width = 2**20
    text = io.StringIO()
    yaml.dump(document, text)
    return text.getvalue()
