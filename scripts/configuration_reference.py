"""Writes docs/configuration.md from the options' own definitions, so that it is never wrong.

``python -m scripts.configuration_reference`` writes it; a test fails while it is not current.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ByteSize, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from traitlets import Bool, Dict, Float, Int, List, TraitType, Unicode

from ccp_jupyter.hub_service.app import CcpService
from ccp_jupyter.hub_service.controller.hooks import Hook
from ccp_jupyter.model.infrastructure import Gpu, Infrastructure, Limits, Node, Registry, Tls

TARGET: Final = Path(__file__).resolve().parents[1] / "docs/configuration.md"
MODELS: Final = (Infrastructure, Limits, Node, Tls, Gpu, Registry, Hook)
_OF_TRAITLETS: Final = ("log_level",)
"""Options that the service inherits and that are of use."""
_TRAITS: Final = {Bool: "true or false", Int: "whole number", Float: "number", Unicode: "text"}
_PLAIN: Final = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    Path: "path",
    ByteSize: "size",
    SecretStr: "secret text",
}
_HEAD: Final = """\
# Configuration

Every option of the service. This page is made from their definitions; do not edit it, run
`python -m scripts.configuration_reference`. [deployment.md](deployment.md) says which options to
set and why, [operations.md](operations.md) how to run what they make.

`ccp-service -f FILE` reads a Python file, in which `c` is the configuration:

```python
c.CcpService.data_dir = "/srv/ccp"
```

On the command line the same is `--CcpService.data_dir=/srv/ccp`, which wins. What is wrong is said
at the start, with option, rule and value. `ccp-service --generate-config` prints a file with all
options.

A *size* is a number of bytes, or text such as `"512MiB"` or `"2GiB"`.

"""


def reference() -> str:
    """Return the page."""
    parts = [_HEAD, "## Options of `CcpService`\n\n"]
    parts += [_option(name, trait) for name, trait in sorted(_traits().items())]
    for model in MODELS:
        parts.append(_section(model))
    return "".join(parts).rstrip() + "\n"


def _traits() -> dict[str, TraitType[Any, Any]]:
    own: dict[str, TraitType[Any, Any]] = CcpService.class_own_traits(config=True)
    every = CcpService.class_traits(config=True)
    return own | {name: every[name] for name in _OF_TRAITLETS}


def _option(name: str, trait: TraitType[Any, Any]) -> str:
    """Return the entry of an option."""
    text = inspect.cleandoc(trait.help)
    return (
        f"### `{name}`\n\n{_trait_type(trait)}; default: {_default_of(name, trait)}\n\n{text}\n\n"
    )


def _trait_type(trait: TraitType[Any, Any]) -> str:
    if isinstance(trait, List):
        inner = trait._trait
        return "List" if inner is None else f"List of {_trait_type(inner).lower()}s"
    if isinstance(trait, Dict):
        return "Dict"
    for kind, text in _TRAITS.items():
        if isinstance(trait, kind):
            least = getattr(trait, "min", None)
            bound = "" if least is None else f", at least {least:g}"
            return f"{text.capitalize()}{bound}"
    return "One of " + ", ".join(f"`{each}`" for each in getattr(trait, "values", ()))


def _default_of(name: str, trait: TraitType[Any, Any]) -> str:
    if isinstance(trait, (List, Dict)):
        return "none"
    if name == "log_level":
        return "`INFO`"
    return _shown(trait.default_value)


def _section(model: type[BaseModel]) -> str:
    """Return the section of a dict that an option takes."""
    text = " ".join((inspect.getdoc(model) or "").replace("``", "`").split())
    lines = [f"## `{model.__name__}`\n\n{textwrap.fill(text, 100)}\n\n"]
    lines.append("| Member | Type | Default | Meaning |\n|---|---|---|---|\n")
    lines += [_row(name, field) for name, field in model.model_fields.items()]
    return "".join(lines) + "\n"


def _row(name: str, field: FieldInfo) -> str:
    kind = ", ".join([_type(field.annotation), *_bounds(field)])
    default = "required" if field.is_required() else _shown(field.get_default())
    cells = (f"`{name}`", kind, default, (field.description or "").replace("|", "\\|"))
    return f"| {' | '.join(cells)} |\n"


def _bounds(field: FieldInfo) -> Iterator[str]:
    for rule in field.metadata:
        match rule:
            case Ge(ge=value):
                yield f"at least {value}"
            case Gt(gt=value):
                yield f"more than {value}"
            case Le(le=value):
                yield f"at most {value}"
            case Lt(lt=value):
                yield f"less than {value}"


def _type(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(inner[0])
    if origin in (Union, UnionType):
        return " or ".join(_type(each) for each in inner if each is not NoneType)
    if origin is Literal:
        return " or ".join(f"`{each}`" for each in inner)
    if origin in (tuple, list):
        return f"list of {_type(inner[0])}"
    if origin is dict:
        return f"dict: {_type(inner[0])} to {_type(inner[1])}"
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if inspect.isclass(annotation) and annotation in MODELS:
        return f"[`{annotation.__name__}`](#{annotation.__name__.lower()})"
    raise TypeError(f"how shall {annotation!r} be described?")


def _size(count: int) -> str:
    for name, step in (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count and count % step == 0:
            return f"{count // step}{name}"
    return str(int(count))


def _shown(value: Any) -> str:
    if value is None or value is PydanticUndefined or value in ("", (), {}, []):
        return "none"
    if isinstance(value, ByteSize):
        return f"`{_size(value)}`"
    if isinstance(value, bool):
        return f"`{value}`"
    if isinstance(value, BaseModel):
        return "its defaults"
    if isinstance(value, tuple):
        return ", ".join(f"`{each}`" for each in value)
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


if __name__ == "__main__":
    TARGET.write_text(reference())
