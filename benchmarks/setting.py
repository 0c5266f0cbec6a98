"""What is measured: a development stack with the Methods of the benchmarks in it."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from benchmarks import methods
from benchmarks.direct import Direct, Job
from ccp_jupyter import Client
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.model.infrastructure import Infrastructure
from tests.stack import service as services
from tests.stack.daemons import Daemon
from tests.stack.engines import EngineHandle
from tests.stack.stack import Stack

A = TypeVar("A")
B = TypeVar("B")

USER = "alice"
FILLERS = 17
"""Methods that make the list of Methods as long as a small group has it: 20."""
LIMITS: Mapping[str, object] = {
    "memory": "64MiB",
    "max_time": 3600,
    "output_size": "4GiB",
    "file_size": "4GiB",
    "stored_executions": 1_000_000,
    "stored_size": "100GiB",
}
"""Room for what the benchmarks do; the rest is as the stack has it."""


@dataclass
class Setting:
    """The stack, and how thoroughly to measure.

    Attributes
    ----------
    stack : Stack
        Hub, service, vault, one engine.
    work : Path
        For files of the benchmarks.
    quick : bool
        The short form.
    """

    stack: Stack
    work: Path
    quick: bool

    def choose(self, quick: A, full: A) -> A:
        """Return what fits the form."""
        return quick if self.quick else full

    @property
    def engine(self) -> EngineHandle:
        """The only engine."""
        return next(iter(self.stack.engines.values()))

    @property
    def service(self) -> Daemon:
        """The service's process as it is now."""
        return self.stack.service

    @property
    def token(self) -> str:
        """A hub token of the user who runs everything."""
        return self.stack.users[USER]

    @property
    def headers(self) -> dict[str, str]:
        """What a request to the service carries."""
        return {"Authorization": f"token {self.token}"}

    @property
    def port_url(self) -> str:
        """Address of the service at its own port, past the proxy."""
        return f"http://127.0.0.1:{self.stack.settings.service_port}/services/ccp/"

    @contextmanager
    def client(self) -> Iterator[Client]:
        """Open the public Python client, which goes through hub's proxy as users do."""
        with Client(self.stack.service_url, self.token) as client:
            yield client

    @contextmanager
    def direct(self, engine: EngineHandle | None = None) -> Iterator[Direct]:
        """Open the docker SDK for an engine; default: the only one."""
        client = (engine or self.engine).client(timeout=600)
        try:
            yield Direct(client)
        finally:
            client.close()

    @property
    def infrastructure(self) -> Infrastructure:
        """As the service has it."""
        return Infrastructure.model_validate(services.read_infrastructure(self.stack.folder))

    def document(self, make: Callable[[str, str], dict[str, Any]]) -> dict[str, Any]:
        """Return a Method of `benchmarks.methods` for this stack."""
        return make(self.stack.images["shell"], self.infrastructure.id)

    def job(self, make: Callable[[str, str], dict[str, Any]], **inputs: Any) -> Job:
        """Return a container as the service would make it for a Method."""
        return Job.of(self.document(make), inputs, self.infrastructure, self.work / "staged")

    def deploy(self) -> None:
        """Add all Methods, and run one so that the image is there."""
        with self.client() as client:
            for make in (methods.trivial, methods.sleeper, methods.nap, methods.bulk):
                client.deploy(self.document(make))
            for number in range(FILLERS):
                client.deploy(self.document(partial(methods.filler, number)))
            client.run(methods.TRIVIAL).wait(120, progress=False)
        self.wait_clean()

    def outputs(self, execution_id: str) -> Path:
        """Return the zip of an Execution, as the service keeps it."""
        return Folders(self.stack.data_dir / "executions").outputs(execution_id)

    def wait_clean(self, timeout: float = 60.0) -> None:
        """Wait until no engine has a container, so that nothing disturbs what comes next."""
        wait_until(self._is_clean, "removal of all containers", timeout, 0.02)

    def _is_clean(self) -> bool:
        for engine in self.stack.engines.values():
            with self.direct(engine) as direct:
                if direct.count():
                    return False
        return True

    @contextmanager
    def node_with(self, **members: Any) -> Iterator[None]:
        """Restart the service with other members of the Node while the block runs."""
        before = services.read_infrastructure(self.stack.folder)["nodes"]
        self.use_nodes([{**before[0], **members}])
        try:
            yield
        finally:
            self.use_nodes(before)

    def use_nodes(self, nodes: list[dict[str, Any]]) -> None:
        """Restart the service with other Nodes."""
        self.stack.kill_service(signal.SIGTERM)
        self.stack.configure(nodes=nodes)
        self.stack.start_service()

    def folder(self, name: str) -> Path:
        """Return a folder for files, made if need be."""
        folder = self.work / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


@contextmanager
def prepared(folder: Path, quick: bool) -> Iterator[Setting]:
    """Run a stack with one engine, the Methods of the benchmarks in it."""
    stack = Stack.up(folder / "stack", limits=LIMITS)
    try:
        setting = Setting(stack, folder / "work", quick)
        setting.deploy()
        yield setting
    finally:
        stack.down()
        shutil.rmtree(folder / "work", ignore_errors=True)


def interleaved(
    count: int, ours: Callable[[], A], theirs: Callable[[], B], warm_up: bool = True
) -> list[tuple[A, B]]:
    """Measure both sides in turn, A B A B, after one unmeasured run of each.

    Parameters
    ----------
    count : int
        Pairs.
    warm_up : bool
        Whether the first pair is thrown away.
    """
    pairs = [(ours(), theirs()) for _ in range(count + warm_up)]
    return pairs[warm_up:]


def wait_until(done: Callable[[], bool], what: str, timeout: float, pause: float = 0.1) -> None:
    """Ask again and again.

    Raises
    ------
    TimeoutError
        Names `what` did not happen.
    """
    end = time.monotonic() + timeout
    while not done():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {timeout:g} s")
        time.sleep(pause)
