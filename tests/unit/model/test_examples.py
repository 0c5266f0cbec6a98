"""The example Methods: in the one form, and their scripts do what they say."""

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ccp_jupyter.model import red
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.method import Method, parse_method
from ccp_jupyter.model.request import check_request, script_values
from ccp_jupyter.model.script import render
from ccp_jupyter.model.values import InlineFile

FOLDER = Path(__file__).parents[3] / "examples" / "methods"
SHELL = ("busybox", "sh")


def example(name: str) -> Method:
    return parse_method(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))


def run(folder: Path, name: str, inputs: dict[str, Any], *, replica: int = 1, shell=SHELL):
    """Run deploy and execute script with `folder` in place of /ccp_data."""
    method = example(name)
    request = check_request(method, {"inputs": inputs}, Limits())
    (folder / "input").mkdir(exist_ok=True)
    for input_id, found in request.inputs.items():
        for value in found:
            if isinstance(value, InlineFile):
                (folder / "input" / input_id).write_bytes(value.data)
    values = script_values(method, request.inputs, request.secrets, "an-execution", replica)
    script = "\n".join(
        render(method.script(each), values) for each in ("deploy-script", "execute-script")
    )
    return subprocess.run(
        [*shell, "-c", script.replace("/ccp_data", str(folder))],
        env={
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "ccptaskname": "an-execution",
            "ccptaskid": str(replica),
        },
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_examples_are_in_the_one_form(path):
    document = json.loads(path.read_text(encoding="utf-8"))
    form = parse_method(document).document()
    assert form == document
    assert form["id"] == path.stem
    assert parse_method(form).infrastructure_ids == ["local-docker"]


def table(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_table_summary_of_all_numeric_columns(tmp_path):
    data = '\ufeffname;price;left\nspoon;2;1\n"fork; big";4;\nknife;9;3\n'
    done = run(tmp_path, "table-summary", {"table": table(data)}, shell=("/bin/sh",))
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "statistics.json").read_text())
    assert result == {
        "price": {"count": 3, "mean": 5.0, "median": 4.0, "stdev": 13**0.5, "min": 2.0, "max": 9.0},
        "left": {"count": 2, "mean": 2.0, "median": 2.0, "stdev": 2**0.5, "min": 1.0, "max": 3.0},
    }
    assert (tmp_path / "statistics.csv").read_text().splitlines()[0] == (
        "column,count,mean,median,stdev,min,max"
    )
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["column", "price", "left"]


def test_table_summary_of_one_column_with_a_hostile_name(tmp_path):
    name = "'; touch hacked; $(touch hacked) \""
    data = 'a,"' + name.replace('"', '""') + '"\nx,1\ny,3\n'
    inputs = {"table": table(data), "column": name, "measures": ["mean", "max"]}
    done = run(tmp_path, "table-summary", inputs)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "statistics.json").read_text()) == {
        name: {"mean": 2.0, "max": 3.0}
    }


@pytest.mark.parametrize(
    ("data", "column", "message"),
    [
        ("", "", "needs a line"),
        ("a,b\n1,2\n", "c", "no column 'c'"),
        ("a,b\nx,2\n", "a", "no numbers"),
        ("a\nx\n", "", "only numbers"),
    ],
)
def test_table_summary_says_what_is_wrong(tmp_path, data, column, message):
    inputs = {"table": {"value": table(data)}, "column": column}
    done = run(tmp_path, "table-summary", inputs)
    assert done.returncode != 0
    assert message in done.stderr


def test_word_count(tmp_path):
    text = "The cat, the hat - and THE café.\nIt's a café!"
    done = run(tmp_path, "word-count", {"text": table(text), "top": "2"})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "words.tsv").read_text() == "word\tcount\nthe\t3\ncafé\t2\n"
    assert done.stdout.splitlines()[0] == "11 words, 8 different"


def test_word_count_of_nothing(tmp_path):
    done = run(tmp_path, "word-count", {"text": {"value": ""}})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "words.tsv").read_text() == "word\tcount\n"


def test_replicas_of_parallel_pi_differ(tmp_path):
    for replica in (1, 2):
        done = run(tmp_path, "parallel-pi", {"points": 20_000, "seed": 7}, replica=replica)
        assert done.returncode == 0, done.stderr
    first, second = (float((tmp_path / f"pi-{n}.txt").read_text()) for n in (1, 2))
    assert first != second
    assert abs(first - 3.14159) < 0.1 > abs(second - 3.14159)


def test_hello(tmp_path):
    done = run(tmp_path, "hello", {"name": "$(id) \\n 'you'"})
    assert done.stdout == "Hello, $(id) \\n 'you'!\n"
    assert (tmp_path / "hello.txt").read_text() == done.stdout


@pytest.mark.parametrize(
    "path", sorted((FOLDER.parent / "red").glob("*.yml")), ids=lambda p: p.name
)
def test_example_experiments_are_ready_to_run(path):
    source = red.read(path.read_text())
    red.check(source.document)
    prepared = red.prepare(source.document, disable_retry=True, disable_connector_validation=False)
    assert prepared.batches
    assert prepared.experiment.doc
