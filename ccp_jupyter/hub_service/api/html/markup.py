"""Any JSON document as HTML: objects as tables of names and values, links as links."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import urlsplit

from tornado.escape import xhtml_escape

_LONG: Final = 300
"""Characters from which on a text stands in a block of its own."""

_FEW: Final = 20
"""Values that stand in one line."""


def text(value: object) -> str:
    """Return what a plain value is shown as, escaped."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    return xhtml_escape(str(value))


def address(href: str, base: str) -> str | None:
    """Return the address that a link may lead to; None for one that may run something.

    Parameters
    ----------
    href : str
        As a document has it; relative ones, as in Methods of CCP, begin at the service.
    base : str
        Address of the service, with a slash at the end.
    """
    try:
        parts = urlsplit(href.strip())
    except ValueError:
        return None
    if parts.scheme.lower() in ("http", "https") and parts.netloc:
        return href.strip()
    if parts.scheme or parts.netloc or any(sign in href for sign in "\\\t\r\n"):
        return None
    return href if href.startswith("/") else base + href


def anchor(href: str, title: str, base: str, kind: str = "", rel: str = "") -> str:
    """Return a link; only its title when the address is none to follow."""
    target = address(href, base)
    if target is None:
        return f"{text(title)} <code>{text(href)}</code>"
    extra = f' type="{text(kind)}"' if kind else ""
    extra += f' data-rel="{text(rel)}"' if rel else ""
    return f'<a href="{text(target)}"{extra} rel="noopener">{text(title or href)}</a>'


def markup(value: Any, base: str) -> str:
    """Return a JSON value as HTML.

    Parameters
    ----------
    value : object
        What `json.loads` returns.
    base : str
        Address of the service, for relative links.

    Returns
    -------
    str
        Everything that is in it, escaped.
    """
    match value:
        case {}:
            return _object(value, base)
        case []:
            return '<span class="soft">none</span>'
        case [*items]:
            return _list(items, base)
        case str() if value.startswith(("http://", "https://")):
            return anchor(value, value, base)
        case str() if "\n" in value or len(value) > _LONG:
            return f"<pre>{text(value)}</pre>"
        case _:
            return f"<span>{text(value)}</span>"


def _object(found: dict[str, Any], base: str) -> str:
    if not found:
        return '<span class="soft">none</span>'
    # What Methods call a file is a path in the container, where no link leads.
    if isinstance(found.get("href"), str) and found.get("role") != "file":
        return _link(found, base)
    rows = "".join(
        f'<tr><th scope="row">{text(name)}</th><td>{markup(value, base)}</td></tr>'
        for name, value in found.items()
    )
    return f'<table class="data"><tbody>{rows}</tbody></table>'


def _link(found: dict[str, Any], base: str) -> str:
    href = str(found["href"])
    rel, kind = str(found.get("rel") or ""), str(found.get("type") or "")
    title = str(found.get("title") or found.get("path") or rel or href)
    rest = {
        name: value for name, value in found.items() if name not in ("href", "rel", "type", "title")
    }
    shown = anchor(href, title, base, kind, rel)
    # Relations of standards are long addresses: their last word says it.
    words = [rel.rpartition("/")[2], kind]
    if said := " · ".join(text(word) for word in words if word and word != title):
        shown += f' <span class="soft">{said}</span>'
    return shown + (markup(rest, base) if rest else "")


def _list(items: list[Any], base: str) -> str:
    if len(items) > 1 and all(isinstance(each, str) and len(each) < _LONG for each in items):
        simple = "".join(f"<li>{markup(each, base)}</li>" for each in items)
        return f'<ul class="plain">{simple}</ul>'
    return f"<ul>{''.join(f'<li>{markup(each, base)}</li>' for each in items)}</ul>"


def compact(found: Any, base: str) -> str:
    """Return an object as HTML with its plain members in one line, such as those of a schema."""
    if not isinstance(found, dict):
        return markup(found, base)
    plain = {name: value for name, value in found.items() if _is_short(value)}
    rest = {name: value for name, value in found.items() if name not in plain}
    words = [
        f'<span class="pair"><span class="soft">{text(name)}</span> {_inline(value, base)}</span>'
        for name, value in plain.items()
    ]
    return " ".join(words) + (markup(rest, base) if rest else "")


def _inline(value: Any, base: str) -> str:
    if isinstance(value, list):
        return ", ".join(markup(each, base) for each in value)
    return markup(value, base)


def _is_short(value: Any) -> bool:
    if isinstance(value, list):
        return (
            0 < len(value) <= _FEW
            and not any(isinstance(each, list) for each in value)
            and (all(map(_is_short, value)))
        )
    if isinstance(value, str):
        return len(value) < _LONG and "\n" not in value
    return not isinstance(value, (dict, list))


def roles(method: dict[str, Any]) -> dict[str, list[str]]:
    """Return what the metadata of a Method say, by their role."""
    found: dict[str, list[str]] = {}
    for each in method.get("metadata") or []:
        if isinstance(each, dict) and each.get("role") and each.get("title"):
            found.setdefault(str(each["role"]), []).append(str(each["title"]))
    return found


def scripts(method: dict[str, Any]) -> dict[str, str]:
    """Return the scripts of a Method that have any lines, by their names."""
    parameters = (method.get("additionalParameters") or {}).get("parameters") or []
    return {
        str(each.get("name")): "\n".join(map(str, each["value"]))
        for each in parameters
        if isinstance(each, dict) and each.get("value")
    }


def operations(document: dict[str, Any]) -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    """Return verb, path and description of every operation of an OpenAPI document, by tag."""
    found: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, verbs in document["paths"].items():
        of_path = verbs.get("parameters", [])
        for verb, one in verbs.items():
            if verb == "parameters":
                continue
            whole = {**one, "parameters": [*of_path, *one.get("parameters", [])]}
            tag = str((one.get("tags") or ["others"])[0])
            found.setdefault(tag, []).append((verb.upper(), path, whole))
    return dict(sorted(found.items()))


def reference(schema: Any) -> str:
    """Return a link to the shape that a schema refers to; nothing when it refers to none."""
    place = str(schema.get("$ref", "")) if isinstance(schema, dict) else ""
    name = place.rpartition("/")[2]
    return f'<a href="#schema-{text(name)}">{text(name)}</a>' if name else ""


def brief(value: Any) -> str:
    """Return a value as JSON in one line."""
    return json.dumps(value, ensure_ascii=False)


def pretty(value: Any) -> str:
    """Return a value as JSON with a line for each member."""
    return json.dumps(value, ensure_ascii=False, indent=2)
