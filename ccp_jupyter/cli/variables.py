"""Values for the ``{{variables}}`` of a RED document.

Asked in this order, the first that knows a name decides: command line (for what is not secret),
file, environment, keyring, terminal. Values are kept in a form that no traceback shows.
"""

from __future__ import annotations

import getpass
import os
import stat
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import SecretStr

from ccp_jupyter.cli.exits import UsageError
from ccp_jupyter.cli.output import note
from ccp_jupyter.model import red
from ccp_jupyter.model.errors import InvalidDocument

PREFIX = "CCP_VAR_"
"""Environment variables that begin like this are values of variables."""
KEYRING_SERVICE = "red"
"""As ``faice`` has it, so that what it stored is found."""
_LARGEST_FILE = 2**20
_YES = frozenset({"y", "yes"})

Values = dict[str, SecretStr]


def from_arguments(given: Sequence[str], protected: Mapping[str, bool]) -> Values:
    """Return values given as ``NAME=VALUE``.

    Parameters
    ----------
    given : sequence of str
        From the command line.
    protected : mapping
        Variables of the document, and whether each is a secret.

    Raises
    ------
    UsageError
        Not of this form, not in the document, or a secret: other users of the machine see the
        arguments of every process.
    """
    found: Values = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise UsageError("--variable: must have the form NAME=VALUE")
        if name not in protected:
            raise UsageError(f"--variable {name}: the document has no such variable")
        if protected[name]:
            raise UsageError(
                f"--variable {name}: is a secret, and others can see a command line; use"
                f" --variables-file, the environment ({PREFIX}{name}), the keyring or --from-vault"
            )
        found[name] = SecretStr(value)
    return found


def from_file(path: Path) -> Values:
    """Return values from a YAML or JSON file: one object, names to texts.

    Raises
    ------
    UsageError
        It cannot be read, is not of this form, or is readable by everybody.
    """
    try:
        if path.stat().st_mode & (stat.S_IRWXO | stat.S_IWGRP) and path.is_file():
            raise UsageError(f"{path}: others can read it; chmod 600 it first")
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from None
    if len(content) > _LARGEST_FILE:
        raise UsageError(f"{path}: is larger than {_LARGEST_FILE} bytes")
    try:
        found = red.read(content).document
    except InvalidDocument as error:
        raise UsageError(f"{path}: {error}") from None
    if not isinstance(found, dict) or not all(
        isinstance(name, str) and isinstance(value, str) for name, value in found.items()
    ):
        # What stands there instead is not shown: it is meant to be secret.
        raise UsageError(f"{path}: must be one YAML or JSON object with texts (quote numbers)")
    return {name: SecretStr(value) for name, value in found.items()}


def from_environment(names: Iterable[str]) -> Values:
    """Return values of environment variables ``CCP_VAR_name``."""
    given = {name: os.environ.get(PREFIX + name) for name in names}
    return {name: SecretStr(value) for name, value in given.items() if value is not None}


class Keyring:
    """The desktop's store of passwords; nothing where there is none.

    Parameters
    ----------
    service : str
        Under which values are kept.
    """

    def __init__(self, service: str) -> None:
        self._service = service
        self._library: Any = _keyring()

    @property
    def usable(self) -> bool:
        """Whether something that keeps values answers."""
        if self._library is None:
            return False
        try:
            return bool(self._library.get_keyring().priority > 0)
        except Exception:  # the backends' own, of any kind
            return False

    def get(self, names: Iterable[str]) -> Values:
        """Return the values that it has."""
        found: Values = {}
        if not self.usable:
            return found
        for name in names:
            try:
                value = self._library.get_password(self._service, name)
            except Exception as error:  # locked, no session bus, a backend of somebody else …
                note(f"ccp: the keyring does not answer ({type(error).__name__}); going on without")
                return found
            if value is not None:
                found[name] = SecretStr(value)
        return found

    def keep(self, values: Values) -> None:
        """Store values; a keyring that refuses costs a note."""
        for name, value in values.items():
            try:
                self._library.set_password(self._service, name, value.get_secret_value())
            except Exception as error:
                note(f"ccp: the keyring did not take {name} ({type(error).__name__})")
                return


def _keyring() -> ModuleType | None:
    try:
        import keyring  # the optional part `cli`
    except ImportError:
        return None
    except Exception as error:  # it loads its backend at once, and that may be set up wrongly
        note(f"ccp: the keyring cannot be used ({type(error).__name__}); going on without")
        return None
    return keyring


def from_terminal(wanted: Mapping[str, bool]) -> Values:
    """Ask the user; secrets are not echoed."""
    found: Values = {}
    for name, protected in wanted.items():
        try:
            typed = getpass.getpass(f"{name} (protected): ") if protected else _line(f"{name}: ")
        except EOFError:
            raise UsageError(f"variable {name}: the input ended before there was a value") from None
        found[name] = SecretStr(typed)
    return found


def asks_to_keep(names: Iterable[str]) -> bool:
    """Ask whether typed values shall go to the keyring."""
    try:
        return _line(f"Keep {', '.join(names)} in the keyring? [y/N] ").strip().lower() in _YES
    except EOFError:
        return False


def _line(prompt: str) -> str:
    # `input` would write its prompt to stdout, which belongs to the result.
    sys.stderr.write(prompt)
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.removesuffix("\n")


def collect(
    wanted: Mapping[str, bool],
    *,
    arguments: Sequence[str] = (),
    file: Path | None = None,
    keyring_service: str = KEYRING_SERVICE,
    ask: bool,
) -> Values:
    """Return a value for every variable that one of the sources knows.

    Parameters
    ----------
    wanted : mapping
        Variables of the document, and whether each is a secret.
    arguments : sequence of str
        ``NAME=VALUE`` of the command line.
    file : path, optional
        With values.
    keyring_service : str
        Name in the keyring.
    ask : bool
        Whether the user may be asked for what is still missing.
    """
    keyring = Keyring(keyring_service)
    found = from_arguments(arguments, wanted)
    sources: list[Callable[[Mapping[str, bool]], Values]] = [from_environment, keyring.get]
    if file is not None:
        given = from_file(file)
        sources.insert(0, lambda names: {n: v for n, v in given.items() if n in names})
    for source in sources:
        found |= source(_missing(wanted, found))
    if ask and (missing := _missing(wanted, found)):
        typed = from_terminal(missing)
        if keyring.usable and asks_to_keep(typed):
            keyring.keep(typed)
        found |= typed
    return found


def _missing(wanted: Mapping[str, bool], found: Values) -> dict[str, bool]:
    return {name: protected for name, protected in wanted.items() if name not in found}
