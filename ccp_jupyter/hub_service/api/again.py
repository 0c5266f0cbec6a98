"""Executions once more: dry runs, repetitions, verifications, comparisons."""

from __future__ import annotations

import asyncio
from typing import Any

from ccp_jupyter.hub_service.api import documents
from ccp_jupyter.hub_service.api.access import may_see
from ccp_jupyter.hub_service.api.errors import (
    NO_SUCH_PROCESS,
    NOT_EXECUTABLE,
    RESULT_NOT_AVAILABLE,
    ApiError,
)
from ccp_jupyter.hub_service.api.jobs import JobHandlerBase
from ccp_jupyter.hub_service.api.links import OGC_REL, link, segment
from ccp_jupyter.hub_service.api.logs import all_events, text_of
from ccp_jupyter.hub_service.api.processes import MethodHandler, idempotency_key, most_values
from ccp_jupyter.hub_service.controller.base import DryRun, Submission
from ccp_jupyter.hub_service.manifests import manifest_of
from ccp_jupyter.model.comparison import Side, attempts_say, compare, compare_outputs, pair
from ccp_jupyter.model.events import LogEvent
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.manifest import Manifest
from ccp_jupyter.model.method import parse_method
from ccp_jupyter.model.origin import Origin
from ccp_jupyter.model.repeating import repeated
from ccp_jupyter.model.states import Status, Target, is_final
from ccp_jupyter.model.stored_method import StoredMethod
from ccp_jupyter.model.text_diff import MOST_LINES
from ccp_jupyter.model.times import iso
from ccp_jupyter.model.values import FileValue


class DryRunHandler(MethodHandler):
    """What would happen with a request."""

    async def post(self, process_id: str) -> None:
        """Check a request, and tell; nothing is kept."""
        submission = Submission(
            owner=self.caller.name,
            claims=self.caller.claims,
            method=await self.visible(process_id, self.query["revision"]),
            body=await self.json_body(most_values(process_id)),
            base_url=self.base_url,
            groups=await self.shared.groups.of(self.caller),
        )
        found = await self.services.controller.dry_run(submission)
        self.reply(_dry_run(found, self.base_url, process_id))


class AgainHandler(JobHandlerBase):
    """What repeating and verifying have in common."""

    async def submit_again(
        self, old: Execution, method: StoredMethod, changes: object, origin: Origin
    ) -> None:
        """Submit the request of an Execution again, with changes, and answer with the status."""
        folders = self.services.folders

        def read(value: FileValue) -> bytes:
            return folders.file(old.id, value.path).read_bytes()

        built_in = self.services.controller.built_ins.get(method.id)
        described = parse_method(method.document) if built_in is None else built_in.method

        def body() -> dict[str, Any]:
            return repeated(old, described, changes, read)

        submission = Submission(
            owner=self.caller.name,
            claims=self.caller.claims,
            method=method,
            body=await asyncio.to_thread(body),
            idempotency_key=idempotency_key(self.request.headers),
            origin=origin,
            base_url=self.base_url,
        )
        execution = await self.services.controller.submit(submission)
        base = self.base_url
        self.set_header("Location", f"{base}jobs/{execution.id}")
        self.reply(documents.status_info(execution, base, private=True), 201)

    async def repeatable(self, job_id: str) -> Execution:
        """Return an Execution of a Method that the caller may see.

        Raises
        ------
        ApiError
            404; 409 when it is an Experiment.
        """
        execution = await self.visible(job_id)
        if execution.experiment is not None:
            detail = "It is an Experiment: hand in its RED document again"
            raise ApiError(409, detail, NOT_EXECUTABLE)
        return execution


class RepeatHandler(AgainHandler):
    """An Execution with the request of another."""

    async def post(self, job_id: str) -> None:
        """Run it again, with changes if wanted."""
        old = await self.repeatable(job_id)
        newest = self.query["revision"] == "newest"
        method = await self._newest(old) if newest else as_it_was(old)
        origin = Origin(kind="repeat", id=old.id)
        await self.submit_again(old, method, await self.json_body(), origin)

    async def _newest(self, old: Execution) -> StoredMethod:
        if (built_in := self.services.controller.built_ins.get(old.method_id)) is not None:
            return built_in.record
        method = await self.services.store.get_method(old.method_id)
        if method is None or not await may_see(self.shared.groups, self.caller, method):
            detail = f"There is no Method {old.method_id} any more; the one of then can be repeated"
            raise ApiError(404, detail, NO_SUCH_PROCESS)
        return method


class VerifyHandler(AgainHandler):
    """An Execution that shall show whether another can be repeated."""

    async def post(self, job_id: str) -> None:
        """Run it again, to compare the outputs."""
        old = await self.repeatable(job_id)
        if old.status is not Status.SUCCESSFUL or old.output_size is None:
            detail = f"It is {old.status}: only what was successful, and has outputs, is verified"
            raise ApiError(409, detail, NOT_EXECUTABLE)
        origin = Origin(kind="verify", id=old.id)
        await self.submit_again(old, as_it_was(old), {}, origin)


class VerificationHandler(JobHandlerBase):
    """Whether a repetition had the same outputs."""

    async def get(self, job_id: str) -> None:
        """Tell."""
        execution = await self.visible(job_id)
        origin = execution.origin
        if origin is None or origin.kind != "verify":
            detail = f"It verifies none; POST {self.base_url}jobs/{execution.id}/verify makes one"
            raise ApiError(404, detail, RESULT_NOT_AVAILABLE)
        base = self.base_url
        found: dict[str, Any] = {"id": execution.id, "original": origin.id}
        found |= await self._compared(execution, origin.id)
        href = f"{base}jobs/{execution.id}"
        found["links"] = [
            link(f"{href}/verification", "self", "This document"),
            link(href, "item", "The repetition"),
            link(f"{base}jobs/{origin.id}", "original", "What it repeats"),
            link(f"{href}/comparison?with={origin.id}", "related", "Everything that differs"),
        ]
        self.reply(found)

    async def _is_visible(self, execution: Execution) -> bool:
        gone = execution.target is Target.DELETED
        return not gone and await may_see(self.shared.groups, self.caller, execution)

    async def _compared(self, execution: Execution, original_id: str) -> dict[str, Any]:
        if not is_final(execution.status):
            text = f"The repetition is {execution.status}; come back when it has ended"
            return {"verdict": "pending", "message": text}
        if execution.status is not Status.SUCCESSFUL:
            text = f"The repetition is {execution.status}: {execution.message}"
            return {"verdict": "failed", "message": text}
        store, folders = self.services.store, self.services.folders
        original = await store.get_execution(original_id)
        before: Manifest | None = None
        if original is not None and await self._is_visible(original):
            before = await manifest_of(folders, original)
        after = await manifest_of(folders, execution)
        if original is None or before is None or after is None:
            text = "The outputs of the original are not there any more, so nobody can compare"
            return {"verdict": "unknown", "message": text}
        outputs = await asyncio.to_thread(compare_outputs, after, before)
        tasks = [await store.list_tasks(each.id) for each in (execution, original)]
        images = [attempts_say(each, lambda attempt: attempt.image) for each in tasks]
        nodes = [attempts_say(each, lambda attempt: attempt.node) for each in tasks]
        counts = ", ".join(f"{number} {what}" for what, number in outputs.counts.items())
        verdict = "same" if outputs.same else "different"
        return {
            "verdict": verdict,
            "message": f"The outputs are {verdict} (files: {counts})",
            "outputs": outputs.model_dump(mode="json"),
            "digests": pair(*images).model_dump(mode="json"),
            "nodes": pair(*nodes).model_dump(mode="json"),
        }


class ComparisonHandler(JobHandlerBase):
    """What is different between two Executions."""

    async def get(self, job_id: str) -> None:
        """Compare an Execution with another one."""
        this = await self.visible(job_id)
        other = await self.visible(self.query["with"])
        sides = [await self._side(this), await self._side(other)]
        base = self.base_url

        def compared() -> dict[str, Any]:
            return compare(*sides).model_dump(mode="json")

        # Long logs take their time.
        found = await asyncio.to_thread(compared)
        href = f"{base}jobs/{this.id}"
        found["links"] = [
            link(f"{href}/comparison?with={other.id}", "self", "This document"),
            link(href, "item", "This one"),
            link(f"{base}jobs/{other.id}", "item", "The other one"),
        ]
        self.reply(found)

    async def _side(self, execution: Execution) -> Side:
        tasks = await self.services.store.list_tasks(execution.id)
        manifest = await manifest_of(self.services.folders, execution)
        log, cut = await self._log_lines(execution)
        return Side(execution, tasks, manifest, log, cut)

    async def _log_lines(self, execution: Execution) -> tuple[list[str], bool]:
        """Return lines sorted by Task and stream: how these mix is chance."""
        found: dict[tuple[int, str], list[str]] = {}
        count = 0
        async for event in all_events(self.services.events, execution.id):
            if not isinstance(event, LogEvent):
                continue
            lines = text_of(event).splitlines()
            found.setdefault((event.task, event.stream), []).extend(lines)
            count += len(lines)
            if count > MOST_LINES:
                break
        several = execution.replicas > 1
        log = [
            f"[{task} {stream}] {line}" if several else line
            for (task, stream), lines in sorted(found.items())
            for line in lines
        ]
        return log[:MOST_LINES], count > MOST_LINES


def _dry_run(found: DryRun, base: str, process_id: str) -> dict[str, Any]:
    href = f"{base}processes/{segment(process_id)}"
    document: dict[str, Any] = {
        "infrastructure": found.infrastructure_id,
        "image": found.image,
        "replicas": found.replicas,
        "resources": documents.resources(found.limits, found.gpus),
        "priority": found.priority,
        "nodes": list(found.nodes),
        "imageOn": list(found.image_on),
        "atOnce": found.position is None,
        "message": found.message,
    }
    if found.position is not None:
        document["position"] = found.position
    if found.start is not None:
        document["estimatedStart"] = iso(found.start)
    if found.reusable is not None:
        document["reusable"] = found.reusable
    document["links"] = [
        link(href, "up", "The Method"),
        link(f"{href}/execution", OGC_REL + "execute", "Execute it"),
    ]
    return document


def as_it_was(execution: Execution) -> StoredMethod:
    """Return the Method of an Execution, as it was executed."""
    # No stored version is 0, so nobody takes it for the Method as it is now.
    return StoredMethod(
        id=execution.method_id,
        owner=execution.owner,
        document=execution.method,
        revision=max(1, execution.method_revision),
        created=execution.created,
        updated=execution.created,
        version=0,
    )
