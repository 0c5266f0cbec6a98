"""The docker engine of the demo, and the image that the example Methods run in."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound
from requests.exceptions import RequestException

from tests.stack import images
from tests.stack.engines import CannotStart, check_installed, start_engine

PUBLISHED = "docker.io/library/python:3.11-slim"
"""What the example Methods ask for."""
_LOADED = "loaded-image.json"


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


def prepare_image(engine: Engine, folder: Path, say: Callable[[str], None]) -> str:
    """Return an image with Python that the engine has: the published one, or one built here.

    Raises
    ------
    CannotStart
        It can neither be pulled nor built.
    """
    with closing(engine.client(timeout=600)) as client:
        with suppress(ImageNotFound):
            client.inspect_image(PUBLISHED)
            return PUBLISHED
        say(f"pulling {PUBLISHED}")
        try:
            client.pull(PUBLISHED)
            client.inspect_image(PUBLISHED)
        except (APIError, RequestException) as error:
            say(f"no registry gives it ({str(error).splitlines()[0][:120]}); building one instead")
        else:
            return PUBLISHED
        local = images.reference("python")
        with suppress(ImageNotFound):
            client.inspect_image(local)
            return local
        archive = images.ensure(["python"])["python"]
        (folder / _LOADED).write_text(json.dumps({"base_url": engine.base_url, "image": local}))
        with archive.open("rb") as file:
            for line in client.load_image(file, quiet=True):
                if "error" in line:
                    raise CannotStart(f"the engine refuses {archive}: {line['error']}")
        return local


def forget_image(folder: Path) -> None:
    """Remove the image that the demo gave to an engine; no error when the engine is gone."""
    try:
        loaded = json.loads((folder / _LOADED).read_text())
    except FileNotFoundError:
        return
    try:
        with closing(Engine(loaded["base_url"]).client(timeout=10)) as client:
            client.remove_image(loaded["image"])
    except (DockerException, RequestException, OSError):
        return
