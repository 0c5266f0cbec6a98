"""Each rule: member, words and value of its message."""

import math

import pytest

from ccp_jupyter.model.red import check
from tests.unit.model.red.red_documents import CONNECTOR, batches, file, folder, problems, red

DECLARED = "cli__inputs__term"


@pytest.mark.parametrize(
    "document",
    [
        red(),
        red(outputs=..., execution=...),
        batches({"inputs": {"term": "a"}}, {"inputs": {"term": "b"}, "outputs": {}, "doc": "x"}),
        red(inputs__text=file(basename="a.txt", dirname="/d", checksum="sha1$0", size=4.0)),
        red(inputs__texts=[], inputs__many=[1, 2]),
        red(inputs__folder=folder(listing=[{"class": "File", "basename": "x", "size": 1}])),
        red(inputs__folder={"class": "Directory", "connector": {**CONNECTOR, "mount": True}}),
        red(inputs__level=1, inputs__count=-(2**63)),
        red(cli__baseCommand="tool", cli__stderr="logs/err.txt", doc="what it does"),
        red(
            outputs={
                "maybe": file(),
                "plots": folder(listing=[]),
                "hits": file() | {"class": "stdout"},
            }
        ),
        red(container__settings__gpus={"vendor": "nvidia", "count": 2}),
        red(container__settings__gpus={"vendor": "nvidia", "devices": [{}, {"vramMin": 256}]}),
        red(container__settings__image={"url": "x", "auth": {"_username": "u", "password": "p"}}),
        red(container__settings__ram=256.0, container__settings__version="1"),
        red(execution={"engine": "ccfaice", "settings": {}}),
        red(cloud={"enable": True, "mountDir": "c", "mountProtocol": "ssh"}),
        red(cli__outputs__table__outputBinding__glob="$(inputs.term).csv"),
        red(cli__baseCommand=None, cli__inputs__term__inputBinding={}),
    ],
)
def test_accepted(document):
    check(document)


@pytest.mark.parametrize(
    ("changes", "member", "rule", "value"),
    [
        ({"redVersion": 9}, "redVersion", 'must be the text "9"; write "9", with', "9"),
        ({"redVersion": 8}, "redVersion", '"8" can be converted', "8"),
        ({"redVersion": "8"}, "redVersion", '"8" can be converted', "'8'"),
        ({"redVersion": ...}, "redVersion", "is missing", ""),
        ({"doc": 5}, "doc", "must be text", "5"),
        ({"tags": []}, "tags", "is not known here; known are cli, cloud, container", ""),
        ({"cli": []}, "cli", "must be an object", "a list"),
        ({"cli__cwlVersion": "v1.2"}, "cli.cwlVersion", "must be v1.0", "'v1.2'"),
        ({"cli__class": "Workflow"}, "cli.class", "must be CommandLineTool", "'Workflow'"),
        ({"cli__hints": {}}, "cli.hints", "is not known here", ""),
        ({"cli__inputs": []}, "cli.inputs", "must be an object", "a list"),
        ({"cli__baseCommand": 3}, "cli.baseCommand", "text or a list", "3"),
        ({"cli__baseCommand": ["a", 1]}, "cli.baseCommand[1]", "must be text", "1"),
        ({"cli__stdout": "../x"}, "cli.stdout", "in the outputs directory", "'../x'"),
        ({"cli__stdout": "/x"}, "cli.stdout", "in the outputs directory", "'/x'"),
        ({"cli__stderr": ""}, "cli.stderr", "must name a file", "''"),
        ({"cli__stderr": "a/"}, "cli.stderr", "must name a file", "'a/'"),
        ({DECLARED: "string"}, "cli.inputs.term", "must be an object", "text"),
        ({f"{DECLARED}__type": "Any"}, "cli.inputs.term.type", "must be File, Direct", "'Any'"),
        ({f"{DECLARED}__type": ["int"]}, "cli.inputs.term.type", "must be File", "a list"),
        ({f"{DECLARED}__inputBinding": ...}, "cli.inputs.term.inputBinding", "is missing", ""),
        ({f"{DECLARED}__default": 1}, "cli.inputs.term.default", "is not known here", ""),
        (
            {f"{DECLARED}__inputBinding": {"position": -1}},
            "cli.inputs.term.inputBinding.position",
            "must be a whole number from 0",
            "-1",
        ),
        (
            {f"{DECLARED}__inputBinding": {"position": True}},
            "cli.inputs.term.inputBinding.position",
            "must be a whole number from 0",
            "True",
        ),
        (
            {f"{DECLARED}__inputBinding": {"separate": 0}},
            "cli.inputs.term.inputBinding.separate",
            "must be true or false",
            "0",
        ),
        (
            {"cli__inputs__a b": {"type": "int?", "inputBinding": {}}},
            "cli.inputs['a b']",
            "names may have only letters",
            "",
        ),
        (
            {"cli__inputs__a\n": {"type": "int?", "inputBinding": {}}},
            "cli.inputs['a\\n']",
            "names may have only letters",
            "",
        ),
        (
            {"cli__outputs__hits": {"type": "stdin"}},
            "cli.outputs.hits.type",
            "stdout or",
            "'stdin'",
        ),
        (
            {"cli__outputs__hits": {"type": "stdout", "doc": "x"}},
            "cli.outputs.hits.doc",
            "is not known here; known are type",
            "",
        ),
        (
            {"cli__outputs__table": {"type": "File"}},
            "cli.outputs.table.outputBinding",
            "is missing",
            "",
        ),
        (
            {"cli__outputs__table__outputBinding__glob": ["a"]},
            "cli.outputs.table.outputBinding.glob",
            "must be text",
            "a list",
        ),
        (
            {"cli__outputs__table__outputBinding__glob": "/x"},
            "cli.outputs.table.outputBinding.glob",
            "must not begin with /",
            "'/x'",
        ),
        (
            {"cli__outputs__table__outputBinding__glob": "a/../../x"},
            "cli.outputs.table.outputBinding.glob",
            "must stay within the outputs directory",
            "'a/../../x'",
        ),
        ({"inputs": ...}, "inputs", "is missing", ""),
        ({"inputs": []}, "inputs", "must be an object", "a list"),
        ({"inputs__term": ...}, "inputs.term", "is missing; cli.inputs declares it", ""),
        ({"inputs__other": 1}, "inputs.other", "is not declared in cli.inputs", ""),
        ({"inputs__term": 1}, "inputs.term", "must be text: cli.inputs declares string", "1"),
        ({"inputs__term": None}, "inputs.term", "must be text", "null"),
        ({"inputs__term": ["a"]}, "inputs.term", "must not be a list", "a list"),
        ({"inputs__count": 1.0}, "inputs.count", "a whole number, without a point", "1.0"),
        ({"inputs__count": True}, "inputs.count", "a whole number", "True"),
        ({"inputs__level": True}, "inputs.level", "must be a number", "True"),
        ({"inputs__flag": 1}, "inputs.flag", "must be true or false", "1"),
        ({"inputs__many": 1}, "inputs.many", "must be a list: cli.inputs declares int[]?", ""),
        ({"inputs__many": [1, "x"]}, "inputs.many[1]", "must be a whole number", "'x'"),
        ({"inputs__many": [[1]]}, "inputs.many[0]", "must be a whole number", "a list"),
        ({"inputs__text": "x"}, "inputs.text", "must be an object", "text"),
        ({"inputs__text": folder()}, "inputs.text.class", "must be File", "'Directory'"),
        ({"inputs__text": file(listing=[])}, "inputs.text.listing", "is not known here", ""),
        ({"inputs__text": file(size=1.5)}, "inputs.text.size", "number of bytes", "1.5"),
        ({"inputs__text": file(checksum=1)}, "inputs.text.checksum", "must be text", "1"),
        ({"inputs__text": file(basename="a/b")}, "inputs.text.basename", "without /", "'a/b'"),
        ({"inputs__text": file(basename="..")}, "inputs.text.basename", "plain file name", "'..'"),
        ({"inputs__text": file(basename=None)}, "inputs.text.basename", "must be text", "null"),
        ({"inputs__text": {"class": "File"}}, "inputs.text.connector", "is missing", ""),
        (
            {"inputs__texts": [file(), file(connector=[])]},
            "inputs.texts[1].connector",
            "must be an object",
            "a list",
        ),
        (
            {"inputs__text": file(connector={"command": 5, "access": {}})},
            "inputs.text.connector.command",
            "must be text",
            "5",
        ),
        (
            {"inputs__text": file(connector={"command": "c", "access": "http://u:p@h"})},
            "inputs.text.connector.access",
            "must be an object",
            "text",
        ),
        (
            {"inputs__text": file(connector={**CONNECTOR, "mount": True})},
            "inputs.text.connector.mount",
            "only directories can be mounted",
            "",
        ),
        (
            {"inputs__folder": folder(connector={**CONNECTOR, "mount": 1})},
            "inputs.folder.connector.mount",
            "must be true or false",
            "1",
        ),
        ({"inputs__folder": folder(dirname="x")}, "inputs.folder.dirname", "is not known", ""),
        ({"inputs__folder": folder(listing={})}, "inputs.folder.listing", "must be a list", ""),
        (
            {"inputs__folder": folder(listing=[{"class": "Link", "basename": "x"}])},
            "inputs.folder.listing[0].class",
            "must be File or Directory",
            "'Link'",
        ),
        (
            {
                "inputs__folder": folder(
                    listing=[
                        {"class": "Directory", "basename": "d", "listing": [{"class": "File"}]}
                    ]
                )
            },
            "inputs.folder.listing[0].listing[0].basename",
            "is missing",
            "",
        ),
        ({"outputs": [1]}, "outputs", "must be an object", "a list"),
        ({"outputs__nope": file()}, "outputs.nope", "is not declared in cli.outputs", ""),
        ({"outputs__hits": file()}, "outputs.hits.class", "must be stdout, as decl", "'File'"),
        ({"outputs__table": folder()}, "outputs.table.class", "must be File", "'Directory'"),
        ({"outputs__plots": folder(size=1)}, "outputs.plots.size", "is not known here", ""),
        ({"outputs__table": "x"}, "outputs.table", "must be an object", "text"),
        ({"cloud": {"enable": True}}, "cloud.mountDir", "is missing", ""),
        (
            {"cloud": {"enable": True, "mountDir": "x", "mountProtocol": "nfs"}},
            "cloud.mountProtocol",
            "must be ssh",
            "'nfs'",
        ),
        (
            {f"{DECLARED}__inputBinding": []},
            "cli.inputs.term.inputBinding",
            "must be an object",
            "a list",
        ),
        ({"cli__outputs__hits": True}, "cli.outputs.hits", "must be an object", "True"),
        ({"inputs__text": True}, "inputs.text", "must be an object of class", "true or false"),
        ({"inputs__folder": folder(listing=[5])}, "inputs.folder.listing[0]", "an object", ""),
        (
            {"outputs": {"table": file() | {"class": "Link"}}},
            "outputs.table.class",
            "must be File, as declared",
            "'Link'",
        ),
        (
            {"container__settings__image__source": {"url": 5}},
            "container.settings.image.source.url",
            "must be text",
            "5",
        ),
        ({"container__settings__gpus": 2}, "container.settings.gpus", "must be an object", ""),
        (
            {"container__settings__gpus": {"vendor": "nvidia", "devices": [256]}},
            "container.settings.gpus.devices[0]",
            "must be an object",
            "a number",
        ),
        (
            {"container__settings__image__auth": "user:hunter2"},
            "container.settings.image.auth",
            "must be an object",
            "text",
        ),
        ({"execution__settings": 5}, "execution.settings", "must be an object", "a number"),
        ({"container": ...}, "container", "is missing", ""),
        ({"container__engine": "podman"}, "container.engine", "must be docker", "'podman'"),
        ({"container__engine": "nvidia-docker"}, "container.engine", "GPUs are settings", ""),
        ({"container__settings": None}, "container.settings", "must be an object", "null"),
        ({"container__settings__ram": 255}, "container.settings.ram", "at least 256", "255"),
        ({"container__settings__ram": "1G"}, "container.settings.ram", "megabytes", "'1G'"),
        ({"container__settings__image": {}}, "container.settings.image.url", "is missing", ""),
        (
            {"container__settings__image__url": " "},
            "container.settings.image.url",
            "must be the name of an image",
            "text",
        ),
        (
            {"container__settings__gpus": {"vendor": "nvidia", "count": 0}},
            "container.settings.gpus.count",
            "from 1 to 1024; leave gpus out",
            "0",
        ),
        (
            {"container__settings__gpus": {"vendor": "nvidia", "count": 10**12}},
            "container.settings.gpus.count",
            "from 1 to 1024",
            "1000000000000",
        ),
        (
            {"container__settings__gpus": {"vendor": "nvidia", "devices": []}},
            "container.settings.gpus.devices",
            "1 to 1024 devices; leave gpus out",
            "a list",
        ),
        (
            {"container__settings__gpus": {"vendor": "nvidia", "devices": [{"vramMin": 1}]}},
            "container.settings.gpus.devices[0].vramMin",
            "at least 256",
            "1",
        ),
        (
            {"container__settings__gpus": {"vendor": "nvidia"}},
            "container.settings.gpus",
            "needs either count or devices",
            "",
        ),
        (
            {"container__settings__gpus": {"vendor": "amd", "count": 1}},
            "container.settings.gpus.vendor",
            "must be nvidia",
            "'amd'",
        ),
        (
            {"container__settings__image__auth": {"username": "u"}},
            "container.settings.image.auth.password",
            "is missing",
            "",
        ),
        (
            {"container__settings__image__auth": {"username": "u", "password": 4711}},
            "container.settings.image.auth.password",
            "must be text",
            "",
        ),
        (
            {
                "container__settings__image__auth": {
                    "username": "u",
                    "password": "a",
                    "_password": "b",
                }
            },
            "container.settings.image.auth._password",
            "stands there as password too",
            "",
        ),
        ({"execution__engine": "slurm"}, "execution.engine", "ccagency or ccfaice", "'slurm'"),
        (
            {"execution__settings__batchConcurrencyLimit": 0},
            "execution.settings.batchConcurrencyLimit",
            "must be a whole number from 1",
            "0",
        ),
        (
            {"execution__settings__retryIfFailed": True},
            "execution.settings.retryIfFailed",
            "is not known here",
            "",
        ),
        (
            {"execution__settings__access": {"url": 5}},
            "execution.settings.access.url",
            "must be text",
            "",
        ),
        (
            {"execution": {"engine": "ccfaice", "settings": {"insecure": True}}},
            "execution.settings.insecure",
            "is not known here",
            "",
        ),
        (
            {
                "cli__baseCommand": [],
                "cli__inputs__term__inputBinding": {"prefix": ""},
                "inputs__term": "",
            },
            "inputs",
            "names no program",
            "",
        ),
    ],
)
def test_refused(changes, member, rule, value):
    (problem,) = problems(red(**changes))
    assert problem.member == member
    assert rule in problem.rule
    assert problem.value == value or not value


def test_the_form_is_that_of_batches_when_there_are_batches():
    found = {problem.member: problem.rule for problem in problems(red(batches=[]))}
    assert found.keys() == {"inputs", "outputs", "batches"}
    assert "batches, cli, container" in found["inputs"]
    assert found["batches"] == "must have at least one batch"


@pytest.mark.parametrize(
    ("holder", "member"),
    [
        (5, "batches[1]"),
        ({}, "batches[1].inputs"),
        ({"inputs": {}}, "batches[1].inputs.term"),
        ({"inputs": {"term": 1}}, "batches[1].inputs.term"),
        ({"inputs": {"term": ""}, "name": 1}, "batches[1].name"),
        ({"inputs": {"term": ""}, "doc": 1}, "batches[1].doc"),
        ({"inputs": {"term": ""}, "outputs": {"hits": {}}}, "batches[1].outputs.hits.class"),
        ({"inputs": {"term": ""}, "cloud": 1}, "batches[1].cloud"),
    ],
)
def test_batches(holder, member):
    found = problems(batches({"inputs": {"term": "x"}}, holder))
    assert found[0].member == member
    assert all(problem.member.startswith("batches[1]") for problem in found)


def test_all_problems_at_once():
    document = red(redVersion="1", cli__class=5, inputs__term=1, container__engine="x", extra=1)
    members = ["extra", "redVersion", "cli.class", "inputs.term", "container.engine"]
    assert [problem.member for problem in problems(document)] == members


def test_of_very_many_problems_the_number_is_told():
    found = problems(batches(*[{"inputs": {"term": number}} for number in range(5000)]))
    assert len(found) == 101
    assert found[99].member == "batches[99].inputs.term"
    assert str(found[100]) == "4900 more problems are not listed"


def test_batches_are_a_list():
    (problem,) = problems(red(inputs=..., outputs=..., batches={"inputs": {}}))
    assert str(problem) == "batches: must be a list (found an object)"


@pytest.mark.parametrize("document", [None, 5, "text", [], [{}], math.nan])
def test_no_object(document):
    assert "must be an object" in {problem.rule for problem in problems(document)}


def test_globs_are_tried_with_every_batch():
    document = batches(
        {"inputs": {"term": "a"}}, {"inputs": {"term": ".."}}, {"inputs": {"term": "/etc"}}
    )
    document["cli"]["outputs"]["table"]["outputBinding"]["glob"] = "$(inputs.term)/x"
    found = problems(document)
    assert [problem.rule for problem in found] == [
        "must stay within the outputs directory (with batches[1].inputs)",
        "must stay within the outputs directory (with batches[2].inputs)",
    ]


def test_the_document_is_not_changed():
    document = red(inputs__text=file())
    before = repr(document)
    check(document)
    assert repr(document) == before


def test_classes_of_outputs_whose_declaration_is_faulty():
    document = red(cli__outputs__hits={"type": 5}, outputs={"hits": file() | {"class": "Link"}})
    found = [str(problem) for problem in problems(document)]
    assert found[-1] == "outputs.hits.class: must be File, Directory, stdout, stderr (found 'Link')"
    assert len(found) == 2
