"""Variables in scripts: which are found, what is refused, and how it is said."""

import time

import pytest

from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.script import (
    render,
    script_problems,
    text_of,
    value_problems,
    variables,
)


def problems_of(script: str, **values: str | list[str]) -> list[str]:
    with pytest.raises(InvalidDocument) as caught:
        render(script.split("\n"), {"x": "value", **values})
    return [str(problem) for problem in caught.value.problems]


def test_variables():
    lines = [
        "{{ a }} {{b}} {{\tc-c.1 | raw }}",
        "# {{ d }} {{a}}",
        "{{.Names}} {{ }} {{ e f }} {{",
        "}}",
    ]
    assert variables(lines) == {"a", "b", "c-c.1", "d"}
    assert variables([]) == set()


@pytest.mark.parametrize(
    "line",
    [
        "docker ps --format '{{.Names}}'",
        "{{- end -}} {{ range .Items }} {{}} {{ \n }} {{é}} {{ x}",
        "echo ${#x} {# no comment #} {% if %}",
        'awk "{ { print } }"',
    ],
)
def test_what_is_no_variable_stays_as_it_is(line):
    assert render([line], {}) == line


def test_values_are_quoted_for_their_place():
    lines = [
        "a {{ x }} \"{{ x }}\" '{{ x }}' # {{ x }}",
        "cat <<E",
        "{{ x }}",
        "E",
        "cat <<'E'",
        "{{x}}",
        "E",
    ]
    assert render(lines, {"x": "it's $1"}).split("\n") == [
        "a 'it'\\''s $1' \"it's \\$1\" 'it'\\''s $1' # 'it'\\''s $1'",
        "cat <<E",
        "it's \\$1",
        "E",
        "cat <<'E'",
        "it's $1",
        "E",
    ]


def test_raw_values_are_put_in_as_they_are():
    script = '{{ x | raw }} ${x:-{{x|raw}}} $(( {{ x|raw }} )) "{{ l | raw }}"'
    values: dict[str, str | list[str]] = {"x": "$(a)", "l": ["b", '"']}
    assert render([script], values) == '$(a) ${x:-$(a)} $(( $(a) )) "b ""'


def test_values_are_not_read_as_templates():
    assert render(["{{ x }} {{ y }}"], {"x": "{{ y }}", "y": "1"}) == "'{{ y }}' '1'"


def test_lists():
    assert render(['f {{ l }} "{{ l }}"'], {"l": ["a b", "c"]}) == "f 'a b' 'c' \"a b c\""
    assert render(["f {{ l }};"], {"l": []}) == "f ;"
    # More than one word would be a command to run, or none to redirect to.
    for script in (
        "x={{ l }}",
        "x[1]={{ l }}",
        "x+={{ l }}",
        "f >{{ l }}",
        "f 2>> {{ l }}",
        "f >&{{ l }}",
    ):
        assert render([script], {"l": ["a", "reboot"]}).endswith("'a reboot'")


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("true\necho {{ y }}", "line 2: no input is called so, or it has no value, at {{ y }}"),
        ("echo {{ x | upper }}", "line 1: the only filter is `raw` (found {{ x | upper }})"),
        ("echo ${y:-{{ x }}}", "line 1: no variable inside ${ }"),
        ('echo "${y:-{{ x }}}"', "line 1: no variable inside ${ }"),
        ('echo "${y:-$(echo {{ x }})}"', "line 1: no variable inside ${ }"),
        ("echo ${{ x }}", "line 1: no variable right after a $"),
        ('echo "costs ${{ x }}"', "line 1: no variable right after a $"),
        ("echo \\{{ x }}", "line 1: no variable right after a backslash"),
        ('echo "\\{{ x }}"', "line 1: no variable right after a backslash"),
        ("echo $'{{ x }}'", "line 1: no variable inside $' '"),
        ("cat <<{{ x }}", "line 1: no variable in the delimiter of a here-document"),
        ("cat <<E\n$y{{ x }}\nE", "line 2: no variable right after $y; write ${y}"),
        ("cat <<E\n\\{{ x }}\nE", "line 2: no variable right after a backslash"),
        ("v=$(case a in a) echo {{ x }};; esac)", "`case` inside $( ) on line 1"),
        ("echo $[1+1] {{ x }}", "$[ ] on line 1"),
        ("echo $'it\\'s' {{ x }}", "\\' inside $' ' on line 1"),
        ('echo "${y#\'}" {{ x }}', "a single quote inside ${ } in double quotes on line 1"),
        ("echo $(( '1' )) {{ x }}", "a quote inside $(( )) on line 1"),
        ("echo $((a); (b)) {{ x }}", "$(( that is not closed by )) on line 1"),
        ("(( 1 << 2 ))\necho {{ x }}", "<< inside (( )) on line 1"),
        ("cat <<''\n\necho {{ x }}", "a here-document with an empty delimiter on line 1"),
        ("cat <<$y\n{{ x }}\n$y", "a here-document with an unusual delimiter on line 1"),
        ("cat <<E $(\n)\nE\n{{ x }}", "a here-document that begins inside another command"),
        ("v=$(cat <<E)\nE\n{{ x }}", "a here-document that begins behind the ) of $( )"),
        ("v=$(cat <<E\nE)\necho {{ x }}", "a line that begins with E in a here-document"),
        ("cat <<E\na\\\nE\nE\necho {{ x }}", None),
        ("cat <<E\n\\\nE\nE\necho {{ x }}", "a line that begins with E in a here-document"),
        ('cat <<E\n`echo \\"{{ x }}\\"`\nE', '\\" inside backticks in a here-document'),
        ("cat <\\\n<E\n{{ x }}\nE", "an operator broken by a backslash"),
        ("echo $\\\n(echo {{ x }})", "a $ broken from what follows by a backslash"),
        ("$(" * 50 + "{{ x }}" + ")" * 50, "at most 40 expansions inside each other"),
    ],
)
def test_places_where_nothing_can_be_quoted(script, problem):
    if problem is None:
        assert render(script.split("\n"), {"x": "v"}).endswith("echo 'v'")
        return
    assert any(problem in each for each in problems_of(script))
    if "no input" not in problem:
        found = script_problems(script.split("\n"), {"x", "y"})
        assert any(problem in str(each) for each in found)


@pytest.mark.parametrize(
    ("script", "values", "problem"),
    [
        (
            "echo {{ x }}",
            {"x": "a\0b"},
            "line 1: a value must not hold a NUL character, at {{ x }}",
        ),
        ("echo {{ x|raw }}", {"x": ["a", "\0"]}, "must not hold a NUL character"),
        (
            "cat <<E\n{{ x }}\nE",
            {"x": "a\nb"},
            "line 2: no value with a line break in a here-document",
        ),
        ("cat <<'E'\n{{ x }}\nE", {"x": "a\nb"}, "no value with a line break"),
        ("cat <<E\n$(echo {{ x }})\nE", {"x": "a\nb"}, "no value with a line break"),
        (
            "cat <<E\n{{ x }}\nE",
            {"x": "E"},
            "a value would begin a line of the here-document with E",
        ),
        ("cat <<E\n{{ x }}\nE", {"x": "E)"}, "would begin a line"),
        ("cat <<-E\n\t{{ x }}\n\tE", {"x": "\tE"}, "would begin a line"),
        ("cat <<'EOF'\nE{{ x }}\nEOF", {"x": "OF"}, "would begin a line"),
        ("cat <<EOF\nE\\\n{{ x }}\nEOF", {"x": "OF"}, "would begin a line"),
        ("echo $(( {{ x }} ))", {"x": "a[$(reboot)]"}, "line 1: only a whole number where"),
        ("echo $(( {{ x }} ))", {"x": ""}, "only a whole number"),
        ("echo $(( {{ x }} ))", {"x": []}, "only a whole number"),
        ('echo "$(( {{ x }} ))"', {"x": "1.5"}, "only a whole number"),
        ("(( {{ x }} > 1 ))", {"x": "y"}, "only a whole number"),
        ("for ((i=0; i<{{ x }}; i++)); do :; done", {"x": "1;reboot"}, "only a whole number"),
        ("a[{{ x }}]=1", {"x": "y"}, "only a whole number"),
    ],
)
def test_values_that_cannot_stand_in_their_place(script, values, problem):
    secret = str(values["x"])
    found = problems_of(script, **values)
    assert any(problem in each for each in found)
    assert len(secret) < 3 or secret not in str(found)
    assert [str(each) for each in value_problems(script.split("\n"), values)] == found


def test_value_problems_leaves_missing_values_out_of_account():
    assert value_problems(["echo {{ x }} $(( {{ y }} ))"], {"x": "1"}) == []


def test_unknown_variables_are_listed_with_their_lines():
    found = script_problems(["{{ a }} {{ b }}", "", "# {{ b|raw }} {{ ccptaskid }}"], {"a"})
    assert [str(each) for each in found] == [
        "line 1: no input is called b (found {{ b }})",
        "line 3: no input is called b (found {{ b|raw }})",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (5, "5"),
        (1.5, "1.5"),
        (True, "true"),
        (None, ""),
        ([1, "é"], '[1, "é"]'),
        ({"a": None}, '{"a": null}'),
    ],
)
def test_text_of(value, text):
    assert text_of(value) == text


def test_scripts_do_not_use_variables_very_often():
    assert script_problems(["{{ x }}"] * 10_000, {"x"}) == []
    (problem,) = script_problems(["{{ x }}{{ y }}"] * 5_001, {"x"})
    assert str(problem) == "may use variables at most 10000 times (found 10002 times)"


@pytest.mark.parametrize(
    "script",
    [
        "{{ x }}" * 10_000,
        '"' + "$x{{ x }}" * 10_000 + '"',
        "`" * 200_000,
        "$(" * 200_000,
        "\\" * 400_000,
        "cat <<E\n" + "a\\\n" * 200_000 + "{{ x }}\nE",
        "cat <<E\n" + "{{ x }}\n" * 10_000 + "E",
        "cat <<E;" * 10_000 + "\n" + "E\n" * 10_000,
        "a=" + "[" * 200_000 + "{{ x }}" * 9_000,
        "${" * 200_000 + "{{ x }}",
        "$'" * 200_000 + "{{ x }}",
        "`echo \\`echo " * 30_000 + "{{ x }}",
    ],
)
def test_no_script_takes_long(script):
    start = time.perf_counter()
    script_problems(script.split("\n"), {"x"})
    value_problems(script.split("\n"), {"x": "value"})
    assert time.perf_counter() - start < 10
