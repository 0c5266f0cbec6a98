"""RED 5 to 8 as RED 9: what is changed, what is refused and why."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ccp_jupyter.model.errors import InvalidDocument, Problem
from ccp_jupyter.model.red import check, convert
from tests.unit.model.red.red_documents import CONNECTOR, FULL, file, prepared, red


def old(version: str, **changes: Any) -> dict[str, Any]:
    """Return a document of a version that has the same command line as before."""
    binding = "cli__inputs__term__inputBinding"
    document = red(redVersion=version, cli__cwlVersion="v1.0", **{binding: {"position": 0}})
    document["execution"]["settings"]["retryIfFailed"] = True
    for path, value in changes.items():
        *steps, last = path.split("__")
        place: Any = document
        for step in steps:
            place = place[step]
        place[last] = value
    return document


def refusals(document: object) -> list[Problem]:
    with pytest.raises(InvalidDocument) as caught:
        convert(document)
    return list(caught.value.problems)


@pytest.mark.parametrize("document", [FULL, None, 5, [], {"redVersion": []}, {"redVersion": "4"}])
def test_other_versions_stay_as_they_are(document):
    converted = convert(document)
    assert converted.document is document
    assert (converted.changes, converted.retry, converted.version) == ([], None, "9")


@pytest.mark.parametrize("version", ["6", "7", "8"])
@pytest.mark.parametrize("retry", [True, False, None])
def test_retry(version, retry):
    document = old(version)
    if retry is None:
        del document["execution"]["settings"]["retryIfFailed"]
    else:
        document["execution"]["settings"]["retryIfFailed"] = retry
    converted = convert(document)
    check(converted.document)
    assert converted.retry is bool(retry)
    assert converted.version == version
    assert converted.changes[0] == f"redVersion: {version} is 9 now"
    assert any("retryIfFailed" in change for change in converted.changes) == (retry is not None)
    kept = prepared(document)
    assert kept.experiment.retry is bool(retry)
    assert kept.experiment.red_version == version
    assert kept.experiment.changes == converted.changes
    assert not prepared(document, disable_retry=True).experiment.retry


def test_the_document_is_not_changed():
    document = old("7", cli__requirements=None, doc=None)
    before = copy.deepcopy(document)
    convert(document)
    assert document == before


def test_retry_must_be_true_or_false():
    (problem,) = refusals(old("8", execution__settings__retryIfFailed="yes"))
    assert problem.member == "execution.settings.retryIfFailed"


@pytest.mark.parametrize("given", ["v1.1", 1.0, "draft-3"])
def test_version_of_cwl(given):
    converted = convert(old("8", cli__cwlVersion=given))
    check(converted.document)
    assert f"cli.cwlVersion: {given!r} is v1.0 now" in converted.changes


@pytest.mark.parametrize("version", ["5", "6", "7"])
def test_requirements(version):
    requirements = {"DockerRequirement": {"dockerPull": "x"}}
    document = old(version, cli__requirements=requirements)
    document["execution"] = {"engine": "ccagency", "settings": {}}
    converted = convert(document)
    check(converted.document)
    assert "cli.requirements: left out; the image is that of container" in converted.changes


def test_requirements_were_no_part_of_version_8():
    with pytest.raises(InvalidDocument, match=r"cli\.requirements: is not known"):
        check(convert(old("8", cli__requirements={})).document)


@pytest.mark.parametrize(
    ("version", "given", "kept"),
    [
        ("5", [{"min_vram": 1024}, {}], {"devices": [{"vramMin": 1024}, {}]}),
        ("6", [{"minVram": 1024}], {"devices": [{"vramMin": 1024}]}),
        ("7", {"count": 2}, {"count": 2}),
    ],
)
def test_gpus(version, given, kept):
    document = old(version, container__settings__gpus=given, container__engine="nvidia-docker")
    document["execution"]["settings"] = {}
    converted = convert(document)
    check(converted.document)
    container = converted.document["container"]
    assert container["engine"] == "docker"
    assert container["settings"]["gpus"] == {"vendor": "nvidia", **kept}
    assert "container.engine: nvidia-docker is docker with gpus now" in converted.changes
    assert any(change.startswith("container.settings.gpus") for change in converted.changes)


@pytest.mark.parametrize("given", [[], {"count": 0}])
def test_no_gpus(given):
    converted = convert(old("7", container__settings__gpus=given))
    check(converted.document)
    assert "gpus" not in converted.document["container"]["settings"]


def test_faulty_gpus():
    document = old("7", container__settings__gpus=[5])
    with pytest.raises(InvalidDocument, match=r"devices\[0\]: must be an object"):
        check(convert(document).document)


def test_nvidia_docker_without_gpus():
    converted = convert(old("7", container__engine="nvidia-docker"))
    check(converted.document)
    (change,) = [change for change in converted.changes if "engine" in change]
    assert change.endswith("it asks for no GPU")


def test_nulls_of_version_7():
    document = old(
        "7",
        doc=None,
        inputs__text=None,
        inputs__folder={"class": "Directory", "listing": None, "connector": {
            "command": "c", "mount": None, "access": {"kept": None, "more": [{"too": None}]},
        }},
        outputs={"table": None},
    )  # fmt: skip
    converted = convert(document)
    check(converted.document)
    assert "members that were null are left out: 5" in converted.changes
    assert converted.document["inputs"].keys() == {"term", "folder"}
    access = converted.document["inputs"]["folder"]["connector"]["access"]
    assert access == {"kept": None, "more": [{"too": None}]}


@pytest.mark.parametrize("version", ["6", "8"])
def test_nulls_of_other_versions_are_errors(version):
    with pytest.raises(InvalidDocument, match=r"inputs\.text"):
        check(convert(old(version, inputs__text=None)).document)


def test_dropped_settings():
    document = old("5")
    document["execution"]["settings"] = {"disablePull": True, "outdir": "x"}
    converted = convert(document)
    check(converted.document)
    assert [change.split(":")[0] for change in converted.changes[1:]] == [
        "execution.settings.disablePull",
        "execution.settings.outdir",
    ]
    assert converted.retry is False
    document = old("6", execution={"engine": "ccfaice", "settings": {"insecure": True}})
    converted = convert(document)
    check(converted.document)
    assert converted.changes[1].startswith("execution.settings.insecure: left out")


@pytest.mark.parametrize(
    ("module", "hint"),
    [
        ("red_connector_http.http", "red-connector-http"),
        ("cc_core.sftp", "red-connector-ssh"),
        ("x.ftp", "red-connector-ftp"),
        ("red_connector_xnat.http", "red-connector-xnat-http"),
        ("my.own", ""),
    ],
)
def test_connectors_in_python(module, hint):
    connector = {"pyModule": module, "pyClass": "Http", "access": {}}
    document = old("5", inputs__texts=[file(connector=connector)])
    document["outputs"] = {"table": file(connector=connector)}
    found = refusals(document)
    members = [problem.member for problem in found]
    assert members == ["inputs.texts[0].connector", "outputs.table.connector"]
    assert "the image needs a program" in found[0].rule
    assert found[0].rule.endswith(f"perhaps {hint}" if hint else "connector.command")


@pytest.mark.parametrize("version", ["5", "6"])
def test_variables_elsewhere(version):
    (problem,) = refusals(old(version, inputs__term="{{term}}"))
    assert problem.member == "inputs.term"
    assert "only below access or auth since RED 7" in problem.rule


@pytest.mark.parametrize("version", ["5", "6"])
@pytest.mark.parametrize("text", ["a{{b}}", "{{a}}{{b}}", "}}"])
def test_braces_that_were_no_variables(version, text):
    document = old(version, inputs__text=file(connector={"command": "c", "access": {"x": [text]}}))
    (problem,) = refusals(document)
    assert problem.member == "inputs.text.connector.access.x[0]"
    assert problem.value == ""


def test_whole_variables_stay():
    access = {"x": "{{name}}"}
    document = old("6", inputs__text=file(connector={"command": "c", "access": access}))
    check(convert(document).document)


def line(version: str, **members: Any) -> dict[str, Any]:
    """Return a document with its own command line."""
    document = old(version)
    document["cli"]["inputs"] = {
        name: {"type": type_, "inputBinding": binding}
        for name, (type_, binding, _) in members.items()
    }
    document["inputs"] = {
        name: value for name, (_, _, value) in members.items() if value is not None
    }
    return document


@pytest.mark.parametrize(
    "members",
    [
        {"a": ("string", {"position": 0}, "x"), "b": ("int", {"prefix": "-b"}, 1)},
        {"b": ("int", {"prefix": "-b"}, 1), "a": ("string", {"position": 0}, "x")},
        {"a": ("string", {"position": 2}, "x"), "b": ("File", {"position": 1}, file())},
        {"a": ("boolean", {"prefix": "-a"}, True), "b": ("boolean", {"prefix": "-b"}, False)},
        {"a": ("int[]", {"prefix": "-a=", "separate": False, "itemSeparator": ","}, [1, 2])},
        {"a": ("int[]", {"prefix": "-a"}, [1, 2])},
        {"a": ("int[]", {"position": 1}, [1, 2]), "b": ("string", {"position": 2}, "x")},
        {"a": ("string?", {"position": 1}, None), "b": ("string", {"position": 1}, "x")},
        {"a": ("double", {"prefix": "-a="}, 1e-07)},
    ],
)
@pytest.mark.parametrize("version", ["5", "6"])
def test_command_lines_that_stay(version, members):
    document = line(version, **members)
    document["execution"]["settings"] = {}
    check(convert(document).document)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"a": ("string", {"position": 0}, "x y")}, "other words"),
        ({"a": ("string", {"position": 0}, "")}, "other words"),
        ({"a": ("string", {"position": 0}, "$HOME")}, "for the shell"),
        ({"a": ("string", {"position": 0}, "x;y")}, "for the shell"),
        ({"a": ("string", {"position": 0}, "*")}, "for the shell"),
        ({"a": ("string", {"position": 0}, "'x'")}, "for the shell"),
        ({"a": ("string", {"position": 0}, "x\ny")}, "for the shell"),
        ({"a": ("string", {"position": 0}, "~")}, "for the shell"),
        ({"a": ("string", {}, "x")}, "without position and prefix: a"),
        (
            {"a": ("string", {"position": 1}, "x"), "b": ("string", {"position": 1}, "y")},
            "two arguments at position 1",
        ),
        (
            {"a": ("int[]", {"position": 1}, [1]), "b": ("int", {"prefix": "-b"}, 1)},
            "another order",
        ),
        (
            {"a": ("int", {"prefix": "-a", "position": 1}, 1), "b": ("int", {"position": 2}, 2)},
            "another order",
        ),
        ({"a": ("int[]", {"prefix": "-a", "itemSeparator": ","}, [1, 2])}, "other words"),
        ({"a": ("int[]", {"prefix": "-a", "separate": False}, [1, 2])}, "other words"),
        ({"a": ("int[]", {"prefix": "-a"}, [])}, "other words"),
        ({"a": ("boolean", {"position": 1}, True)}, "other words"),
        (
            {"a": ("int[]", {"prefix": "-" * 10_000, "separate": False}, [1] * 1000)},
            "longer than a command line can be",
        ),
    ],
)
def test_command_lines_that_need_a_shell(members, reason):
    (problem,) = refusals(line("6", **members))
    assert problem.member == "inputs"
    assert problem.rule.startswith("cannot be converted: the command line")
    assert reason in problem.rule
    check(convert(line("7", **members)).document)  # 7 had no shell


def test_every_batch_is_compared():
    document = line("6", a=("string", {"position": 0}, "x"))
    del document["inputs"], document["outputs"]
    document["batches"] = [{"inputs": {"a": text}} for text in ("x", "y z", "z")]
    (problem,) = refusals(document)
    assert problem.member == "batches[1].inputs"


@pytest.mark.parametrize(
    ("given", "words"),
    [("python3 main.py", ["python3", "main.py"]), (["a", " b c "], ["a", "b", "c"])],
)
def test_base_command_is_split(given, words):
    converted = convert(old("6", cli__baseCommand=given))
    check(converted.document)
    assert converted.document["cli"]["baseCommand"] == words
    assert "cli.baseCommand: split into words at blanks" in converted.changes
    kept = convert(old("7", cli__baseCommand=given)).document
    assert kept["cli"]["baseCommand"] == given


def test_base_command_of_one_word_is_no_change():
    assert len(convert(old("6", cli__baseCommand=" tool ")).changes) == 2  # version, retry


@pytest.mark.parametrize("given", ["a | b", ["a", "$x"], "X=1 a"])
def test_base_command_for_a_shell(given):
    (problem,) = refusals(old("5", cli__baseCommand=given, execution=None))
    assert problem.member == "cli.baseCommand"


def test_faulty_old_documents_get_the_messages_of_check():
    document = old("6", inputs__term=5, container__engine="x")
    with pytest.raises(InvalidDocument) as caught:
        check(convert(document).document)
    assert [problem.member for problem in caught.value.problems] == [
        "inputs.term",
        "container.engine",
    ]


@pytest.mark.parametrize("version", ["5", "6", "7", "8"])
@pytest.mark.parametrize("part", ["cli", "container", "execution", "inputs", "outputs"])
@pytest.mark.parametrize("junk", [None, 5, "x", [], [5], {}, {"settings": 5}, {"x": {"y": None}}])
def test_junk_in_old_documents(version, part, junk):
    document = old(version, **{part: junk})
    try:
        converted = convert(document)
    except InvalidDocument:
        return
    try:
        check(converted.document)
    except InvalidDocument as error:
        assert error.problems


def test_deep_old_documents():
    value: Any = CONNECTOR
    for _ in range(100_000):
        value = [value]
    (problem,) = refusals(old("7", inputs__term=value))
    assert "levels of nesting" in problem.rule
