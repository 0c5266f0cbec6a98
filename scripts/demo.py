"""Try everything on this machine: hub, service, docker engine, one Method, one Experiment.

Without options it starts what does not run yet, runs both, and leaves the hub running.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import shutil
import statistics
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from ccp_jupyter.client import CcpError, Client
from scripts.demo_engine import Engine, Traces, find_engine, prepare_images
from tests.stack.down import MARKER, down
from tests.stack.engines import CannotStart
from tests.stack.examples import example_methods, write_example_experiments
from tests.stack.hub import DidNotStart, HubApi, HubSettings, start_hub, wait_answer, wait_hub
from tests.stack.ports import is_open
from tests.stack.records import StackError, note, write_private
from tests.stack.service import data_dir, write_config

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".demo"
ONCE_FOLDER = ROOT / ".cache/demo-once"
USER = "demo"
COLUMN = "temperature"
EXPERIMENT = "word-lengths.yml"
WORDS = ("Zürich", "Ἀθῆναι", "Berlin", "one", "three", "twelve")
_PORT = 8000
_TOKEN = "token"


class WrongResult(Exception):
    """The Method's numbers are not those of the file; the text says which."""


def main() -> int:
    """Do what the command line says; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m scripts.demo", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--once", action="store_true", help="check the result and end everything")
    what.add_argument("--down", action="store_true", help="end a demo that runs")
    asked = parser.parse_args()
    try:
        if asked.down:
            return _down()
        return _once() if asked.once else _stay()
    except (
        CannotStart,
        CcpError,
        DidNotStart,
        StackError,
        WrongResult,
        FileNotFoundError,
    ) as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        return 1


def _stay() -> int:
    settings = _running()
    if settings:
        _say(f"the demo is up already: {settings.url}")
    else:
        settings = _start(FOLDER)
    _run(settings)
    print(
        f"\nLog in at   {settings.url}/hub/user-redirect/lab/tree/first-steps.ipynb\n"
        f"user        {USER}\n"
        f"password    {settings.password}\n"
        f"stop        make down",
        flush=True,
    )
    return 0


def _once() -> int:
    try:
        _run(_start(ONCE_FOLDER))
    finally:
        _end(ONCE_FOLDER)
    _say("everything ended; the result was right")
    return 0


def _down() -> int:
    if not (FOLDER / MARKER).exists():
        _say("the demo is not running")
        return 0
    _end(FOLDER)
    _say("ended; everything that it made is gone")
    return 0


# --- start and end --------------------------------------------------------------------------------


def _running() -> HubSettings | None:
    """Return the settings of a demo whose hub answers."""
    with suppress(FileNotFoundError, httpx.HTTPError):
        settings = HubSettings.read(FOLDER)
        if httpx.get(f"{settings.url}/hub/health", timeout=5).status_code == 200:
            return settings
    return None


def _start(folder: Path) -> HubSettings:
    _end(folder)  # what a crash left
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / MARKER).touch()
    try:
        return _start_all(folder)
    except BaseException:
        _end(folder, keep_logs=True)
        raise


def _start_all(folder: Path) -> HubSettings:
    members: dict[str, Any] = {"managed": True}
    if not is_open(_PORT):
        members["public_port"] = _PORT
    settings = HubSettings.new(folder, **members)
    engine = find_engine(folder, _say)
    images = prepare_images(engine, folder, _say)
    write_config(folder, settings.service_config, _infrastructure(engine, images))
    _say("starting JupyterHub with the ccp service")
    hub = start_hub(settings, folder / "logs/hub.log")
    note(folder, "hub", hub)
    wait_hub(settings, hub)
    wait_answer(f"{settings.service_url}health", hub, 60)
    with HubApi(settings) as api:
        api.add_user(USER)
        token = api.token(USER)
    write_private(folder / _TOKEN, token)
    with _client(settings) as client:
        _register(client, images)
    _fill_home(folder, images)
    return settings


def _end(folder: Path, keep_logs: bool = False) -> None:
    traces = Traces.read(folder, data_dir(folder))
    down(folder, keep_logs)
    if traces:
        traces.remove()


def _infrastructure(engine: Engine, images: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": "local-docker",
        "name": "Local docker",
        "description": "The docker engine of this machine",
        "limits": {"memory": "512MiB", "cpus": 1, "max_time": 900},
        "nodes": [{"id": "local", "base_url": engine.base_url}],
        "runtimes": list(images.values()),
    }


def _fill_home(folder: Path, images: Mapping[str, str]) -> None:
    home = folder / "homes" / USER
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "examples/data/weather.csv", home / "data.csv")
    for notebook in sorted(ROOT.glob("examples/notebooks/*.ipynb")):
        if not (home / notebook.name).exists():  # the user may have written into it
            shutil.copy(notebook, home)
    write_example_experiments(images, home)


def _register(client: Client, images: Mapping[str, str]) -> None:
    for document in example_methods(images):
        method = client.deploy(document)
        _say(f"registered the Method {method.title!r}")


# --- run and check --------------------------------------------------------------------------------


def _run(settings: HubSettings) -> None:
    home = settings.folder / "homes" / USER
    os.environ["CCP_WORKSPACE"] = str(home)
    table = home / "data.csv"
    with _client(settings) as client:
        _say(f"running column-statistics on {table}")
        execution = client.run("column-statistics", table=table, column=COLUMN)
        execution.wait()
        folder = execution.fetch()
        _show(folder)
        _check(table, _only(folder, "statistics.json"))
        _say("the numbers are those of the file")
        _say(f"running the RED experiment {home / EXPERIMENT}")
        experiment = client.submit_red(home / EXPERIMENT)
        experiment.wait()
        folder = experiment.fetch()
    _show(folder)
    _check_lengths(folder)
    _say("both batches printed what they should")


def _show(folder: Path) -> None:
    _say("what came back:")
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            print(f"    {path}  ({path.stat().st_size:,} bytes)")


def _check_lengths(folder: Path) -> None:
    """Compare what the batches printed with what they were to count.  Raises `WrongResult`."""
    found = [line for path in sorted(folder.rglob("stdout")) for line in _lines(path)]
    expected = [f"{len(word)} {word}" for word in WORDS]
    if found != expected:
        raise WrongResult(f"{folder}: the batches must print {expected} (found {found})")


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def _client(settings: HubSettings) -> Client:
    return Client(url=settings.service_url, token=(settings.folder / _TOKEN).read_text())


def _only(folder: Path, name: str) -> Path:
    found = list(folder.rglob(name))
    if len(found) != 1:
        raise WrongResult(f"{folder}: one {name} expected (found {len(found)})")
    return found[0]


def _check(table: Path, result: Path) -> None:
    """Compare the Method's result with the same figures computed here.  Raises `WrongResult`."""
    with table.open(newline="") as file:
        cells = [row[COLUMN] for row in csv.DictReader(file)]
    values = [float(cell) for cell in cells if cell]
    expected = {
        "count": len(values),
        "missing": len(cells) - len(values),
        "mean": math.fsum(values) / len(values),
        "median": statistics.median(values),
        "minimum": min(values),
        "maximum": max(values),
        "stdev": statistics.stdev(values),
    }
    found = json.loads(result.read_text())
    for name, value in expected.items():
        if not math.isclose(found.get(name, math.nan), value, rel_tol=1e-9):
            raise WrongResult(f"{result}: {name} must be {value} (found {found.get(name)})")


def _say(text: str) -> None:
    print(f"demo: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
