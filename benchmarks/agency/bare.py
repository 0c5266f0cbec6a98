"""The containers of a document made directly with the docker SDK, which is the floor for both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from benchmarks.direct import Job
from benchmarks.setting import Setting
from ccp_jupyter.hub_service.controller.base import ExperimentSubmission
from ccp_jupyter.hub_service.controller.batch import BatchWork
from ccp_jupyter.hub_service.controller.container import Mark, Place, build_spec
from ccp_jupyter.hub_service.controller.experiments import Builder
from ccp_jupyter.hub_service.store.base import Store
from ccp_jupyter.hub_service.vault.base import Vault
from ccp_jupyter.model.infrastructure import Infrastructure

THREADS = 4


def jobs_of(document: Mapping[str, Any], infrastructure: Infrastructure) -> list[Job]:
    """Return the containers as the service would make them, by the service's own functions.

    Parameters
    ----------
    document : mapping
        RED without secrets and variables, so that neither store nor vault is asked.
    infrastructure : Infrastructure
        Where they run.
    """
    builder = Builder(cast("Store", None), cast("Vault", None), infrastructure)
    submission = ExperimentSubmission("bench", {}, dict(document), disable_retry=True)
    built = asyncio.run(builder.build(submission))
    work, place = BatchWork(), Place(infrastructure, infrastructure.nodes[0], ())
    jobs = []
    for task in built.tasks:
        mark = Mark(built.execution.id, task.index, 1, "ccp-bench")
        environment = work.environment(built.execution, task)
        command = work.command(mark)
        spec = build_spec(built.execution, place, "benchmarks", mark, command, environment)
        with work.archive(built.execution, task, {}, mark) as spool:
            jobs.append(Job(spec, spool.read(), work.folder))
    return jobs


def makespan(setting: Setting, document: Mapping[str, Any]) -> float:
    """Run the containers by some threads, six calls each; returns seconds."""
    jobs = jobs_of(document, setting.infrastructure)
    parts = [jobs[number::THREADS] for number in range(THREADS)]
    begun = time.time()
    with ThreadPoolExecutor(THREADS) as pool:
        return max(pool.map(lambda part: _run(setting, part), parts)) - begun


def _run(setting: Setting, jobs: Sequence[Job]) -> float:
    ended = 0.0
    with setting.direct() as direct:
        for job in jobs:
            target = setting.folder("direct") / f"{job.spec.name}.zip"
            ended = direct.run(job, target).removed
    return ended
