"""Checking an execute request against a Method, completely, before anything is stored.

Both dialects of OGC API - Processes are taken: 1.0 with ``response`` and ``transmissionMode``,
2.0 without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import ccp_jupyter.model.validator  # noqa: F401 - slow to load: at start, not at the first request
from ccp_jupyter.model.errors import InvalidDocument, Problem, shown
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.input_reader import LARGEST_LITERALS, CheckedValue, InputReader
from ccp_jupyter.model.input_values import image_rule, is_media_type, link_rule
from ccp_jupyter.model.json_data import data_problems
from ccp_jupyter.model.method import Method
from ccp_jupyter.model.method_import import SCRIPTS
from ccp_jupyter.model.method_resources import Choice, grant
from ccp_jupyter.model.resources import GpuWish
from ccp_jupyter.model.script import Values, text_of, value_problems
from ccp_jupyter.model.values import (
    FileValue,
    InlineFile,
    InputValue,
    LinkValue,
    PlainValue,
    SecretValue,
    container_path,
)

LONGEST_NOTE = 10_000
MOST_PRIORITY = 100

_MEMBERS: Final = frozenset({"inputs", "outputs", "response", "subscriber", "process", "mode"})
_SUBSCRIBER_MEMBERS: Final = ("successUri", "inProgressUri", "failedUri")


@dataclass(frozen=True, slots=True)
class RequestedOutput:
    """How one output is wanted."""

    transmission_mode: Literal["value", "reference"] = "value"
    media_type: str | None = None
    """As the request says; None when it leaves that to the Method."""


@dataclass(frozen=True, slots=True, repr=False)
class CheckedRequest:
    """An execute request that keeps all rules. Its ``repr`` shows no value of any input."""

    inputs: dict[str, list[CheckedValue]]
    """Values of every input that has any, defaults filled in, in the Method's order.

    A file's number (`file_name`, `container_path`) is its place in this list, from 1.
    """
    secrets: dict[str, str]
    """What `SecretValue` stands for, by input id; for the vault only."""
    named_secrets: dict[str, str]
    """Names of personal secrets that stand for values, by input id; see `with_named_secrets`."""
    image: str
    replicas: int
    limits: Limits
    """What each Task gets: the Infrastructure's limits, with what was asked for and allowed."""
    gpus: list[GpuWish]
    """What each Task wants to itself."""
    priority: int
    """From -100 to 100."""
    note: str
    outputs: dict[str, RequestedOutput]
    """Requested outputs; all that the Method declares when the request does not say."""
    response: str
    """``raw`` or ``document``; ``raw`` when the request does not say (`body` tells)."""
    body: dict[str, Any]
    """The request to keep: ``{"secret": true}`` for secrets, links for files that it brought."""

    def __repr__(self) -> str:
        return (
            f"CheckedRequest(inputs={sorted(self.inputs)}, image={self.image!r}, "
            f"replicas={self.replicas}, max_time={self.limits.max_time})"
        )


def check_request(method: Method, body: object, limits: Limits) -> CheckedRequest:
    """Check an execute request.

    Parameters
    ----------
    method : Method
        What is to be run.
    body : object
        Decoded JSON.
    limits : Limits
        Of the Infrastructure that it will run on.

    Returns
    -------
    CheckedRequest
        Everything that running needs.

    Raises
    ------
    InvalidDocument
        Lists all rules that are broken. Values of secret inputs are never shown.
    """
    if not isinstance(body, dict):
        rule = 'an execute request must be an object such as {"inputs": {}}'
        raise InvalidDocument([Problem("", rule, f"a {type(body).__name__}")])
    if problems := data_problems(body):
        raise InvalidDocument(problems)
    reader = InputReader(method, limits.input_size)
    problems = reader.problems
    inputs = reader.read(body.get("inputs"))
    replicas = _number(inputs, "ccpreplicas", 1, problems)
    if replicas > limits.max_replicas:
        rule = f"at most {limits.max_replicas} replicas on this Infrastructure"
        problems.append(Problem("inputs.ccpreplicas", rule, str(replicas)))
    granted, gpus = grant(method.resources, _choice(inputs), limits, problems)
    max_time = _number(inputs, "ccpmaxtime", granted.max_time, problems)
    priority = _priority(inputs, problems)
    image = _text(inputs, "ccpimage")
    if "ccpimage" in inputs and (rule := image_rule(image)):
        problems.append(Problem("inputs.ccpimage", rule, shown(image)))
    note = _text(inputs, "ccpnote")
    if len(note) > LONGEST_NOTE:
        rule = f"must have at most {LONGEST_NOTE} characters"
        problems.append(Problem("inputs.ccpnote", rule, f"{len(note)} characters"))
    problems += _envelope_problems(method, body)
    outputs = _outputs(method, body.get("outputs"), problems)
    if not problems:
        problems += _script_problems(method, inputs, reader.secrets)
    if problems:
        raise InvalidDocument(problems)
    return CheckedRequest(
        inputs=inputs,
        secrets=reader.secrets,
        named_secrets=reader.named_secrets,
        image=image,
        replicas=replicas,
        limits=granted.model_copy(update={"max_time": min(max_time, granted.max_time)}),
        gpus=gpus,
        priority=priority,
        note=note,
        outputs=outputs,
        response=body.get("response") or "raw",
        body={**body, "inputs": reader.kept} if "inputs" in body else dict(body),
    )


def with_named_secrets(
    method: Method, request: CheckedRequest, values: Mapping[str, str]
) -> CheckedRequest:
    """Put the values of personal secrets into a request that names them, and check these too.

    Parameters
    ----------
    method : Method
        What is to be run.
    request : CheckedRequest
        With `CheckedRequest.named_secrets`.
    values : mapping of str to str
        The user's personal secrets, by name.

    Raises
    ------
    InvalidDocument
        One is not there, or its value breaks a rule of the input. No value is shown.
    """
    problems = unknown_secrets(request, values.keys())
    found: dict[str, str] = {}
    for input_id, name in request.named_secrets.items():
        if name not in values:
            continue
        found[input_id] = values[name]
        checker = method.inputs[input_id].checker
        problems += checker.problems(values[name], f"inputs.{input_id}", secret=True)
    if (size := sum(map(len, found.values()))) > LARGEST_LITERALS:
        rule = f"all personal secrets together may have at most {LARGEST_LITERALS} characters"
        problems.append(Problem("inputs", rule, f"{size} characters"))
    secrets = request.secrets | found
    if not problems:
        problems += _script_problems(method, request.inputs, secrets)
    if problems:
        raise InvalidDocument(problems)
    return replace(request, secrets=secrets)


def unknown_secrets(request: CheckedRequest, known: Set[str]) -> list[Problem]:
    """Return what is wrong with the names of personal secrets, of which there are some."""
    rule = "must name one of your personal secrets; there is none of this name"
    return [
        Problem(f"inputs.{input_id}.$secret", rule, shown(name))
        for input_id, name in request.named_secrets.items()
        if name not in known
    ]


def script_values(
    method: Method,
    inputs: Mapping[str, Sequence[InputValue | InlineFile]],
    secrets: Mapping[str, str],
    task_name: str,
    task_id: int,
) -> dict[str, str | list[str]]:
    """Return what every variable of a Method's scripts stands for.

    Parameters
    ----------
    method : Method
        As it is executed.
    inputs : mapping of str to sequence of values
        As in `CheckedRequest` or `Execution`.
    secrets : mapping of str to str
        From the vault.
    task_name, task_id : str, int
        Id of the Execution; index of the replica, from 1.

    Returns
    -------
    dict of str to str or list of str
        For `render`. A list for inputs that take several values; an input without a value is
        the empty text, or the empty list.
    """
    values: dict[str, str | list[str]] = {"ccptaskname": task_name, "ccptaskid": str(task_id)}
    for name, descriptor in method.inputs.items():
        texts = [
            _variable_text(name, number, descriptor.many, value, secrets)
            for number, value in enumerate(inputs.get(name, ()), 1)
        ]
        values[name] = texts if descriptor.many else "".join(texts)
    return values


def _variable_text(
    name: str,
    number: int,
    many: bool,
    value: InputValue | InlineFile,
    secrets: Mapping[str, str],
) -> str:
    match value:
        case SecretValue():
            return secrets.get(name, "")
        case InlineFile() | FileValue() | LinkValue():
            return container_path(name, number, many)
        case PlainValue():
            return text_of(value.value)


def _script_problems(
    method: Method, inputs: dict[str, list[CheckedValue]], secrets: dict[str, str]
) -> list[Problem]:
    """Return which values cannot stand where the scripts use them."""
    values: Values = script_values(method, inputs, secrets, "0", 1)
    return [
        Problem("inputs", f"{name}, {problem.member}: {problem.rule}")
        for name in SCRIPTS
        for problem in value_problems(method.script(name), values)
    ]


def _text(inputs: dict[str, list[CheckedValue]], name: str) -> str:
    values = [value.value for value in inputs.get(name, ()) if isinstance(value, PlainValue)]
    return values[0] if values and isinstance(values[0], str) else ""


def _number(
    inputs: dict[str, list[CheckedValue]], name: str, default: int, problems: list[Problem]
) -> int:
    """Return a control input's number; what is wrong in its schema's eyes is reported already."""
    for value in inputs.get(name, ()):
        number = value.value if isinstance(value, PlainValue) else None
        if type(number) is int and number >= 1:
            return number
        if type(number) is int:
            problems.append(Problem(f"inputs.{name}", "must be at least 1", shown(number)))
    return default


def _choice(inputs: dict[str, list[CheckedValue]]) -> Choice:
    cpus, memory = _given(inputs, "ccpcpus"), _given(inputs, "ccpmemory")
    gpus = _given(inputs, "ccpgpus")
    return Choice(cpus, memory, None if gpus is None else int(gpus))


def _priority(inputs: dict[str, list[CheckedValue]], problems: list[Problem]) -> int:
    priority = int(_given(inputs, "ccppriority") or 0)
    if abs(priority) > MOST_PRIORITY:
        rule = f"must be from -{MOST_PRIORITY} to {MOST_PRIORITY}"
        problems.append(Problem("inputs.ccppriority", rule, shown(priority)))
    return priority


def _given(inputs: dict[str, list[CheckedValue]], name: str) -> float | None:
    """Return a control input's number; None without one, or when it is reported already."""
    for value in inputs.get(name, ()):
        if isinstance(value, PlainValue) and type(value.value) in (int, float):
            number: float = value.value
            return number
    return None


# --- what surrounds the inputs -------------------------------------------------------------


def _envelope_problems(method: Method, body: dict[str, Any]) -> list[Problem]:
    problems = [
        Problem(name[:100], f"unknown member; an execute request has {', '.join(sorted(_MEMBERS))}")
        for name in body
        if name not in _MEMBERS
    ]
    response = body.get("response")
    if response not in (None, "raw", "document"):
        problems.append(Problem("response", "must be raw or document", shown(response)))
    mode = body.get("mode")
    if mode not in (None, "async", "auto"):
        problems.append(Problem("mode", "must be async or auto", shown(mode)))
    process = body.get("process")
    if process is not None and str(process).rstrip("/").rpartition("/")[2] != method.id:
        problems.append(Problem("process", f"must be {method.id} or end with it", shown(process)))
    return problems + _subscriber_problems(body.get("subscriber"))


def _subscriber_problems(subscriber: object) -> list[Problem]:
    if subscriber is None:
        return []
    if not isinstance(subscriber, dict):
        return [Problem("subscriber", "must be an object", shown(subscriber))]
    problems = []
    for name, uri in subscriber.items():
        member = f"subscriber.{name[:100]}"
        if name not in _SUBSCRIBER_MEMBERS:
            rule = f"unknown member; a subscriber has {', '.join(_SUBSCRIBER_MEMBERS)}"
            problems.append(Problem(member, rule))
        elif rule := link_rule(uri):
            problems.append(Problem(member, rule))
    if "successUri" not in subscriber:
        problems.append(Problem("subscriber.successUri", "is missing"))
    return problems


def _outputs(method: Method, raw: object, problems: list[Problem]) -> dict[str, RequestedOutput]:
    if raw is None:
        mode = method.output_transmission[0]
        return {name: RequestedOutput(mode) for name in method.outputs}
    if not isinstance(raw, dict):
        problems.append(Problem("outputs", "must be an object with output ids", shown(raw)))
        return {}
    outputs = {}
    for name, wanted in raw.items():
        member = f"outputs.{name[:100]}"
        if name not in method.outputs:
            known = ", ".join(method.outputs) or "none"
            problems.append(Problem(member, f"no such output; the Method has {known}"))
        elif not isinstance(wanted, dict):
            problems.append(Problem(member, "must be an object", shown(wanted)))
        else:
            outputs[name] = _output(method, wanted, member, problems)
    return outputs


def _output(
    method: Method, wanted: dict[str, Any], member: str, problems: list[Problem]
) -> RequestedOutput:
    for name in wanted:
        if name not in ("transmissionMode", "format"):
            rule = "unknown member; an output has transmissionMode, format"
            problems.append(Problem(f"{member}.{name[:100]}", rule))
    mode = wanted.get("transmissionMode") or method.output_transmission[0]
    if mode not in method.output_transmission:
        rule = f"must be {' or '.join(method.output_transmission)}"
        problems.append(Problem(f"{member}.transmissionMode", rule, shown(mode)))
    form = wanted.get("format")
    media_type = form.get("mediaType") if isinstance(form, dict) else None
    if form is not None and not isinstance(form, dict):
        problems.append(Problem(f"{member}.format", "must be an object", shown(form)))
    elif media_type is not None and not is_media_type(media_type):
        rule = "must be a media type such as text/csv"
        problems.append(Problem(f"{member}.format.mediaType", rule, shown(media_type)))
    return RequestedOutput(mode, media_type)
