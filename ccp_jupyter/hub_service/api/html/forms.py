"""Forms that need no script: to execute a Method; to start, end or remove an Execution."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ccp_jupyter.hub_service.api import bodies
from ccp_jupyter.hub_service.api.errors import ApiError, translated
from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.api.html.fields import PREFIX, fields
from ccp_jupyter.hub_service.api.html.page import Place, made
from ccp_jupyter.hub_service.api.html.sent import Sent, kept, read_form, request_of
from ccp_jupyter.hub_service.api.job_management import check_created
from ccp_jupyter.hub_service.api.jobs import JobHandlerBase, no_such_job, visible_execution
from ccp_jupyter.hub_service.api.links import OGC_REL, link, page_link, segment
from ccp_jupyter.hub_service.api.processes import MethodHandler
from ccp_jupyter.hub_service.api.rendering import rendered
from ccp_jupyter.hub_service.controller.base import Submission
from ccp_jupyter.model.errors import InvalidDocument, Problem
from ccp_jupyter.model.states import is_final
from ccp_jupyter.model.stored_method import StoredMethod

FORM_PAGE: Final = "form.html"
_KEY: Final = "key"
_LONGEST_KEY: Final = 100


class FormHandler(ApiHandler):
    """What handlers of forms have in common: the XSRF token is one of the fields."""

    _sent: Sent | None = None

    def check_xsrf_cookie(self) -> None:
        """Wait for the form, which holds the token; see `sent`."""
        if self.request.method == "GET" or self._sent is not None:
            super().check_xsrf_cookie()

    async def sent(self) -> Sent:
        """Return the form.  Raises `ApiError` 400, or 403 without the right XSRF token."""
        assert self._body is not None  # noqa: S101  (the route's table announces a body)
        kind = self.request.headers.get("Content-Type", "")
        self._sent = await asyncio.to_thread(read_form, kind, bytes(self._body))
        # Where the hub's library looks for it.
        self.request.arguments["_xsrf"] = [
            text.encode() for text in self._sent.texts.pop("_xsrf", [])
        ]
        self.check_xsrf_cookie()
        return self._sent

    def go_to(self, href: str) -> None:
        """Finish: a browser shows what was made or changed."""
        self.set_status(303)
        self.set_header("Location", href)
        self.clear_header("Content-Type")
        self.finish()


class MethodFormHandler(FormHandler, MethodHandler):
    """The form of a Method."""

    async def get(self, process_id: str) -> None:
        """Show it, empty, or filled in from an Execution or a link."""
        method = await self.visible(process_id)
        given, notes = await self._given(method)
        self.reply(form_document(method, self.base_url, given=given, notes=notes))

    async def _given(self, method: StoredMethod) -> tuple[Mapping[str, Any] | None, list[str]]:
        """Return the values that shall stand in the form, and what is to be said about them."""
        inputs = method.document.get("inputs") or {}
        if text := self.query["inputs"]:
            given = bodies.parse_json(text.encode())
            if not isinstance(given, dict):
                raise InvalidDocument([Problem("inputs", "must be an object with input ids")])
            return kept(inputs, {"inputs": given}), []
        if (job_id := self.query["from"]) is None:
            return None, []
        execution = await visible_execution(self, job_id)
        notes = [
            f"{name} is empty: files and secrets are not taken over"
            for name, value in (execution.request.get("inputs") or {}).items()
            if name in inputs and not _can_be_shown(value)
        ]
        return kept(inputs, execution.request), notes

    async def post(self, process_id: str) -> None:
        """Submit an Execution with what was filled in; the answer leads to it."""
        method = await self.visible(process_id)
        sent = await self.sent()
        document = method.document
        inputs, outputs = document.get("inputs") or {}, list(document.get("outputs") or {})
        request: dict[str, Any] = {}
        try:
            request = await asyncio.to_thread(request_of, inputs, outputs, sent)
            execution = await self.services.controller.submit(
                Submission(
                    owner=self.caller.name,
                    claims=self.caller.claims,
                    method=method,
                    body=request,
                    idempotency_key=await asyncio.to_thread(_key, method.id, sent, request),
                    base_url=self.base_url,
                )
            )
        except Exception as error:
            found = translated(error)
            if found is None or not self.browser or found.status_code >= 500:
                raise
            self._show_again(method, sent, error, found)
            return
        self.go_to(f"{self.base_url}jobs/{execution.id}")

    def _show_again(
        self, method: StoredMethod, sent: Sent, error: Exception, found: ApiError
    ) -> None:
        """Show the form with what was filled in and what is wrong with it."""
        problems = error.problems if isinstance(error, InvalidDocument) else ()
        of_fields, others = by_field(problems, method.document.get("inputs") or {})
        document = form_document(
            method,
            self.base_url,
            given=typed(method.document.get("inputs") or {}, sent),
            errors=of_fields,
            problems=others if problems else [found.detail],
            chosen=sent.texts.get("outputs", []),
        )
        self.set_status(found.status_code)
        self.send_page(
            made(
                Place.of(self),
                FORM_PAGE,
                doc=document,
                title=f"Execute {document['title']}",
                xsrf=self.xsrf_token.decode(),
                key=new_key(),
            )
        )


def _can_be_shown(value: object) -> bool:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict) and (
            each == {"secret": True} or str(each.get("href", "http")).startswith("inputs/")
        ):
            return False
    return True


def typed(inputs: Mapping[str, Any], sent: Sent) -> dict[str, Any]:
    """Return what was filled in, as it was typed, so that it can be shown again."""
    found: dict[str, Any] = {}
    for name in inputs:
        texts = sent.texts.get(PREFIX + name, [])
        links = [{"href": each} for each in sent.first(f"{PREFIX}{name}:link").split("\n") if each]
        if texts or links:
            values: list[Any] = [*texts, *links]
            found[name] = values if len(values) > 1 else values[0]
    return kept(inputs, {"inputs": found})


def by_field(
    problems: Sequence[Problem], inputs: Mapping[str, Any]
) -> tuple[dict[str, list[str]], list[str]]:
    """Return problems by the field they belong to, and those that belong to none."""
    of_fields: dict[str, list[str]] = {}
    others: list[str] = []
    # Ids may hold dots: the longest that fits is meant.
    names = sorted(inputs, key=len, reverse=True)
    for problem in problems:
        member = problem.member.removeprefix(PREFIX)
        name = next((n for n in names if member == n or member.startswith((n + ".", n + "["))), "")
        if name and problem.member.startswith(PREFIX):
            of_fields.setdefault(name, []).append(str(Problem("", problem.rule, problem.value)))
        else:
            others.append(str(problem))
    return of_fields, others


def form_document(
    method: StoredMethod,
    base: str,
    *,
    given: Mapping[str, Any] | None = None,
    errors: Mapping[str, Sequence[str]] | None = None,
    problems: Sequence[str] = (),
    notes: Sequence[str] = (),
    chosen: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the document of a Method's form; see `FormDocument`."""
    document = method.document
    href = f"{base}processes/{segment(method.id)}"
    return {
        "id": method.id,
        "title": method.title,
        "version": str(document.get("version", "")),
        "description": str(document.get("description") or ""),
        "fields": [each.document() for each in fields(document.get("inputs") or {}, given, errors)],
        "outputs": [
            {
                "id": name,
                "title": str(each.get("title") or name),
                "description": str(each.get("description") or ""),
                "chosen": not chosen or name in chosen,
            }
            for name, each in (document.get("outputs") or {}).items()
        ],
        "notes": list(notes),
        "problems": list(problems),
        "links": [
            link(href + "/form", "self", "This form"),
            page_link(href + "/form"),
            link(href, "up", "The Method"),
            link(href + "/execution", OGC_REL + "execute", "Execute it"),
        ],
    }


def new_key() -> str:
    """Return what tells a form that is sent twice from two forms."""
    return secrets.token_urlsafe(16)


def _key(method_id: str, sent: Sent, request: Mapping[str, Any]) -> str | None:
    """Return the idempotency key of a form: the same only when it is sent again unchanged."""
    if not (key := sent.first(_KEY)[:_LONGEST_KEY]):
        return None
    said = f"{key}\n{method_id}\n".encode() + rendered(request)
    return hashlib.sha256(said).hexdigest()


class StartHandler(FormHandler, JobHandlerBase):
    """Starts an Execution that is only kept, when a form says so."""

    async def post(self, job_id: str) -> None:
        """Start it."""
        execution = await self.own(job_id)
        await self.sent()
        check_created(execution)
        if await self.services.controller.begin(job_id) is None:
            raise no_such_job(job_id)
        self.go_to(f"{self.base_url}jobs/{execution.id}")


class EndHandler(FormHandler, JobHandlerBase):
    """Ends a running Execution, or removes a finished one, when a form says so."""

    async def get(self, job_id: str) -> None:
        """Ask whether it shall be so."""
        execution = await self.own(job_id)
        href = f"{self.base_url}jobs/{execution.id}"
        self.reply(
            {
                "jobID": execution.id,
                "title": str(execution.method.get("title") or execution.method_id),
                "status": execution.status,
                "action": "remove" if is_final(execution.status) else "dismiss",
                "links": [
                    link(href + "/end", "self", "This question"),
                    page_link(href + "/end"),
                    link(href, "up", "The Execution"),
                ],
            }
        )

    async def post(self, job_id: str) -> None:
        """Do what was asked for, and nothing else when it has ended meanwhile."""
        execution = await self.own(job_id)
        action = (await self.sent()).first("action")
        href = f"{self.base_url}jobs"
        if action == "dismiss":
            await self.services.controller.dismiss(job_id)
            self.go_to(f"{href}/{execution.id}")
        elif action == "remove" and is_final(execution.status):
            await self.services.controller.remove(job_id)
            self.go_to(href)
        elif action == "remove":
            raise ApiError(409, f"The Execution is {execution.status}; dismiss it first")
        else:
            raise ApiError(400, "action: must be dismiss or remove")
