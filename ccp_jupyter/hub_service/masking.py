"""Known secrets out of texts: exact strings, in the forms in which programs write them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import quote

import re2  # type: ignore[import-untyped]

MASK: Final = "***"
SHORTEST: Final = 4
"""Characters of the shortest secret that is masked: a name of one letter is in every text."""
SHORTEST_LINE: Final = 8
"""Characters of the shortest line of a secret with many that is masked by itself."""

_PREFIX: Final = 8  # bytes of a form that the expression looks for; the rest is compared
_URL_SAFE: Final = ("", "/", "!'()*", "!#$%&'()*+,/:;=?@[]~")
"""What programs leave as it is in URLs: most; paths; JavaScript; those who repair whole URLs."""
_PERCENT: Final = re.compile("%[0-9A-F]{2}")
_OPTIONS: Final = re2.Options()
_OPTIONS.encoding = re2.Options.Encoding.LATIN1  # bytes as they are, also pieces of characters
_OPTIONS.log_errors = False
_OPTIONS.max_mem = 2**28


class Masker:
    """Puts ``***`` in the place of secrets.

    A secret is found as it is, JSON-escaped, URL-encoded, as Python's ``repr`` escapes it, without
    the white space around it and, when it has several lines, line by line. What is found is
    compared exactly: nothing in a secret has a meaning of its own.

    Parameters
    ----------
    values : iterable of str
        The secrets, numbers as texts. Those shorter than `SHORTEST` are left out.
    """

    def __init__(self, values: Iterable[str]) -> None:
        forms = {
            form.encode("utf-8", "surrogatepass")
            for value in set(values)
            if len(value) >= SHORTEST
            for form in _forms(value)
        }
        self.longest = max(map(len, forms), default=0)
        """Bytes of the longest form; 0 when nothing is masked."""
        self._forms = forms
        sizes: dict[bytes, set[int]] = {}
        for form in forms:
            sizes.setdefault(form[:_PREFIX], set()).add(len(form))
        self._sizes = {prefix: sorted(found, reverse=True) for prefix, found in sizes.items()}
        self._prefix_sizes = sorted({len(prefix) for prefix in sizes}, reverse=True)
        # One automaton finds the beginnings, whatever their number: neither a loop over the
        # secrets nor the standard library's alternation stays fast with thousands.
        self._begin = (
            re2.compile(b"|".join(map(re2.escape, sorted(sizes))), _OPTIONS) if sizes else None
        )

    def __bool__(self) -> bool:
        return self._begin is not None

    def text(self, text: str) -> str:
        """Return a text without the secrets."""
        if self._begin is None:
            return text
        data = text.encode("utf-8", "surrogatepass")
        masked = self.masked(data)
        return text if masked is data else masked.decode("utf-8", "surrogatepass")

    def masked(self, data: bytes) -> bytes:
        """Return text in UTF-8 without the secrets; the very same object when it has none."""
        pieces: list[bytes] = []
        done = 0
        for start, end in self.spans(data):
            pieces += (data[done:start], MASK.encode())
            done = end
        return b"".join((*pieces, data[done:])) if done else data

    def data(self, value: Any) -> Any:
        """Return JSON data without the secrets in its texts and the names of members.

        A number that is a secret as a whole becomes a text.
        """
        if self._begin is None:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {
                self.text(name) if isinstance(name, str) else name: self.data(member)
                for name, member in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.data(item) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return MASK if json.dumps(value).encode() in self._forms else value
        return value

    def stream(self) -> MaskedStream:
        """Return what masks one stream of bytes that comes in pieces."""
        return MaskedStream(self)

    def spans(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Yield start and end of what is to be masked, in order; overlapping secrets are one."""
        start = end = -1
        for begin, stop in self._matches(data):
            if begin >= end:
                if end > start:
                    yield start, end
                start = begin
            end = max(end, stop)
        if end > start:
            yield start, end

    def _matches(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Yield the longest secret at each place where one begins."""
        at = 0
        while self._begin is not None and (found := self._begin.search(data, at)) is not None:
            at = found.start()
            if size := self._size_at(data, at):
                yield at, at + size
            at += 1

    def _size_at(self, data: bytes, at: int) -> int:
        longest = 0
        for prefix_size in self._prefix_sizes:
            for size in self._sizes.get(data[at : at + prefix_size], ()):
                if size <= longest:
                    break
                if data[at : at + size] in self._forms:
                    longest = size
                    break
        return longest


class MaskedStream:
    """Masks bytes that come in pieces, so that a secret across pieces is found too.

    Parameters
    ----------
    masker : Masker
        Knows the secrets.
    """

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._kept = b""
        self._masked = 0  # bytes at the beginning of what is kept that are masked already

    def feed(self, data: bytes) -> bytes:
        """Take a piece; return what of all is sure by now, masked.

        At most as many bytes as the longest secret has are kept for the next call.
        """
        return self._take(data, max(self._masker.longest - 1, 0))

    def finish(self) -> bytes:
        """Return the rest, masked; the next piece begins anew."""
        return self._take(b"", 0)

    def _take(self, data: bytes, keep: int) -> bytes:
        data = self._kept + data
        cut = max(len(data) - keep, 0)
        pieces: list[bytes] = []
        done = self._masked
        for start, end in self._masker.spans(data):
            if start >= cut:
                break
            # A secret that begins within one that is masked already belongs to the same mask.
            if start >= done:
                pieces += (data[done:start], MASK.encode())
            done = max(done, end)
        pieces.append(data[done:cut])
        self._kept = data[cut:]
        self._masked = max(done - cut, 0)
        return b"".join(pieces)


def _forms(value: str) -> Iterator[str]:
    """Yield the forms in which programs write a secret."""
    lines = [line.strip() for line in value.splitlines()]
    parts = {value, value.strip()}
    if len(lines) > 1:
        parts.update(line for line in lines if len(line) >= SHORTEST_LINE)
    for part in parts:
        if len(part) >= SHORTEST:
            yield from _escaped(part)


def _escaped(text: str) -> Iterator[str]:
    yield text
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    for safe in _URL_SAFE:
        escaped = quote(text, safe, errors="surrogatepass")
        for form in (escaped, escaped.replace("%20", "+")):
            yield form
            yield _PERCENT.sub(lambda found: found[0].lower(), form)
    yield repr(text)[1:-1]
    # Beside a double quote, repr escapes single ones: in the text r'\'"' stands before it then.
    yield repr("'\"" + text)[4:-1]
    yield repr(text.encode("utf-8", "surrogatepass"))[2:-1]
