"""Executions as the store has them: every kind of end, with everything that can be told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ccp_jupyter.model.execution import Attempt, Execution, PhaseTime, Task
from ccp_jupyter.model.experiment import Batch, Experiment
from ccp_jupyter.model.infrastructure import Infrastructure, Limits
from ccp_jupyter.model.manifest import Manifest, OutputFile
from ccp_jupyter.model.origin import Origin
from ccp_jupyter.model.states import Outcome, Phase, Status, TaskState
from ccp_jupyter.model.values import FileValue, LinkValue, PlainValue, SecretValue
from ccp_jupyter.provenance.facts import Facts, Service
from ccp_jupyter.provenance.gathering import Files, gather

BEGIN = datetime(2026, 11, 21, 10, 0, 0, 123000, UTC)
SERVICE = Service(address="https://hub.example.org/services/ccp/", version="0.1.0")
PLACE = Infrastructure(id="local-docker", name="Local docker", description="One machine")
ID = "7de2a1c4-0000-4000-8000-000000000001"
SECRET = "planted-secret"
"""In no record of an Execution; here for what must not be looked at."""

ALL_PHASES = tuple(Phase)


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def method() -> dict[str, Any]:
    return {
        "id": "5f0c1f9e",
        "title": "Column statistics",
        "description": "Of one column.",
        "version": "1.2.0",
        "keywords": ["csv"],
        "metadata": [{"role": "author", "title": "Alice Example"}],
        "inputs": {
            "ccpimage": {"id": "ccpimage", "schema": {"type": "string"}},
            "table": {"id": "table", "title": "CSV table", "schema": {"type": "string"}},
            "more": {"id": "more", "maxOccurs": 4, "schema": {"type": "string"}},
        },
        "outputs": {},
    }


def attempt(
    number: int = 1,
    outcome: Outcome | None = Outcome.SUCCESSFUL,
    phases: tuple[Phase, ...] = ALL_PHASES,
    **members: Any,
) -> Attempt:
    return Attempt(
        number=number,
        node="local",
        phase=phases[-1],
        phases=[PhaseTime(phase=p, at=at(10 * number + n)) for n, p in enumerate(phases)],
        image="sha256:" + "ab" * 32,
        container_id="c0ffee" + str(number),
        exit_code=0 if outcome is Outcome.SUCCESSFUL else 3,
        outcome=outcome,
        **members,
    )


def tasks(
    count: int = 1, *attempts: Attempt, state: TaskState = TaskState.SUCCESSFUL
) -> list[Task]:
    found = list(attempts) or [attempt()]
    return [
        Task(execution_id=ID, index=i, state=state, attempts=found) for i in range(1, count + 1)
    ]


def execution(**members: Any) -> Execution:
    return Execution(
        **{
            "id": ID,
            "owner": "alice",
            "method_id": "5f0c1f9e",
            "method": method(),
            "method_revision": 3,
            "request": {"inputs": {}},
            "inputs": {
                "ccpimage": [PlainValue(value="docker.io/library/python:3.11-slim")],
                "ccpnote": [PlainValue(value="first try")],
                "column": [PlainValue(value="value")],
                "count": [PlainValue(value=3)],
                "key": [SecretValue()],
                "more": [
                    LinkValue(
                        href=f"https://u:{SECRET}@data.example.org/a b.csv?token={SECRET}&v=1"
                    )
                ],
                "shape": [PlainValue(value={"type": "Point", "coordinates": [1, 2.5]})],
                "table": [
                    FileValue(path="inputs/table", size=5, sha256="cd" * 32, media_type="text/csv")
                ],
            },
            "claims": {"name": "alice", "groups": ["physics"], "scopes": ["claimed-scope"]},
            "infrastructure_id": "local-docker",
            "limits": Limits(),
            "image": "docker.io/library/python:3.11-slim",
            "context": "physics",
            "status": Status.SUCCESSFUL,
            "message": "Successful",
            "created": at(0),
            "started": at(10.2),  # the store has it a moment after the first Attempt
            "finished": at(40),
            "output_size": 400,
            **members,
        }
    )


MANIFEST = Manifest.of(
    OutputFile(path=path, size=7, sha256="ef" * 32)
    for path in ("output/stats.json", "output/tä & b.csv", "input/table")
)
FILES = Files(
    manifest=MANIFEST, linked={"more.1": OutputFile(path="inputs/more.1", size=9, sha256="aa" * 32)}
)


def facts(
    record: Execution | None = None, of: list[Task] | None = None, files: Files = FILES
) -> Facts:
    return gather(record or execution(), tasks() if of is None else of, files, SERVICE, PLACE)


def experiment(**members: Any) -> tuple[Execution, list[Task]]:
    connector = {"command": "red-connector-http", "access": "random-name-of-a-secret"}
    batch = Batch(
        inputs={
            "file": {"class": "File", "basename": "in.txt", "connector": connector},
            "number": 5,
            "many": [{"class": "File", "basename": "x", "connector": connector}, "text"],
        },
        outputs={"out": {"class": "File", "connector": connector}},
    )
    document = Experiment(
        red_version="9",
        cli={"baseCommand": ["sh", "-c"], "cwlVersion": "v1.1"},
        container={"engine": "docker", "settings": {"image": {"url": "busybox"}}},
        has_secrets=True,
    )
    record = execution(
        **{
            "experiment": document,
            "method_id": "",
            "method": {},
            "method_revision": 0,
            "inputs": {},
            "replicas": 2,
            **members,
        }
    )
    failed = attempt(outcome=Outcome.FAILED, reason="exit code 3")
    made = [tasks(1)[0], tasks(2, failed, state=TaskState.FAILED)[1]]
    for each in made:
        each.batch = batch
    return record, made


def replicas() -> Facts:
    """Two replicas; the first needed a second Attempt."""
    lost = attempt(outcome=Outcome.PLATFORM, phases=(*ALL_PHASES[:3], *ALL_PHASES[4:]))
    lost.reason = "Node rebooted"
    first = tasks(1, lost, attempt(2))[0]
    manifest = Manifest.of(
        OutputFile(path=f"replica-{n}/out.txt", size=n, sha256="ef" * 32) for n in (1, 2)
    )
    return facts(execution(replicas=2), [first, tasks(2)[1]], Files(manifest=manifest))


def kinds() -> dict[str, Facts]:
    """Return one description for each way in which an Execution can stand."""
    failing = tasks(
        1, attempt(outcome=Outcome.FAILED, reason="exit code 3"), state=TaskState.FAILED
    )
    going = tasks(1, attempt(outcome=None, phases=ALL_PHASES[:3]), state=TaskState.RUNNING)
    unfinished = {"finished": None, "output_size": None}
    found = {
        "successful": facts(),
        "replicas": replicas(),
        "without manifest": facts(files=Files()),
        "failed": facts(execution(status=Status.FAILED, output_size=None), failing, Files()),
        "pull failed": facts(
            execution(status=Status.FAILED, output_size=None),
            [
                Task(
                    execution_id=ID,
                    index=1,
                    attempts=[
                        Attempt(
                            number=1,
                            node="n",
                            outcome=Outcome.FAILED,
                            phases=[PhaseTime(phase=Phase.LAUNCH, at=at(1))],
                        )
                    ],
                )
            ],
            Files(),
        ),
        "dismissed": facts(
            execution(status=Status.DISMISSED, output_size=None, started=None), [], Files()
        ),
        "created": facts(execution(status=Status.CREATED, **unfinished, started=None), [], Files()),
        "running": facts(execution(status=Status.RUNNING, **unfinished), going, Files()),
        "experiment": gather(*experiment(), FILES, SERVICE, None),
        # A built-in process, such as echo, runs in the service.
        "built in": gather(
            execution(infrastructure_id="", image="", output_size=None), [], Files(), SERVICE, None
        ),
    }
    for kind in ("repeat", "verify", "reuse", "import"):
        away = "https://other.example.org/services/ccp/" if kind == "import" else ""
        origin = Origin(kind=kind, id="0ther-execution", service=away, at=at(-100))
        of = [] if kind == "reuse" else tasks()
        found[kind] = facts(execution(origin=origin), of)
    return found
