"""Python, with its standard library only."""

from __future__ import annotations

from typing import Final

from ccp_jupyter.codegen.facts import (
    SERVICE_VARIABLE,
    TOKEN_VARIABLE,
    Facts,
    LocalFile,
    Secret,
    header,
)
from ccp_jupyter.codegen.literals import PYTHON_WORDS, Style, laid_out, python_string

SUFFIX: Final = ".py"
MEDIA_TYPE: Final = "text/x-python"

_IMPORTS: Final = """\
import getpass
import json
import os
import shutil
import sys
import time
import urllib.error
import urllib.request
import uuid
import zipfile
from pathlib import Path"""

_ASKING: Final = '''\
def secret(variable):
    """Return what an environment variable has, or else ask for it."""
    return os.environ.get(variable) or getpass.getpass(f"{variable}: ")'''

_CONTENT: Final = '''\
def content(name, origin):
    """Return a file of the current folder in base64."""
    try:
        return base64.b64encode(Path(name).read_bytes()).decode()
    except FileNotFoundError:
        raise SystemExit(f"{name}: there is no such file here. {origin}") from None'''

_CALL: Final = '''\
def call(path, body=None, headers=None):
    """Send a request to the service, again while it is away, and return its answer."""
    url = SERVICE.rstrip("/") + "/" + path
    request = urllib.request.Request(url, body, headers or {})
    request.add_unredirected_header("Authorization", f"Bearer {TOKEN}")
    for pause in (1, 2, 4, 8, 16, None):
        try:
            return urllib.request.urlopen(request, timeout=60)
        except urllib.error.HTTPError as error:
            if error.code not in (429, 502, 503, 504) or pause is None:
                told = error.read().decode(errors="replace")
                raise SystemExit(f"{url} answered {error.code}: {told}") from None
        except OSError as error:
            if pause is None:
                raise SystemExit(f"{url} cannot be reached: {error}") from None
        time.sleep(pause)'''

_SUBMIT: Final = """\
headers = {
    "Content-Type": "application/json",
    "Prefer": "respond-async",
    # The same key makes one Execution, however often the request must be sent.
    "Idempotency-Key": str(uuid.uuid4()),
}
with call(PATH, json.dumps(REQUEST).encode(), headers) as answer:
    execution = answer.headers["Location"].rstrip("/").rpartition("/")[2]
print("Execution", execution)"""

_MONITOR: Final = """\
pause = 1
while True:
    with call(f"jobs/{execution}") as answer:
        status = json.load(answer)
    print(f"{status['status']}, {status.get('progress', 0)} %: {status.get('message', '')}")
    if status["status"] in ("successful", "failed", "dismissed"):
        break
    time.sleep(pause)
    pause = min(1.5 * pause, 15)

if status["status"] != "successful":
    with call(f"jobs/{execution}/log") as answer:
        print(answer.read().decode(errors="replace"), end="", file=sys.stderr)
    raise SystemExit(f"Execution {execution} {status['status']}: {status['message']}")"""

_RESULTS: Final = """\
folder = Path(f"execution-{execution}").resolve()
archive = folder.with_suffix(".zip")
with call(f"jobs/{execution}/outputs/output.zip") as answer, archive.open("wb") as file:
    shutil.copyfileobj(answer, file)
with zipfile.ZipFile(archive) as outputs:
    for name in outputs.namelist():
        # Nothing may land outside of the folder, whoever made the zip.
        if not (folder / name).resolve().is_relative_to(folder):
            raise SystemExit(f"{archive.name} is refused: {name!r} would leave the folder")
    outputs.extractall(folder)
print("Outputs are in", folder)"""


def script(facts: Facts) -> str:
    """Return a script that runs from the command line."""
    comments = "\n".join(f"# {line}".rstrip() for line in header(facts))
    return "\n\n".join(
        [
            f"#!/usr/bin/env python3\n{comments}\n#\n# Needs Python 3.9, and no further package.",
            f"{setup(facts)}\n",
            parameters(facts),
            submit(),
            f"# Wait for its end, at first with short pauses.\n{_MONITOR}",
            f"# Fetch and unpack all files that it put out.\n{_RESULTS}\n",
        ]
    )


def setup(facts: Facts) -> str:
    """Return imports and functions."""
    functions = [_ASKING, _CALL]
    imports = _IMPORTS
    if facts.files:
        functions.insert(1, _CONTENT)
        imports = f"import base64\n{imports}"
    return "\n\n\n".join([imports, *functions])


def parameters(facts: Facts) -> str:
    """Return what a user may want to change: service, token, request."""
    service = python_string(facts.service)
    return "\n".join(
        [
            f'SERVICE = os.environ.get("{SERVICE_VARIABLE}") or {service}',
            f'TOKEN = secret("{TOKEN_VARIABLE}")',
            f"PATH = {python_string(facts.path)}",
            f"REQUEST = {laid_out(dict(facts.request), _STYLE, before=len('REQUEST = '))}",
        ]
    )


def submit() -> str:
    """Return the part that submits the request."""
    return _SUBMIT


def monitor() -> str:
    """Return the part that waits for the end."""
    return _MONITOR


def results() -> str:
    """Return the part that fetches the outputs."""
    return _RESULTS


def _hole(hole: Secret | LocalFile) -> str:
    if isinstance(hole, Secret):
        return f"secret({python_string(hole.variable)})"
    return f"content({python_string(hole.name)}, {python_string(hole.origin)})"


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


_STYLE: Final = Style(python_string, PYTHON_WORDS, _hole, "    ", ",", _lines)
