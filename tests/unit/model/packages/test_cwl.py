"""CWL tools as Methods: their scripts run here in a shell, in a folder instead of /ccp_data."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.method import Method, parse_method
from ccp_jupyter.model.packages.findings import WorkflowNotFound
from ccp_jupyter.model.packages.package import method_of
from ccp_jupyter.model.request import check_request, script_values
from ccp_jupyter.model.script import render

SHELLS = [shell for shell in ("dash", "bash") if shutil.which(shell)]
SHOW = 'for word; do printf "[%s]" "$word"; done'


def tool(**members: Any) -> dict[str, Any]:
    """Return a tool that writes its arguments, each in brackets, into a file."""
    return {
        "cwlVersion": "v1.2",
        "class": "CommandLineTool",
        "id": "show",
        "requirements": {"DockerRequirement": {"dockerPull": "busybox"}},
        "baseCommand": ["sh", "-c", SHOW, "sh"],
        "inputs": {},
        "outputs": {"out": "stdout"},
        "stdout": "out.txt",
        **members,
    }


def deployed(document: object, **options: Any) -> Method:
    text = document if isinstance(document, str) else json.dumps(document)
    return method_of("application/cwl", text, "local", **options)


def ran(
    folder: Path, document: dict[str, Any], inputs: dict[str, Any], shell: str = SHELLS[0]
) -> subprocess.CompletedProcess[str]:
    """Run a tool as the service does, but for the folder."""
    method = deployed(document)
    request = check_request(method, {"inputs": inputs}, Limits())
    values = script_values(method, request.inputs, request.secrets, "job", 1)
    script = render(method.script("execute-script"), values)
    (folder / "input").mkdir(exist_ok=True)
    return subprocess.run(
        [shell, "-c", script.replace("/ccp_data", str(folder))],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def words(folder: Path, document: dict[str, Any], inputs: dict[str, Any]) -> str:
    done = ran(folder, document, inputs)
    assert done.returncode == 0, done.stderr
    return (folder / "out.txt").read_text()


def bound(kind: Any, **binding: Any) -> dict[str, Any]:
    return {"x": {"type": kind, "inputBinding": binding}}


@pytest.mark.parametrize(
    ("kind", "binding", "value", "expected"),
    [
        ("string", {}, "a b", "[a b]"),
        ("string", {}, "", "[]"),
        ("string", {"prefix": "-x"}, "a'b", "[-x][a'b]"),
        ("string", {"prefix": "--x=", "separate": False}, "$HOME", "[--x=$HOME]"),
        ("string", {"prefix": "{{ x }}"}, "v", "[{{ x }}][v]"),
        ("string", {"valueFrom": "<$(self)|$(inputs['x'])>"}, "v", "[<v|v>]"),
        ("string?", {"prefix": "-x"}, None, ""),
        ("int", {"prefix": "-n"}, -5, "[-n][-5]"),
        (["null", "long"], {}, 2**40, f"[{2**40}]"),
        ("double", {}, 0.25, "[0.25]"),
        ("float?", {}, None, ""),
        ("boolean", {"prefix": "-b"}, True, "[-b]"),
        ("boolean", {"prefix": "-b"}, False, ""),
        ("boolean?", {"prefix": "-b"}, None, ""),
        ("boolean", {}, True, ""),
        ({"type": "enum", "symbols": ["t.cwl#x/a", "b"]}, {}, "a", "[a]"),
        ("string[]", {}, ["a b", "*"], "[a b][*]"),
        ("string[]", {"prefix": "-x"}, ["a", "b"], "[-x][a][b]"),
        ("string[]?", {"prefix": "-x"}, None, ""),
        ("string[]", {"itemSeparator": "','", "prefix": "-x"}, ["", "b"], "[-x][','b]"),
        ("int[]?", {"itemSeparator": ","}, None, ""),
        (
            {"type": "array", "items": "int", "inputBinding": {"prefix": "-i", "separate": False}},
            {"prefix": "-all"},
            [1, 2],
            "[-all][-i1][-i2]",
        ),
    ],
)
def test_an_input_on_the_command_line(tmp_path, kind, binding, value, expected):
    inputs = {} if value is None else {"x": value}
    assert words(tmp_path, tool(inputs=bound(kind, **binding)), inputs) == expected


def test_the_order_of_arguments(tmp_path):
    document = tool(
        arguments=[
            "first",
            {"position": 2, "valueFrom": "last"},
            {"position": -1, "prefix": "-p", "valueFrom": "$(runtime.cores)"},
            7,
        ],
        inputs={
            "b": {"type": "string", "inputBinding": {}},
            "a": {"type": "string", "inputBinding": {}},
            "c": {"type": "string", "inputBinding": {"position": 1}},
            "unbound": "string",
        },
    )
    given_inputs = {name: name.upper() for name in ("a", "b", "c", "unbound")}
    assert words(tmp_path, document, given_inputs) == "[-p][1][first][7][A][B][C][last]"


@pytest.mark.parametrize("shell", SHELLS)
def test_files_streams_and_environment(tmp_path, shell):
    document = tool(
        requirements=[
            {"class": "DockerRequirement", "dockerPull": "busybox"},
            {"class": "InlineJavascriptRequirement"},
            {"class": "EnvVarRequirement", "envDef": [{"envName": "A", "envValue": "$(inputs.t)"}]},
            {
                "class": "InitialWorkDirRequirement",
                "listing": [
                    {"entryname": "d/e/text", "entry": "<$(inputs.t)>\n\\$(inputs.t)"},
                    {"entryname": "copy", "entry": "$(inputs.f)"},
                    "$(inputs.f)",
                ],
            },
        ],
        baseCommand=[
            "sh",
            "-c",
            'cat; echo "$A" >&2; cat d/e/text copy f; echo x > made.csv; exit 3',
        ],
        arguments=[],
        inputs={"t": "string", "f": {"type": "File"}},
        stdin="$(inputs.f.path)",
        stderr="err.log",
        successCodes=[0, 3],
        outputs={
            "out": {"type": "stdout"},
            "err": {"type": "stderr"},
            "one": {"type": "File", "outputBinding": {"glob": "*.csv"}},
            "two": {"type": "File", "outputBinding": {"glob": ["made.csv"]}},
            "named": {"type": "File?", "outputBinding": {"glob": "$(inputs.t)*.csv"}},
        },
    )
    (tmp_path / "input").mkdir()
    (tmp_path / "input" / "f").write_text("file\n")
    done = ran(tmp_path, document, {"t": "it's", "f": "ZmlsZQo="}, shell)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.txt").read_text() == "file\n<it's>\n$(inputs.t)file\nfile\n"
    assert (tmp_path / "err.log").read_text() == "it's\n"
    assert (tmp_path / "outputs" / "one.csv").read_text() == "x\n"
    found = {
        name: output["metadata"][0]["href"]
        for name, output in deployed(document).document()["outputs"].items()
    }
    assert found == {
        "out": "/ccp_data/out.txt",
        "err": "/ccp_data/err.log",
        "one": "/ccp_data/outputs/one.csv",
        "two": "/ccp_data/made.csv",
        "named": "/ccp_data/outputs/named.csv",
    }


@pytest.mark.parametrize(
    ("glob", "made", "message"),
    [
        ("a.txt", "b.txt", "the tool left no file a.txt"),
        ("*.txt", "b.csv", "no file matches"),
        ("*.txt", "a.txt b.txt", "more than one file matches"),
    ],
)
def test_an_output_that_is_not_there_fails(tmp_path, glob, made, message):
    outputs = {"x": {"type": "File", "outputBinding": {"glob": glob}}}
    document = tool(baseCommand=["touch", *made.split()], stdout=None, outputs=outputs)
    done = ran(tmp_path, document, {})
    assert done.returncode == 1
    assert f"output x: {message}" in done.stderr


def test_a_failed_tool_fails_with_its_code(tmp_path):
    done = ran(tmp_path, tool(baseCommand=["sh", "-c", "exit 4"]), {})
    assert done.returncode == 4


TEXTS = st.text(st.characters(exclude_characters="\0\r", codec="utf-8"), max_size=30)


@settings(max_examples=25, deadline=None)
@given(st.lists(TEXTS, max_size=20), TEXTS)
def test_texts_arrive_as_they_are(tmp_path_factory, texts, value):
    folder = tmp_path_factory.mktemp("cwl")
    texts = [text for text in texts if "\\$" not in text]  # that means something in CWL
    written = [text.replace("$(", "\\$(").replace("${", "\\${") for text in texts]
    document = tool(arguments=[*written, "x$(inputs.x)x"], inputs={"x": "string"})
    done = words(folder, document, {"x": value})
    assert done == "".join(f"[{text}]" for text in [*texts, f"x{value}x"])


def test_what_is_told_of_the_tool():
    document = tool(
        label="Show",
        doc=["What", "it does"],
        **{"s:softwareVersion": "2.1", "$namespaces": {"s": "https://schema.org/"}},
        hints={
            "ResourceRequirement": {"coresMin": 2, "ramMin": 1000, "outdirMin": 500},
            "SoftwareRequirement": {"packages": []},
            "cwltool:Secrets": {"secrets": ["key"]},
        },
        inputs={
            "key": "string",
            "n": {"type": "int", "default": 3, "label": "Number", "doc": "How many"},
        },
    )
    document["requirements"]["ToolTimeLimit"] = {"timelimit": 60}
    method = deployed(document)
    assert (method.id, method.title, method.version) == ("show", "Show", "2.1.0")
    assert method.description == "What\nit does"
    assert method.infrastructure_ids == ["local"]
    assert method.inputs["ccpimage"].schema_.default == "busybox"
    assert method.inputs["ccpimage"].schema_.read_only
    assert method.is_secret("key")
    described = method.inputs["n"]
    assert (described.title, described.description, described.min_occurs) == (
        "Number",
        "How many",
        0,
    )
    asked = method.resources
    assert asked.cpus.least == 2
    assert asked.memory.least == pytest.approx(1.048576)
    assert asked.disk == pytest.approx(0.524288)
    assert asked.max_time == 60
    assert parse_method(method.document()).document() == method.document()


def test_a_tool_of_several():
    graph = {
        "cwlVersion": "v1.0",
        "$graph": [
            {**tool(), "id": "#one", "cwlVersion": "v1.0"},
            {**tool(), "id": "file.cwl#main", "label": "The main one"},
            {"class": "Workflow", "id": "flow"},
        ],
    }
    assert deployed(graph).title == "The main one"
    assert deployed(graph, workflow="one").id == "one"
    assert deployed(graph, workflow="#one", method_id="other").id == "other"
    with pytest.raises(WorkflowNotFound, match=r"w: there is only one, main, flow \(found 'no'\)"):
        deployed(graph, workflow="no")
    with pytest.raises(InvalidDocument, match=r"class: .*Workflow.*\?w=, there is one, main"):
        deployed(graph, workflow="flow")
    with pytest.raises(WorkflowNotFound):
        deployed(tool(), workflow="no")


OUTSIDE = {"entryname": "../a", "entry": "x"}
DOCKER = {"DockerRequirement": {"dockerPull": "busybox"}}


@pytest.mark.parametrize(
    ("members", "member", "value"),
    [
        ({"cwlVersion": "draft-3"}, "cwlVersion", "draft-3"),
        ({"class": "ExpressionTool"}, "class", "ExpressionTool"),
        ({"requirements": {}}, "requirements.DockerRequirement.dockerPull", ""),
        ({"scatter": "x"}, "scatter", ""),
        ({"baseCommand": [1]}, "baseCommand", "[1]"),
        ({"baseCommand": None}, "baseCommand", ""),
        ({"baseCommand": {"a": 1}}, "baseCommand", "{'a': 1}"),
        ({"arguments": ["$(1 + 1)"]}, "arguments[0].valueFrom", "$(1 + 1)"),
        ({"arguments": ["${return 1}"]}, "arguments[0].valueFrom", "${return 1}"),
        ({"arguments": ["$(inputs.none)"]}, "arguments[0].valueFrom", "$(inputs.none)"),
        ({"arguments": ["$(inputs.x.size)"]}, "arguments[0].valueFrom", "$(inputs.x.size)"),
        ({"arguments": ["$(self)"]}, "arguments[0].valueFrom", "$(self)"),
        ({"arguments": ["a\rb"]}, "arguments[0].valueFrom", r"a\rb"),
        ({"arguments": [{"shellQuote": False, "valueFrom": "a"}]}, "arguments[0].shellQuote", ""),
        ({"arguments": ["a"] * 1001}, "arguments", "1001"),
        ({"inputs": {"x": "Directory"}}, "inputs.x.type", "Directory"),
        ({"inputs": {"x": "Any"}}, "inputs.x.type", "Any"),
        ({"inputs": {"x": ["int", "string"]}}, "inputs.x.type", "['int', 'string']"),
        ({"inputs": {"x": {"type": "record", "fields": []}}}, "inputs.x.type", "record"),
        ({"inputs": {"x": {"type": "array", "items": "int[]"}}}, "inputs.x.type.items", "int[]"),
        ({"inputs": {"ccpx": "int"}}, "inputs.ccpx", "ccpx"),
        ({"inputs": {"x": {"type": "int", "default": "a"}}}, "inputs.x.schema.default", "a"),
        ({"inputs": {"x": {"type": "File", "default": {}}}}, "inputs.x.default", "{}"),
        ({"inputs": {"x": {"type": "File", "secondaryFiles": "i"}}}, "inputs.x.secondaryFiles", ""),
        ({"inputs": {"x": {"type": "File", "loadContents": True}}}, "inputs.x.loadContents", ""),
        ({"inputs": [{"type": "int"}]}, "inputs[0].id", ""),
        ({"inputs": None}, "inputs", ""),
        ({"outputs": {"o": "Directory"}}, "outputs.o.type", "Directory"),
        ({"outputs": {"o": "File[]"}}, "outputs.o.type", "File[]"),
        ({"outputs": {"o": "int"}}, "outputs.o.type", "int"),
        ({"outputs": {"o": "File"}}, "outputs.o.outputBinding.glob", ""),
        ({"stdout": "../x"}, "stdout", "../x"),
        ({"stdout": "$(inputs.x.path)"}, "stdout", ""),
        ({"successCodes": [256]}, "successCodes", "[256]"),
        ({"requirements": {**DOCKER, "ScatterFeatureRequirement": {}}},
         "requirements.ScatterFeatureRequirement", ""),
        ({"requirements": {"DockerRequirement": {"dockerFile": "FROM a"}}},
         "requirements.DockerRequirement.dockerFile", "FROM a"),
        ({"hints": {"ResourceRequirement": {"ramMin": "$(1)"}}},
         "hints.ResourceRequirement.ramMin", "$(1)"),
        ({"hints": {"EnvVarRequirement": {"envDef": {"A B": "x"}}}},
         "EnvVarRequirement.envDef", "A B"),
        ({"hints": {"InitialWorkDirRequirement": {"listing": [OUTSIDE]}}},
         "InitialWorkDirRequirement.listing[0].entryname", "../a"),
        ({"hints": {"InitialWorkDirRequirement": {"listing": "${return []}"}}},
         "InitialWorkDirRequirement.listing[0].entry", "${return []}"),
        ({"requirements": 5}, "requirements", "5"),
        ({"id": "x" * 200}, "id", "xxx"),
    ],
)  # fmt: skip
def test_what_is_refused_is_named(members, member, value):
    inputs = {"x": {"type": "File"}}
    document = tool(**{"inputs": inputs, **members})
    with pytest.raises(InvalidDocument) as caught:
        deployed(document)
    found = {problem.member: problem.value for problem in caught.value.problems}
    assert member in found, found
    assert value in found[member]
    assert all(problem.rule for problem in caught.value.problems)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "type", "glob", "items", "x", "outputBinding", "entry", "class"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from([*tool(), "stdin", "arguments", "hints", "$graph", "successCodes"]), _JSON)
def test_nothing_but_a_refusal_or_a_method(name, value):
    document = tool(**{name: value})
    try:
        method = deployed(document)
    except InvalidDocument as error:
        assert error.problems
    else:
        assert method.script("execute-script")
