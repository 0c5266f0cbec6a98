"""Types of CWL inputs (v1.0 to 1.2, CommandLineTool section 5.2), and their schemas here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from ccp_jupyter.model.packages.findings import Findings

_SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "string": {"type": "string"},
    "int": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "long": {"type": "integer"},
    "float": {"type": "number"},
    "double": {"type": "number"},
    "boolean": {"type": "boolean"},
    "File": {"type": "string", "format": "file", "contentEncoding": "base64"},
}
SUPPORTED: Final = f"{', '.join(_SCHEMAS)}, enum, and arrays of these"


@dataclass(frozen=True, slots=True)
class CwlType:
    """What values an input takes."""

    base: str
    """One of `SUPPORTED`, without arrays."""
    symbols: tuple[str, ...] = ()
    """Of an enum."""
    array: bool = False
    optional: bool = False
    item_binding: dict[str, Any] = field(default_factory=dict)
    """How each item of an array stands on the command line, where the type says so."""

    def schema(self) -> dict[str, Any]:
        """Return the schema of one value."""
        if self.base == "enum":
            return {"type": "string", "enum": list(self.symbols)}
        return dict(_SCHEMAS[self.base])


def parse_type(raw: object, member: str, findings: Findings) -> CwlType | None:
    """Return a type; None for one that there is not here, which is noted."""
    match raw:
        case str():
            return _named(raw, member, findings)
        case list():
            return _union(raw, member, findings)
        case {"type": "array", "items": items, **rest}:
            item = parse_type(items, f"{member}.items", findings)
            if item is not None and (item.array or item.optional):
                findings.add(f"{member}.items", "items must be neither arrays nor optional", items)
                return None
            if item is None:
                return None
            binding = findings.mapping(rest.get("inputBinding"), f"{member}.inputBinding")
            return CwlType(item.base, item.symbols, array=True, item_binding=binding)
        case {"type": "enum", "symbols": [*symbols]} if symbols and all(
            isinstance(each, str) for each in symbols
        ):
            # A packed document writes them as file#input/symbol.
            plain = tuple(str(each).rpartition("/")[2].rpartition("#")[2] for each in symbols)
            return CwlType("enum", plain)
        case {"type": str() | list() as inner, **rest} if not rest:
            return parse_type(inner, member, findings)
    findings.add(member, f"must be one of {SUPPORTED}", raw)
    return None


def _named(name: str, member: str, findings: Findings) -> CwlType | None:
    if name.endswith("?"):
        found = _named(name[:-1], member, findings)
        return found and CwlType(found.base, found.symbols, found.array, optional=True)
    if name.endswith("[]") and name[:-2] in _SCHEMAS:
        return CwlType(name[:-2], array=True)
    if name in _SCHEMAS:
        return CwlType(name)
    findings.add(member, f"must be one of {SUPPORTED}", name)
    return None


def _union(raw: list[object], member: str, findings: Findings) -> CwlType | None:
    # In YAML null is easily written without its quotes.
    rest = [each for each in raw if each not in ("null", None)]
    if len(rest) != 1:
        findings.add(member, "must be one type, or one type and null", raw)
        return None
    found = parse_type(rest[0], member, findings)
    if found is None or len(rest) == len(raw):
        return found
    return CwlType(found.base, found.symbols, found.array, True, found.item_binding)
