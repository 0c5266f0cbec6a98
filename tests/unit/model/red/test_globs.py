"""References in globs."""

import pytest

from tests.unit.model.red.red_documents import file, problems, red

GIVEN = {
    "inputs__text": file(basename="a.tar.gz", size=5),
    "inputs__texts": [file(), file(basename="b.txt")],
    "inputs__level": 1e-07,
    "inputs__flag": True,
}


def judged(glob: str):
    return problems(red(cli__outputs__table__outputBinding__glob=glob, **GIVEN))


@pytest.mark.parametrize(
    "glob",
    [
        "$(inputs.term)",
        "x-$(inputs.term).$(inputs.flag)*",
        "$(inputs.text.nameroot)$(inputs.text.nameext)",
        '$(inputs["text"]["basename"])',
        "$(inputs['text'].size)",
        "$(inputs.text[basename])",
        "$(inputs.texts[1].basename)",
        "$(inputs.texts[-1]['basename'])",
        "$(inputs.level)",
        "$x (y) $ inputs.term)",
        "a/../b",
        "..x/...",
    ],
)
def test_accepted(glob):
    assert judged(glob) == []


@pytest.mark.parametrize(
    ("glob", "rule"),
    [
        ("$(inputs)", "must name an input"),
        ("$()", "must begin with inputs"),
        ("$(runtime.cores)", "must begin with inputs"),
        ("$( inputs.term)", "must begin with inputs"),
        ("$(inputs.term", "$( without )"),
        ("$(inputs.$(inputs.term))", "inside another one"),
        ("$(inputs..term)", "must be like"),
        ("$(inputs.term .x)", "leads nowhere"),
        ("$(inputsterm)", "must be like"),
        ("$(inputs['term)", "must be like"),
        ("$(inputs.texts[1x].basename)", "leads nowhere"),
        ("$(inputs.missing)", "leads nowhere: there is no 'missing'"),
        ("$(inputs.count)", "leads nowhere: there is no 'count'"),
        ("$(inputs.text.nothing)", "there is no 'nothing'"),
        ("$(inputs.texts[2].basename)", "there is no '2'"),
        ("$(inputs.texts[-3].basename)", "there is no '-3'"),
        ("$(inputs.texts[99999999999].basename)", "leads nowhere"),
        ("$(inputs.texts.basename)", "there is no 'basename'"),
        ("$(inputs.term[0])", "there is no '0'"),
        ("$(inputs.text)", "must lead to text, a number"),
        ("$(inputs.texts)", "must lead to text, a number"),
        ("$(inputs.text.connector.access.url)", "must not lead into a connector"),
        ("$(inputs.text['connector'].command)", "must not lead into a connector"),
        ("/x", "must not begin with /"),
        ("$(inputs.text.path)", "must stay within the outputs directory"),
        ("../x", "must stay within"),
        ("x/$(inputs.term)/../../../y", "must stay within"),
        ("*/../../x", "must stay within"),
    ],
)
def test_refused(glob, rule):
    (problem,) = judged(glob)
    assert problem.member == "cli.outputs.table.outputBinding.glob"
    assert rule in problem.rule
    assert problem.value == repr(glob)
