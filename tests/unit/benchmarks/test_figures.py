import json
import math

import pytest

from benchmarks.figures import Budget, Row, Spread, ratio_row, shown, table


def row(value: float | None = 1.0, budget: Budget | None = None, **members) -> Row:
    spread = None if value is None else Spread.of([value])
    return Row("key", "title", "s", spread, budget, **members)


@pytest.mark.parametrize(
    ("samples", "median", "low", "high"),
    [
        ([3.0], 3.0, 3.0, 3.0),
        ([4, 1, 3], 3, 1, 4),
        ([1, 2, 3, 10], 2.5, 1, 10),
        ([0.0, -1.0], -0.5, -1.0, 0.0),
    ],
)
def test_spread(samples, median, low, high):
    assert Spread.of(iter(samples)) == Spread(median, low, high, len(samples))


@pytest.mark.parametrize("samples", [[], [1.0, math.nan], [math.inf], [-math.inf, 1]])
def test_spread_of_what_is_no_sample(samples):
    with pytest.raises(ValueError, match=r"no samples|no finite number"):
        Spread.of(samples)


@pytest.mark.parametrize(
    ("side", "figure", "kept"),
    [
        ("at most", 1.29, True),
        ("at most", 1.3, True),
        ("at most", 1.301, False),
        ("at least", 1.301, True),
        ("at least", 1.3, True),
        ("at least", 1.29, False),
    ],
)
def test_budget(side, figure, kept):
    assert Budget(side, 1.3).keeps(figure) is kept


def test_a_budget_of_nothing():
    assert Budget("at most", 0).keeps(0)
    assert not Budget("at most", 0).keeps(0.001)
    assert str(Budget("at most", 0)) == "≤ 0"


def test_the_median_decides():
    budget = Budget("at most", 2)
    assert Row("k", "t", "s", Spread.of([1, 1, 99]), budget).verdict == "PASS"
    assert Row("k", "t", "s", Spread.of([1, 99, 99]), budget).verdict == "ABOVE BUDGET"


def test_verdicts_without_figure_or_budget():
    assert row(None, Budget("at most", 1)).verdict == "NOT MEASURED"
    assert row(1.0, None).verdict == "no budget"


def test_each_pair_gives_one_ratio():
    # The machine was ten times slower during the second pair: the ratio is the same.
    found = ratio_row("k", "t", [(2, 1), (20, 10), (3, 1)], Budget("at most", 2), "s", ["a note"])
    assert found.value == Spread(2, 2, 3, 3)
    assert found.ours == Spread(3, 2, 20, 3)
    assert found.theirs == Spread(1, 1, 10, 3)
    assert (found.unit, found.side_unit, found.notes) == ("x", "s", ["a note"])
    assert found.verdict == "PASS"


@pytest.mark.parametrize("pairs", [[], [(1, 0)], [(1, 1), (1, -2)], [(1, math.nan)]])
def test_ratios_that_do_not_exist(pairs):
    with pytest.raises(ValueError, match=r"no samples|above 0"):
        ratio_row("k", "t", pairs, None, "s")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0 s"),
        (0.00123, "0.0012 s"),
        (0.1234, "0.123 s"),
        (1.2345, "1.23 s"),
        (12.345, "12.3 s"),
        (123.4, "123 s"),
        (12345.6, "12,346 s"),
        (-2.5, "-2.50 s"),
    ],
)
def test_digits(value, text):
    assert shown(Spread.of([value]), "s") == text


def test_nothing_is_shown_as_a_dash():
    assert shown(None, "s") == "-"


def test_table():
    rows = [
        ratio_row("a", "a ratio", [(1, 2)], Budget("at least", 0.5), "/s"),
        row(None, Budget("at most", 120)),
        row(3.0),
    ]
    lines = table(rows).splitlines()
    assert len({len(line) for line in lines}) == 1
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == ["what", "median", "min … max", "n", "budget", "verdict", "ours", "theirs"]
    assert set("".join(cells[1])) == {"-"}
    ratio = ["0.500 x", "0.500 … 0.500", "1", "≥ 0.500", "PASS", "1.00 /s", "2.00 /s"]
    assert cells[2] == ["a ratio", *ratio]
    assert cells[3] == ["title", "-", "-", "-", "≤ 120", "NOT MEASURED", "-", "-"]
    assert cells[4][4:6] == ["-", "no budget"]


def test_document_is_json():
    found = ratio_row("k", "t", [(1, 2), (1, 4)], Budget("at least", 0.5), "/s", ["n"])
    document = json.loads(json.dumps(found.document()))
    assert document["value"] == {"median": 0.375, "min": 0.25, "max": 0.5, "samples": 2}
    assert document["budget"] == {"side": "at least", "value": 0.5}
    assert document["verdict"] == "ABOVE BUDGET"
    assert row(None).document()["value"] is None
