"""What notebooks show: small HTML without scripts, links or colours of its own.

Everything that comes from outside is escaped here and only here. Colours are inherited, so that it
reads well on light and dark pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ccp_jupyter.client.method import Input, Method
    from ccp_jupyter.client.progress import Progress
    from ccp_jupyter.client.record import Record

_LONGEST = 2000
_MOST_ROWS = 200
_LINE = "border-bottom:1px solid currentColor"
_CELL = "text-align:left;vertical-align:top;padding:.15em .8em .15em 0"
_PRE = "margin:.3em 0;white-space:pre-wrap;overflow-wrap:anywhere;max-height:16em;overflow:auto"


def text(value: object) -> str:
    """Return a value as escaped text, cut when it is very long."""
    shown = "" if value is None else str(value)
    return escape(shown if len(shown) <= _LONGEST else shown[:_LONGEST] + "…")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; cells are escaped unless they are `Markup`."""
    body = []
    more = ""
    for n, row in enumerate(rows):
        if n == _MOST_ROWS:
            more = "<p>… and more</p>"
            break
        body.append("<tr>" + "".join(_cell(cell) for cell in row) + "</tr>")
    top = "".join(f'<th style="{_CELL};{_LINE}">{escape(name)}</th>' for name in head)
    return f'<table style="border-collapse:collapse"><tr>{top}</tr>{"".join(body)}</table>{more}'


class Markup(str):
    """HTML that is safe as it is."""

    __slots__ = ()


def _cell(value: object) -> str:
    content = str(value) if isinstance(value, Markup) else text(value)
    return f'<td style="{_CELL}">{content}</td>'


def _named(title: str, detail: str) -> Markup:
    if not detail or detail == title:
        return Markup(text(title))
    return Markup(f'{text(title)}<br><small style="opacity:.75">{text(detail)}</small>')


def methods(found: Iterable[Method]) -> str:
    """Return the list of Methods."""
    rows = [
        (
            _named(each.title, each.id),
            each.version,
            each.description,
            ", ".join(each.keywords),
            ", ".join(each.infrastructures),
        )
        for each in found
    ]
    return table(("Method", "Version", "Description", "Tags", "Infrastructures"), rows)


def method(shown: Method) -> str:
    """Return one Method with its inputs and outputs."""
    inputs = table(
        ("Input", "Takes", "Default", "Description"),
        [_input_row(each) for each in shown.inputs.values()],
    )
    outputs = table(
        ("Output", "Description"),
        [
            (_named(str(each.get("title") or name), name), each.get("description"))
            for name, each in shown.outputs.items()
        ],
    )
    version = f" {text(shown.version)}" if shown.version else ""
    return (
        f"<div><strong>{text(shown.title)}</strong>{version}"
        f' <small style="opacity:.75">{text(shown.id)}</small>'
        f"<p>{text(shown.description)}</p>{inputs}{outputs}</div>"
    )


def _input_row(shown: Input) -> tuple[object, ...]:
    many = " (several)" if shown.many else ""
    default = "required" if shown.required else "" if shown.is_secret else shown.default
    name = _named(shown.name, shown.title)
    return name, shown.kind + many, default, shown.description


def execution(shown: Record) -> str:
    """Return one Execution."""
    rows = [(name, value) for name, value in shown.summary().items() if value not in (None, "")]
    return f"<div><strong>{text(shown.title)}</strong>{pairs(rows)}</div>"


def pairs(rows: Iterable[tuple[str, object]]) -> str:
    """Return a table of names and values; values are escaped unless they are `Markup`."""
    body = "".join(
        f'<tr><th style="{_CELL}">{escape(name)}</th>{_cell(value)}</tr>' for name, value in rows
    )
    return f'<table style="border-collapse:collapse">{body}</table>'


def executions(found: Iterable[Record]) -> str:
    """Return the list of Executions."""
    rows = [
        (_named(each.title, each.id), each.status, f"{each.progress} %", each.message, each.created)
        for each in found
    ]
    return table(("Execution", "Status", "Progress", "Message", "Created"), rows)


def results(found: Mapping[str, Any]) -> str:
    """Return outputs by id."""
    return table(("Output", "Value"), [(name, _value(value)) for name, value in found.items()])


def _value(value: Any) -> Markup:
    if isinstance(value, dict) and "href" in value:
        return Markup(f"<small>{text(value.get('type') or 'file')}: {text(value['href'])}</small>")
    return Markup(f'<pre style="{_PRE}">{text(value)}</pre>')


def records(found: Sequence[Mapping[str, Any]]) -> str:
    """Return plain records; the first says which columns there are."""
    names = [name for name, value in found[0].items() if name != "links"] if found else []
    return table(names, [[each.get(name) for name in names] for each in found])


def progress(shown: Progress) -> str:
    """Return how an Execution goes on: headline, bar, replicas, last lines of the log."""
    bar = (
        '<div style="border:1px solid currentColor;height:.5em;max-width:30em;margin:.3em 0">'
        f'<div style="background:currentColor;height:100%;width:{shown.percent}%"></div></div>'
    )
    replicas = table((shown.part, "Phase", "Node", ""), shown.replica_rows())
    log = "\n".join(escape(line) for line in shown.lines)
    lines = f'<pre style="{_PRE}">{log}</pre>' if log else ""
    return f"<div><strong>{escape(shown.headline())}</strong>{bar}{replicas}{lines}</div>"
