"""The docker engine of the demo, and the images that the example Methods run in."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound
from requests.exceptions import RequestException

from tests.stack import images
from tests.stack.engines import CannotStart, check_installed, start_engine
from tests.stack.examples import PUBLISHED

_NOTE = "demo-engine.json"
_LABEL = "ccp.service"
"""Each container of a service carries its id under this label."""


@dataclass(frozen=True)
class Engine:
    """A docker engine, by its address (of a unix socket)."""

    base_url: str

    def client(self, timeout: int = 60) -> Any:
        """Return a client of docker's SDK, which has no types; close it after use."""
        return docker.APIClient(base_url=self.base_url, version="auto", timeout=timeout)


def find_engine(folder: Path, say: Callable[[str], None]) -> Engine:
    """Return the engine of this machine, or start one in a folder.

    Raises
    ------
    CannotStart
        There is none and none can be started; the text says what to do.
    """
    socket = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    engine = Engine(socket)
    if socket.startswith("unix://") and (trouble := _trouble(engine)) is None:
        say(f"using the docker engine at {socket}")
        return engine
    try:
        check_installed()
    except CannotStart as error:
        raise CannotStart(
            f"no docker engine answers at {socket} ({trouble or 'not a unix socket'}), and none"
            " can be started here.\nEither install docker and let yourself use it:\n"
            "    sudo apt-get install docker.io && sudo usermod -aG docker $USER   (log in again)\n"
            f"or run this as root.  [{error}]"
        ) from error
    say("no docker engine answers; starting one")
    return Engine(start_engine(folder / "engines/local", "local").base_url)


def _trouble(engine: Engine) -> str | None:
    try:
        with closing(engine.client(timeout=5)) as client:
            client.ping()
    except (DockerException, RequestException, OSError) as error:
        return str(error).splitlines()[0][:200]
    return None


def prepare_images(engine: Engine, folder: Path, say: Callable[[str], None]) -> dict[str, str]:
    """Return images for the example Methods: the published ones, or some that are built here.

    Returns
    -------
    dict
        Name, as in `tests.stack.images`, to a reference that the engine has.

    Raises
    ------
    CannotStart
        They can neither be pulled nor built.
    """
    _note(engine, folder, [])
    with closing(engine.client(timeout=600)) as client:
        if all(_has(client, published) or _pull(client, published, say) for published in PUBLISHED):
            return {name: published for published, name in PUBLISHED.items()}
        say("no registry gives the images of the examples; building some that can do the same")
        archives = images.ensure(PUBLISHED.values())
        local = {name: images.reference(name) for name in archives}
        loaded = [reference for reference in local.values() if not _has(client, reference)]
        _note(engine, folder, loaded)
        for name, archive in archives.items():
            if local[name] in loaded:
                _load(client, archive)
        return local


def _note(engine: Engine, folder: Path, loaded: list[str]) -> None:
    (folder / _NOTE).write_text(json.dumps({"base_url": engine.base_url, "images": loaded}))


def _has(client: Any, reference: str) -> bool:
    try:
        client.inspect_image(reference)
    except ImageNotFound:
        return False
    return True


def _pull(client: Any, reference: str, say: Callable[[str], None]) -> bool:
    say(f"pulling {reference}")
    try:
        client.pull(reference)
    except (APIError, RequestException) as error:
        say(f"that failed: {str(error).splitlines()[0][:200]}")
        return False
    return _has(client, reference)


def _load(client: Any, archive: Path) -> None:
    with archive.open("rb") as file:
        for line in client.load_image(file, quiet=True):
            if "error" in line:
                raise CannotStart(f"the engine refuses {archive}: {line['error']}")


@dataclass(frozen=True)
class Traces:
    """What a demo has on an engine that is not its own."""

    base_url: str
    images: tuple[str, ...]
    service_id: str

    @classmethod
    def read(cls, folder: Path, data_dir: Path) -> Traces | None:
        """Return those of the demo in a folder; None when it did not get that far."""
        try:
            noted = json.loads((folder / _NOTE).read_text())
        except FileNotFoundError:
            return None
        service_id = data_dir / "service-id"
        known = service_id.read_text().strip() if service_id.exists() else ""
        return cls(noted["base_url"], tuple(noted["images"]), known)

    def remove(self) -> None:
        """Remove containers and images; no error when the engine is gone."""
        try:
            with closing(Engine(self.base_url).client(timeout=60)) as client:
                labels = {"label": f"{_LABEL}={self.service_id}"}
                ours = client.containers(all=True, filters=labels) if self.service_id else []
                for container in ours:
                    client.remove_container(container["Id"], force=True, v=True)
                for reference in self.images:
                    client.remove_image(reference)
        except (DockerException, RequestException, OSError):
            return
