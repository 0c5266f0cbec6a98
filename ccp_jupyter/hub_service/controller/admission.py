"""How requests come in: checked, kept with all that belongs to them, changed, begun."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final
from weakref import WeakValueDictionary

from ccp_jupyter.hub_service.controller.base import (
    KeyReused,
    LimitReached,
    NotBegun,
    NotExecutable,
    ServiceFull,
    Submission,
)
from ccp_jupyter.hub_service.controller.inside import SERVICE_ITSELF
from ccp_jupyter.hub_service.controller.lifecycle import Lifecycle
from ccp_jupyter.hub_service.controller.records import Records, finish
from ccp_jupyter.hub_service.controller.reuse import Reuse
from ccp_jupyter.hub_service.controller.submission import (
    build,
    check_usage,
    choose_infrastructure,
    make_tasks,
    request_digest,
    write_files,
)
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.store.base import Conflict, Duplicate, StoreFull
from ccp_jupyter.hub_service.vault.base import OwnerFull, SecretsLost, SecretsTooLarge, Vault
from ccp_jupyter.model.callbacks import callbacks_of
from ccp_jupyter.model.errors import InvalidDocument, Problem
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.infrastructure import Infrastructure
from ccp_jupyter.model.method import Method, parse_method
from ccp_jupyter.model.request import CheckedRequest, check_request, with_named_secrets
from ccp_jupyter.model.states import Status, Target, changed, is_final
from ccp_jupyter.model.stored_method import StoredMethod
from ccp_jupyter.model.times import now
from ccp_jupyter.model.values import FileValue, SecretValue

CREATED: Final = "Created; it waits for somebody to start it"
_LOST: Final = "The vault was restarted and has the secret inputs no more; submit again"


class Admission:
    """Takes requests in.

    Parameters
    ----------
    infrastructures : mapping
        By id.
    records : Records
        Store and event log.
    vault, folders
        Where secrets and files go.
    lifecycle : Lifecycle
        Gets what shall run.
    reuse : Reuse
        Finds what need not run.
    """

    def __init__(
        self,
        infrastructures: Mapping[str, Infrastructure],
        records: Records,
        vault: Vault,
        folders: Folders,
        lifecycle: Lifecycle,
        reuse: Reuse,
    ) -> None:
        self._infrastructures = infrastructures
        self._records = records
        self._store = records.store
        self._vault = vault
        self._folders = folders
        self._lifecycle = lifecycle
        self._reuse = reuse
        self._inside = lifecycle.inside
        # Changing and beginning one Execution never overlap: files and secrets go with the record.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def checked(self, submission: Submission) -> tuple[Method, Infrastructure, CheckedRequest]:
        """Check a request completely; secrets that it only names are not looked up.

        Raises
        ------
        ccp_jupyter.model.errors.InvalidDocument, NotExecutable
        """
        if self._inside.has(submission.method.id):
            method, infrastructure, request = self._inside.checked(submission)
        else:
            method = parsed(submission.method)
            infrastructure = choose_infrastructure(method, self._infrastructures)
            request = check_request(method, submission.body, infrastructure.limits)
        self._lifecycle.callbacks.check(callbacks_of(request.body))
        return method, infrastructure, request

    async def submit(self, submission: Submission) -> Execution:
        """See `base.Controller`."""
        owner, key = submission.owner, submission.idempotency_key
        earlier = await self.earlier(owner, key, lambda: request_digest(submission))
        if earlier is not None:
            return earlier
        method, infrastructure, request = self.checked(submission)
        check_usage(await self._store.usage(owner, infrastructure.id), infrastructure)
        execution, tasks, files = build(submission, method, request, infrastructure)
        request = await self._with_named_secrets(method, request, execution)
        if submission.hold:
            execution.status, execution.message = Status.CREATED, CREATED
            tasks = []
        elif submission.reuse and await self._reuse.take(execution, submission.groups):
            tasks = []
        return await self.keep(execution, tasks, files, request.secrets)

    async def update(self, execution_id: str, submission: Submission) -> Execution | None:
        """See `base.Controller`."""
        async with self._locks.setdefault(execution_id, asyncio.Lock()):
            return await self._update(execution_id, submission)

    async def _update(self, execution_id: str, submission: Submission) -> Execution | None:
        put = False
        while True:
            try:
                old = await self._created(execution_id)
            except NotBegun:
                if put:  # it was dismissed while this went on
                    await self._vault.forget(execution_id)
                raise
            if old is None:
                if put:  # removed
                    await self._undo(execution_id, has_secrets=True)
                return None
            execution, files, secrets = await self._changed(old, submission)
            # Files and secrets first: a record never names what is not there. Should this break
            # off in between, nobody has got an answer, and whoever sends it again makes it true.
            put = True
            try:
                await self._put(execution, files, secrets)
                saved = await self._store.save_execution(execution)
            except Conflict:
                continue  # it was shared, dismissed or removed at the same time
            except Exception as error:
                if (refusal := _refusal(error)) is None:
                    raise
                raise refusal from error
            self._keep_folder(execution_id)
            if old.has_secrets and not secrets:
                await self._vault.forget(execution_id)
            await asyncio.to_thread(self._forget_files, old, saved)
            return saved

    async def _changed(
        self, old: Execution, submission: Submission
    ) -> tuple[Execution, dict[str, bytes], dict[str, str]]:
        """Return an Execution that is only kept with another request; its files and secrets."""
        submission = replace(submission, owner=old.owner, claims=old.claims)
        method, infrastructure, request = self.checked(submission)
        if infrastructure.id != old.infrastructure_id:
            raise NotExecutable(
                f"It is kept for Infrastructure {old.infrastructure_id}, and the Method runs on"
                f" {infrastructure.id} now; make a new one"
            )
        execution, _, files = build(submission, method, request, infrastructure, old.id)
        request = await self._with_named_secrets(method, request, execution)
        execution.status, execution.message = Status.CREATED, CREATED
        for name in ("created", "idempotency_key", "request_digest", "sharing", "version"):
            setattr(execution, name, getattr(old, name))
        return execution, files, request.secrets

    def _forget_files(self, old: Execution, new: Execution) -> None:
        """Delete the files that came with a request which another has replaced; blocks."""
        for path in _files_of(old) - _files_of(new):
            self._folders.file(old.id, path).unlink(missing_ok=True)

    async def begin(self, execution_id: str) -> Execution | None:
        """See `base.Controller`."""
        async with self._locks.setdefault(execution_id, asyncio.Lock()):
            return await self._begin(execution_id)

    async def _begin(self, execution_id: str) -> Execution | None:
        while (execution := await self._created(execution_id)) is not None:
            infrastructure = self._infrastructures.get(execution.infrastructure_id)
            if execution.built_in:
                infrastructure = SERVICE_ITSELF
            if infrastructure is None:
                raise NotExecutable(
                    f"It asks for Infrastructure {execution.infrastructure_id}; this service has:"
                    f" {', '.join(self._infrastructures)}"
                )
            usage = await self._store.usage(execution.owner, infrastructure.id)
            # It is one of those that are kept already.
            check_usage(replace(usage, executions=usage.executions - 1), infrastructure)
            if not await self._has_its_secrets(execution):
                return await self._fail(execution_id, _LOST)
            execution.status = changed(execution.status, Status.ACCEPTED)
            execution.message = "Accepted"
            execution.updated = now()
            tasks = make_tasks(execution)
            try:
                saved = await self._store.begin_execution(execution, tasks)
            except Conflict:
                continue  # dismissed or removed at the same time
            await self._start(saved, tasks)
            return saved
        return None

    async def _created(self, execution_id: str) -> Execution | None:
        """Return an Execution that can be changed or begun.  Raises `NotBegun`."""
        found = await self._store.get_execution(execution_id)
        if found is None or found.target is Target.DELETED:
            return None
        if found.status is not Status.CREATED:
            raise NotBegun(f"The Execution is {found.status}; only while created it can change")
        return found

    async def _has_its_secrets(self, execution: Execution) -> bool:
        if not execution.has_secrets:
            return True
        names = [
            name
            for name, values in execution.inputs.items()
            if any(isinstance(value, SecretValue) for value in values)
        ]
        try:
            await self._vault.get(execution.id, names)
        except SecretsLost:
            return False
        return True

    async def _fail(self, execution_id: str, reason: str) -> Execution | None:
        failed = await self._records.change_execution(
            execution_id, lambda found: finish(found, Status.FAILED, reason)
        )
        await self._records.settle(execution_id)
        return failed

    async def _with_named_secrets(
        self, method: Method, request: CheckedRequest, execution: Execution
    ) -> CheckedRequest:
        """Look up the personal secrets that a request names."""
        if not request.named_secrets:
            return request
        names = set(request.named_secrets.values())
        values = await self._vault.use_secrets(execution.owner, names, execution.id)
        return with_named_secrets(method, request, values)

    async def _put(
        self, execution: Execution, files: dict[str, bytes], secrets: dict[str, str]
    ) -> None:
        if files:
            await asyncio.to_thread(self._write, execution.id, files)
        if secrets:
            await self._vault.put(execution.id, secrets, execution.owner)

    def _write(self, execution_id: str, files: dict[str, bytes]) -> None:
        self._folders.begin(execution_id)
        write_files(self._folders.folder(execution_id), files)

    def _keep_folder(self, execution_id: str) -> None:
        if self._folders.is_new(execution_id):
            self._lifecycle.spawn(asyncio.to_thread(self._folders.keep, execution_id))

    async def keep(
        self,
        execution: Execution,
        tasks: list[Task],
        files: dict[str, bytes],
        secrets: dict[str, str],
    ) -> Execution:
        """Keep a new Execution with all that belongs to it, or nothing; start work on it."""
        try:
            await self._put(execution, files, secrets)
            execution = await self._store.add_execution(execution, tasks)
        except BaseException as error:
            await self._undo(execution.id, bool(secrets))
            owner, key = execution.owner, execution.idempotency_key
            if isinstance(error, Duplicate) and (
                earlier := await self.earlier(owner, key, lambda: execution.request_digest)
            ):
                return earlier  # the same request came twice at the same time
            if (refusal := _refusal(error)) is None:
                raise
            raise refusal from error
        await self._start(execution, tasks)
        return execution

    async def _start(self, execution: Execution, tasks: list[Task]) -> None:
        # Stored: from here on it is the service's duty, so that no error may reach the caller.
        self._lifecycle.spawn(self._records.tell_status(execution))
        self._keep_folder(execution.id)
        for task in tasks:
            task.version = 1
        if is_final(execution.status):
            await self._records.tell_others(execution)
        elif execution.status is not Status.CREATED:
            await self._lifecycle.begin(execution, tasks)

    async def earlier(
        self, owner: str, key: str | None, digest: Callable[[], str]
    ) -> Execution | None:
        """Return what came before with the same key; its digest is made only where it matters.

        Raises
        ------
        KeyReused
        """
        if key is None:
            return None
        found = await self._store.find_execution(owner, key)
        if found is not None and found.request_digest != digest():
            raise KeyReused(
                f"Idempotency-Key {key} came before with another request,"
                f" for Execution {found.id}; use a new key"
            )
        return found

    async def _undo(self, execution_id: str, has_secrets: bool) -> None:
        await asyncio.to_thread(self._folders.remove, execution_id)
        if has_secrets:
            await self._vault.forget(execution_id)


def _files_of(execution: Execution) -> set[str]:
    values = (value for values in execution.inputs.values() for value in values)
    return {value.path for value in values if isinstance(value, FileValue)}


def _refusal(error: BaseException) -> Exception | None:
    """Return what the caller is told of an error; None when it is the error itself."""
    if isinstance(error, StoreFull) or getattr(error, "errno", None) == errno.ENOSPC:
        return ServiceFull("The service's disk is full; tell its admin")
    if isinstance(error, OwnerFull):
        return LimitReached(f"Your Executions have too many secrets: {error}")
    if isinstance(error, SecretsTooLarge):
        return InvalidDocument([Problem("", str(error))])
    return None


def parsed(method: StoredMethod) -> Method:
    """Return a stored Method as it was checked when it came; kept for the next time."""
    return _parse_version(_ById(method))


class _ById:
    """A stored Method that equals every other copy of the same version: a key for the cache."""

    def __init__(self, method: StoredMethod) -> None:
        self.method = method
        self._key = (method.id, method.version, method.updated)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@lru_cache(maxsize=256)
def _parse_version(method: _ById) -> Method:
    return parse_method(method.method.document)
