"""One Attempt of a Task through its phases, from nothing or from where a crash left it."""

from __future__ import annotations

import asyncio
import logging
import secrets as random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ccp_jupyter.hub_service.controller.attempt_log import AttemptLog, Reader
from ccp_jupyter.hub_service.controller.container import (
    AGAIN_CODE,
    Mark,
    Place,
    build_spec,
    mark_of,
)
from ccp_jupyter.hub_service.controller.fetching import fetch
from ccp_jupyter.hub_service.controller.judgement import Ended, ending
from ccp_jupyter.hub_service.controller.logins import patient
from ccp_jupyter.hub_service.controller.nodes.agent import NodeAgent, NodeLost
from ccp_jupyter.hub_service.controller.nodes.watches import Exit
from ccp_jupyter.hub_service.controller.outputs import Packed
from ccp_jupyter.hub_service.controller.parts import Parts
from ccp_jupyter.hub_service.controller.records import current
from ccp_jupyter.hub_service.controller.reports import Reports
from ccp_jupyter.hub_service.controller.retry import decide
from ccp_jupyter.hub_service.controller.starting import has_executed, start_once
from ccp_jupyter.hub_service.controller.waiting import limit, whole
from ccp_jupyter.hub_service.engines.base import (
    AlreadyThere,
    ContainerInfo,
    Credentials,
    EngineError,
    Image,
    ImageMissing,
)
from ccp_jupyter.hub_service.masking import Masker
from ccp_jupyter.hub_service.observing import logs
from ccp_jupyter.hub_service.vault.base import SecretsLost
from ccp_jupyter.model.execution import Execution, Task
from ccp_jupyter.model.states import Outcome, Phase
from ccp_jupyter.model.times import now

T = TypeVar("T")
_log = logging.getLogger(__name__)


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
        outcome_known: Callable[[Task], Awaitable[None]],
        resumed: bool = False,
    ) -> None:
        self.task = task
        self.agent = agent
        self._outcome_known = outcome_known
        self._resumed = resumed
        self._parts = parts
        self._execution = execution
        self._work = parts.work(task)
        attempt = current(task)
        self._mark = Mark(
            task.execution_id, task.index, attempt.number, f"ccp-{random.token_hex(8)}"
        )
        self._body: asyncio.Task[None] | None = None
        self._stopping: Ended | None = None
        self._abandoned = False
        self.begun = asyncio.Event()
        """Set when its container runs, or when that may take longer than others should wait."""
        executing = attempt.phase in (Phase.EXECUTE, Phase.FETCH)
        self._reports = Reports(self._mark.name, executing)

    @property
    def mark(self) -> Mark:
        """Whose container it is."""
        return self._mark

    async def run(self) -> bool:
        """Bring the Attempt to its end.

        Cancelling this coroutine (the service stops) leaves the container running, to be adopted
        by the next start of the service.

        Returns
        -------
        bool
            Whether the container is gone; it may not when the Node or its engine fails.
        """
        task, attempt = self.task, current(self.task)
        about = {"execution": task.execution_id, "task": task.index, "attempt": attempt.number}
        logs.note(**about, node=attempt.node)
        if attempt.outcome is None:
            await self._record(await self._outcome())
            await self._outcome_known(self.task)
        return await self._destroy()

    def stop(self, outcome: Outcome, reason: str) -> None:
        """Give the Attempt this outcome, whatever it is doing; no effect when it has one."""
        if self._stopping is not None:
            return  # a second cancellation would tear what the first lets end
        self._stopping = Ended(outcome, reason)
        if self._body is not None:
            self._body.cancel()

    def abandon(self) -> None:
        """Write nothing more: the Attempt is another service's.  Whoever drives it is cancelled."""
        self._abandoned = True

    async def _outcome(self) -> Ended:
        if (stopping := self._asked_to_stop()) is not None:
            self.begun.set()
            return stopping
        self._body = asyncio.create_task(self._live())
        try:
            await self._body
        except asyncio.CancelledError:
            if (stopping := self._asked_to_stop()) is None:
                raise
            return stopping
        except Exception as error:
            self.agent.failed(self._mark.name, error)
            return ending(error, self._mark.name)
        finally:
            self.begun.set()
            self.agent.unwatch(self._mark.name)
        return Ended(Outcome.SUCCESSFUL)

    def _asked_to_stop(self) -> Ended | None:
        return None if self._abandoned else self._stopping

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
        log = self._follow_log()
        try:
            exit_ = await self._wait_for_end(log.task)
            await log.rest()
        except Ended:
            await log.rest()
            if self._work.fetches_failures:
                await self._keep_what_is_there()
            raise
        finally:
            await log.close()
        await self._conclude(exit_)

    async def _find(self) -> ContainerInfo | None:
        """Look for a container that an earlier run of the service has made."""
        name = self._mark.name
        self.agent.watch(name)
        if not self._resumed:
            return None
        container = await self.agent.call(lambda: self.agent.engine.inspect(name))
        if container is not None and (mark := mark_of(container)) is not None:
            self._mark = mark
            self.agent.look(container, name)
        return container

    async def _launch(self, container: ContainerInfo | None) -> None:
        agent, execution = self.agent, self._execution
        await self._work.prepare(execution)
        image = await self._image()
        if container is None:
            try:
                container_id = await whole(self._create())
            except ImageMissing:
                # It was there when last seen, and somebody has removed it since.
                agent.forget_image(execution.image)
                image = await self._image()
                container_id = await whole(self._create())
        else:
            container_id = container.id
        await self._put_files()
        await whole(start_once(agent, container_id))
        current(self.task).image = image.digest or image.id
        await self._started(container_id)

    async def _create(self) -> str:
        agent, work = self.agent, self._work
        gpus = tuple(current(self.task).gpus)
        spec = build_spec(
            self._execution,
            Place(agent.infrastructure, agent.node, gpus),
            self._parts.service_id,
            self._mark,
            work.command(self._mark),
            work.environment(self._execution, self.task),
        )
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
        secrets, engine = await self._secrets(), self.agent.engine
        archive = self._work.archive(self._execution, self.task, secrets, self._mark)
        spool = await asyncio.to_thread(archive.__enter__)
        try:

            async def put() -> None:
                spool.seek(0)
                await engine.put_files(self._mark.name, "/", spool)

            await self.agent.call(put)
        finally:
            await asyncio.to_thread(archive.__exit__, None, None, None)

    async def _started(self, container_id: str) -> None:
        self.begun.set()
        current(self.task).container_id = container_id
        await self._enter(Phase.DEPLOY)

    async def _wait_for_end(self, log: asyncio.Task[None]) -> Exit:
        limits, settings, name = self._execution.limits, self._parts.settings, self._mark.name
        try:
            async with limit(self._work.longest_deploy(limits), "Deploy"):
                await self._deployed(log)
            async with limit(limits.max_time, "Execute", self._elapsed()):
                return await self._reports.ended(self.agent.ended(name))
        except Ended:
            await self.agent.call(lambda: self.agent.engine.stop(name, settings.stop_grace))
            raise

    async def _deployed(self, log: asyncio.Task[None]) -> None:
        """Wait until Execute begins or the container ends."""
        ended = asyncio.create_task(self._reports.ended(self.agent.ended(self._mark.name)))
        reached = asyncio.create_task(self._reports.executing.wait())
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

    def _follow_log(self) -> AttemptLog:
        reader = Reader(
            self._execution.owner,
            int(self._execution.limits.log_size),
            self._masker,
            self._tell,
            self._phase_reached,
        )
        events = self._parts.records.events
        return AttemptLog(events, self.agent, self._mark, reader, self._resumed)

    async def _masker(self) -> Masker | None:
        """Return what masks the Task's secrets; None when the vault has lost them."""
        try:
            return Masker(self._work.masked_texts(await self._secrets()))
        except SecretsLost:
            return None

    async def _phase_reached(self, name: str) -> None:
        self._reports.take(name)
        if name == Phase.EXECUTE and current(self.task).phase is Phase.DEPLOY:
            await self._enter(Phase.EXECUTE)
        if name == Phase.EXECUTE:
            self._reports.executing.set()
        if name == Phase.FETCH and current(self.task).phase is Phase.EXECUTE:
            await self._enter(Phase.FETCH)

    async def _conclude(self, exit_: Exit) -> None:
        attempt, execution = current(self.task), self._execution
        exit_ = self._reports.corrected(exit_)
        attempt.exit_code = exit_.code
        if self._reports.started_again and exit_.code == AGAIN_CODE:
            # How it had ended before, the engine has forgotten.
            raise Ended(Outcome.PLATFORM, f"Node {self.agent.id} started the container twice")
        executed = self._reports.executing.is_set()
        if not executed and exit_.code == 0 and self._work.notes_its_state:
            executed = await has_executed(self.agent, self._mark.name)
        self._work.judge_end(exit_, attempt, executed, execution)
        packed = await self._fetch()
        self._work.judge_result(exit_, current(self.task), packed, execution)

    async def _keep_what_is_there(self) -> None:
        """Fetch after a failure that is decided; what cannot be had is left."""
        try:
            packed = await self._fetch()
        except Ended as error:
            await self._tell(f"streams and report could not be had: {error.reason}")
        else:
            self._work.judge_result(None, current(self.task), packed, self._execution)

    async def _fetch(self) -> Packed:
        masker = await self._masker()
        if current(self.task).phase is not Phase.FETCH:
            await self._enter(Phase.FETCH)
        target = self._parts.folders.part(self._execution.id, self.task.index)
        work, execution = self._work, self._execution
        packed = await fetch(
            self.agent,
            self._mark.name,
            work.folder,
            lambda archive: work.take(archive, target, execution, masker),
            self._parts.settings.fetch_patience,
            self._tell,
        )
        for note in packed.notes:
            await self._tell(note)
        return packed

    async def _record(self, ended: Ended) -> None:
        """Write the outcome; from then on it counts, whatever happens to the container."""
        parts = self._parts
        decide(self._execution, self.task, ended, parts.settings, bool(parts.hooks))
        if ended.outcome is not Outcome.SUCCESSFUL:
            _log.info("the Attempt ended as %s: %s", ended.outcome, ended.reason)
        await self._enter(Phase.DESTROY, ended.reason)

    async def _destroy(self) -> bool:
        name = self._mark.name
        try:
            await self.agent.call(lambda: self.agent.engine.remove(name))
        except (NodeLost, EngineError) as error:
            _log.warning("%s stays on node %s for now: %s", name, self.agent.id, error)
            if not self.agent.retired:
                return False
        await self._enter(Phase.ENDED)
        return True

    async def _secrets(self) -> dict[str, str]:
        if not self._execution.has_secrets:
            return {}
        names = self._work.secret_names(self.task)
        return await patient(
            lambda: self._parts.vault.get(self._execution.id, names, self._mark.name)
        )

    async def _enter(self, phase: Phase, message: str = "") -> None:
        """Enter a phase; who is stopped meanwhile ends with the Task as the store has it."""
        await whole(self._save_phase(phase, message))

    async def _save_phase(self, phase: Phase, message: str) -> None:
        owner = self._execution.owner
        self.task = await self._parts.records.enter(owner, self.task, phase, message)

    async def _tell(self, message: str) -> None:
        await self._parts.records.tell_phase(self._execution.owner, self.task, message)

    async def _image(self) -> Image:
        execution = self._execution

        async def login() -> Credentials | None:
            return await self._parts.logins.find(execution, self.agent.infrastructure)

        return await self.agent.ensure_image(
            execution.image, login, self._tell_pull, refresh=self._work.refreshes_images
        )

    async def _tell_pull(self) -> None:
        self.begun.set()
        await self._tell(f"pulling {self._execution.image}")
