"""Work and memory that a document can ask for."""

import time

import pytest

from tests.unit.model.red.red_documents import batches, problems, red


def declaring(inputs: int, outputs: int, glob: str, batch_count: int):
    """Return a document with very many declarations, each small, and very many batches."""
    names = [f"i{number}" for number in range(inputs)]
    document = batches(*[{"inputs": {"i0": "x"}}] * batch_count)
    document["cli"]["inputs"] = {
        name: {"type": "string" if name == "i0" else "string?", "inputBinding": {}}
        for name in names
    }
    document["cli"]["outputs"] = {
        f"o{number}": {"type": "File", "outputBinding": {"glob": glob}} for number in range(outputs)
    }
    return document


@pytest.mark.parametrize(
    "document",
    [
        declaring(5000, 1, "x", 1000),
        declaring(1, 5000, "$(inputs.i0)", 1000),
        declaring(1, 50, "$(inputs.i0)" * 300, 1000),
    ],
)
def test_work_is_bounded(document):
    began = time.process_time()
    (problem,) = problems(document)
    assert problem.member == "batches"
    assert problem.rule == "inputs, outputs and globs for all batches: at most 1000000"
    assert time.process_time() - began < 5


def test_what_values_make_of_a_glob_is_bounded():
    changes = {"cli__outputs__table__outputBinding__glob": "$(inputs.term)" * 250}
    assert problems(red(**changes, inputs__term="x" * 16)) == []
    (problem,) = problems(red(**changes, inputs__term="x" * 17))
    assert problem.rule == "must have at most 4096 characters"
    (problem,) = problems(red(cli__outputs__table__outputBinding__glob="x" * 4097))
    assert problem.rule == "must have at most 4096 characters"


def test_separators_are_short():
    binding = "cli__inputs__many__inputBinding__itemSeparator"
    assert problems(red(**{binding: "," * 64})) == []
    (problem,) = problems(red(**{binding: "," * 65}))
    assert problem.member == "cli.inputs.many.inputBinding.itemSeparator"
