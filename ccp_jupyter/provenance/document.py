"""`Facts` as a PROV document (https://www.w3.org/TR/prov-dm/): one bundle for one Execution.

Statements come in an order that depends on nothing but the facts.  So the same facts give the same
bytes, in processes with the same ``PYTHONHASHSEED``: the `prov` library keeps values in sets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ccp_jupyter.model.states import Outcome, Phase
from ccp_jupyter.provenance.facts import AttemptFact, Facts, InputFact, OutputFact, Span, TaskFact
from ccp_jupyter.provenance.texts import local_name

if TYPE_CHECKING:
    from prov.identifier import Identifier, QualifiedName
    from prov.model import ProvBundle, ProvDocument

TERMS: Final = "urn:ccp:terms#"
"""Namespace of our own terms; `docs/provenance.md` says what they mean."""
MOST_DERIVATIONS: Final = 20_000
"""Statements that a file came from an input. With more, only output.zip as a whole has them."""

_WITH_CONTAINER: Final = (Phase.DEPLOY, Phase.EXECUTE, Phase.FETCH)
_WITH_PLAN: Final = (Phase.DEPLOY, Phase.EXECUTE)


def prov_document(facts: Facts) -> ProvDocument:
    """Return the PROV document of an Execution."""
    return _Writer(facts).written()


class _Writer:
    """Writes the statements of one document."""

    def __init__(self, facts: Facts) -> None:
        # Here and below: together with what it needs, this is too large for a service at rest.
        from prov.model import ProvDocument

        self._facts = facts
        self._document = ProvDocument()
        base = facts.service.address
        for prefix, uri in {
            "exec": f"{facts.href}#",
            "agent": f"{base}#",
            "user": f"{base}users/",
            "context": f"{base}contexts/",
            "method": f"{base}processes/",
            "place": f"{base}infrastructures/",
            "ccp": TERMS,
            "dcterms": "http://purl.org/dc/terms/",
        }.items():
            self._document.add_namespace(prefix, uri)
        if (origin := facts.origin) is not None:
            self._document.add_namespace("origin", f"{origin.address}jobs/{origin.id}#")
        self._bundle: ProvBundle = self._document.bundle("exec:bundle")
        self._user = f"user:{local_name(facts.owner)}"
        self._images = {
            digest: f"exec:image-{number}"
            for number, digest in enumerate(
                sorted({a.image for t in facts.tasks for a in t.attempts if a.image}), 1
            )
        }
        plan = facts.plan
        self._plan = (
            "exec:plan"
            if plan.kind == "experiment"
            else f"method:{local_name(plan.id)}" + (f".r{plan.revision}" if plan.revision else "")
        )

    def written(self) -> ProvDocument:
        """Write everything."""
        self._about_the_bundle()
        self._agents()
        self._execution()
        self._what_was_there()
        self._inputs()
        for task in self._facts.tasks:
            self._task(task)
        self._outputs()
        self._sent()
        self._origin()
        return self._document

    # --- values ---

    def _term(self, name: str) -> QualifiedName:
        return self._document.mandatory_valid_qname(f"ccp:{name}")

    def _prov(self, name: str) -> QualifiedName:
        from prov.constants import PROV

        return PROV[name]

    def _address(self, href: str) -> Identifier:
        from prov.identifier import Identifier

        return Identifier(href)

    def _attributes(self, kind: str, label: str = "", **more: Any) -> list[tuple[Any, Any]]:
        """Return attributes; those without a value are left out."""
        found: list[tuple[Any, Any]] = [("prov:type", self._term(kind))]
        if label:
            found.append(("prov:label", label))
        if href := more.pop("href", ""):
            found.append(("prov:location", self._address(href)))
        found += [
            (f"ccp:{name}", value)
            for name, value in more.items()
            if value is not None and value != ""
        ]
        return found

    # --- who ---

    def _about_the_bundle(self) -> None:
        facts, document = self._facts, self._document
        document.entity(
            "exec:bundle",
            [
                ("prov:type", self._prov("Bundle")),
                ("prov:label", f"Provenance of Execution {facts.id}"),
                ("prov:location", self._address(f"{facts.href}/prov")),
            ],
        )
        self._service(document)
        document.wasAttributedTo("exec:bundle", "agent:service")

    def _service(self, bundle: ProvBundle) -> None:
        service = self._facts.service
        bundle.agent(
            "agent:service",
            [
                ("prov:type", self._prov("SoftwareAgent")),
                ("prov:label", "ccp_jupyter"),
                ("prov:location", self._address(service.address)),
                ("ccp:version", service.version),
            ],
        )

    def _agents(self) -> None:
        facts, bundle = self._facts, self._bundle
        kind = "Person" if facts.owner_is_person else "SoftwareAgent"
        bundle.agent(self._user, [("prov:type", self._prov(kind)), ("prov:label", facts.owner)])
        self._service(bundle)
        bundle.agent(
            "agent:controller",
            [
                ("prov:type", self._prov("SoftwareAgent")),
                ("prov:label", "controller of ccp_jupyter"),
            ],
        )
        bundle.actedOnBehalfOf("agent:service", self._user, "exec:execution")
        bundle.actedOnBehalfOf("agent:controller", "agent:service", "exec:execution")
        if facts.context:
            group = f"context:{local_name(facts.context)}"
            kinds = [("prov:type", self._prov("Organization")), ("prov:label", facts.context)]
            bundle.agent(group, kinds)
            bundle.actedOnBehalfOf(self._user, group, "exec:execution")

    # --- what was done ---

    def _execution(self) -> None:
        facts, bundle = self._facts, self._bundle
        attributes = self._attributes(
            "Execution",
            facts.plan.title,
            href=facts.href,
            status=facts.status.value,
            message=facts.message,
            version=facts.plan.version,
            note=facts.note,
            created=facts.created,
            replicas=facts.replicas,
            cpus=facts.cpus,
            memory=facts.memory,
            maxTime=facts.max_time,
            tasksLeftOut=facts.tasks_left_out or None,
            inputsLeftOut=facts.inputs_left_out or None,
        )
        bundle.activity("exec:execution", facts.started, facts.finished, attributes)
        bundle.wasAssociatedWith("exec:execution", self._user, self._plan)
        bundle.wasAssociatedWith("exec:execution", "agent:service", self._plan)

    def _what_was_there(self) -> None:
        facts, bundle, plan = self._facts, self._bundle, self._facts.plan
        attributes = self._attributes(
            "Method" if plan.kind == "method" else "Experiment",
            plan.title,
            description=plan.description,
            version=plan.version,
            revision=plan.revision or None,
            sha256=plan.sha256,
        )
        attributes.append(("prov:type", self._prov("Plan")))
        attributes += [("ccp:author", author) for author in sorted(set(plan.authors)) if author]
        bundle.entity(self._plan, attributes)
        if facts.image:  # built-in processes run without, and infrastructure
            bundle.entity("exec:image", self._attributes("Image", facts.image))
            bundle.used("exec:execution", "exec:image", None, None, self._role("image"))
        for digest, image in self._images.items():
            bundle.entity(image, self._attributes("Image", digest, digest=digest))
            if facts.image:
                bundle.specializationOf(image, "exec:image")
        if facts.place.id:
            self._where()

    def _where(self) -> None:
        facts, bundle = self._facts, self._bundle
        place = f"place:{local_name(facts.place.id)}"
        attributes = self._attributes(
            "Infrastructure",
            facts.place.name or facts.place.id,
            description=facts.place.description,
            technology=facts.place.type,
        )
        bundle.entity(place, attributes)
        bundle.used("exec:execution", place, None, None, self._role("infrastructure"))

    def _role(self, text: str) -> list[tuple[str, str]]:
        return [("prov:role", text)]

    def _inputs(self) -> None:
        latest = {task.index: _latest(task, Phase.EXECUTE) for task in self._facts.tasks}
        for number, each in enumerate(self._facts.inputs, 1):
            entity = f"exec:input-{number}"
            attributes = self._attributes(
                _INPUT_KINDS[each.kind],
                each.title,
                href=each.href,
                input=each.input,
                number=each.number,
                task=each.task,
                redacted=True if each.kind == "secret" else None,
                connector=each.connector,
                mediaType=each.media_type,
                size=each.size,
                sha256=each.sha256,
            )
            if each.value is not None:
                attributes.append(("prov:value", each.value))
            self._bundle.entity(entity, attributes)
            found = latest.get(each.task) if each.task is not None else None
            user = _activity(*found) if found else "exec:execution"
            self._bundle.used(user, entity, None, None, self._role(each.input))

    def _task(self, task: TaskFact) -> None:
        before = "exec:execution"
        for attempt in task.attempts:
            for number, span in enumerate(attempt.spans):
                activity = _activity(task.index, attempt, span)
                self._phase(task, attempt, number, activity)
                self._bundle.wasInformedBy(activity, before)
                before = activity
            self._container(task, attempt)
        if (found := _latest(task, Phase.EXECUTE) or _latest(task, Phase.DEPLOY)) is not None:
            self._logs(task, _activity(*found))

    def _phase(self, task: TaskFact, attempt: AttemptFact, number: int, activity: str) -> None:
        span = attempt.spans[number]
        phase = span.phase
        decisive = number == _decisive(attempt)
        attributes = self._attributes(
            phase.value.capitalize(),
            f"{phase.value.capitalize()} of Task {task.index}, Attempt {attempt.number}",
            task=task.index,
            attempt=attempt.number,
            node=attempt.node,
            exitCode=attempt.exit_code if phase is Phase.EXECUTE else None,
            outcome=attempt.outcome.value if decisive and attempt.outcome else None,
            reason=attempt.reason if decisive else None,
        )
        attributes.append(("dcterms:isPartOf", self._name("exec:execution")))
        if phase is Phase.EXECUTE:
            attributes += [("ccp:gpu", gpu) for gpu in sorted(set(attempt.gpus))]
        self._bundle.activity(activity, span.start, span.end, attributes)
        plan = self._plan if phase in _WITH_PLAN else None
        self._bundle.wasAssociatedWith(activity, "agent:controller", plan)
        if phase is Phase.LAUNCH and (image := self._image_of(attempt)):
            self._bundle.used(activity, image, span.start, None, self._role("image"))

    def _name(self, text: str) -> QualifiedName:
        return self._document.mandatory_valid_qname(text)

    def _image_of(self, attempt: AttemptFact) -> str:
        return self._images.get(attempt.image) or ("exec:image" if self._facts.image else "")

    def _container(self, task: TaskFact, attempt: AttemptFact) -> None:
        spans = {span.phase: span for span in attempt.spans}
        launch = spans.get(Phase.LAUNCH)
        if not attempt.container or launch is None:
            return
        bundle = self._bundle
        container = f"exec:container-{task.index}-{attempt.number}"
        attributes = self._attributes(
            "Container", attempt.container_name, containerID=attempt.container, node=attempt.node
        )
        bundle.entity(container, attributes)
        made = _activity(task.index, attempt, launch)
        bundle.wasGeneratedBy(container, made, launch.end)
        if image := self._image_of(attempt):
            bundle.wasDerivedFrom(container, image)
        for phase in _WITH_CONTAINER:
            if (span := spans.get(phase)) is not None:
                activity = _activity(task.index, attempt, span)
                bundle.used(activity, container, span.start, None, self._role("container"))
        if (last := spans.get(Phase.DESTROY)) is not None:
            bundle.wasInvalidatedBy(container, _activity(task.index, attempt, last), last.end)

    def _logs(self, task: TaskFact, activity: str) -> None:
        for stream in ("stdout", "stderr"):
            log = f"exec:{stream}-{task.index}"
            href = f"{self._facts.href}/log?task={task.index}&stream={stream}"
            label = f"{stream} of Task {task.index}"
            attributes = self._attributes("Log", label, href=href, mediaType="text/plain")
            self._bundle.entity(log, attributes)
            self._bundle.wasGeneratedBy(log, activity)

    # --- what came of it ---

    def _outputs(self) -> None:
        facts, bundle = self._facts, self._bundle
        if facts.archive_size is not None:
            attributes = self._attributes(
                "Archive",
                "output.zip",
                href=f"{facts.href}/outputs/output.zip",
                mediaType="application/zip",
                size=facts.archive_size,
                contentDigest=facts.archive_digest,
                files=len(facts.outputs) + facts.outputs_left_out,
                filesLeftOut=facts.outputs_left_out or None,
            )
            attributes.append(("prov:type", self._prov("Collection")))
            bundle.entity("exec:archive", attributes)
            bundle.wasGeneratedBy("exec:archive", "exec:execution", facts.finished)
            bundle.wasAttributedTo("exec:archive", self._user)
            for number, each in enumerate(facts.inputs, 1):
                if _is_source(each):
                    bundle.wasDerivedFrom("exec:archive", f"exec:input-{number}")
        tasks = {task.index: task for task in facts.tasks}
        sources = {task: self._sources(task) for task in {each.task for each in facts.outputs}}
        each_of_them = sum(len(sources[out.task]) for out in facts.outputs) <= MOST_DERIVATIONS
        for number, output in enumerate(facts.outputs, 1):
            task = tasks.get(output.task)
            self._output(f"exec:output-{number}", output, task)
            for source in sources[output.task] if each_of_them else ():
                bundle.wasDerivedFrom(f"exec:output-{number}", source)

    def _sources(self, task: int) -> list[str]:
        return [
            f"exec:input-{number}"
            for number, each in enumerate(self._facts.inputs, 1)
            if _is_source(each) and each.task in (None, task)
        ]

    def _output(self, entity: str, output: OutputFact, task: TaskFact | None) -> None:
        attributes = self._attributes(
            "File",
            output.path,
            href=output.href,
            size=output.size,
            sha256=output.sha256,
            mediaType=output.media_type,
        )
        self._bundle.entity(entity, attributes)
        found = _latest(task, Phase.EXECUTE) if task is not None else None
        if found is None:
            self._bundle.wasGeneratedBy(entity, "exec:execution", self._facts.finished)
        else:
            self._bundle.wasGeneratedBy(entity, _activity(*found), found[2].end)
        self._bundle.hadMember("exec:archive", entity)

    def _sent(self) -> None:
        tasks = {task.index: task for task in self._facts.tasks}
        for number, each in enumerate(self._facts.sent, 1):
            # Connectors send when the command has ended well, in the same phase.
            found = _latest(tasks[each.task], Phase.EXECUTE)
            if found is None or found[1].outcome is not Outcome.SUCCESSFUL:
                continue
            attributes = self._attributes(
                "SentFile",
                output=each.output,
                task=each.task,
                connector=each.connector,
            )
            entity = f"exec:sent-{number}"
            self._bundle.entity(entity, attributes)
            self._bundle.wasGeneratedBy(entity, _activity(*found), found[2].end)
            for source in self._sources(each.task):
                self._bundle.wasDerivedFrom(entity, source)

    def _origin(self) -> None:
        facts, document, bundle = self._facts, self._document, self._bundle
        if (origin := facts.origin) is None:
            return
        typed = [("prov:type", self._term(origin.kind.capitalize()))]
        if origin.kind == "import":
            # The same Execution, as another service tells of it.
            document.wasDerivedFrom("exec:bundle", "origin:bundle", other_attributes=typed)
            return
        bundle.wasInformedBy("exec:execution", "origin:execution", None, typed)
        if origin.kind == "reuse" and facts.archive_size is not None:
            bundle.wasDerivedFrom("exec:archive", "origin:archive", other_attributes=typed)
        document.wasRevisionOf("exec:bundle", "origin:bundle")


_INPUT_KINDS: Final = {
    "value": "Parameter",
    "file": "File",
    "link": "File",
    "connector": "File",
    "secret": "Secret",
}


def _is_source(each: InputFact) -> bool:
    return not each.controls and each.kind != "secret"


def _activity(task: int, attempt: AttemptFact, span: Span) -> str:
    return f"exec:{span.phase.value}-{task}-{attempt.number}"


def _latest(task: TaskFact, phase: Phase) -> tuple[int, AttemptFact, Span] | None:
    """Return a phase of the Attempt that counts, if it came there."""
    for attempt in task.attempts[-1:]:
        for span in attempt.spans:
            if span.phase is phase:
                return task.index, attempt, span
    return None


def _decisive(attempt: AttemptFact) -> int:
    """Return the number of the phase in which it was decided how the Attempt went."""
    numbers = [n for n, span in enumerate(attempt.spans) if span.phase is not Phase.DESTROY]
    return numbers[-1] if numbers else 0
