"""Reads the inputs of an execute request."""

from __future__ import annotations

import json
from typing import Any, Final

from ccp_jupyter.model.errors import Problem, shown
from ccp_jupyter.model.input_values import (
    decoded,
    has_text_encoding,
    is_link,
    is_media_type,
    link_rule,
)
from ccp_jupyter.model.json_data import node_count
from ccp_jupyter.model.method import Method
from ccp_jupyter.model.method_parts import Descriptor
from ccp_jupyter.model.schema_import import coerced
from ccp_jupyter.model.values import (
    SECRET_NAME,
    InlineFile,
    LinkValue,
    PlainValue,
    SecretValue,
    file_name,
)

CheckedValue = PlainValue | InlineFile | LinkValue | SecretValue

LARGEST_LITERALS: Final = 2**20
"""Characters of all values of one request that are not files, as JSON."""

QUALIFIERS: Final = frozenset({"value", "mediaType", "encoding", "schema", "format"})
"""Members of an object that says more of a value than the value itself."""
_OCTETS: Final = "application/octet-stream"
_NAMED: Final = "$secret"


class InputReader:
    """Reads inputs once; what is wrong gathers in `problems`.

    Parameters
    ----------
    method : Method
        Whose inputs they are.
    most_bytes : int
        Of all values together, files decoded.
    """

    def __init__(self, method: Method, most_bytes: int) -> None:
        self.method = method
        self.problems: list[Problem] = []
        self.secrets: dict[str, str] = {}
        self.named_secrets: dict[str, str] = {}
        """Names of the user's personal secrets that stand for values, by input id."""
        self.kept: dict[str, Any] = {}
        """The inputs as sent, without secrets and inline files."""
        self._most_bytes = most_bytes
        self._bytes = 0
        self._literals = 0

    def read(self, raw: object) -> dict[str, list[CheckedValue]]:
        """Return the checked values of all inputs that have any, defaults filled in."""
        if raw is None:
            raw = {}
        if not isinstance(raw, dict):
            self._problem("inputs", "must be an object with input ids", type(raw).__name__)
            raw = {}
        for name in raw:
            if name not in self.method.inputs:
                known = ", ".join(self.method.inputs)
                # The value is not shown: it may be a secret under a misspelt name.
                self._problem(f"inputs.{name[:100]}", f"no such input; the Method has {known}")
        inputs = {}
        for name, descriptor in self.method.inputs.items():
            if values := self._input(name, descriptor, raw.get(name)):
                inputs[name] = values
        if self._bytes > self._most_bytes:
            rule = f"all inputs together may have at most {self._most_bytes} bytes"
            self._problem("inputs", rule, f"{self._bytes} bytes")
        if self._literals > LARGEST_LITERALS:
            rule = (
                f"all values that are not files may have at most {LARGEST_LITERALS} characters; "
                "send large ones as files"
            )
            self._problem("inputs", rule, f"{self._literals} characters")
        return inputs

    def _problem(self, member: str, rule: str, value: str = "") -> None:
        self.problems.append(Problem(member, rule, value))

    # --- one input -----------------------------------------------------------------------

    def _input(self, name: str, descriptor: Descriptor, raw: object) -> list[CheckedValue]:
        member = f"inputs.{name}"
        given = [] if raw is None else _as_list(descriptor, raw)
        given = [each for each in given if not _is_nothing(descriptor, each)]
        most = descriptor.max_occurs
        if not given:
            return self._default(name, descriptor, member)
        if isinstance(most, int) and len(given) > most:
            self._problem(member, f"takes at most {most} value(s)", f"{len(given)} values")
            return []
        if len(given) < descriptor.min_occurs:
            rule = f"needs at least {descriptor.min_occurs} values"
            self._problem(member, rule, f"{len(given)} values")
            return []
        values: list[CheckedValue] = []
        kept: list[object] = []
        for number, each in enumerate(given, 1):
            place = (
                f"{member}[{number - 1}]" if isinstance(raw, list) and len(given) > 1 else member
            )
            value = self._value(name, descriptor, each, place)
            if value is None:
                return []
            values.append(value)
            kept.append(_kept(name, number, descriptor.many, value, each))
        self.kept[name] = kept if descriptor.many and isinstance(raw, list) else kept[0]
        if descriptor.schema_.read_only:
            self._check_fixed(name, descriptor, values, member)
        return values

    def _default(self, name: str, descriptor: Descriptor, member: str) -> list[CheckedValue]:
        values = [each for each in descriptor.default_values() if not _is_nothing(descriptor, each)]
        if len(values) < descriptor.min_occurs:
            self._problem(member, "is missing")
            return []
        found = [self._value(name, descriptor, each, member) for each in values]
        return [value for value in found if value is not None]

    def _check_fixed(
        self, name: str, descriptor: Descriptor, values: list[CheckedValue], member: str
    ) -> None:
        before = self._bytes, self._literals
        fixed = [self._value(name, descriptor, each, "") for each in descriptor.default_values()]
        self._bytes, self._literals = before
        if values != fixed:
            wanted = shown(descriptor.schema_.default)
            self._problem(member, f"is fixed by the Method to {wanted}; leave it out")

    # --- one value -----------------------------------------------------------------------

    def _value(
        self, name: str, descriptor: Descriptor, raw: object, member: str
    ) -> CheckedValue | None:
        if descriptor.schema_.is_secret:
            return self._secret(name, descriptor, raw, member)
        if descriptor.schema_.is_file:
            return self._file(descriptor, raw, member)
        return self._plain(descriptor, raw, member)

    def _secret(
        self, name: str, descriptor: Descriptor, raw: object, member: str
    ) -> SecretValue | None:
        value = raw.get("value") if isinstance(raw, dict) and raw.keys() <= QUALIFIERS else raw
        if isinstance(value, dict) and value.keys() == {_NAMED}:
            return self._named_secret(name, value[_NAMED], f"{member}.{_NAMED}")
        if not isinstance(value, str):
            self._problem(member, f'a secret must be text, or {{"{_NAMED}": name}}')
            return None
        if problems := descriptor.checker.problems(value, member, secret=True):
            self.problems += problems
            return None
        self._literals += len(value)
        self.secrets[name] = value
        return SecretValue()

    def _named_secret(self, name: str, secret: object, member: str) -> SecretValue | None:
        if not isinstance(secret, str) or not SECRET_NAME.fullmatch(secret):
            # Not shown: it may be the secret itself.
            rule = f"must be the name of a personal secret, which matches ^{SECRET_NAME.pattern}$"
            self._problem(member, rule)
            return None
        self.named_secrets[name] = secret
        return SecretValue()

    def _plain(self, descriptor: Descriptor, raw: object, member: str) -> PlainValue | None:
        schema = descriptor.schema_
        value = raw
        if isinstance(raw, dict) and "value" in raw and raw.keys() <= QUALIFIERS:
            # An object may have a member "value" itself: that meaning comes second.
            unwrapped = coerced(schema.type, raw["value"])
            is_itself = schema.type == "object" and not isinstance(unwrapped, dict)
            if descriptor.checker.accepts(unwrapped) or not (
                is_itself or descriptor.checker.accepts(raw)
            ):
                value = unwrapped
        elif isinstance(raw, dict) and "href" in raw and schema.type not in (None, "object"):
            self._problem(member, "takes the value itself; only files can be links")
            return None
        value = coerced(schema.type, value)
        if schema.type == "string" and type(value) in (int, float):
            value = json.dumps(value)
        if problems := descriptor.checker.problems(value, member):
            self.problems += problems
            return None
        size = len(value) if isinstance(value, str) else len(json.dumps(value))
        self._literals += size
        self._bytes += size
        return PlainValue(value=value)

    def _file(
        self, descriptor: Descriptor, raw: object, member: str
    ) -> InlineFile | LinkValue | None:
        schema = descriptor.schema_
        media_type = schema.content_media_type or _OCTETS
        as_text = has_text_encoding(schema) and schema.format != "remotefile"
        value = raw
        if isinstance(raw, dict) and "href" in raw:
            return self._link(raw, media_type, member)
        if isinstance(raw, dict) and "value" in raw and raw.keys() <= QUALIFIERS:
            value = raw["value"]
            form = raw["format"] if isinstance(raw.get("format"), dict) else raw
            media_type = form.get("mediaType") or media_type
            encoding = form.get("encoding")
            as_text = as_text if encoding is None else encoding not in ("base64", "binary")
        elif isinstance(raw, str) and is_link(raw) and not as_text:
            return self._link({"href": raw}, media_type, member)
        if not is_media_type(media_type):
            self._problem(member, "mediaType must be like text/csv", shown(media_type))
            return None
        if not isinstance(value, str):
            rule = 'a file must be text (base64), {"value": …} or {"href": …}'
            self._problem(member, rule, shown(value))
            return None
        return self._inline(descriptor, value, media_type, as_text, member)

    def _inline(
        self, descriptor: Descriptor, text: str, media_type: str, as_text: bool, member: str
    ) -> InlineFile | None:
        self._bytes += len(text) if as_text else len(text) * 3 // 4
        if self._bytes > self._most_bytes:
            return None  # reported at the end, without decoding
        if problems := descriptor.checker.problems(text, member):
            self.problems += problems
            return None
        try:
            return InlineFile(text.encode() if as_text else decoded(text), media_type)
        except ValueError as error:
            self._problem(member, str(error))
            return None

    def _link(self, raw: dict[str, Any], media_type: str, member: str) -> LinkValue | None:
        found = raw.get("type") or media_type
        if rule := link_rule(raw["href"]):
            # Not shown: a refused link may hold a password.
            self._problem(f"{member}.href", rule)
        elif not is_media_type(found):
            self._problem(f"{member}.type", "must be a media type such as text/csv", shown(found))
        else:
            return LinkValue(href=raw["href"], media_type=found)
        return None


def _as_list(descriptor: Descriptor, raw: object) -> list[object]:
    """Return the values of an input: those of an array when it takes several."""
    if not isinstance(raw, list) or not descriptor.many:
        return [raw]
    if descriptor.schema_.type not in (None, "array"):
        return list(raw)
    # An array of arrays, or one array without the outer brackets.
    if node_count(raw) > LARGEST_LITERALS or not descriptor.checker.accepts(raw):
        return list(raw)
    return list(raw) if all(map(descriptor.checker.accepts, raw)) else [raw]


def _is_nothing(descriptor: Descriptor, value: object) -> bool:
    """Tell whether a value stands for none, as a form sends it that nobody filled in."""
    schema = descriptor.schema_
    if value is None:
        return not schema.nullable
    if value != "":
        return False
    if schema.is_secret or schema.is_file:
        return True
    return schema.type not in (None, "string") or bool(schema.enum and "" not in schema.enum)


def _kept(name: str, number: int, many: bool, value: CheckedValue, raw: object) -> object:
    if isinstance(value, SecretValue):
        return {"secret": True}
    if isinstance(value, InlineFile):
        return {"href": f"inputs/{file_name(name, number, many)}", "type": value.media_type}
    return raw
