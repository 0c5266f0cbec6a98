"""Code that repeats a filled-in request or a past Execution."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

from ccp_jupyter.codegen.facts import Facts
from ccp_jupyter.codegen.languages import generate
from ccp_jupyter.codegen.request import LEFT_OUT, Value, with_holes
from ccp_jupyter.hub_service.api.again import as_it_was
from ccp_jupyter.hub_service.api.errors import NOT_EXECUTABLE, ApiError
from ccp_jupyter.hub_service.api.jobs import JobHandlerBase
from ccp_jupyter.hub_service.api.processes import MethodHandler
from ccp_jupyter.hub_service.api.streaming import DownloadHandler
from ccp_jupyter.hub_service.builtin.red import RED
from ccp_jupyter.hub_service.controller.base import Submission
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.method import Method, parse_method
from ccp_jupyter.model.request import check_request
from ccp_jupyter.model.stored_method import StoredMethod
from ccp_jupyter.model.times import now
from ccp_jupyter.model.values import FileValue, InlineFile

_EXPERIMENT: Final = (
    "Code is for Methods; hand in the RED document of an Experiment: ccp red submit"
)


class _CodeHandler(DownloadHandler):
    """Base of both: sends a snippet as a file."""

    pages: ClassVar[bool] = False

    async def send_code(self, facts: Callable[[], Facts]) -> None:
        """Send the snippet of some facts, which are gathered in a thread: they may be files."""
        language = self.query["language"]
        snippet = await asyncio.to_thread(lambda: generate(facts(), language))
        body = snippet.text.encode()
        kind = snippet.media_type
        textual = kind.startswith("text/")
        self.announce(snippet.file_name, f"{kind}; charset=utf-8" if textual else kind, len(body))
        self.finish(body)

    def facts(self, method: StoredMethod, request: Mapping[str, Any]) -> Facts:
        """Return what is said of the Method; the request is still as it is kept."""
        return Facts(
            service=self.base_url,
            method_id=method.id,
            title=method.title,
            version=str(method.document.get("version", "")),
            request=request,
            written=now(),
            left_out=LEFT_OUT if request.get("subscriber") is not None else "",
        )

    def described(self, method: StoredMethod) -> Method:
        """Return a Method with the rules for its inputs; may take a moment."""
        built_in = self.services.controller.built_ins.get(method.id)
        return parse_method(method.document) if built_in is None else built_in.method


class ExecutionCodeHandler(_CodeHandler, JobHandlerBase):
    """Code for a past Execution."""

    async def get(self, job_id: str) -> None:
        """Send code that submits its request again, for the same revision of the Method."""
        execution = await self.visible(job_id)
        if execution.experiment is not None:
            raise ApiError(409, _EXPERIMENT, NOT_EXECUTABLE)
        await self.send_code(lambda: self._facts(execution))

    def _facts(self, execution: Execution) -> Facts:
        folders = self.services.folders
        method = as_it_was(execution)

        def read(value: FileValue | InlineFile) -> bytes:
            assert isinstance(value, FileValue)  # noqa: S101  (an Execution has no other ones)
            return folders.file(execution.id, value.path).read_bytes()

        def origin(name: str) -> str:
            place = f"{self.base_url}jobs/{execution.id}/folder"
            return f"It came with the Execution, and is inputs/{name} in {place}"

        described = self.described(method)
        values: dict[str, Sequence[Value]] = {**execution.inputs}
        return replace(
            self.facts(method, execution.request),
            request=with_holes(execution.request, values, described, read, origin),
            revision=None if execution.built_in else execution.method_revision or None,
            execution_id=execution.id,
            submitted=execution.created,
        )


class RequestCodeHandler(_CodeHandler, MethodHandler):
    """Code for a request that was filled in."""

    async def post(self, process_id: str) -> None:
        """Check a request as a dry run does, and send code that submits it."""
        revision = self.query["revision"]
        method = await self.visible(process_id, revision)
        if method.id == RED and method.id in self.services.controller.built_ins:
            raise ApiError(409, _EXPERIMENT, NOT_EXECUTABLE)
        submission = Submission(
            owner=self.caller.name,
            claims=self.caller.claims,
            method=method,
            body=await self.json_body(),
            base_url=self.base_url,
        )
        found = await self.services.controller.dry_run(submission)
        place = self.services.controller.infrastructures.get(found.infrastructure_id)
        limits = Limits() if place is None else place.limits  # None: the service itself

        def facts() -> Facts:
            described = self.described(method)
            checked = check_request(described, submission.body, limits)
            values: dict[str, Sequence[Value]] = {**checked.inputs}
            request = with_holes(
                checked.body, values, described, _content, _origin, checked.named_secrets
            )
            return replace(self.facts(method, checked.body), request=request, revision=revision)

        await self.send_code(facts)


def _content(value: FileValue | InlineFile) -> bytes:
    assert isinstance(value, InlineFile)  # noqa: S101  (nothing was stored)
    return value.data


def _origin(name: str) -> str:
    return f"It is what the request had as {name}, and cannot be shown here"
