"""The mixed load of a run: drawn from a seed, submitted, and followed to its end."""

from __future__ import annotations

import io
import random
import threading
import time
import zipfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ccp_jupyter.model.states import Status, is_final
from tests.agency import FINAL
from tests.chaos.kinds import KINDS, Job, Work, work
from tests.chaos.patience import NoAnswer, User
from tests.stack.stack import Stack

AT_ONCE = 12
"""Jobs that are followed at a time."""
_USERS = ("alice", "bob", "carol")
_POLL = 0.5
_LONGEST_END = 900.0  # seconds from submission to the end, far above what any should take


@dataclass
class Story:
    """What a user heard of one request."""

    job: Job
    work: Work
    id: str = ""
    """Empty until it was acknowledged."""
    status: Status | None = None
    """The last that the API said."""
    message: str = ""
    batches: dict[str, str] = field(default_factory=dict)
    """Of an Experiment: number of the batch to its state."""
    files: dict[str, bytes] = field(default_factory=dict)
    """As fetched."""
    asked: bool = False
    """Whether the request to cancel or to delete was acknowledged."""
    took: float = 0.0
    """Seconds from submission to the end."""
    problems: list[str] = field(default_factory=list)


def draw(seed: int, tasks: int, span: float) -> list[Job]:
    """Return the jobs of a run.

    Parameters
    ----------
    seed : int
        The same gives the same.
    tasks : int
        About how many Tasks there shall be in all.
    span : float
        Seconds over which they are submitted.
    """
    dice = random.Random(f"load {seed}")
    kinds = [kind for kind, (weight, _) in KINDS.items() for _ in range(weight)]
    jobs: list[Job] = []
    count, bag = 0, list[str]()
    while count < tasks:
        if not bag:  # every kind comes up before any comes up too often
            bag = dice.sample(kinds, len(kinds))
        number = len(jobs) + 1
        job = Job(
            number=number,
            kind=bag.pop(),
            user=dice.choice(_USERS),
            at=dice.uniform(0, span),
            word=f"w{seed}n{number}x{dice.randrange(16**8):08x}",
            seconds=dice.randint(1, 8),
            ask_after=dice.uniform(0, 8),
        )
        jobs.append(job)
        count += work(job, _NO_IMAGES).tasks
    return sorted(jobs, key=lambda job: job.at)


class Load:
    """Submits jobs and follows each to its end.

    Parameters
    ----------
    stack : Stack
        A running one.
    jobs : sequence of Job
        By time.

    Attributes
    ----------
    stories : list of Story
        In the order of the jobs.
    """

    def __init__(self, stack: Stack, jobs: Sequence[Job]) -> None:
        self._stack = stack
        self._own = threading.local()
        self._users: list[User] = []
        self._begin = 0.0
        self.stories = [Story(job, work(job, stack.images)) for job in jobs]

    def run(self) -> None:
        """Do all of it; returns when every job has ended. What went wrong is in the stories."""
        self._begin = time.monotonic()
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            list(pool.map(self._live, self.stories))
        for user in self._users:
            user.close()

    def _live(self, story: Story) -> None:
        time.sleep(max(0.0, self._begin + story.job.at - time.monotonic()))
        begin = time.monotonic()
        try:
            self._submit(story)
            if story.work.asks == "cancel":
                time.sleep(story.job.ask_after)
                self._delete(story)
            self._follow(story)
            story.took = time.monotonic() - begin
            if story.work.asks == "delete":
                self._delete(story)
            elif story.status is Status.SUCCESSFUL or story.work.experiment:
                self._fetch(story)
        except (NoAnswer, KeyError, ValueError, zipfile.BadZipFile) as error:
            story.problems.append(f"{type(error).__name__}: {error}")

    def _user(self, name: str) -> User:
        users: dict[str, User] = self._own.__dict__.setdefault("users", {})
        if name not in users:
            users[name] = User(self._stack, name)
            self._users.append(users[name])
        return users[name]

    def _submit(self, story: Story) -> None:
        user, given = self._user(story.job.user), story.work
        # Whoever does not hear the answer asks again: the key makes it one Execution all the same.
        headers = {"Idempotency-Key": story.job.word}
        if given.experiment:
            answer = user.ask(
                "POST",
                "red",
                agency=True,
                json=given.document,
                params={"disableRetry": True},
                headers=headers,
            )
            story.id = str(answer.json()["experimentId"])
            return
        answer = user.ask("POST", "processes", json=given.document)
        if answer.status_code not in (201, 409):  # 409: it was deployed, the answer was lost
            raise ValueError(f"deploy: {answer.status_code} {answer.text[:300]}")
        path = f"processes/{given.document['id']}/execution"
        answer = user.ask("POST", path, json={"inputs": dict(given.inputs)}, headers=headers)
        if answer.status_code not in (200, 201):
            raise ValueError(f"execute: {answer.status_code} {answer.text[:300]}")
        story.id = str(answer.json()["jobID"])

    def _follow(self, story: Story) -> None:
        deadline = time.monotonic() + _LONGEST_END
        while not self._has_ended(story):
            if time.monotonic() > deadline:
                raise NoAnswer(f"still {story.status} after {_LONGEST_END:g} s: {story.message}")
            time.sleep(_POLL)

    def _has_ended(self, story: Story) -> bool:
        user = self._user(story.job.user)
        found = user.ask("GET", f"jobs/{story.id}").json()
        story.status, story.message = Status(found["status"]), found["message"]
        if not is_final(story.status):
            return False
        if story.work.experiment:
            # One that failed or was cancelled ends at once; its batches follow.
            story.batches = {
                str(number): batch["state"] for number, batch in enumerate(self._batches(story), 1)
            }
            return set(story.batches.values()) <= FINAL
        return True

    def _batches(self, story: Story) -> list[dict[str, Any]]:
        """Return the batches in their order."""
        query = {"experimentId": story.id}
        user = self._user(story.job.user)
        found: list[dict[str, Any]] = user.ask("GET", "batches", agency=True, params=query).json()
        return found

    def _delete(self, story: Story) -> None:
        # Asked again, because no answer came, a plain DELETE would remove what it has cancelled.
        keep = {"finished": "keep"} if story.work.asks == "cancel" else None
        answer = self._user(story.job.user).ask("DELETE", f"jobs/{story.id}", params=keep)
        # 404: it was deleted, the answer was lost.
        if answer.status_code not in (200, 404):
            raise ValueError(f"delete: {answer.status_code} {answer.text[:300]}")
        story.asked = True

    def _fetch(self, story: Story) -> None:
        user = self._user(story.job.user)
        if story.work.experiment:
            for number, batch in enumerate(self._batches(story), 1):
                if batch["state"] == "succeeded":
                    path = f"batches/{batch['_id']}/stdout"
                    answer = user.ask("GET", path, agency=True, content="text/plain")
                    story.files[str(number)] = answer.content
            return
        path = f"jobs/{story.id}/outputs/output.zip"
        answer = user.ask("GET", path, content="application/zip")
        if answer.status_code != 200:
            raise ValueError(f"outputs: {answer.status_code} {answer.text[:300]}")
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            if (bad := archive.testzip()) is not None:
                raise ValueError(f"outputs: {bad} is damaged")
            names = [name for name in archive.namelist() if not name.endswith("/")]
            story.files = {name: archive.read(name) for name in names}


_NO_IMAGES: Mapping[str, str] = {"shell": "", "red": ""}
