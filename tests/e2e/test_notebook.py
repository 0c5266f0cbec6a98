"""What a user does in a notebook."""

from __future__ import annotations

import csv
import json
import statistics
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import OpenNotebook
from tests.stack.stack import Stack

pytestmark = pytest.mark.usefixtures("methods")

# As the README shows it, split where a reader wants to look.
RUN = """from ccp_jupyter import Client
c = Client()
e = c.run("column-statistics", table="data.csv")
e.wait()"""


def test_a_method_runs_and_its_files_are_in_the_file_browser(
    stack: Stack, notebook: OpenNotebook, table: Path
) -> None:
    opened = notebook("alice", RUN, "print(e.fetch())")
    shown = opened.run(0)
    assert "Successful" in shown
    folder = Path(opened.run(1).strip().splitlines()[-1])
    assert folder.parent == stack.home("alice") / "CCP/executions"
    result = json.loads((folder / "output/statistics.json").read_text())
    with table.open(newline="") as file:
        values = [float(row["temperature"]) for row in csv.DictReader(file) if row["temperature"]]
    assert result["count"] == len(values)
    assert result["mean"] == pytest.approx(statistics.fmean(values))
    relative = folder.relative_to(stack.home("alice"))
    assert "output" in opened.files(str(relative))
    assert {"statistics.json", "histogram.svg"} <= set(opened.files(f"{relative}/output"))


def test_progress_and_log_are_shown_while_the_cell_runs(notebook: OpenNotebook) -> None:
    opened = notebook("alice", 'from ccp_jupyter import Client; Client().run("slow-lines").wait()')
    opened.start(0)
    opened.wait_output(0, "line 2 of 8")
    assert not opened.done(), "the line came when all was over"
    assert "line 8 of 8" not in opened.output(0)
    opened.wait_output(0, "execute")
    opened.wait_done()
    opened.wait_output(0, "line 8 of 8")
    opened.wait_output(0, "Successful")


def test_the_execution_goes_on_when_the_kernel_is_restarted(notebook: OpenNotebook) -> None:
    opened = notebook(
        "bob",
        'from ccp_jupyter import Client; e = Client().run("slow-lines"); print(e.id)',
        "import os; os.kill(os.getpid(), 9)",
        "from ccp_jupyter import Client; e = Client().executions()[0]; e.wait(); print(e.id)",
        name="restart.ipynb",
    )
    first = opened.run(0).strip()
    opened.start(1)
    time.sleep(3)  # the kernel is started anew by the server
    opened.wait_ready()
    shown = opened.run(2)
    assert first in shown
    assert "Successful" in shown


def test_a_failure_is_an_error_that_shows_the_log(notebook: OpenNotebook, table: Path) -> None:
    opened = notebook(
        "alice",
        'from ccp_jupyter import Client\nClient().run("column-statistics", table="data.csv",'
        ' column="no such column").wait()',
        name="failure.ipynb",
    )
    shown = opened.run(0)
    assert "ExecutionFailed" in shown
    assert "no column 'no such column'; there are: time, temperature" in shown


def test_values_have_readable_html(notebook: OpenNotebook) -> None:
    opened = notebook(
        "alice",
        "from ccp_jupyter import Client; c = Client(); c.methods()",
        'c.method("column-statistics")',
        "c.executions()",
        name="html.ipynb",
    )
    for cell in range(3):
        opened.run(cell)
        html = opened.cell(cell).locator(".jp-RenderedHTML")
        html.first.wait_for()
        assert "column" in html.first.inner_text().lower()
