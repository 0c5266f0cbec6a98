"""The languages that there are, and the one way to get a snippet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ccp_jupyter.codegen import bash, julia, notebook, python, r
from ccp_jupyter.codegen.facts import Facts, Snippet
from ccp_jupyter.model.file_names import method_file_name


@dataclass(frozen=True, slots=True)
class Language:
    """What a snippet can be written in."""

    title: str
    suffix: str
    media_type: str
    write: Callable[[Facts], str]


LANGUAGES: Final = {
    "python": Language("Python", python.SUFFIX, python.MEDIA_TYPE, python.script),
    "r": Language("R", r.SUFFIX, r.MEDIA_TYPE, r.script),
    "julia": Language("Julia", julia.SUFFIX, julia.MEDIA_TYPE, julia.script),
    "bash": Language("Bash", bash.SUFFIX, bash.MEDIA_TYPE, bash.script),
    "notebook": Language(
        "Jupyter notebook", notebook.SUFFIX, notebook.MEDIA_TYPE, notebook.document
    ),
}
"""By the names that ``language=`` takes."""


def generate(facts: Facts, language: str) -> Snippet:
    """Return code that submits a request, waits for its end, and fetches its outputs.

    Parameters
    ----------
    facts : Facts
        What it shall do. Nothing secret may be in it.
    language : str
        One of `LANGUAGES`.

    Raises
    ------
    ValueError
        The request holds a number that is not finite, or the address of the service what no text
        of the language can hold.
    TypeError
        The request holds what is no JSON.
    """
    chosen = LANGUAGES[language]
    name = method_file_name(facts.title, facts.version).removesuffix(".json") + chosen.suffix
    return Snippet(name, chosen.media_type, chosen.write(facts))
