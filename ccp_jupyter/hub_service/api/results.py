"""Results of an Execution: all, some, or one output."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any, Final

from ccp_jupyter.hub_service.api.delivery import Delivery, as_document
from ccp_jupyter.hub_service.api.errors import (
    EXECUTION_FAILED,
    INVALID_PARAMETER,
    NO_SUCH_OUTPUT,
    RESULT_NOT_AVAILABLE,
    RESULT_NOT_READY,
    ApiError,
)
from ccp_jupyter.hub_service.api.experiment_results import experiment_results
from ccp_jupyter.hub_service.api.jobs import JobHandlerBase
from ccp_jupyter.hub_service.api.operations import HTML, ZIP
from ccp_jupyter.hub_service.api.preferences import Preferences
from ccp_jupyter.hub_service.api.raw_results import Parts, RawPart, shown
from ccp_jupyter.hub_service.api.result_parts import parts_of
from ccp_jupyter.hub_service.api.services import Services
from ccp_jupyter.hub_service.api.streaming import file_chunks
from ccp_jupyter.hub_service.api.wanted import (
    Form,
    Wanted,
    declared_outputs,
    form_of,
    wanted_outputs,
)
from ccp_jupyter.model.errors import shown as quoted
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.states import Status

ARCHIVE: Final = "output.zip"
RESULTS_PROFILE: Final = "https://www.opengis.net/def/profile/OGC/0/ogc-results"
VALUES_PROFILE: Final = "https://www.opengis.net/def/profile/OGC/0/ogc-values"
PROFILE: Final = "ogc-results"
"""Value of the parameter ``profile`` for `RESULTS_PROFILE`."""
COUNT: Final = "OGC-Output-Values-Count"


class ResultsHandlerBase(JobHandlerBase, Delivery):
    """What the handlers of results have in common."""

    async def successful(self, job_id: str) -> Execution:
        """Return an Execution that has results.  Raises `ApiError`."""
        execution = await self.visible(job_id)
        check_successful(execution)
        return execution

    def returns(self, execution: Execution) -> str:
        """Return whether the caller prefers links or values; else what whoever executed did."""
        headers = self.request.headers.get_list("Prefer")
        if asked := Preferences.of(headers).returns:
            self.set_header("Preference-Applied", f"return={asked}")
        return asked or execution.returns


class ResultsHandler(ResultsHandlerBase):
    """The results of an Execution."""

    async def get(self, job_id: str) -> None:
        """Give the outputs, in the form that the execute request asked for."""
        execution = await self.successful(job_id)
        archive = self.services.folders.outputs(execution.id)
        wanted = self._chosen(execution)
        limit = self.inline_limit(self.returns(execution))
        if self._wants_profile():
            self.set_header("Link", f'<{RESULTS_PROFILE}>; rel="profile"')
            form = Form.DOCUMENT
        elif execution.experiment is not None or self.form == HTML:
            form = Form.DOCUMENT
        else:
            form = form_of(execution.request, len(wanted), self.accepted())
        if self.query["outputs"] == "":
            form = Form.NONE
        if form is Form.DOCUMENT and self.query["outputs"] is None:
            self.reply(await results_document(self.services, execution, self.base_url, limit))
            return
        parts = await parts_of(self.services, execution, wanted, self.base_url)
        await self.deliver(archive, parts, form, limit)

    def _chosen(self, execution: Execution) -> list[Wanted]:
        """Return the outputs that were asked for, or those of them in the parameter ``outputs``."""
        wanted = wanted_outputs(execution)
        chosen: str | None = self.query["outputs"]
        if not chosen:
            return wanted
        by_id = {output.id: output for output in wanted}
        names = list(dict.fromkeys(chosen.split(",")))
        if unknown := [name for name in names if name not in by_id]:
            raise ApiError(
                400,
                f"outputs: must be outputs that were asked for: {', '.join(by_id) or 'none'}"
                f" (found {quoted(unknown[0])})",
                INVALID_PARAMETER,
                parameter="outputs",
            )
        return [by_id[name] for name in names]

    def _wants_profile(self) -> bool:
        return self.query["profile"] is not None or RESULTS_PROFILE in self.accepted()


class ResultHandler(ResultsHandlerBase):
    """One output of an Execution."""

    async def get(self, job_id: str, output_id: str) -> None:
        """Send it as it is; JSON with all values, when each replica has one."""
        execution = await self.successful(job_id)
        if output_id == ARCHIVE and execution.output_size is not None:
            self.announce(ARCHIVE, ZIP, execution.output_size)
            archive = self.services.folders.outputs(execution.id)
            await self.send_chunks(file_chunks(archive, 0, execution.output_size))
            return
        parts = await self._parts(execution, output_id)
        if len(parts[output_id]) == 1:
            await self.send_value(execution, parts[output_id][0])
            return
        self.set_header("Link", f'<{VALUES_PROFILE}>; rel="profile"')
        limit = self.inline_limit(self.returns(execution))
        archive = self.services.folders.outputs(execution.id)
        values = await asyncio.to_thread(shown, archive, parts, limit)
        self.reply(values[output_id])

    async def send_value(self, execution: Execution, part: RawPart) -> None:
        """Send one value as it is; people get a page with it."""
        archive = self.services.folders.outputs(execution.id)
        if self.form == HTML:
            limit = self.services.options.inline_output
            values = await asyncio.to_thread(shown, archive, {part.id: [part]}, limit)
            self.reply({part.id: values[part.id][0]})
        else:
            await self.send_part(archive, part)

    async def _parts(self, execution: Execution, output_id: str) -> Parts:
        """Return what there is of an output.  Raises `ApiError`."""
        declared = declared_outputs(execution)
        if output_id not in declared:
            known = ", ".join(declared) or "none"
            detail = f"There is no output {quoted(output_id)}; there are: {known}"
            raise ApiError(400, detail, NO_SUCH_OUTPUT)
        wanted = [each for each in wanted_outputs(execution) if each.id == output_id]
        if not wanted or execution.request.get("outputs") == {}:
            detail = f"The execute request did not ask for output {quoted(output_id)}"
            raise ApiError(404, detail, RESULT_NOT_AVAILABLE)
        # Whoever asks for one output wants its value, whatever was said when it was executed.
        one = Wanted(output_id, wanted[0].media_type, True, wanted[0].href, wanted[0].built_in)
        parts = await parts_of(self.services, execution, [one], self.base_url)
        if not parts[output_id]:
            detail = f"The Execution has left nothing for output {quoted(output_id)}"
            raise ApiError(404, detail, RESULT_NOT_AVAILABLE)
        self.set_header(COUNT, str(len(parts[output_id])))
        return parts


class ResultValueHandler(ResultHandler):
    """One value of an output."""

    async def get(self, job_id: str, output_id: str, number: str = "0") -> None:
        """Send the value of this number, from 0, as it is."""
        execution = await self.successful(job_id)
        values = (await self._parts(execution, output_id))[output_id]
        if not re.fullmatch("[0-9]{1,9}", number) or int(number) >= len(values):
            detail = f"Output {quoted(output_id)} has values 0 to {len(values) - 1}"
            raise ApiError(404, detail, RESULT_NOT_AVAILABLE)
        await self.send_value(execution, values[int(number)])


async def results_document(
    services: Services, execution: Execution, base: str, limit: int
) -> dict[str, Any]:
    """Return the results of a successful Execution by id, whatever form its request asks for.

    Parameters
    ----------
    services : Services
        Where its files and its journal are.
    execution : Execution
        A successful one.
    base : str
        Address of the service, for references.
    limit : int
        Largest output that is carried by value, bytes; 0: all by reference.
    """
    if execution.experiment is not None:
        document = await experiment_results(services.store, execution, base)
    elif execution.request.get("outputs") == {}:
        document = {}
    else:
        wanted = wanted_outputs(execution)
        parts = await parts_of(services, execution, wanted, base, limit)
        archive = services.folders.outputs(execution.id)
        document = await asyncio.to_thread(as_document, archive, parts, limit)
    # What no output names is there too; a built-in process leaves nothing else.
    if execution.output_size is not None and not execution.built_in:
        href = f"{base}jobs/{execution.id}/outputs/{ARCHIVE}"
        document[ARCHIVE] = {"href": href, "type": ZIP}
    return document


def check_successful(execution: Execution) -> None:
    """Raise `ApiError` unless the Execution has results."""
    match execution.status:
        case Status.SUCCESSFUL:
            return
        case Status.FAILED:
            detail = execution.message or "The Execution failed"
            raise ApiError(422, detail, EXECUTION_FAILED, jobID=execution.id)
        case Status.DISMISSED:
            raise ApiError(404, "The Execution was dismissed", RESULT_NOT_AVAILABLE)
        case _:
            detail = f"The Execution is {execution.status}; its results come when it has ended"
            raise ApiError(404, detail, RESULT_NOT_READY)


def pretty(document: object) -> bytes:
    """Return JSON for people, as the files of an Execution folder have it."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace")
