"""One Attempt of a Task through its phases, from nothing or from where a crash left it."""

from __future__ import annotations

import asyncio
import logging
import secrets as random
import tarfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from ccp_jupyter.hub_service.controller.container import Mark, build_spec, mark_of
from ccp_jupyter.hub_service.controller.judgement import Ended, ending, judge
from ccp_jupyter.hub_service.controller.logs import LogCollector, Resume, resume_point
from ccp_jupyter.hub_service.controller.nodes import Exit, NodeAgent, NodeLost
from ccp_jupyter.hub_service.controller.outputs import NoRoom, OutputsTooLarge, Packed, pack
from ccp_jupyter.hub_service.controller.records import Records, current
from ccp_jupyter.hub_service.controller.settings import Settings
from ccp_jupyter.hub_service.controller.stage import Stager
from ccp_jupyter.hub_service.controller.waiting import limit, whole
from ccp_jupyter.hub_service.engines.base import (
    AlreadyThere,
    ContainerInfo,
    Credentials,
    EngineError,
    ImageMissing,
    NodeUnreachable,
    NotThere,
)
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.vault.base import SecretsLost, Vault, VaultUnreachable
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.states import Outcome, Phase, TaskState, changed
from ccp_jupyter.model.times import now
from ccp_jupyter.model.values import DATA_FOLDER

T = TypeVar("T")
_log = logging.getLogger(__name__)

_LOG_PATIENCE: Final = 10.0  # seconds for the rest of the log after the container has ended
_LONGEST_WAIT: Final = 30.0  # seconds between two tries to fetch


@dataclass(frozen=True, slots=True)
class Parts:
    """What an Attempt works with."""

    service_id: str
    records: Records
    vault: Vault
    folders: Folders
    stager: Stager
    settings: Settings


class AttemptRun:
    """Drives one Attempt; `run` returns when it has an outcome and its container is gone.

    Parameters
    ----------
    parts : Parts
        Shared by all.
    agent : NodeAgent
        The Node it runs on.
    execution : Execution
        As submitted; its changing members are not looked at.
    task : Task
        With the Attempt as its latest.
    credentials : Credentials or None
        Login for the image's registry.
    outcome_known : callable
        Awaited with the Task as soon as its outcome is kept; the container may still be there.
    resumed : bool
        Whether an earlier run of the service began the Attempt.
    """

    def __init__(
        self,
        parts: Parts,
        agent: NodeAgent,
        execution: Execution,
        task: Task,
        credentials: Credentials | None,
        outcome_known: Callable[[Task], Awaitable[None]],
        resumed: bool = False,
    ) -> None:
        self.task = task
        self.agent = agent
        self._outcome_known = outcome_known
        self._resumed = resumed
        self._parts = parts
        self._execution = execution
        self._credentials = credentials
        attempt = current(task)
        self._mark = Mark(
            task.execution_id, task.index, attempt.number, f"ccp-{random.token_hex(8)}"
        )
        self._resume = Resume({}, 0)
        self._body: asyncio.Task[None] | None = None
        self._stopping: Ended | None = None
        self._reached = asyncio.Event()
        if attempt.phase in (Phase.EXECUTE, Phase.FETCH):
            self._reached.set()

    async def run(self) -> None:
        """Bring the Attempt to its end.

        Cancelling this coroutine (the service stops) leaves the container running, to be adopted
        by the next start of the service.
        """
        if current(self.task).outcome is None:
            await self._record(await self._outcome())
            await self._outcome_known(self.task)
        await self._destroy()

    def stop(self, outcome: Outcome, reason: str) -> None:
        """Give the Attempt this outcome, whatever it is doing; no effect when it has one."""
        if self._stopping is not None:
            return  # a second cancellation would tear what the first lets end
        self._stopping = Ended(outcome, reason)
        if self._body is not None:
            self._body.cancel()

    async def _outcome(self) -> Ended:
        if (stopping := self._asked_to_stop()) is not None:
            return stopping
        self._body = asyncio.create_task(self._live())
        try:
            await self._body
        except asyncio.CancelledError:
            if (stopping := self._asked_to_stop()) is None:
                raise
            return stopping
        except Exception as error:
            return ending(error, self._mark.name)
        finally:
            self.agent.unwatch(self._mark.name)
        return Ended(Outcome.SUCCESSFUL)

    def _asked_to_stop(self) -> Ended | None:
        return self._stopping

    async def _live(self) -> None:
        attempt = current(self.task)
        container = await self._find()
        if container is None and attempt.phase is not Phase.LAUNCH:
            raise Ended(Outcome.PLATFORM, f"The container is gone from Node {self.agent.id}")
        if container is None or container.state == "created":
            async with limit(self._execution.limits.max_setup_time, "Launch"):
                await self._launch(container)
        elif attempt.phase is Phase.LAUNCH:
            await self._started(container.id)
        self.agent.started(self._mark.name)
        log = asyncio.create_task(self._follow_log())
        try:
            exit_ = await self._wait_for_end(log)
            await self._log_rest(log)
        except Ended:
            await self._log_rest(log)
            raise
        finally:
            log.cancel()
        self._judge(exit_)
        await self._fetch()

    async def _find(self) -> ContainerInfo | None:
        """Look for a container that an earlier run of the service has made."""
        name = self._mark.name
        self.agent.watch(name)
        if not self._resumed:
            return None
        container = await self.agent.call(lambda: self.agent.engine.inspect(name))
        if container is not None and (mark := mark_of(container)) is not None:
            self._mark = mark
            self._resume = await resume_point(self._parts.records.events, mark)
            self.agent.look(container, name)
        return container

    async def _launch(self, container: ContainerInfo | None) -> None:
        agent, execution = self.agent, self._execution
        await self._parts.stager.fetch_links(execution)
        image = await agent.ensure_image(execution.image, self._credentials, self._tell_pull)
        if container is None:
            try:
                container_id = await whole(self._create())
            except ImageMissing:
                # It was there when last seen, and somebody has removed it since.
                agent.forget_image(execution.image)
                image = await agent.ensure_image(
                    execution.image, self._credentials, self._tell_pull
                )
                container_id = await whole(self._create())
        else:
            container_id = container.id
        await self._put_files()
        await whole(agent.call(lambda: agent.engine.start(container_id)))
        current(self.task).image = image.digest or image.id
        await self._started(container_id)

    async def _create(self) -> str:
        agent = self.agent
        spec = build_spec(self._execution, agent.infrastructure, self._parts.service_id, self._mark)
        try:
            return await agent.call(lambda: agent.engine.create(spec))
        except AlreadyThere:
            # The answer to our own call was lost on the way.
            found = await agent.call(lambda: agent.engine.inspect(spec.name))
            mark = None if found is None else mark_of(found)
            if found is None or mark is None:
                raise
            self._mark = mark
            return found.id

    async def _put_files(self) -> None:
        secrets = await self._secrets()
        stager, engine = self._parts.stager, self.agent.engine
        archive = stager.archive(self._execution, self.task.index, secrets)
        spool = await asyncio.to_thread(archive.__enter__)
        try:

            async def put() -> None:
                spool.seek(0)
                await engine.put_files(self._mark.name, "/", spool)

            await self.agent.call(put)
        finally:
            await asyncio.to_thread(archive.__exit__, None, None, None)

    async def _started(self, container_id: str) -> None:
        current(self.task).container_id = container_id
        self.task = await self._enter(Phase.DEPLOY)

    async def _wait_for_end(self, log: asyncio.Task[None]) -> Exit:
        limits, settings, name = self._execution.limits, self._parts.settings, self._mark.name
        try:
            async with limit(limits.max_setup_time, "Deploy"):
                await self._deployed(log)
            async with limit(limits.max_time, "Execute", self._elapsed()):
                return await self.agent.ended(name)
        except Ended:
            await self.agent.call(lambda: self.agent.engine.stop(name, settings.stop_grace))
            raise

    async def _deployed(self, log: asyncio.Task[None]) -> None:
        """Wait until Execute begins or the container ends."""
        ended = asyncio.create_task(self.agent.ended(self._mark.name))
        reached = asyncio.create_task(self._reached.wait())
        waiting: set[asyncio.Task[Any]] = {ended, reached, log}
        try:
            while not (ended.done() or reached.done()):
                done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if log in done:  # its end is not yet the container's, but its error counts
                    log.result()
                    waiting.discard(log)
        finally:
            ended.cancel()
            reached.cancel()
            await asyncio.gather(ended, reached, return_exceptions=True)

    def _elapsed(self) -> float:
        """Seconds since Execute began; not nothing when a container was adopted."""
        times = [p.at for p in current(self.task).phases if p.phase is Phase.EXECUTE]
        return (now() - times[0]).total_seconds() if times else 0.0

    async def _follow_log(self) -> None:
        secrets, size = await self._to_mask()
        while True:
            collector = LogCollector(
                self._parts.records.events,
                self._execution.owner,
                self._mark,
                size,
                secrets,
                self._phase_reached,
                self._resume,
            )
            try:
                await collector.run(self.agent.engine.logs(self._mark.name, self._resume.after))
            except NodeUnreachable:
                await self.agent.wait_online()
                self._resume = await resume_point(self._parts.records.events, self._mark)
            except NotThere:
                return
            else:
                return

    async def _to_mask(self) -> tuple[list[str], int]:
        """Return the texts to mask in the log, and how much of it to keep."""
        try:
            secrets = await self._secrets()
        except SecretsLost:
            await self._tell(
                "the vault was restarted, so that secrets in the rest of the log cannot be"
                " masked: it is left out"
            )
            return [], 0
        return list(secrets.values()), int(self._execution.limits.log_size)

    async def _log_rest(self, log: asyncio.Task[None]) -> None:
        done, _ = await asyncio.wait((log,), timeout=_LOG_PATIENCE)
        if not done:
            _log.warning("%s: the engine keeps the log open after the end", self._mark.name)
        elif not log.cancelled() and (error := log.exception()) is not None:
            _log.warning("%s: the log could not be read to its end: %s", self._mark.name, error)

    async def _phase_reached(self, name: str) -> None:
        if name == Phase.EXECUTE and current(self.task).phase is Phase.DEPLOY:
            self.task = await self._enter(Phase.EXECUTE)
        if name == Phase.EXECUTE:
            self._reached.set()

    def _judge(self, exit_: Exit) -> None:
        attempt = current(self.task)
        attempt.exit_code = exit_.code
        judge(exit_, attempt.phase, self._reached.is_set(), self.agent.id, self._execution.limits)

    async def _fetch(self) -> None:
        if current(self.task).phase is not Phase.FETCH:
            self.task = await self._enter(Phase.FETCH)
        target = self._parts.folders.part(self._execution.id, self.task.index)
        limits = self._execution.limits

        async def fetch() -> Packed:
            try:
                return await self.agent.engine.fetch(
                    self._mark.name, DATA_FOLDER, lambda archive: pack(archive, target, limits)
                )
            except tarfile.TarError as error:
                raise NodeUnreachable(f"outputs: {error}") from error

        patience, delay = self._parts.settings.fetch_patience, 1.0
        while True:
            try:
                packed = await self.agent.call(fetch)
                break
            except (OutputsTooLarge, NotThere) as error:
                raise Ended(Outcome.FAILED, f"Fetch: {error}") from error
            except NoRoom as error:
                if patience <= 0:
                    raise Ended(
                        Outcome.FAILED, "Fetch: the service's disk is full; tell its admin"
                    ) from error
                await self._tell(f"{error}; the outputs wait in their container")
                await asyncio.sleep(min(delay, patience))
                patience -= delay
                delay = min(delay * 2, _LONGEST_WAIT)
        for note in packed.notes:
            await self._tell(note)

    async def _record(self, ended: Ended) -> None:
        """Write the outcome; from then on it counts, whatever happens to the container."""
        task = self.task
        attempt = current(task)
        attempt.outcome = ended.outcome
        attempt.reason = ended.reason or None
        task.state = changed(task.state, self._next_state(ended.outcome))
        self.task = await self._enter(Phase.DESTROY, ended.reason)

    def _next_state(self, outcome: Outcome) -> TaskState:
        if outcome is not Outcome.PLATFORM:
            return TaskState(outcome)
        used = current(self.task).number
        return TaskState.QUEUED if used < self._parts.settings.attempts else TaskState.FAILED

    async def _destroy(self) -> None:
        name = self._mark.name
        try:
            await self.agent.call(lambda: self.agent.engine.remove(name))
        except (NodeLost, EngineError) as error:
            # The Node's next contact removes it: by its labels it belongs to no live Attempt.
            _log.warning("%s stays on node %s for now: %s", name, self.agent.id, error)
            return
        self.task = await self._enter(Phase.ENDED)

    async def _secrets(self) -> dict[str, str]:
        if not self._execution.secrets:
            return {}
        delay = 0.1
        while True:
            try:
                return await self._parts.vault.get(self._execution.id)
            except VaultUnreachable:
                await asyncio.sleep(delay)
                delay = min(delay * 2, 2.0)

    async def _enter(self, phase: Phase, message: str = "") -> Task:
        return await self._parts.records.enter(self._execution.owner, self.task, phase, message)

    async def _tell(self, message: str) -> None:
        await self._parts.records.tell_phase(self._execution.owner, self.task, message)

    async def _tell_pull(self) -> None:
        await self._tell(f"pulling {self._execution.image}")
