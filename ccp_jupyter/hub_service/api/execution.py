"""Execution of a Method, or of a process that the service runs itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from ccp_jupyter.hub_service.api import documents
from ccp_jupyter.hub_service.api.delivery import Delivery
from ccp_jupyter.hub_service.api.preferences import LONGEST_WAIT, Preferences
from ccp_jupyter.hub_service.api.processes import MethodHandler, idempotency_key, most_values
from ccp_jupyter.hub_service.api.result_parts import parts_of, parts_of_produced
from ccp_jupyter.hub_service.api.results import check_successful
from ccp_jupyter.hub_service.api.wanted import form_of, wanted_of, wanted_outputs
from ccp_jupyter.hub_service.builtin.base import ASYNC, SYNC
from ccp_jupyter.hub_service.controller.base import Submission
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.states import is_final

_NOWHERE: Final = Path()
"""Instead of an output.zip, where there is none."""


class ExecutionHandler(MethodHandler, Delivery):
    """Execution of a process."""

    revision: int | None = None
    """Of the Method, when the address says it; otherwise the query may."""

    async def post(self, process_id: str) -> None:
        """Execute it: at once where it can be and shall be, else accept the request for good."""
        method = await self.visible(process_id, self.revision or self.query.get("revision"))
        preferences = Preferences.of(self.request.headers.get_list("Prefer"))
        submission = Submission(
            owner=self.caller.name,
            claims=self.caller.claims,
            method=method,
            body=await self.json_body(most_values(process_id)),
            idempotency_key=idempotency_key(self.request.headers),
            base_url=self.base_url,
            returns=preferences.returns,
            reuse=self.query.get("reuse") == "true",
            groups=await self._groups(),
        )
        if not self._at_once(process_id, preferences):
            self._accept(await self.services.controller.submit(submission), preferences)
        elif _must_be_kept(submission, preferences):
            await self._wait(submission, preferences)
        else:
            await self._call(submission)

    async def _groups(self) -> frozenset[str]:
        """Return the caller's Contexts, where they matter."""
        reuse = self.query.get("reuse") == "true"
        return await self.shared.groups.of(self.caller) if reuse else frozenset()

    def _at_once(self, process_id: str, preferences: Preferences) -> bool:
        """Tell whether the answer shall be the results; Methods are asynchronous always."""
        built_in = self.services.controller.built_ins.get(process_id)
        if built_in is None or not built_in.allows(SYNC):
            return False
        return not (preferences.respond_async and built_in.allows(ASYNC))

    def _accept(self, execution: Execution, preferences: Preferences) -> None:
        applied = ["respond-async"] if preferences.respond_async else []
        if preferences.returns and execution.experiment is None:
            applied.append(f"return={preferences.returns}")
        if applied:
            self.set_header("Preference-Applied", ", ".join(applied))
        base = self.base_url
        self.set_header("Location", f"{base}jobs/{execution.id}")
        self.reply(documents.status_info(execution, base, private=True), 201)

    async def _call(self, submission: Submission) -> None:
        """Run it and send what it gives. It is no job, and nothing of it is kept.

        So the answer needs no link to a job, as 1.0 asks for where one is made.
        """
        produced = await self.services.controller.call(submission)
        body: dict[str, Any] = dict(submission.body)  # type: ignore[call-overload]  # checked now
        wanted = wanted_of(submission.method.document["outputs"], body, built_in=True)
        form = form_of(body, len(wanted), self.accepted())
        if submission.returns:
            self.set_header("Preference-Applied", f"return={submission.returns}")
        parts = parts_of_produced(produced, wanted)
        await self.deliver(_NOWHERE, parts, form, self.services.options.max_body)

    async def _wait(self, submission: Submission, preferences: Preferences) -> None:
        """Run it as a job, and wait until it has ended, but no longer than the caller wants to."""
        seconds = LONGEST_WAIT if preferences.wait is None else preferences.wait
        execution = await self.services.controller.submit(submission)
        ended = await self.services.controller.ended(execution.id, seconds)
        if ended is None or not is_final(ended.status):
            self._accept(ended or execution, preferences)
            return
        check_successful(ended)
        applied = [] if preferences.wait is None else [f"wait={preferences.wait}"]
        applied += [f"return={preferences.returns}"] if preferences.returns else []
        if applied:
            self.set_header("Preference-Applied", ", ".join(applied))
        self.add_header("Link", f'<{self.base_url}jobs/{ended.id}>; rel="monitor"')
        wanted = wanted_outputs(ended)
        parts = await parts_of(self.services, ended, wanted, self.base_url)
        form = form_of(ended.request, len(wanted), self.accepted())
        archive = self.services.folders.outputs(ended.id)
        await self.deliver(archive, parts, form, self.inline_limit(ended.returns))


def _must_be_kept(submission: Submission, preferences: Preferences) -> bool:
    """Tell whether something remains to be asked for when the answer has been sent.

    That is: outputs by reference, a request that may come again under the same key, one that
    others shall hear of, or one that the caller does not want to wait for to its end.
    """
    body = submission.body if isinstance(submission.body, dict) else {}
    outputs = body.get("outputs")
    wanted = outputs.values() if isinstance(outputs, dict) else ()
    return (
        submission.idempotency_key is not None
        or preferences.wait is not None
        or body.get("subscriber") is not None
        or preferences.returns == "minimal"
        or any(
            isinstance(each, dict) and each.get("transmissionMode") == "reference"
            for each in wanted
        )
    )
