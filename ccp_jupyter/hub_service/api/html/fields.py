"""The fields of a form: made from the schemas of a Method's inputs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from ccp_jupyter.model.schema import BINARY_ENCODINGS, FILE_FORMATS, SECRET_FORMAT

PREFIX: Final = "inputs."
"""Begins the names of fields, as the members of an execute request are called in errors."""
LINK: Final = ":link"
NAMED: Final = ":secret"
"""End the names of the second field of a file, and of a secret; no id of an input can end so."""

_MOST_RADIOS: Final = 4
_LONG: Final = 200
_NUMBERS: Final = ("integer", "number")
_OBJECTS: Final = ("object", "array")
_CONTROL_INPUT: Final = re.compile(r"ccp[a-z]+")
_ZONE: Final = re.compile(r"(?<=\d)(?:[Zz]|\+00:00)$")


@dataclass(frozen=True, slots=True)
class Option:
    """One of the values to choose from."""

    value: str
    """As the form sends it."""
    chosen: bool


@dataclass(frozen=True, slots=True)
class InputField:
    """One field of a form.

    Attributes
    ----------
    id : str
        Of the input.
    control : str
        ``text``, ``lines``, ``json``, ``number``, ``url``, ``date``, ``datetime-local``,
        ``checkbox``, ``radio``, ``select``, ``checklist``, ``file``, ``secret``, or ``fixed`` for
        what the Method decides. ``several`` values of the first four stand in lines of their own.
    text : str
        What stands in it at first.
    rules : tuple of str
        Limits, in words.
    limits : mapping of str
        The same as attributes of HTML.
    errors : tuple of str
        What is wrong with what was sent.
    """

    id: str
    title: str
    description: str
    control: str
    required: bool
    many: bool
    text: str = ""
    options: tuple[Option, ...] = ()
    rules: tuple[str, ...] = ()
    limits: Mapping[str, str] = field(default_factory=dict)
    media_type: str = ""
    errors: tuple[str, ...] = ()
    steering: bool = False
    """Whether it says how the Method runs (``ccpmaxtime``), not what on."""

    def document(self) -> dict[str, Any]:
        """Return it as JSON, without what is empty."""
        return {name: value for name, value in asdict(self).items() if value not in ("", (), {})}


def schema_of(descriptor: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of an input; an empty one when there is none."""
    found = descriptor.get("schema")
    return found if isinstance(found, dict) else {}


def is_many(descriptor: Mapping[str, Any]) -> bool:
    """Tell whether an input takes several values."""
    return bool(descriptor.get("maxOccurs", 1) != 1)


def is_secret(schema: Mapping[str, Any]) -> bool:
    """Tell whether values must never be shown."""
    return str(schema.get("format")) == SECRET_FORMAT


def is_file(schema: Mapping[str, Any]) -> bool:
    """Tell whether values are files."""
    encoding = str(schema.get("contentEncoding") or "").lower()
    return encoding in BINARY_ENCODINGS or str(schema.get("format")) in FILE_FORMATS


def control_of(descriptor: Mapping[str, Any]) -> str:
    """Return the control that fits to an input; see `InputField`."""
    schema = schema_of(descriptor)
    kind, form = schema.get("type"), schema.get("format")
    many = is_many(descriptor)
    if schema.get("readOnly") and not is_secret(schema):
        return "fixed"
    if is_secret(schema):
        return "secret"
    if is_file(schema):
        return "file"
    if schema.get("enum"):
        return _choice(schema["enum"], many, required=bool(descriptor.get("minOccurs", 1)))
    if kind in _OBJECTS or any(schema.get(each) for each in ("oneOf", "anyOf", "allOf")):
        return "json"
    if many:
        return "lines"
    if kind == "boolean":
        needs_none = not descriptor.get("minOccurs", 1) and schema.get("default") is None
        return "select" if needs_none else "checkbox"
    if kind in _NUMBERS:
        return "number"
    if form in ("date", "dateTime", "date-time"):
        return "date" if form == "date" else "datetime-local"
    if _is_long(schema):
        return "lines"
    return "url" if form == "url" and descriptor.get("id") != "ccpimage" else "text"


def _choice(values: Sequence[Any], many: bool, required: bool) -> str:
    if many:
        return "checklist"
    return "radio" if required and len(values) <= _MOST_RADIOS else "select"


def _is_long(schema: Mapping[str, Any]) -> bool:
    if schema.get("format") in ("code", "geo") or (schema.get("maxLength") or 0) > _LONG:
        return True
    default = schema.get("default")
    return isinstance(default, str) and ("\n" in default or len(default) > _LONG)


def as_text(value: object) -> str:
    """Return how a plain value stands in a form: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def fields(
    inputs: Mapping[str, Any],
    given: Mapping[str, Any] | None = None,
    errors: Mapping[str, Sequence[str]] | None = None,
) -> list[InputField]:
    """Return the fields of a form.

    Parameters
    ----------
    inputs : mapping of str to object
        The inputs of a Method's document.
    given : mapping of str to object
        Values by input id, as in an execute request, that stand there instead of the defaults; an
        input that is not in it is left empty. Secrets and uploaded files are never shown.
    errors : mapping of str to sequence of str
        What is wrong, by input id.
    """
    found = []
    for name, descriptor in inputs.items():
        if isinstance(descriptor, dict):
            wrong = tuple((errors or {}).get(name, ()))
            found.append(_field(name, {**descriptor, "id": name}, given, wrong))
    return found


def _field(
    name: str,
    descriptor: Mapping[str, Any],
    given: Mapping[str, Any] | None,
    errors: tuple[str, ...],
) -> InputField:
    schema = schema_of(descriptor)
    control = control_of(descriptor)
    values = _values(descriptor, given, name, control)
    return InputField(
        id=name,
        title=str(descriptor.get("title") or name),
        description=str(descriptor.get("description") or ""),
        control=control,
        required=bool(descriptor.get("minOccurs", 1)) and control != "fixed",
        many=is_many(descriptor),
        text=_text(control, values, is_many(descriptor)),
        options=_options(control, schema, values, descriptor),
        rules=tuple(_rules(descriptor, schema)),
        limits=_limits(control, schema),
        media_type=str(schema.get("contentMediaType") or "") if control == "file" else "",
        errors=errors,
        steering=bool(_CONTROL_INPUT.fullmatch(name)),
    )


def _values(
    descriptor: Mapping[str, Any], given: Mapping[str, Any] | None, name: str, control: str
) -> list[Any]:
    """Return the values that stand in a field at first."""
    schema = schema_of(descriptor)
    if control == "secret":
        return []
    fixed = control == "fixed"
    value = schema.get("default") if given is None or fixed else given.get(name)
    if value is None:
        return []
    several = isinstance(value, list) and is_many(descriptor) and control != "json"
    values = [_plain(each) for each in (value if several else [value])]
    if control == "file":
        return [each["href"] for each in values if isinstance(each, dict) and _is_link(each)]
    return values


def _plain(value: object) -> object:
    """Return the value of a qualified one."""
    if isinstance(value, dict) and "value" in value and value.keys() <= {"value", "mediaType"}:
        return value["value"]
    return value


def _is_link(value: Mapping[str, Any]) -> bool:
    return str(value.get("href", "")).startswith(("http://", "https://"))


def _text(control: str, values: Sequence[Any], many: bool) -> str:
    if control in ("checkbox", "radio", "select", "checklist", "secret") or not values:
        return ""
    if control == "json":
        value = values[0]
        plain = isinstance(value, str)
        return str(value) if plain else json.dumps(value, ensure_ascii=False, indent=2)
    if control == "datetime-local":
        return _ZONE.sub("", as_text(values[0]).strip())
    return "\n".join(map(as_text, values)) if many else as_text(values[0])


def _options(
    control: str, schema: Mapping[str, Any], values: Sequence[Any], descriptor: Mapping[str, Any]
) -> tuple[Option, ...]:
    if control == "checkbox":
        return (Option("true", bool(values) and as_text(values[0]).lower() == "true"),)
    if control not in ("radio", "select", "checklist"):
        return ()
    texts = [as_text(each) for each in schema.get("enum") or (True, False)]
    chosen = {as_text(each) for each in values}
    options = [Option(each, each in chosen) for each in dict.fromkeys(texts)]
    optional = not descriptor.get("minOccurs", 1)
    if control == "select" and (optional or not chosen) and "" not in texts:
        options.insert(0, Option("", not chosen))
    return tuple(options)


def _limits(control: str, schema: Mapping[str, Any]) -> dict[str, str]:
    """Return the limits that a browser can check by itself."""
    found: dict[str, str] = {}
    if control == "number":
        for name, member in (("min", "minimum"), ("max", "maximum")):
            if schema.get(member) is not None:
                found[name] = as_text(schema[member])
        # A browser counts multiples from the minimum, a schema from zero: only 1 is the same.
        found["step"] = "1" if schema.get("type") == "integer" else "any"
    if control in ("text", "url", "secret") and schema.get("maxLength") is not None:
        found["maxlength"] = str(schema["maxLength"])
    if control == "datetime-local":
        found["step"] = "1"
    return found


def _rules(descriptor: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """Return the limits in words."""
    found: list[str] = []
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None:
        found.append(f"{'more than' if schema.get('exclusiveMinimum') else 'at least'} {low}")
    if high is not None:
        found.append(f"{'less than' if schema.get('exclusiveMaximum') else 'at most'} {high}")
    if schema.get("multipleOf") is not None:
        found.append(f"a multiple of {schema['multipleOf']}")
    if schema.get("minLength"):
        found.append(f"at least {schema['minLength']} characters")
    if schema.get("maxLength") is not None:
        found.append(f"at most {schema['maxLength']} characters")
    if schema.get("pattern"):
        found.append(f"like {schema['pattern']}")
    if schema.get("type") in _NUMBERS and is_many(descriptor):
        found.append("whole numbers" if schema["type"] == "integer" else "numbers")
    if is_many(descriptor):
        least, most = descriptor.get("minOccurs", 1), descriptor.get("maxOccurs")
        several = f"from {least} to {most} values" if most != "unbounded" else "several values"
        found.append(several + (f", at least {least}" if most == "unbounded" and least > 1 else ""))
    return found
