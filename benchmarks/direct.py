"""The same containers without the service: the docker SDK driven directly, with six calls each."""

from __future__ import annotations

import io
import subprocess
import tarfile
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import docker

from ccp_jupyter.hub_service.controller.base import Submission
from ccp_jupyter.hub_service.controller.container import Mark, Place, build_spec
from ccp_jupyter.hub_service.controller.replica import ReplicaWork
from ccp_jupyter.hub_service.controller.stage import Stager
from ccp_jupyter.hub_service.controller.submission import build
from ccp_jupyter.hub_service.engines._docker_formats import create_body
from ccp_jupyter.hub_service.engines.base import ContainerSpec
from ccp_jupyter.hub_service.folder import Folders
from ccp_jupyter.hub_service.outgoing import Outgoing
from ccp_jupyter.model.infrastructure import Infrastructure
from ccp_jupyter.model.method import parse_method
from ccp_jupyter.model.request import check_request
from ccp_jupyter.model.stored_method import StoredMethod
from ccp_jupyter.model.values import DATA_FOLDER

_CHUNK = 2**20


@dataclass(frozen=True)
class Job:
    """One container as the service would make it: its description and what is put into it."""

    spec: ContainerSpec
    archive: bytes
    folder: str = DATA_FOLDER
    """What is fetched from it."""

    @classmethod
    def of(
        cls,
        document: Mapping[str, Any],
        inputs: Mapping[str, Any],
        infrastructure: Infrastructure,
        folder: Path,
    ) -> Job:
        """Make it from a Method with the service's own functions.

        Parameters
        ----------
        document : mapping
            The Method.
        inputs : mapping
            Of the execute request.
        folder : Path
            For temporary files.
        """
        method = parse_method(dict(document))
        stored = StoredMethod(id=method.id, owner="bench", document=dict(document))
        body = {"inputs": dict(inputs)}
        request = check_request(method, body, infrastructure.limits)
        submission = Submission(owner="bench", claims={}, method=stored, body=body)
        execution, [task, *_], _ = build(submission, method, request, infrastructure)
        mark = Mark(execution.id, 1, 1, "ccp-bench")
        work = ReplicaWork(Stager(Folders(folder), Outgoing()))
        spec = build_spec(
            execution,
            Place(infrastructure, infrastructure.nodes[0], ()),
            "benchmarks",
            mark,
            work.command(mark),
            work.environment(execution, task),
        )
        with work.archive(execution, task, {}, mark) as spool:
            return cls(spec, spool.read())


@dataclass(frozen=True)
class Times:
    """Moments of one direct run, as of `time.time`."""

    begun: float
    zipped: float
    removed: float


class Direct:
    """Runs jobs on an engine; use one in each thread.

    Parameters
    ----------
    client : docker.APIClient
        Plain, as the SDK makes it.
    """

    def __init__(self, client: docker.APIClient) -> None:
        self._client: Any = client

    def run(self, job: Job, target: Path) -> Times:
        """Create, put files, start, follow the log to the end, fetch into a zip, remove.

        Parameters
        ----------
        job : Job
        target : Path
            The zip to write.
        """
        begun = time.time()
        container = self.start(job)
        self.follow(container)
        with self.archive(container, job.folder) as stream:
            tar_to_zip(stream, target)
        zipped = time.time()
        self._client.remove_container(container, v=True)
        return Times(begun, zipped, time.time())

    def start(self, job: Job) -> str:
        """Create, put files, start; returns the container's id."""
        body = create_body(self._client, job.spec)
        container = str(self._client.create_container_from_config(body, job.spec.name)["Id"])
        self._client.put_archive(container, "/", job.archive)
        self._client.start(container)
        return container

    def follow(self, container: str) -> None:
        """Read the log until the container ends."""
        # `APIClient.logs` would ask for the container's description first: a seventh call.
        address = self._client._url("/containers/{0}/logs", container)
        options = {"follow": 1, "stdout": 1, "stderr": 1, "timestamps": 1}
        answer = self._client._get(address, params=options, stream=True)
        self._client._raise_for_status(answer)
        for _ in answer.iter_content(_CHUNK):
            pass

    @contextmanager
    def archive(self, container: str, folder: str = DATA_FOLDER) -> Iterator[IO[bytes]]:
        """Open the tar stream of a folder."""
        chunks, _ = self._client.get_archive(container, folder, chunk_size=_CHUNK)
        yield cast("IO[bytes]", io.BufferedReader(_Chunks(chunks), _CHUNK))

    def zip_program(self, container: str, target: Path) -> float:
        """Pipe the archive stream into Debian's ``zip``; returns seconds.

        Raises
        ------
        RuntimeError
            It is not installed, or failed.
        """
        begun = time.monotonic()
        try:
            process = subprocess.Popen(["zip", "-q", str(target), "-"], stdin=subprocess.PIPE)
        except FileNotFoundError as error:
            raise RuntimeError("zip is not installed (Debian: apt-get install zip)") from error
        sink = cast("IO[bytes]", process.stdin)
        chunks, _ = self._client.get_archive(container, DATA_FOLDER, chunk_size=_CHUNK)
        with sink:
            for chunk in chunks:
                sink.write(chunk)
        if process.wait(600):
            raise RuntimeError(f"zip ended with {process.returncode}")
        return time.monotonic() - begun

    def count(self, running: bool = False) -> int:
        """Return how many containers there are, or run."""
        return len(self._client.containers(all=not running, quiet=True))

    def remove(self, container: str) -> None:
        """Remove a container, running or not."""
        self._client.remove_container(container, v=True, force=True)


def tar_to_zip(stream: IO[bytes], target: Path) -> None:
    """Write the files of a tar into a zip, as plainly as it can be done."""
    with (
        tarfile.open(fileobj=stream, mode="r|") as tar,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for member in tar:
            if (source := tar.extractfile(member)) is not None:
                packed.writestr(member.name, source.read())


class _Chunks(io.RawIOBase):
    """A file of the chunks that an iterator gives."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
