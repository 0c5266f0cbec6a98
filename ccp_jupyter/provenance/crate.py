"""`Facts` as a Workflow Run RO-Crate, profile Process Run Crate 0.5.

https://www.researchobject.org/workflow-run-crate/profiles/0.5/process_run_crate/ on top of
https://www.researchobject.org/ro-crate/specification/1.1/.  The document is plain JSON with a fixed
context, so it is written without the `rocrate` library, which tests read it back with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

from ccp_jupyter.model.states import Phase
from ccp_jupyter.model.times import iso
from ccp_jupyter.provenance.crate_words import (
    FAILED,
    STATUS,
    TASK_STATUS,
    Entity,
    entity_of,
    image_parts,
    ref,
    refs,
    span_of,
    story,
    time_of,
    value_text,
)
from ccp_jupyter.provenance.facts import Facts, InputFact, TaskFact

METADATA: Final = "ro-crate-metadata.json"
PLAN_FILES: Final = {"method": "metadata/method.json", "experiment": "metadata/experiment.json"}
"""Where the document of what was run lies in a crate: with sorted members, without white space."""
OUTPUTS: Final = "outputs/"
"""Folder of the output files in a crate."""

_PROFILE: Final = "https://w3id.org/ro/wfrun/process/0.5"
_CRATE: Final = "https://w3id.org/ro/crate/1.1"
_TERMS: Final = "https://w3id.org/ro/terms/workflow-run"
_SCHEMA: Final = "http://schema.org/"
_DIGEST: Final = re.compile(r"sha256:([0-9a-f]{64})")


def crate_metadata(facts: Facts, packed: bool = False) -> dict[str, Any]:
    """Return the content of ``ro-crate-metadata.json`` for an Execution.

    Parameters
    ----------
    facts : Facts
        What is told.
    packed : bool
        Whether the crate is an Execution folder, where the output files are in output.zip and
        linked inputs are not; otherwise it has them all as files.
    """
    return {
        "@context": [f"{_CRATE}/context", f"{_TERMS}/context"],
        "@graph": _Crate(facts, packed).graph(),
    }


def log_path(stream: str, task: int, packed: bool = False) -> str:
    """Return where the log of a Task lies in a crate, or in an Execution folder."""
    return f"{'outputs' if packed else 'logs'}/{stream}.{task}.txt"


class _Crate:
    """Collects the entities of one crate."""

    def __init__(self, facts: Facts, packed: bool) -> None:
        self._facts = facts
        self._packed = packed
        self._entities: list[Entity] = []
        self._known: dict[str, None] = {}
        self._plan = PLAN_FILES[facts.plan.kind]
        self._user = f"{facts.service.address}users/{quote(facts.owner, safe='')}"
        self._images = sorted({a.image for t in facts.tasks for a in t.attempts if a.image})

    def graph(self) -> list[Entity]:
        """Return all entities: metadata file and root first."""
        facts = self._facts
        self._people()
        self._software()
        inputs = [self._input(number, each) for number, each in enumerate(facts.inputs, 1)]
        outputs = [self._output(number) for number in range(len(facts.outputs))]
        if self._packed and facts.archive_size is not None:
            outputs.append(self._archive(facts.archive_size))
        sent = [self._sent(number) for number in range(len(facts.sent))]
        logs = {task.index: self._logs(task) for task in facts.tasks}
        self._image()
        actions = [
            self._execution(inputs, [*outputs, *sent], [x for v in logs.values() for x in v])
        ]
        if facts.replicas > 1 or facts.plan.kind == "experiment":
            for task in facts.tasks:
                its_inputs = [
                    name
                    for name, each in zip(inputs, facts.inputs, strict=True)
                    if each.task in (None, task.index)
                ]
                made = zip(outputs, facts.outputs, strict=False)  # output.zip belongs to all
                results = [name for name, each in made if each.task == task.index]
                away = zip(sent, facts.sent, strict=True)
                results += [name for name, each in away if each.task == task.index]
                actions.append(self._task(task, its_inputs, [*results, *logs[task.index]]))
        return [*self._root(actions), *self._entities]

    def _add_part(self, identifier: str) -> None:
        self._known[identifier] = None

    # --- the crate itself ---

    def _root(self, actions: list[str]) -> list[Entity]:
        facts = self._facts
        origin = facts.origin
        base = f"{origin.address}jobs/{origin.id}" if origin else None
        found = [
            entity_of(METADATA, "CreativeWork", conformsTo=ref(_CRATE), about=ref("./")),
            entity_of(
                "./",
                "Dataset",
                name=f"{facts.plan.title}: Execution {facts.id}",
                description=facts.note or f"One run of {facts.plan.title!r} by {facts.owner}",
                datePublished=iso(facts.finished or facts.created),
                conformsTo=ref(_PROFILE),
                license=ref("#licence"),
                identifier=facts.id,
                url=facts.href,
                author=ref(self._user),
                isBasedOn=ref(base) if base else None,
                hasPart=refs(self._known),
                mentions=refs(actions),
            ),
            entity_of(_PROFILE, "CreativeWork", name="Process Run Crate", version="0.5"),
            entity_of(
                "#licence",
                "CreativeWork",
                name="No licence stated",
                description="Whoever ran this has stated no licence for it: ask them.",
            ),
        ]
        if base and origin:
            name = f"The Execution that this one is a {origin.kind} of"
            found.append(entity_of(base, "CreativeWork", name=name, url=base))
        return found

    def _people(self) -> None:
        facts = self._facts
        group = f"{facts.service.address}contexts/{quote(facts.context, safe='')}"
        in_group = ref(group) if facts.context else None
        kind = "Person" if facts.owner_is_person else "SoftwareApplication"
        self._entities.append(entity_of(self._user, kind, name=facts.owner, affiliation=in_group))
        if facts.context:
            self._entities.append(entity_of(group, "Organization", name=facts.context))
        self._entities.append(
            entity_of(
                f"{facts.service.address}#service",
                "SoftwareApplication",
                name="ccp_jupyter",
                url=facts.service.address,
                softwareVersion=facts.service.version,
            )
        )

    def _software(self) -> None:
        facts, plan = self._facts, self._facts.plan
        page = f"{facts.service.address}processes/{quote(plan.id, safe='')}"
        self._add_part(self._plan)
        authors = [f"#author-{number}" for number in range(1, len(plan.authors) + 1)]
        self._entities.append(
            entity_of(
                self._plan,
                ["File", "SoftwareSourceCode", "SoftwareApplication"],
                name=plan.title,
                description=plan.description,
                version=plan.version,
                url=page if plan.kind == "method" else facts.href,
                keywords=", ".join(plan.keywords),
                author=refs(authors),
                encodingFormat="application/json",
                # In an Execution folder it is written for people, with white space.
                sha256="" if self._packed else plan.sha256,
            )
        )
        for identifier, name in zip(authors, plan.authors, strict=True):
            self._entities.append(entity_of(identifier, "Person", name=name))

    # --- what went in and came out ---

    def _input(self, number: int, each: InputFact) -> str:
        known: dict[str, Any] = {
            "encodingFormat": each.media_type,
            "contentSize": str(each.size) if each.size is not None else None,
            "sha256": each.sha256,
        }
        name = each.title or each.input
        here = bool(each.path) and not (self._packed and each.kind == "link")
        if here or each.href:
            identifier = quote(each.path, safe="/") if here else each.href
            if identifier not in self._known:
                self._add_part(identifier)
                source = each.href if here else None
                told = f"Input {each.input}"
                entity = entity_of(identifier, "File", name=name, description=told, url=source)
                self._entities.append(entity | entity_of(identifier, "File", **known))
            return identifier
        identifier = f"#input-{number}"
        if each.kind == "connector":
            told = f"Input {each.input}, brought by {each.connector or 'a connector'}"
            self._entities.append(
                entity_of(identifier, "CreativeWork", name=name, description=told)
            )
            return identifier
        told = "secret: not told" if each.kind == "secret" else each.title
        value = value_text(each)
        entity = entity_of(identifier, "PropertyValue", name=each.input, description=told, **known)
        if value is not None:
            entity["value"] = value
        self._entities.append(entity)
        return identifier

    def _output(self, number: int) -> str:
        output = self._facts.outputs[number]
        # The address has the name as it is, also where it cannot be told as text.
        path = OUTPUTS + output.href.removeprefix(f"{self._facts.href}/outputs/")
        if self._packed:
            path = output.href
        self._entities.append(
            entity_of(
                path,
                "File",
                name=output.path,
                alternateName=output.path,
                encodingFormat=output.media_type,
                contentSize=str(output.size),
                sha256=output.sha256,
                url=output.href,
            )
        )
        self._add_part(path)
        return path

    def _archive(self, size: int) -> str:
        path = OUTPUTS + "output.zip"
        self._entities.append(
            entity_of(
                path,
                "File",
                name="output.zip",
                description="All output files",
                encodingFormat="application/zip",
                contentSize=str(size),
            )
        )
        self._add_part(path)
        return path

    def _sent(self, number: int) -> str:
        each = self._facts.sent[number]
        identifier = f"#sent-{number + 1}"
        told = f"Output {each.output}, sent by {each.connector or 'a connector'}"
        self._entities.append(
            entity_of(identifier, "CreativeWork", name=each.output, description=told)
        )
        return identifier

    def _logs(self, task: TaskFact) -> list[str]:
        if span_of(task, Phase.DEPLOY) is None and span_of(task, Phase.EXECUTE) is None:
            return []
        found = []
        for stream in ("stdout", "stderr"):
            path = log_path(stream, task.index, self._packed)
            name = f"{stream} of Task {task.index}"
            self._entities.append(entity_of(path, "File", name=name, encodingFormat="text/plain"))
            found.append(path)
            self._add_part(path)
        return found

    # --- what was done ---

    def _image(self) -> None:
        self._image_ids: list[str] = []
        if not self._facts.image:  # of built-in processes
            return
        registry, name, tag = image_parts(self._facts.image)
        digests = [match[1] for each in self._images if (match := _DIGEST.search(each))]
        for number, sha256 in enumerate(digests or [None], 1):
            self._entities.append(
                entity_of(
                    f"#image-{number}",
                    "ContainerImage",
                    additionalType=ref(f"{_TERMS}#DockerImage"),
                    registry=registry,
                    name=name,
                    tag=tag,
                    sha256=sha256,
                )
            )
        self._image_ids = [f"#image-{n}" for n in range(1, max(1, len(digests)) + 1)]

    def _execution(self, inputs: list[str], outputs: list[str], logs: list[str]) -> str:
        facts = self._facts
        environment = []
        if facts.plan.kind == "method":
            environment.append(self._variable("ccptaskname", facts.id, "all"))
            if facts.replicas == 1:
                environment.append(self._variable("ccptaskid", "1", "1"))
        status = STATUS[facts.status]
        self._entities.append(
            entity_of(
                "#execution",
                "CreateAction",
                name=f"Execution of {facts.plan.title}",
                description=f"{facts.message or facts.status.value}"
                f" (on {facts.place.id or 'the service itself'}, {facts.replicas} in parallel)",
                agent=ref(self._user),
                instrument=ref(self._plan),
                startTime=time_of(facts.started),
                endTime=time_of(facts.finished),
                object=refs(inputs),
                result=refs([*outputs, *logs]),
                actionStatus=ref(_SCHEMA + status),
                error=(facts.message or facts.status.value) if status == FAILED else None,
                containerImage=refs(self._image_ids),
                environment=refs(environment),
                resourceUsage=refs(self._usage(facts.tasks)),
            )
        )
        return "#execution"

    def _task(self, task: TaskFact, inputs: list[str], results: list[str]) -> str:
        identifier = f"#task-{task.index}"
        latest = task.attempts[-1] if task.attempts else None
        status = TASK_STATUS[task.state]
        environment = []
        if self._facts.plan.kind == "method":
            environment.append(self._variable("ccptaskid", str(task.index), str(task.index)))
        reason = latest.reason if latest else ""
        self._entities.append(
            entity_of(
                identifier,
                "CreateAction",
                name=f"Task {task.index} of {self._facts.plan.title}",
                description=story(task),
                agent=ref(self._user),
                instrument=ref(self._plan),
                startTime=time_of(latest.spans[0].start if latest and latest.spans else None),
                endTime=time_of(latest.spans[-1].end if latest and latest.spans else None),
                object=refs(inputs),
                result=refs(results),
                actionStatus=ref(_SCHEMA + status),
                error=(reason or task.state.value) if status == FAILED else None,
                containerImage=refs(self._image_ids),
                environment=refs(environment),
            )
        )
        return identifier

    def _variable(self, name: str, value: str, where: str) -> str:
        identifier = f"#variable-{name}-{where}"
        self._entities.append(entity_of(identifier, "PropertyValue", name=name, value=value))
        return identifier

    def _usage(self, tasks: Iterable[TaskFact]) -> list[str]:
        found = []
        for task in tasks:
            span = span_of(task, Phase.EXECUTE)
            if span is None or span[1] is None:
                continue
            identifier = f"#usage-{task.index}"
            seconds = (span[1] - span[0]).total_seconds()
            self._entities.append(
                entity_of(
                    identifier,
                    "PropertyValue",
                    name=f"Execute phase of Task {task.index}",
                    propertyID="urn:ccp:terms#executeTime",
                    value=f"{seconds:.3f}",
                    unitCode="SEC",
                )
            )
            found.append(identifier)
        return found
