"""RED documents of versions 5 to 8 as documents of version 9.

What each version allowed is in docs/red.md. What could run only in another way than it did
before is refused, with a reason.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from ccp_jupyter.model.red.checking import VERSION, batches_of, examined
from ccp_jupyter.model.red.command_line import argv
from ccp_jupyter.model.red.completion import completed
from ccp_jupyter.model.red.contents import examine
from ccp_jupyter.model.red.findings import Findings, below, seen
from ccp_jupyter.model.red.shell_line import OnlyForShell, plain_words, shell_words

OLD_VERSIONS: Final = ("5", "6", "7", "8")

_WHOLE_VARIABLE: Final = re.compile(r"\{\{(?:(?!\{\{|\}\}).)+\}\}", re.DOTALL)
_PROGRAMS: Final = {
    "xnat": "red-connector-xnat-http",
    "sftp": "red-connector-ssh",
    "ssh": "red-connector-ssh",
    "ftp": "red-connector-ftp",
    "http": "red-connector-http",
}
"""What names of RED 5 modules contain, and today's program; the first that fits counts."""


@dataclass(frozen=True, slots=True)
class Converted:
    """A document of version 9 and how it came to be."""

    document: Any
    changes: list[str] = field(default_factory=list)
    """In words; empty when nothing had to be changed."""
    retry: bool | None = None
    """``retryIfFailed`` of versions 5 to 8, False when absent; None for version 9."""
    version: str = VERSION
    """As it was written."""


def convert(document: object) -> Converted:
    """Return a document as one of version 9; it is still to be checked.

    Parameters
    ----------
    document : object
        What JSON or YAML gave. It is not changed. What is not of version 5 to 8 comes back as
        it is.

    Raises
    ------
    ccp_jupyter.model.errors.InvalidDocument
        It cannot run as it did before: connectors in Python, a command line that needs a shell,
        texts that would be taken for variables.
    """
    version = document.get("redVersion") if isinstance(document, dict) else None
    if not isinstance(document, dict) or version not in OLD_VERSIONS:
        return Converted(document)
    examine(document, Findings())  # only for depth and size; the rest is for `check`
    conversion = _Conversion(copy.deepcopy(document), str(version))
    conversion.run()
    return Converted(conversion.document, conversion.changes, conversion.retry, conversion.version)


class _Conversion:
    def __init__(self, document: dict[str, Any], version: str) -> None:
        self.document = document
        self.version = version
        self.changes: list[str] = []
        self.retry = False
        self._findings = Findings()

    def run(self) -> None:
        self.document["redVersion"] = VERSION
        self._changed("redVersion", f"{self.version} is {VERSION} now")
        if self.version == "7":
            self._drop_nulls()
        self._cli()
        self._container()
        self._execution()
        if self.version in ("5", "6"):
            self._old_texts(self.document, "", open_=False)
        if self.version == "5":
            self._connectors()
        self._findings.finish()
        if self.version in ("5", "6"):
            self._compare_commands()
            self._findings.finish()

    def _changed(self, member: str, what: str) -> None:
        self.changes.append(f"{member}: {what}")

    def _drop_nulls(self) -> None:
        if number := _without_nulls(self.document):
            self.changes.append(f"members that were null are left out: {number}")

    def _cli(self) -> None:
        cli = self.document.get("cli")
        if not isinstance(cli, dict):
            return
        if isinstance(cli.get("cwlVersion"), (str, int, float)) and cli["cwlVersion"] != "v1.0":
            self._changed("cli.cwlVersion", f"{seen(cli['cwlVersion'])} is v1.0 now")
            cli["cwlVersion"] = "v1.0"
        if self.version != "8" and "requirements" in cli:
            del cli["requirements"]
            self._changed("cli.requirements", "left out; the image is that of container")
        if self.version in ("5", "6"):
            self._split_base_command(cli)

    def _split_base_command(self, cli: dict[str, Any]) -> None:
        """Make words of what the shell made words of."""
        given = cli.get("baseCommand")
        words = [given] if isinstance(given, str) else given
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            return
        try:
            split = plain_words(" ".join(words))
        except OnlyForShell as error:
            self._findings.add("cli.baseCommand", f"cannot be converted: it {error}")
            return
        if split != words:
            cli["baseCommand"] = split
            if [word.strip() for word in words] != split:
                self._changed("cli.baseCommand", "split into words at blanks")

    def _container(self) -> None:
        container = self.document.get("container")
        settings = container.get("settings") if isinstance(container, dict) else None
        if not isinstance(container, dict) or not isinstance(settings, dict):
            return
        if self.version == "8":
            return
        if container.get("engine") == "nvidia-docker":
            container["engine"] = "docker"
            asked = "" if "gpus" in settings else "; it asks for no GPU"
            self._changed("container.engine", f"nvidia-docker is docker with gpus now{asked}")
        if "gpus" in settings:
            self._gpus(settings)

    def _gpus(self, settings: dict[str, Any]) -> None:
        gpus, member = settings["gpus"], "container.settings.gpus"
        if gpus in ([], {"count": 0}):
            del settings["gpus"]
            self._changed(member, "left out: none is asked for")
        elif isinstance(gpus, list):
            settings["gpus"] = {"vendor": "nvidia", "devices": list(map(_device, gpus))}
            self._changed(member, "a list is vendor and devices with vramMin now")
        elif isinstance(gpus, dict) and "vendor" not in gpus:
            settings["gpus"] = {"vendor": "nvidia", **gpus}
            self._changed(f"{member}.vendor", "added: nvidia")

    def _execution(self) -> None:
        execution = self.document.get("execution")
        settings = execution.get("settings") if isinstance(execution, dict) else None
        if not isinstance(settings, dict):
            return
        member = "execution.settings"
        dropped = {"5": ("disablePull", "outdir"), "6": ("insecure",)}.get(self.version, ())
        for name in dropped:
            if settings.pop(name, None) is not None:
                self._changed(f"{member}.{name}", "left out: there is no such setting any more")
        if self.version == "5" or "retryIfFailed" not in settings:
            return
        retry = settings.pop("retryIfFailed")
        if not isinstance(retry, bool):
            self._findings.add(f"{member}.retryIfFailed", "must be true or false", seen(retry))
            return
        self.retry = retry
        how = "one more attempt" if retry else "no other attempt"
        self._changed(f"{member}.retryIfFailed", f"not part of the document any more; {how}")

    def _old_texts(self, value: Any, member: str, *, open_: bool) -> None:
        """Refuse texts with braces that were no variables, but would be now."""
        if isinstance(value, dict):
            for key, child in value.items():
                inside = open_ or key in ("access", "auth")
                self._old_texts(child, below(member, key), open_=inside)
        elif isinstance(value, list):
            for number, child in enumerate(value):
                self._old_texts(child, below(member, number), open_=open_)
        elif isinstance(value, str) and ("{{" in value or "}}" in value):
            whole = _WHOLE_VARIABLE.fullmatch(value) is not None
            if whole and not open_:
                rule = "a variable may stand only below access or auth since RED 7"
                self._findings.add(member, f"cannot be converted: {rule}")
            elif not whole and open_:
                rule = "{{ and }} within a text were no variable before RED 7"
                self._findings.add(member, f"cannot be converted: {rule}")

    def _connectors(self) -> None:
        for member, connector in _connectors_of(self.document):
            if "pyModule" in connector or "pyClass" in connector:
                rule = (
                    "cannot be converted: connectors written in Python ran inside the RED 5 agent; "
                    "now the image needs a program, named in connector.command"
                )
                self._findings.add(member, rule + _program_hint(connector.get("pyModule")))

    def _compare_commands(self) -> None:
        """Refuse what would run with other words, or in another order."""
        faults = Findings()
        examined(self.document, faults)
        if faults.count:
            return  # `check` lists them
        for batch in batches_of(self.document):
            inputs = completed(batch.holder["inputs"], lambda: "/cc/inputs/0")
            try:
                same = shell_words(self.document["cli"], inputs) == argv(
                    self.document["cli"], inputs
                )
                reason = "has other words or another order under RED 9"
            except OnlyForShell as error:
                same, reason = False, str(error)
            if not same:
                rule = f"cannot be converted: the command line {reason}"
                self._findings.add(batch.place("inputs"), rule)


def _device(device: Any) -> Any:
    if not isinstance(device, dict):
        return device
    names = {"min_vram": "vramMin", "minVram": "vramMin"}
    return {names.get(name, name): value for name, value in device.items()}


def _without_nulls(value: Any) -> int:
    """Delete members that are null, outside ``access``; return how many."""
    if isinstance(value, list):
        return sum(map(_without_nulls, value))
    if not isinstance(value, dict):
        return 0
    nulls = [name for name, child in value.items() if child is None]
    for name in nulls:
        del value[name]
    return len(nulls) + sum(
        _without_nulls(child) for name, child in value.items() if name != "access"
    )


def _connectors_of(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for batch in batches_of(document):
        for part in ("inputs", "outputs"):
            values = batch.holder.get(part)
            for name, value in values.items() if isinstance(values, dict) else ():
                for place, item in _items(value, below(batch.place(part), name)):
                    if isinstance(item, dict) and isinstance(item.get("connector"), dict):
                        yield f"{place}.connector", item["connector"]


def _items(value: Any, member: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield below(member, number), item
    else:
        yield member, value


def _program_hint(module: object) -> str:
    names = [program for part, program in _PROGRAMS.items() if part in str(module).lower()]
    return f", perhaps {names[0]}" if names else ""
