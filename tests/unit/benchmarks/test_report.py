import pytest

from benchmarks.figures import Budget, ratio_row
from benchmarks.report import BEGIN, END, NoPlace, Run, report, write_into

RUN = Run("2026-11-21", "quick", 171.6, "2 x Processor, load average 0.10", 0.034)


def test_report():
    row = ratio_row("k", "a ratio", [(1, 2)], Budget("at least", 0.5), "/s", ["one", "two"])
    lines = report(RUN, [row]).splitlines()
    assert lines[0] == (
        "2026-11-21, quick form, 172 s. 2 x Processor, load average 0.10; before the start 3% of"
        " the processors' time went elsewhere."
    )
    assert lines[2].startswith("| what ")
    assert lines[-2:] == ["* a ratio: one", "* a ratio: two"]


def test_the_document_keeps_the_rest(tmp_path):
    document = tmp_path / "performance.md"
    document.write_text(f"# Title\n\n{BEGIN}\nold\n{END}\n\nend\n")
    write_into(document, "new")
    write_into(document, "newer")
    assert document.read_text() == f"# Title\n\n{BEGIN}\n\nnewer\n\n{END}\n\nend\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# Title",
        f"{BEGIN} only",
        f"{END} only",
        f"{END} {BEGIN}",
        f"{BEGIN} {BEGIN} {END}",
        f"{BEGIN} {END} {END}",
    ],
)
def test_a_document_without_a_place_is_left_alone(tmp_path, text):
    document = tmp_path / "performance.md"
    document.write_text(text)
    with pytest.raises(NoPlace, match="once and in this order"):
        write_into(document, "new")
    assert document.read_text() == text
