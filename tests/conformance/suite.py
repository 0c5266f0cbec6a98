"""The suite's released jar: where it comes from, how it is run, what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from tests.stack.hub import repository

ARTEFACT: Final = "org.opengis.cite:ets-ogcapi-processes10:1.3:jar:aio"
MAIN: Final = "org.opengis.cite.ogcapiprocesses10.TestNGController"
_NAME: Final = "ets-ogcapi-processes10-1.3-aio.jar"
_EXPORTS: Final = [
    f"--add-exports=java.base/sun.net.www.protocol.{protocol}=ALL-UNNAMED"
    for protocol in ("http", "https")
]
_RUN_LIMIT: Final = 900.0
_FETCH_LIMIT: Final = 300.0
_TOLD: Final = 4000  # characters


def schema_folder() -> Path:
    """Return where the published schemas are, if they are there: they are not part of ours."""
    shared = os.environ.get("CCP_SHARED_DATA") or repository().parent / "shared" / "data"
    return Path(shared) / "ogcapi-processes-1.0"


class CannotBeHad(Exception):
    """The suite, or what runs it, is not there; the text says what was tried."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the suite said."""

    counts: Counter[str]
    """``PASS``, ``FAIL``, ``SKIP``."""
    told: list[str]
    """Of each test that did not pass: how it ended, its name, what it said."""

    @property
    def good(self) -> bool:
        """Whether tests ran, and all that ran have passed."""
        return self.counts["PASS"] > 0 and not self.counts["FAIL"]


def find_jar(folder: Path) -> Path:
    """Return the suite: the file in CCP_ETS_JAR, or what Maven fetches into a folder.

    Raises
    ------
    CannotBeHad
    """
    if given := os.environ.get("CCP_ETS_JAR"):
        if not zipfile.is_zipfile(given):
            raise CannotBeHad(f"CCP_ETS_JAR: {given} is no jar")
        return Path(given).resolve()
    maven = shutil.which("mvn")
    if maven is None:
        raise CannotBeHad("there is no mvn to fetch it with, and CCP_ETS_JAR names no jar")
    command = [maven, "-B", "-q", "-U", "-Dstyle.color=never", "dependency:copy"]
    command += [f"-Dartifact={ARTEFACT}", f"-DoutputDirectory={folder}"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_FETCH_LIMIT, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise CannotBeHad(f"Maven did not fetch {ARTEFACT} within {_FETCH_LIMIT:g} s") from error
    jar = folder / _NAME
    if not zipfile.is_zipfile(jar):
        plain = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
        said = [line for line in plain.splitlines() if "ERROR" in line][:1]
        raise CannotBeHad(f"Maven has no {ARTEFACT}: {' '.join(said)[:500]}")
    return jar


def compile_provider(folder: Path) -> Path:
    """Compile what serves the schemas; returns a folder for the class path.

    Raises
    ------
    CannotBeHad
        There is no Java compiler.
    """
    compiler = shutil.which("javac")
    if compiler is None:
        raise CannotBeHad("there is no javac: install a JDK, 17 or later")
    source = Path(__file__).with_name("SchemaHost.java")
    classes = folder / "classes"
    services = classes / "META-INF" / "services"
    services.mkdir(parents=True)
    (services / "java.net.spi.URLStreamHandlerProvider").write_text("SchemaHost\n")
    subprocess.run([compiler, "-d", str(classes), str(source)], check=True)
    return classes


def write_properties(path: Path, url: str) -> None:
    """Write what the suite wants to know.

    Parameters
    ----------
    path : Path
        The file.
    url : str
        Address of the landing page.
    """
    entries = {"iut": url, "echoprocessid": "echo", "processtestlimit": "3"}
    root = ElementTree.Element("properties", version="1.0")
    for key, value in entries.items():
        ElementTree.SubElement(root, "entry", key=key).text = value
    # Without a DOCTYPE: the suite would fetch its DTD.
    ElementTree.ElementTree(root).write(path, encoding="UTF-8", xml_declaration=True)


def run(jar: Path, classes: Path, schemas: Path, url: str, folder: Path) -> Outcome:
    """Run the suite and read what it says.

    Parameters
    ----------
    jar, classes : Path
        From `find_jar` and `compile_provider`.
    schemas : Path
        Folder with the published schemas.
    url : str
        Address of the landing page; reached without a login.
    folder : Path
        For its files.

    Raises
    ------
    RuntimeError
        It left no result.
    subprocess.TimeoutExpired
    """
    properties, out, said = folder / "props.xml", folder / "out", folder / "suite.log"
    write_properties(properties, url)
    out.mkdir()
    command = ["java", *_EXPORTS, f"-Dccp.schemas={schemas}", "-cp", f"{classes}:{jar}", MAIN]
    with said.open("wb") as log:
        subprocess.run(
            [*command, "-o", str(out), str(properties)],
            stdout=log,
            stderr=subprocess.STDOUT,
            timeout=_RUN_LIMIT,
            check=False,
        )
    results = sorted(out.glob("testng/*/testng-results.xml"))
    if not results:
        end = said.read_text(errors="replace")[-_TOLD:]
        raise RuntimeError(f"the suite left no result; the end of what it said: {end}")
    return read_results(results[-1])


def read_results(path: Path) -> Outcome:
    """Read a ``testng-results.xml``; what only prepares tests does not count."""
    counts: Counter[str] = Counter()
    told: list[str] = []
    for method in ElementTree.parse(path).iter("test-method"):
        if method.get("is-config") == "true":
            continue
        status = str(method.get("status"))
        counts[status] += 1
        if status != "PASS":
            message = method.findtext("exception/message", "").strip()
            told.append(f"{status} {method.get('name')}: {message[:1000]}")
    return Outcome(counts, told)
