"""Where in a shell script each ``{{ variable }}`` stands.

A value can only be quoted rightly by somebody who knows its place: bare, inside double quotes, in a
here-document… `parse` reads a script as a POSIX shell and bash do, as far as quoting goes, and cuts
it into parts. Where dash and bash disagree, or where no quoting is safe, it reports a problem
instead of guessing. The quoting itself is in `ccp_jupyter.model.script`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ccp_jupyter.model.errors import Problem
from ccp_jupyter.model.shell_parts import Backticks, HereBody, Part, Place
from ccp_jupyter.model.shell_slots import VARIABLE, WORD_BREAKS, Shared, SlotReader

_ORDINARY = re.compile(r"[^\\'\"`$\n \t;&|<>(){]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DELIMITER = re.compile(r"(?:'[^'\n]*'|\"[^\"\\$`\n]*\"|\\[^\n]|[^\s;&|<>()'\"\\$`])+")
_CONTINUED = re.compile(r"(?<!\\)(?:\\\\)*\\\Z")
_SPECIAL_PARAMETERS = frozenset("@*#?-$!0123456789")
_DEEPEST = 40


@dataclass(slots=True)
class _Pending:
    """A here-document whose lines begin after the present line."""

    delimiter: str
    quoted: bool
    strip_tabs: bool
    level: int


@dataclass(slots=True)
class _Command:
    """Where in command text the reader is."""

    parens: int = 0
    arithmetic: int | None = None
    """Parentheses open around a ``((``; None outside."""
    word_from: int | None = None
    redirect: bool = False
    """The next word is where a redirection goes to."""


def parse(text: str) -> tuple[list[Part], list[Problem]]:
    """Cut a script into literal text and variables that know their place.

    Parameters
    ----------
    text : str
        The script.

    Returns
    -------
    list of Part, list of Problem
        The parts; and what cannot be quoted, each with its line.
    """
    shared = Shared()
    reader = _Reader(text, shared, 1)
    reader.commands(inside=False)
    return reader.finish(), shared.problems


class _Reader(SlotReader):
    """Reads one stretch of shell text from left to right."""

    def __init__(self, text: str, shared: Shared, line: int) -> None:
        super().__init__(text, shared, line)
        self.pending: list[_Pending] = []
        self.level = 0  # of $( ) around the present place

    # --- command text --------------------------------------------------------------------

    def commands(self, *, inside: bool) -> None:
        """Read commands to the end; or, inside ``$(``, past the parenthesis that closes it."""
        here = _Command()
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in WORD_BREAKS:
                self._end_word(here, inside)
                if char == ")" and inside and here.parens == 0:
                    self._close()
                    return
                self._operator(char, here)
            elif char == "#" and here.word_from is None:
                self._comment()
            elif char == "\\" and self.text.startswith("\n", self.at + 1):
                if self.text[self.at - 1 : self.at] in ("<", "&", "|", "(", ";", ">"):
                    self._unsure("an operator broken by a backslash")
                self.at += 2
            else:
                if here.word_from is None:
                    here.word_from = self.at
                self._word_piece(char, here)
        self._end_word(here, inside)

    def _end_word(self, here: _Command, inside: bool) -> None:
        if here.word_from is None:
            return
        # Its patterns end with a ")" of their own, so that ours could not be told any more.
        if inside and self.text[here.word_from : self.at] == "case":
            self._unsure("`case` inside $( )")
        here.word_from, here.redirect = None, False

    def _close(self) -> None:
        self.at += 1
        if any(pending.level == self.level for pending in self.pending):
            self._unsure("a here-document that begins behind the ) of $( )")

    def _operator(self, char: str, here: _Command) -> None:
        """Take one character that ends words."""
        if char in "<>":
            here.redirect = self._redirection(here.arithmetic is not None)
            return
        if char == "(":
            if here.arithmetic is None and self.text.startswith("((", self.at):
                here.arithmetic = here.parens
            here.parens += 1
        elif char == ")":
            here.parens = max(here.parens - 1, 0)
            if here.arithmetic is not None and here.parens <= here.arithmetic:
                here.arithmetic = None
        here.redirect = here.redirect and char in " \t"
        self.at += 1
        if char == "\n":
            self._here_documents()

    def _word_piece(self, char: str, here: _Command) -> None:
        place = Place.BARE if here.arithmetic is None else Place.INTEGER
        if char == "{":
            if not self._slot(place, here.word_from, here.redirect):
                self.at += 1
        elif char == "\\":
            self._backslash()
        elif char == "'":
            self.at += 1
            self._single(Place.SINGLE)
        elif char == '"':
            self._double()
        elif char == "`":
            self._backticks(Place.BARE)
        elif char == "$":
            self._dollar(Place.BARE)
        else:
            match = _ORDINARY.match(self.text, self.at)
            self.at = match.end() if match else self.at + 1

    def _comment(self) -> None:
        while self.at < len(self.text) and self.text[self.at] != "\n":
            if not self._slot(Place.COMMENT):
                self.at += 1

    # --- quotes --------------------------------------------------------------------------

    def _backslash(self) -> None:
        """Take a backslash with what it protects."""
        self._refuse_slot(1, "no variable right after a backslash")
        self.at += 1 if VARIABLE.match(self.text, self.at + 1) else 2

    def _single(self, place: Place) -> None:
        """Read past the single quote that closes."""
        while self.at < len(self.text):
            if self.text[self.at] == "'":
                self.at += 1
                return
            if not self._slot(place):
                self.at += 1

    def _double(self) -> None:
        """Read from one double quote past the one that closes."""
        self.at += 1
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == '"':
                self.at += 1
                return
            self._expanded(char, Place.DOUBLE)

    def _expanded(self, char: str, place: Place) -> None:
        """Take one piece of text in which the shell expands ``$`` and backticks only."""
        if char == "\\":
            self._backslash()
        elif char == "$":
            self._dollar(place)
        elif char == "`":
            self._backticks(place)
        elif char != "{" or not self._slot(place):
            self.at += 1

    # --- expansions ----------------------------------------------------------------------

    def _dollar(self, place: Place) -> None:
        following = self.text[self.at + 1 : self.at + 3]
        self._refuse_slot(1, r"no variable right after a $; for a dollar sign write \$ and a space")
        if VARIABLE.match(self.text, self.at + 1):
            self.at += 1
        elif following == "((":
            self._arithmetic()
        elif following.startswith("("):
            self._nested(2, lambda: self.commands(inside=True))
        elif following.startswith("{"):
            self._nested(2, lambda: self._braces(place))
        elif following.startswith("["):
            self._unsure("$[ ]")
            self.at += 2
        elif following == "\\\n":
            self._unsure("a $ broken from what follows by a backslash")
            self.at += 1
        elif following.startswith("'") and place is Place.BARE:
            self._dollar_single()
        elif name := _NAME.match(self.text, self.at + 1):
            self.at = name.end()
            if place is Place.HERE:
                self._refuse_slot(0, f"no variable right after ${name[0]}; write ${{{name[0]}}}")
        else:
            self.at += 2 if following[:1] in _SPECIAL_PARAMETERS else 1

    def _nested(self, opening: int, read: Callable[[], None]) -> None:
        """Read what stands between ``$(`` or ``${`` and its end."""
        self.at += opening
        self.shared.depth += 1
        self.level += 1
        if self.shared.depth > _DEEPEST:
            self._problem(f"at most {_DEEPEST} expansions inside each other", "")
            self.at = len(self.text)
        else:
            read()
        self.level -= 1
        self.shared.depth -= 1

    def _braces(self, place: Place) -> None:
        """Read past the brace that closes ``${``."""
        self.braces += 1
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == "}":
                self.at += 1
                break
            if char == '"':
                if place is Place.HERE:
                    self._unsure("double quotes inside ${ } in a here-document")
                self._double()
            elif char == "'" and place is Place.BARE:
                self.at += 1
                self._single(Place.SINGLE)
            else:
                if char == "'":
                    self._unsure("a single quote inside ${ } in double quotes")
                self._expanded(char, place)
        self.braces -= 1

    def _arithmetic(self) -> None:
        """Read past the parentheses that close ``$((``."""
        self.at += 3
        parens = 2
        while self.at < len(self.text) and parens:
            char = self.text[self.at]
            if char in "'\"":
                self._unsure("a quote inside $(( ))")
            if char in "()":
                parens += 1 if char == "(" else -1
                self.at += 1
                if parens == 1 and not self.text.startswith(")", self.at) and char == ")":
                    self._unsure("$(( that is not closed by ))")
            else:
                self._expanded(char, Place.INTEGER)

    def _dollar_single(self) -> None:
        """Read past ``$'…'``, in which bash takes backslashes and dash does not."""
        self.at += 2
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == "\\" and self.text.startswith("'", self.at + 1):
                self._unsure("\\' inside $' '")
            self._refuse_slot(0, "no variable inside $' '")
            self.at += 2 if char == "\\" else 1
            if char == "'":
                return

    def _backticks(self, place: Place) -> None:
        """Read from one backtick past the one that closes."""
        start = end = self.at + 1
        while end < len(self.text) and self.text[end] != "`":
            end += 2 if self.text[end] == "\\" else 1
        inner = self.text[start:end]
        if not VARIABLE.search(inner):
            self.at = min(end + 1, len(self.text))
            return
        if place is Place.HERE and '\\"' in inner:
            self._unsure('\\" inside backticks in a here-document')
        protected = r'\\([\\`$"])' if place is Place.DOUBLE else r"\\([\\`$])"
        parts = self._read_apart(re.sub(protected, r"\1", inner), start)
        self._flush(start - 1)
        self.parts.append(Backticks(tuple(parts), place is Place.DOUBLE))
        self.at = self.literal_from = min(end + 1, len(self.text))

    def _read_apart(self, text: str, start: int) -> list[Part]:
        """Read commands that the shell reads as a script of their own."""
        self.at = start
        inner = _Reader(text, self.shared, self._line())
        inner.braces = self.braces
        inner._nested(0, lambda: inner.commands(inside=False))
        return inner.finish()

    # --- here-documents ------------------------------------------------------------------

    def _redirection(self, arithmetic: bool) -> bool:
        """Take a redirection; returns whether the next word is where it goes to."""
        if self.text.startswith("<<<", self.at):
            self.at += 3
        elif self.text.startswith("<<", self.at):
            if arithmetic:
                self._unsure("<< inside (( ))")
            self._here_begins()
            return False
        else:
            self.at += 1
            while self.text[self.at : self.at + 1] in (">", "&", "|"):
                self.at += 1
        return True

    def _here_begins(self) -> None:
        """Take ``<<`` with its delimiter."""
        self.at += 2
        strip_tabs = self.text.startswith("-", self.at)
        self.at += strip_tabs
        while self.text[self.at : self.at + 1] in (" ", "\t"):
            self.at += 1
        self._refuse_slot(0, "no variable in the delimiter of a here-document")
        match = _DELIMITER.match(self.text, self.at)
        after = self.text[match.end() : match.end() + 1] if match else ""
        if match is None or after in ("$", "`", "\\", "'", '"'):
            self._unsure("a here-document with an unusual delimiter")
            return
        self.at = match.end()
        quoted = any(char in match[0] for char in "'\"\\")
        delimiter = re.sub(r"['\"\\]", "", match[0])
        if not delimiter:
            self._unsure("a here-document with an empty delimiter")
            return
        self.pending.append(_Pending(delimiter, quoted, strip_tabs, self.level))

    def _here_documents(self) -> None:
        """Read the here-documents that begin on this line."""
        for pending in self.pending:
            if pending.level != self.level:
                self._unsure("a here-document that begins inside another command")
            self._here_body(pending)
        self.pending.clear()

    def _here_body(self, pending: _Pending) -> None:
        start = self.at
        end, after = self._here_end(pending)
        body = _Reader(self.text[start:end], self.shared, self._line())
        body.level, body.braces = self.level, self.braces
        while body.at < len(body.text):
            if not pending.quoted:
                body._expanded(body.text[body.at], Place.HERE)
            elif not body._slot(Place.VERBATIM):
                body.at += 1
        parts = tuple(body.finish())
        if any(not isinstance(part, str) for part in parts):
            self._flush(start)
            self.parts.append(HereBody(parts, pending.delimiter, self._line()))
            self.literal_from = end
        self.at = after

    def _here_end(self, pending: _Pending) -> tuple[int, int]:
        """Return where the body ends, and where the line after its last line ends."""
        at, continued, joined = self.at, False, ""
        while at < len(self.text):
            newline = self.text.find("\n", at)
            end = len(self.text) if newline < 0 else newline
            line = self.text[at:end]
            bare = line.lstrip("\t") if pending.strip_tabs else line
            if bare == pending.delimiter and not continued:
                return at, end
            joined = (joined + line if continued else line).lstrip("\t")
            if joined.startswith(pending.delimiter) and (continued or self.level):
                # bash ends a body inside $( ) at "EOF)", and joins lines before it compares.
                self._unsure(f"a line that begins with {pending.delimiter} in a here-document")
            continued = not pending.quoted and bool(_CONTINUED.search(line))
            joined = joined.removesuffix("\\")[: len(pending.delimiter) + 1]
            at = end + 1
        return len(self.text), len(self.text)
