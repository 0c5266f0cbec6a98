"""From Python values to an execute request, by the Method's description.

Everything that can be said without the service is said before anything is sent, all at once.
The values themselves (ranges, patterns, choices) are checked by the service, which alone decides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from enum import Enum
from pathlib import Path, PurePath
from typing import Any

from ccp_jupyter.client.errors import InvalidRequest
from ccp_jupyter.client.method import CONTROLS, Input, Method, did_you_mean
from ccp_jupyter.client.settings import workspace
from ccp_jupyter.client.transport import Body
from ccp_jupyter.client.uploads import Request, Upload, guessed_type
from ccp_jupyter.model import errors
from ccp_jupyter.model.errors import Problem

_LINK = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


class _Wrong(Exception):
    """A value cannot be sent; args are rule and value."""


def execute_body(
    method: Method,
    named: Mapping[str, Any],
    more: Mapping[str, Any] | None,
    controls: Mapping[str, Any],
    outputs: Iterable[str] | Mapping[str, Any] | None,
) -> Body:
    """Return the body of an execute request.

    Parameters
    ----------
    method : Method
        What to run.
    named : mapping
        Inputs given as keyword arguments.
    more : mapping, optional
        Inputs given by ``inputs=…``.
    controls : mapping
        Values of ``replicas``, ``max_time``, ``note`` and ``image``; None: not given.
    outputs : iterable of str, or mapping, optional
        Which outputs to return; default: all.

    Raises
    ------
    InvalidRequest
        Lists everything that is wrong.
    """
    problems: list[Problem] = []
    given = _gathered(method, named, more, controls, problems)
    request = Request()
    document: dict[str, Any] = {"inputs": {}, "response": "document"}
    for name, value in given.items():
        described = method.inputs.get(name)
        if described is None:
            continue
        try:
            document["inputs"][name] = _value(described, value, request)
        except _Wrong as wrong:
            rule, found = wrong.args
            problems.append(Problem(name, rule, "" if described.is_secret else found))
    chosen = _outputs(method, outputs, problems)
    if chosen is not None:
        document["outputs"] = chosen
    if problems:
        raise InvalidRequest(problems, f"nothing was sent to {method.title!r}:")
    return request.body(document)


def changes_body(
    method: Method | None,
    inputs: Mapping[str, Any],
    outputs: Iterable[str] | Mapping[str, Any] | None,
) -> Body:
    """Return the body that says what is different when an Execution is repeated.

    Parameters
    ----------
    method : Method or None
        That it runs; None when nobody knows it any more. It only tells how values are meant:
        which inputs there are is said by the Method of then, which only the service has.
    inputs : mapping
        New values; None: the default.
    outputs : iterable of str, or mapping, optional
        Which outputs to return; default: as before.

    Raises
    ------
    InvalidRequest
        A value cannot be sent.
    """
    problems: list[Problem] = []
    request = Request()
    document: dict[str, Any] = {"inputs": {}}
    known = {} if method is None else method.inputs
    for name, value in inputs.items():
        described = known.get(name) or _guessed(name, value)
        try:
            sent = None if value is None else _value(described, value, request)
        except _Wrong as wrong:
            rule, found = wrong.args
            problems.append(Problem(name, rule, "" if described.is_secret else found))
        else:
            document["inputs"][name] = sent
    if outputs is not None:
        names = [outputs] if isinstance(outputs, str) else outputs
        document["outputs"] = (
            dict(names) if isinstance(names, Mapping) else {key: {} for key in names}
        )
    if problems:
        raise InvalidRequest(problems, "nothing was sent:")
    return request.body(document)


def _guessed(name: str, value: object) -> Input:
    """Return an input that takes a value, of which nothing else is known."""
    frame = type(value).__module__.split(".")[0] == "pandas"
    binary = isinstance(value, (PurePath, bytes, bytearray, memoryview))
    form = {"format": "file"} if frame or binary or hasattr(value, "read") else {}
    return Input(name, {"minOccurs": 0, "maxOccurs": "unbounded", "schema": form})


def _gathered(
    method: Method,
    named: Mapping[str, Any],
    more: Mapping[str, Any] | None,
    controls: Mapping[str, Any],
    problems: list[Problem],
) -> dict[str, Any]:
    """Return all inputs by id, without those that are None; note unknown and missing ones."""
    given = {str(name): value for name, value in (more or {}).items()}
    for name, value in named.items():
        if name in given:
            problems.append(Problem(name, "given twice: as keyword and in inputs={…}"))
        given[name] = value
    for keyword, value in controls.items():
        name = CONTROLS[keyword]
        if value is None:
            continue
        if keyword in method.inputs:
            rule = f'this Method has an input of this name: write inputs={{"{keyword}": …}} for it,'
            problems.append(Problem(keyword, f'{rule} or inputs={{"{name}": …}} for the other'))
        elif name not in method.inputs:
            problems.append(Problem(keyword, f"{method.title!r} has no input {name} to set"))
        elif name in given:
            problems.append(Problem(keyword, f"given twice: also as {name}"))
        else:
            given[name] = value
    given = {name: value for name, value in given.items() if value is not None}
    for name in given:
        if name not in method.inputs:
            hint = did_you_mean(name, method.inputs) or _known(method)
            problems.append(Problem(name, f"{method.title!r} has no such input{hint}"))
    for name, described in method.inputs.items():
        if described.required and name not in given:
            problems.append(Problem(name, f"is missing ({described.kind})"))
    return given


def _known(method: Method) -> str:
    names = [name for name in method.inputs if name not in CONTROLS.values()]
    return f"; it has {', '.join(names)}" if names else "; it takes none"


def _outputs(
    method: Method, outputs: Iterable[str] | Mapping[str, Any] | None, problems: list[Problem]
) -> dict[str, Any] | None:
    if outputs is None:
        return None
    names = [outputs] if isinstance(outputs, str) else list(outputs)
    for name in names:
        if name not in method.outputs:
            hint = did_you_mean(str(name), method.outputs)
            problems.append(Problem(f"outputs.{name}", f"{method.title!r} has none such{hint}"))
    if isinstance(outputs, Mapping):
        return dict(outputs)
    return {name: {"transmissionMode": "value"} for name in names}


def _value(described: Input, value: Any, request: Request) -> Any:
    """Return the JSON form of what was given for one input."""
    if type(value).__module__.split(".")[0] == "numpy" and hasattr(value, "tolist"):
        value = value.tolist()  # a number for NumPy's scalars, lists for its arrays
    listed = isinstance(value, (list, tuple, set, frozenset, range))
    if listed and described.type != "array":
        values = list(value)
        if not described.many and len(values) != 1:
            raise _Wrong("takes one value, not a list", shown(value))
        if described.max is not None and len(values) > described.max:
            raise _Wrong(f"takes at most {described.max} values", f"{len(values)} values")
        if len(values) < described.min:
            raise _Wrong(f"takes at least {described.min} values", f"{len(values)} values")
        converted = [_single(described, each, request) for each in values]
        return converted if described.many else converted[0]
    single = _single(described, value, request)
    return [single] if described.many and described.type != "array" else single


def _single(described: Input, value: Any, request: Request) -> Any:
    if described.is_file:
        return _file(described, value, request)
    if isinstance(value, PurePath):
        raise _Wrong("takes a value, not a file; give str(path) or path.read_text()", shown(value))
    plain = _plain(value)
    # OGC: an object must be qualified, so that it is not taken for a link or another qualifier.
    if isinstance(plain, dict) and not _is_qualified(plain):
        return {"value": plain}
    return plain


def _is_qualified(value: dict[str, Any]) -> bool:
    return "href" in value or set(value) <= {"value", "mediaType", "encoding", "schema", "format"}


def _plain(value: Any) -> Any:
    """Return a value in terms of JSON; understands times and enums."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, (range, set, frozenset)):
        value = list(value)
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        kind = type(value).__name__
        raise _Wrong(f"a {kind} cannot be sent as JSON", shown(value)) from None


def _file(described: Input, value: Any, request: Request) -> Any:
    if isinstance(value, Mapping):
        if "href" not in value and "value" not in value:
            raise _Wrong('an object must be a link {"href": …} or {"value": …}', shown(value))
        return _plain(dict(value))
    if isinstance(value, str) and _LINK.match(value):
        name = value.split("?")[0].split("#")[0].rsplit("/", 1)[-1]
        return {"href": value, "type": guessed_type(name, described.media_type)}
    upload = _upload(described, value)
    return {
        "value": request.hole(upload),
        "mediaType": upload.media_type,
        "encoding": "base64",
    }


def _upload(described: Input, value: Any) -> Upload:
    if isinstance(value, (str, PurePath)):
        path = _found(value)
        return Upload(path, path.stat().st_size, guessed_type(path.name, described.media_type))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _in_memory(bytes(value), described.media_type)
    if type(value).__module__.split(".")[0] == "pandas" and hasattr(value, "to_csv"):
        return _frame(described, value)
    if hasattr(value, "read"):
        content = value.read()
        data = content.encode() if isinstance(content, str) else content
        if isinstance(data, bytes):
            return _in_memory(data, described.media_type)
    raise _Wrong("takes a path, a link, bytes, an open file or a DataFrame", shown(value))


def _in_memory(data: bytes, media_type: str) -> Upload:
    return Upload(data, len(data), media_type or "application/octet-stream")


def _frame(described: Input, frame: Any) -> Upload:
    """Return a pandas DataFrame or Series in the form that the input asks for."""
    if described.media_type == "application/json":
        text = frame.to_json(orient="records", date_format="iso")
        return _in_memory(text.encode(), "application/json")
    # An index without a name is only the number of the row.
    named = any(name is not None for name in frame.index.names)
    tabs = described.media_type == "text/tab-separated-values"
    text = frame.to_csv(index=named, sep="\t" if tabs else ",")
    return _in_memory(text.encode(), described.media_type if tabs else "text/csv")


def shown(value: object) -> str:
    """Return a short form of whatever the caller gave; its own ``repr`` may fail."""
    try:
        return errors.shown(value)
    except Exception:
        return f"a {type(value).__name__}"


def _found(value: str | PurePath) -> Path:
    try:
        path = Path(value).expanduser()
        # Relative to the folder of the notebook, or as JupyterLab's "Copy Path" gives it.
        places = [path.absolute(), workspace() / path]
        for place in dict.fromkeys(places):
            if place.is_file():
                with place.open("rb"):
                    return place
            if place.is_dir():
                raise _Wrong("is a folder; give a file (pack folders into one)", shown(str(place)))
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _Wrong(f"cannot be read: {reason}", shown(str(value))) from None
    looked = " and ".join(str(place)[:300] for place in dict.fromkeys(places))
    raise _Wrong(f"no such file; looked for {looked}", shown(str(value)))
