"""The kinds of work that a run is made of, each with its true answer."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ccp_jupyter.model.states import Status
from tests import red
from tests.jobs import method

DISK_FULL = 28
"""Exit code of a script that met the end of the engine's disk."""
# After a look at the file: some programs (busybox wc) do not mind that they could not write.
_OR = f"|| exit {DISK_FULL}"
_BIG = 400_000  # bytes
_TEXT = {"schema": {"type": "string"}}
_SECRET = {"schema": {"type": "string", "format": "secret"}}
_FILE = {"schema": {"type": "string", "format": "file", "contentEncoding": "base64"}}


@dataclass(frozen=True)
class Job:
    """One request of one user; all of it follows from the seed."""

    number: int
    kind: str
    user: str
    at: float
    """Seconds after the begin of the run."""
    word: str
    """Occurs in inputs and outputs of no other."""
    seconds: int
    """How long its scripts sleep."""
    ask_after: float
    """Seconds after the submission, for those who ask for more."""


@dataclass(frozen=True)
class Truth:
    """How an Execution ends when the platform does its part."""

    status: Status
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Of output.zip; for an Experiment, what each batch says, by its number."""
    log: tuple[str, ...] | None = None
    """All lines of standard output; None: not looked at."""
    reason: str = ""
    """Part of the message of one that fails."""


@dataclass(frozen=True)
class Work:
    """What is submitted for a `Job`."""

    document: dict[str, Any]
    """A Method, or a RED document."""
    truth: Truth
    inputs: Mapping[str, Any] = field(default_factory=dict)
    experiment: bool = False
    asks: str = ""
    """``cancel`` while it runs, or ``delete`` when it has ended."""
    tasks: int = 1

    @property
    def has_secret(self) -> bool:
        """Whether only the vault knows all of it."""
        return "key" in self.inputs


def _quick(job: Job, images: Mapping[str, str]) -> Work:
    document = method(images["shell"], f"echo {job.word} > word && [ -s word ] {_OR}")
    return Work(document, Truth(Status.SUCCESSFUL, {"word": _line(job)}))


def _sleeping(job: Job, images: Mapping[str, str]) -> Work:
    script = f"sleep {job.seconds}; echo {job.word} > word && [ -s word ] {_OR}"
    document = method(images["shell"], script, deploy="sleep 1")
    return Work(document, Truth(Status.SUCCESSFUL, {"word": _line(job)}))


def _chatty(job: Job, images: Mapping[str, str]) -> Work:
    count = 10 * job.seconds
    script = (
        f"n=0; while [ $n -lt {count} ]; do n=$((n+1)); echo {job.word} $n; sleep 0.1; done;"
        f" echo $n > count && [ -s count ] {_OR}"
    )
    lines = tuple(f"{job.word} {n}" for n in range(1, count + 1))
    truth = Truth(Status.SUCCESSFUL, {"count": f"{count}\n".encode()}, lines)
    return Work(method(images["shell"], script), truth)


def _outputs(job: Job, images: Mapping[str, str]) -> Work:
    script = (
        f"mkdir -p deep/er {_OR}; yes {job.word} | head -c {_BIG} > deep/er/big;"
        f" [ $(wc -c < deep/er/big) = {_BIG} ] {_OR}; sleep {job.seconds};"
        f" for n in 1 2 3; do echo $n > deep/$n && [ -s deep/$n ] {_OR}; done"
    )
    big = (_line(job) * (_BIG // len(_line(job)) + 1))[:_BIG]
    files = {"deep/er/big": big} | {f"deep/{n}": f"{n}\n".encode() for n in (1, 2, 3)}
    return Work(method(images["shell"], script), Truth(Status.SUCCESSFUL, files))


def _failing(job: Job, images: Mapping[str, str]) -> Work:
    document = method(images["shell"], f"echo {job.word}; sleep 1; exit 7")
    return Work(document, Truth(Status.FAILED, {}, (job.word,), "exit code 7"))


def _replicas(job: Job, images: Mapping[str, str]) -> Work:
    script = f"sleep {job.seconds}; echo {job.word} > word && [ -s word ] {_OR}"
    files = {f"replica-{n}/word": _line(job) for n in (1, 2, 3)}
    return Work(
        method(images["shell"], script),
        Truth(Status.SUCCESSFUL, files),
        {"ccpreplicas": 3},
        tasks=3,
    )


def _secret(job: Job, images: Mapping[str, str]) -> Work:
    script = (
        f"echo {{{{ key }}}}; sleep {job.seconds};"
        f" echo {{{{ key }}}} | wc -c > size && [ -s size ] {_OR}"
    )
    document = method(images["shell"], script, inputs={"key": _SECRET})
    size = f"{len(secret_of(job)) + 1}\n".encode()
    return Work(document, Truth(Status.SUCCESSFUL, {"size": size}), {"key": secret_of(job)})


def _file(job: Job, images: Mapping[str, str]) -> Work:
    content = _line(job) * 1000
    script = f"sleep {job.seconds}; cat input/file* > copy && [ -s copy ] {_OR}"
    document = method(images["shell"], script, inputs={"file": _FILE})
    files = {"copy": content}
    value = {"value": base64.b64encode(content).decode(), "mediaType": "text/plain"}
    return Work(document, Truth(Status.SUCCESSFUL, files), {"file": value})


def _cancelled(job: Job, images: Mapping[str, str]) -> Work:
    document = method(images["shell"], "sleep 1000")
    return Work(document, Truth(Status.DISMISSED), asks="cancel")


def _deleted(job: Job, images: Mapping[str, str]) -> Work:
    return Work(
        method(images["shell"], f"echo {job.word} > word && [ -s word ] {_OR}"),
        Truth(Status.SUCCESSFUL),
        asks="delete",
    )


def _experiment(job: Job, images: Mapping[str, str]) -> Work:
    script = f"echo {job.word} $0; sleep {job.seconds}"
    document = red.shell(images["red"], script, batches=3, cli={"stdout": "out.txt"}, limit=2)
    said = {str(n): f"{job.word} {n}\n".encode() for n in (1, 2, 3)}
    return Work(document, Truth(Status.SUCCESSFUL, said), experiment=True, tasks=3)


def _bad_experiment(job: Job, images: Mapping[str, str]) -> Work:
    document = red.shell(
        images["red"], "sleep 1; [ $0 != 2 ]", batches=2, cli={"stdout": "out.txt"}
    )
    truth = Truth(Status.FAILED, {"1": b""}, reason="batch 2")
    return Work(document, truth, experiment=True, tasks=2)


KINDS: Mapping[str, tuple[int, Callable[[Job, Mapping[str, str]], Work]]] = {
    "quick": (4, _quick),
    "sleeping": (4, _sleeping),
    "chatty": (3, _chatty),
    "outputs": (3, _outputs),
    "failing": (2, _failing),
    "replicas": (2, _replicas),
    "secret": (3, _secret),
    "file": (2, _file),
    "cancelled": (2, _cancelled),
    "deleted": (1, _deleted),
    "experiment": (2, _experiment),
    "bad experiment": (1, _bad_experiment),
}
"""How often each is drawn, and how it is made."""


def work(job: Job, images: Mapping[str, str]) -> Work:
    """Return what is submitted for a job."""
    return KINDS[job.kind][1](job, images)


def secret_of(job: Job) -> str:
    """Return the secret that a job brings along; it must be found nowhere."""
    return f"planted-{job.word}"


def _line(job: Job) -> bytes:
    return f"{job.word}\n".encode()
