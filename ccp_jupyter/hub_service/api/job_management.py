"""Jobs that are kept before they run: created, changed, started, looked at (Part 4)."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from ccp_jupyter.hub_service.api import documents
from ccp_jupyter.hub_service.api.errors import UNSUPPORTED_SCHEMA, ApiError
from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.api.jobs import JobHandler, JobHandlerBase, JobsHandler, no_such_job
from ccp_jupyter.hub_service.api.links import link, segment
from ccp_jupyter.hub_service.api.processes import idempotency_key, visible_method
from ccp_jupyter.hub_service.api.results import ResultsHandler
from ccp_jupyter.hub_service.api.revisions import number_of
from ccp_jupyter.hub_service.builtin.red import RED
from ccp_jupyter.hub_service.controller.base import NotBegun, Submission
from ccp_jupyter.model.errors import InvalidDocument, Problem, shown
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.states import Status

_SCHEMAS: Final = re.compile(
    r"<?https?://schemas\.opengis\.net/ogcapi/processes/part1/[12]\.0/openapi/schemas/"
    r"(processes-core/)?execute\.yaml>?(;.*)?",
    re.ASCII,
)
_PROCESS: Final = re.compile(r"(?:.*/)?processes/([^/?#]+)(?:/revisions/([^/?#]+))?/?", re.ASCII)


def check_schema(handler: ApiHandler) -> None:
    """Refuse a request that follows another schema than ours.  Raises `ApiError` 422."""
    schema = handler.request.headers.get("Content-Schema", "")
    if schema and not _SCHEMAS.fullmatch(schema):
        detail = f"Content-Schema: must be an execute.yaml of the OGC (found {shown(schema)})"
        raise ApiError(422, detail, UNSUPPORTED_SCHEMA)


async def held_submission(handler: ApiHandler, execution: Execution | None = None) -> Submission:
    """Return the request in a body, which names its Method by address.

    Parameters
    ----------
    handler : ApiHandler
        Of the caller's request.
    execution : Execution, optional
        That it is for; its Method is meant when the request names none.

    Raises
    ------
    InvalidDocument, ApiError
        It names no Method of this service that the caller may see.
    """
    body = await handler.json_body()
    if not isinstance(body, dict):
        raise InvalidDocument([Problem("", "must be an object", shown(body))])
    process = body.get("process")
    if process is None and execution is not None:
        process_id, revision = execution.method_id, execution.method_revision or None
    else:
        process_id, revision = _named(process, handler.base_url)
    if execution is not None and process_id != execution.method_id:
        rule = f"must stay {execution.method_id}; create another job for another Method"
        raise InvalidDocument([Problem("process", rule, shown(process))])
    method = await visible_method(handler, process_id, revision)
    return Submission(
        owner=handler.caller.name,
        claims=handler.caller.claims,
        method=method,
        # By id, which is what a request is checked against.
        body={**body, "process": method.id},
        idempotency_key=idempotency_key(handler.request.headers),
        base_url=handler.base_url,
        hold=True,
    )


def _named(process: object, base_url: str) -> tuple[str, int | None]:
    """Return id and revision of the Method with an address; a bare id is taken too."""
    if process is None:
        raise InvalidDocument([Problem("process", "is missing: the address of the Method")])
    parts = _split(process)
    if parts is not None and parts.netloc in ("", urlsplit(base_url).netloc):
        if match := _PROCESS.fullmatch(parts.path):
            revision = None if match[2] is None else number_of(match[2])
            return unquote(match[1]), revision
        if parts.path and "/" not in parts.path and not parts.scheme:
            return parts.path, None
    rule = f"must be an address such as {base_url}processes/ID, of this service"
    raise InvalidDocument([Problem("process", rule, shown(process))])


def _split(address: object) -> SplitResult | None:
    try:
        return urlsplit(address) if isinstance(address, str) else None
    except ValueError:  # such as http://[
        return None


class JobCreationHandler(JobsHandler):
    """The list of Executions, to which one can be added."""

    async def post(self) -> None:
        """Check a request completely, and keep it until it is started."""
        check_schema(self)
        execution = await self.services.controller.submit(await held_submission(self))
        base = self.base_url
        self.set_header("Location", f"{base}jobs/{execution.id}")
        self.reply(documents.status_info(execution, base, private=True), 201)


class JobChangeHandler(JobHandler):
    """One Execution, which can be changed until it is started."""

    async def patch(self, job_id: str) -> None:
        """Put another request in the place of the one that is kept."""
        execution = await self.own(job_id)
        check_created(execution)
        check_schema(self)
        submission = await held_submission(self, execution)
        changed = await self.services.controller.update(job_id, submission)
        if changed is None:
            raise no_such_job(job_id)
        self.reply(documents.status_info(changed, self.base_url, private=True))


class JobStartHandler(ResultsHandler):
    """The results of an Execution; asking for them by POST starts it."""

    async def post(self, job_id: str) -> None:
        """Start an Execution that is only kept."""
        check_created(await self.own(job_id))
        begun = await self.services.controller.begin(job_id)
        if begun is None:
            raise no_such_job(job_id)
        self.reply(documents.status_info(begun, self.base_url, private=True))


def check_created(execution: Execution) -> None:
    """Raise `NotBegun` unless an Execution waits to be started."""
    if execution.status is not Status.CREATED:
        raise NotBegun(f"The Execution is {execution.status}; only while created it can change")


class DefinitionHandler(JobHandlerBase):
    """The request of an Execution."""

    async def get(self, job_id: str) -> None:
        """Show the body that created or changed it, without secrets."""
        execution = await self.visible(job_id)
        self.reply(definition(execution, self.base_url, private=self.owns(execution)))


class InputsHandler(JobHandlerBase):
    """What an Execution was given."""

    async def get(self, job_id: str) -> None:
        """Show the inputs, without secrets, and the outputs that were asked for."""
        execution = await self.visible(job_id)
        href = f"{self.base_url}jobs/{execution.id}"
        request = execution.request
        self.reply(
            {
                "inputs": request.get("inputs") or {},
                "outputs": request.get("outputs") or {},
                "links": [link(f"{href}/inputs", "self"), link(href, "up", "The Execution")],
            }
        )


def definition(execution: Execution, base: str, private: bool) -> dict[str, Any]:
    """Return the request of an Execution with the address of what it asks to run.

    Parameters
    ----------
    execution : Execution
        Whose.
    base : str
        Address of the service.
    private : bool
        Whether the reader may change it: whom it tells of its end concerns nobody else.
    """
    found = dict(execution.request)
    if not private:
        found.pop("subscriber", None)
    if execution.experiment is not None:
        # Its document is not kept as it came, and secrets were in it.
        return {**found, "process": f"{base}processes/{RED}"}
    process = f"{base}processes/{segment(execution.method_id)}"
    if execution.method_revision:
        process += f"/revisions/{execution.method_revision}"
    return {**found, "process": process}
