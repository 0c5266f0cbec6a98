"""What is shown while waiting: terminal, plain lines, notebook; and HTML of everything."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
import time
from html.parser import HTMLParser
from typing import Any

import pytest

from ccp_jupyter.client import Method, html
from ccp_jupyter.client.follow import Away, parse_event
from ccp_jupyter.client.method import MethodList
from ccp_jupyter.client.progress import Notebook, Plain, Progress, Terminal, cut, printable
from ccp_jupyter.client.record import FileList, OutputFile, Record, Records, Results
from ccp_jupyter.model.events import Event
from tests.unit.client.peer import TOKEN, Peer, answer, done, event, sse, status

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\x1b[2J\x00"


class Reader(HTMLParser):
    """Fails on tags that are not closed, and collects what could act."""

    VOID = ("br",)

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def harmless(text: str) -> None:
    page = Reader(text)
    assert page.tags <= {"div", "p", "strong", "small", "table", "tr", "th", "td", "pre", "br"}
    assert page.attributes <= {"style"}
    # Colours are the page's own, light or dark.
    assert not re.search(r"(#[0-9a-f]{3}|rgb|white|black)", text.replace("white-space", ""))


def item(document: dict[str, Any]) -> Event:
    _, found = parse_event(document)
    assert found is not None
    return found


def progress_of(*documents: dict[str, Any]) -> Progress:
    shown = Progress(Record(status("accepted")))
    for document in documents:
        shown.feed(item(document))
    return shown


def evil_record() -> Record:
    return Record(status(EVIL, title=EVIL, message=EVIL, image=EVIL, created=EVIL))


EVIL_METHOD = Method(
    {
        "id": EVIL,
        "title": EVIL,
        "version": EVIL,
        "description": EVIL,
        "keywords": [EVIL],
        "inputs": {EVIL: {"title": EVIL, "schema": {"enum": [EVIL], "default": EVIL}}},
        "outputs": {EVIL: {"title": EVIL, "description": EVIL}},
        "links": [{"rel": "compatibleWith", "href": "infrastructures/" + EVIL}],
    }
)


@pytest.mark.parametrize(
    "text",
    [
        EVIL_METHOD._repr_html_(),
        MethodList([EVIL_METHOD])._repr_html_(),
        MethodList()._repr_html_(),
        evil_record()._repr_html_(),
        html.executions([evil_record()]),
        Results({EVIL: EVIL, "link": {"href": EVIL, "type": EVIL}, "n": None})._repr_html_(),
        Records([{EVIL: EVIL, "b": [EVIL]}])._repr_html_(),
        FileList([OutputFile(EVIL, 3)])._repr_html_(),
        html.progress(
            progress_of(
                event(1, "phase", node=EVIL, message=EVIL),
                event(2, "status", message=EVIL),
                event(3, lines=[EVIL]),
            )
        ),
    ],
)
def test_hostile_content_is_only_text(text):
    harmless(text)
    assert "&lt;script&gt;" in text or EVIL not in text


def test_long_things_are_cut():
    assert len(Results({"a": "x" * 10**7})._repr_html_()) < 10_000
    assert len(Records([{"a": n} for n in range(10_000)])._repr_html_()) < 100_000


def test_defaults_of_secrets_are_not_shown():
    schema = {"type": "string", "format": "secret", "default": "hush"}
    text = Method({"id": "m", "inputs": {"key": {"schema": schema}}})._repr_html_()
    assert "hush" not in text


def test_plain_forms():
    method = Method({"id": "m1", "title": "T", "version": "1.0.0"})
    assert repr(method) == "<Method T 1.0.0 (m1)>"
    assert repr(Record(status())) == ("<Execution j1 of Column statistics, running: it is running>")


@pytest.mark.parametrize(
    "steering", ["\x1b[2J", "\x1b]0;t\x07", "\r", "\b", "\x9b2J", "\u202e", "\x00"]
)
def test_lines_cannot_steer_the_terminal(steering):
    assert steering not in printable(f"a{steering}b")
    shown = progress_of(event(1, "status", message=steering), event(2, lines=[steering]))
    stream = io.StringIO()
    view = Terminal(shown, stream)
    view.lines([printable(f"x{steering}y")])
    view.update(final=True)
    assert steering not in stream.getvalue().replace("\r\x1b[K", "")


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日…"),
        ("", 0, ""),
    ],
)
def test_cut(text, width, expected):
    assert cut(text, width) == expected


def test_replicas_are_told_apart():
    shown = progress_of(
        event(1, "phase", task=1, phase="execute"),
        event(2, "phase", task=2, phase="launch"),
        event(3, "phase", task=3, phase="execute"),
    )
    assert "2 in execute, 1 in launch" in shown.headline()
    lines = shown.feed(item(event(4, task=2, lines=["hello"], truncated=True)))
    assert lines[0] == "[2] hello"
    assert "longer than the Infrastructure keeps" in lines[1]


def test_away_is_told():
    shown = progress_of()
    shown.feed(Away("gone", time.monotonic() - 30))
    assert "does not answer for 30 s, trying again" in shown.headline()
    shown.feed(item(event(1)))
    assert "does not answer" not in shown.headline()


def test_terminal_has_one_live_line_and_the_log_above():
    shown = progress_of(event(1, "phase"))
    stream = io.StringIO()
    view = Terminal(shown, stream)
    view.lines(["one", "two"])
    view.update(final=True)
    text = stream.getvalue()
    assert text.count("\n") == 3
    assert text.index("one") < text.index("two") < text.index("Column statistics")


def test_at_most_ten_updates_a_second(monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    updates = []

    class Handle:
        def update(self, bundle, raw):
            updates.append(clock[0])

    shown = progress_of()
    notebook = Notebook(shown, lambda *_, **__: Handle())
    stream = io.StringIO()
    terminal = Terminal(shown, stream)
    for n in range(1, 10_001):
        clock[0] += 0.001
        terminal.lines(shown.feed(item(event(n, lines=[f"line {n}"]))))
        notebook.update()
        terminal.update()
    assert len(updates) <= 100
    assert stream.getvalue().count("Column statistics") <= 101
    terminal.update(final=True)
    assert stream.getvalue().count("\n") == 10_001


def test_notebook_shows_the_last_lines():
    shown = progress_of(*[event(n, lines=[f"line {n}"]) for n in range(1, 100)])
    bundles = []

    def display(bundle, **options):
        assert options == {"raw": True, "display_id": True}
        bundles.append(bundle)

    Notebook(shown, display)
    assert "line 99" in bundles[0]["text/html"]
    assert "line 90" in bundles[0]["text/html"]
    assert "line 89" not in bundles[0]["text/html"]
    assert "line 99" in bundles[0]["text/plain"]


def test_plain_lines_only_say_what_changes():
    shown = progress_of()
    stream = io.StringIO()
    view = Plain(shown, stream)
    for _ in range(100):
        view.update()
    view.lines(["a line"])
    shown.feed(item(event(1, "status", message="next")))
    view.update()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[1] == "  a line"
    assert "next" in lines[2]


WAIT = """
import sys
from ccp_jupyter.client import Client
client = Client(sys.argv[1], sys.argv[2])
client.execution("j1").wait()
print("END")
"""


@pytest.fixture
def waiting(peer: Peer):
    lines = [event(n, lines=[f"line {n}"]) for n in range(1, 6)]
    peer.on("GET", "jobs/j1/events", sse([*lines, done(6)], pause=0.05))
    peer.on("GET", "jobs/j1", answer(status()), answer(status("successful")))
    return [sys.executable, "-W", "error", "-c", WAIT, peer.url, TOKEN]


def test_in_a_pipe(waiting):
    ran = subprocess.run(waiting, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout == "END\n"
    assert "\x1b" not in ran.stderr
    assert [line for line in ran.stderr.splitlines() if line.startswith("  line")] == [
        f"  line {n}" for n in range(1, 6)
    ]
    assert "it is successful" in ran.stderr.splitlines()[-1]


def test_in_a_terminal(waiting):
    main, child = pty.openpty()
    with subprocess.Popen(waiting, stdin=child, stdout=child, stderr=child) as process:
        os.close(child)
        text = b""
        try:
            while chunk := os.read(main, 10_000):
                text += chunk
        except OSError:
            pass  # the other end is closed
        os.close(main)
        assert process.wait(60) == 0
    shown = text.decode()
    for n in range(1, 6):
        assert f"\r\x1b[Kline {n}\r\n" in shown
    assert "it is successful" in shown
    assert shown.rstrip().endswith("END")
