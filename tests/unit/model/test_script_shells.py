"""Rendered scripts, run by real shells: a program sees exactly the value, and nothing else runs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.script import render

SHELLS = ("sh", "bash", "busybox sh")


def command(shell: str) -> list[str]:
    """Return a shell's command; without it, fail in CI and skip elsewhere."""
    name, *arguments = shell.split()
    path = shutil.which(name)
    if path is None:
        message = f"install {name}: the shells of containers must read what is rendered"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return [path, *arguments]


# What it gets goes to the file `seen`, each argument ended by NUL; command substitutions
# (which would drop NULs) do not stand in the way.
PREAMBLE = ["exec 3>>seen", "show() { printf '%s\\0' \"$@\" >&3; }", "h=home; e="]

HOSTILE: tuple[str, ...] = (
    "$(touch hacked)",
    "`touch hacked`",
    "'; touch hacked; '",
    '"; touch hacked; "',
    "\ntouch hacked\n",
    "; touch hacked #",
    "EOF\ntouch hacked",
    ")'\"`$(touch hacked)",
    "\\",
    "\\'",
    "'\\''",
    "$h",
    "${h}",
    "h",
    "(touch hacked)",
    "a[$(touch hacked)]",
    "-n",
    "~",
    "*",
    "if",
    "x=1",
    "2",
    "\r",
    "é\u2028",
    "{a,b}",
    "!!",
    "# no",
    "",
    " ",
)
_characters = st.characters(codec="utf-8", exclude_characters="\0")
VALUES = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.sampled_from("'\"`$(){}[]\\;&|<>#!~*?=\n\t aE-0h"), max_size=12),
    st.lists(st.sampled_from(HOSTILE), max_size=4).map("".join),
    st.text(_characters, max_size=20),
)
ONE_LINE = VALUES.map(lambda text: text.replace("\n", " "))


def seen_by(shell: str, folder: Path, script: str) -> list[str]:
    """Run a script and return what `show` was given."""
    seen = folder / "seen"
    seen.unlink(missing_ok=True)
    program = "\n".join(PREAMBLE) + "\n" + script + "\nshow the-end\n"
    (folder / "program").write_bytes(program.encode())
    done = subprocess.run(
        [*command(shell), "program"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(folder)},
        capture_output=True,
        timeout=20,
    )
    assert {entry.name for entry in folder.iterdir()} <= {"seen", "program"}, program
    arguments = seen.read_bytes().decode().split("\0")
    assert arguments[-2:] == ["the-end", ""], (program, done.stderr)
    return arguments[:-2]


# Each shows {{ x }} once; beside it stands what surrounds the value.
FRAGMENTS = {
    "bare": ("show {{ x }}", "", ""),
    "in a word": ("show pre{{x}}post", "pre", "post"),
    "before a hash": ('show {{ x }}#"$h"', "", "#home"),
    "before a redirection": ("show {{ x }}>>/dev/null", "", ""),
    "double": ('show "{{ x }}"', "", ""),
    "double, in text": ('show "a\\"b \'{{ x }}\' \\\\"', "a\"b '", "' \\"),
    "double, after a variable": ('show "$h{{ x }}"', "home", ""),
    "double, after a braced variable": ('show "${h}{{ x }}$h"', "home", "home"),
    "double, after a special one": ('show "$#{{ x }}"', "0", ""),
    "single": ("show 'a \"{{ x }}\\'", 'a "', "\\"),
    "after a variable": ('show "$h"{{ x }}', "home", ""),
    "assigned": ('v={{ x }}; show "$v"', "", ""),
    "assigned, double": ('v="{{ x }}"; show "$v"', "", ""),
    "exported": ('export v={{ x }}; show "$v"', "", ""),
    "after a comment": ("# it's \"not {{ x }} $(a quote\nshow {{ x }}", "", ""),
    "comment at the end": ("show {{ x }} # isn't {{ x }} `", "", ""),
    "continued": ("show \\\n  {{ x }}", "", ""),
    "in $( )": ("show \"$(printf '%s.' {{ x }})\"", "", "."),
    "in $( ), double": ('show "$(printf "%s." "{{ x }}")"', "", "."),
    "in $( ) in $( )": ('show "$(echo a; printf "%s." "$(printf "%s." "{{ x }}")")"', "a\n", ".."),
    "in backticks": ("show \"`printf '%s.' {{ x }}`\"", "", "."),
    "in backticks, double": ('v=`printf "%s." "{{ x }}"`; show "$v"', "", "."),
    "in backticks, both double": ('show "`printf %s. \\"{{ x }}\\"`"', "", "."),
    "in backticks, plain double": ('show "`printf %s. "{{ x }}"`"', "", "."),
    "in backticks in backticks": (
        'show "`printf %s. "\\`printf %s. {{ x }}\\`"`"',
        "",
        "..",
    ),
    "in $( ) in backticks": ('v=`printf %s. "$(printf %s. "{{ x }}")"`; show "$v"', "", ".."),
    "after other expansions": ('show "${w:-"a}b"}${h#"ho"}$((1 + (2)))"{{ x }}', "a}bme3", ""),
    "after $' in double": ('show "$\'"{{ x }}', "$'", ""),
    "after an arithmetic command": ("if [ 1 = 2 ]; then (( 1 )); fi; show {{ x }}", "", ""),
    "after a here-document": ("cat <<A >/dev/null; show {{ x }}\nit's \"$h\nA\n", "", ""),
    "after two": ("cat <<A <<'B' >/dev/null\n' \" \\` \\$(\nA\n$( ' `\nB\nshow {{ x }}", "", ""),
    "case": ("case {{ x }} in *) show {{ x }};; esac", "", ""),
    "compared": ("[ {{ x }} = \"{{ x }}\" ] && show '{{ x }}'", "", ""),
    "function": ('f() { show "$1"; }\nf {{ x }}', "", ""),
    "piped": ("printf '%s.' {{ x }} | { v=$(cat); show \"$v\"; }", "", "."),
}

HERE_FRAGMENTS = {
    "here": ('show "$(cat <<E\na {{ x }} $h \\$\nE\n)"', "a ", " home $"),
    "here, quotes": ("cat >&3 <<E\n\"'{{ x }}'\"\nE\nprintf '\\0' >&3", "\"'", "'\"\n"),
    "here, tabs": ("cat >&3 <<-E\n\t\t.{{ x }}\n\tE\nprintf '\\0' >&3", ".", "\n"),
    "here, quoted": ("cat >&3 <<'E'\n.{{ x }}$h\nE\nprintf '\\0' >&3", ".", "$h\n"),
    "here, backslash": ("cat >&3 <<\\E\n.{{ x }}$h\nE\nprintf '\\0' >&3", ".", "$h\n"),
    "here, $( )": ("cat >&3 <<E\n.$(printf %s. {{ x }})\nE\nprintf '\\0' >&3", ".", ".\n"),
    "here, backticks": ("cat >&3 <<E\n.`printf %s. {{ x }}`\nE\nprintf '\\0' >&3", ".", ".\n"),
    "here, two": (
        "cat <<A >/dev/null; cat >&3 <<E\n{{ y }}\nA\n.{{ x }}\nE\nprintf '\\0' >&3",
        ".",
        "\n",
    ),
}


def in_backticks(script: str) -> str:
    return "v=`" + script.replace("\\", "\\\\").replace("`", "\\`") + "`"


WRAPPERS = (
    lambda script: script,
    lambda script: f"if true; then\n{script}\nfi",
    lambda script: f"(\n{script}\n)",
    lambda script: f"{{ {script}\n}}",
    lambda script: f"for i in 1; do {script}\ndone",
    lambda script: f'v="$( {script}\n)"',
    lambda script: f"v=$(\n{script}\n)",
    lambda script: f"eval true; case a in a) {script}\n;; esac",
    in_backticks,
)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("fragment", FRAGMENTS | HERE_FRAGMENTS)
def test_every_place_shows_hostile_values_exactly(shell, fragment, tmp_path):
    script, before, after = (FRAGMENTS | HERE_FRAGMENTS)[fragment]
    values = HOSTILE
    if fragment in HERE_FRAGMENTS:
        values = tuple(value.replace("\n", " ") for value in HOSTILE)
    rendered = [render(script.split("\n"), {"x": value, "y": ".y"}) for value in values]
    shown = seen_by(shell, tmp_path, "\n".join(rendered))
    assert shown == [before + value + after for value in values], rendered


@pytest.mark.parametrize("shell", SHELLS)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_places_put_together_show_values_exactly(shell, tmp_path, data):
    script, expected = [], []
    values = {}
    for number in range(data.draw(st.integers(1, 6))):
        (text, before, after) = data.draw(st.sampled_from(list(FRAGMENTS.values())))
        value = data.draw(VALUES)
        values[f"x{number}"] = value
        text = text.replace("{{ x }}", f"{{{{ x{number} }}}}").replace(
            "{{x}}", f"{{{{x{number}}}}}"
        )
        for wrap in data.draw(st.lists(st.sampled_from(WRAPPERS), max_size=2)):
            if "case" not in text or wrap not in WRAPPERS[5:7]:
                text = wrap(text)
        script.append(text)
        expected.append(before + value + after)
    rendered = render("\n".join(script).split("\n"), values)
    assert seen_by(shell, tmp_path, rendered) == expected, rendered


@pytest.mark.parametrize("shell", SHELLS)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(fragment=st.sampled_from(sorted(HERE_FRAGMENTS)), value=ONE_LINE)
@example(fragment="here", value="\\")
def test_here_documents_show_values_exactly(shell, tmp_path, fragment, value):
    script, before, after = HERE_FRAGMENTS[fragment]
    rendered = render(script.split("\n"), {"x": value, "y": ".y"})
    assert seen_by(shell, tmp_path, rendered) == [before + value + after], rendered


@pytest.mark.parametrize("shell", SHELLS)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(items=st.lists(VALUES, max_size=4))
def test_lists_become_words(shell, tmp_path, items):
    values = {"l": items}
    assert seen_by(shell, tmp_path, render(["show {{ l }} end"], values)) == [*items, "end"]
    loop = render(['for i in {{ l }}; do show "$i"; done'], values)
    assert seen_by(shell, tmp_path, loop) == items
    joined = " ".join(items)
    for script in ('v={{ l }}; show "$v"', 'show "{{ l }}"', "show '{{ l }}'"):
        assert seen_by(shell, tmp_path, render([script], values)) == [joined]
    # In "{{ l }}#" an empty list must not turn what follows into a comment.
    hashed = render(['show {{ l }}#"$h"'], values)
    assert seen_by(shell, tmp_path, hashed) == [*items[:-1], (items or [""])[-1] + "#home"]


@pytest.mark.parametrize("shell", SHELLS)
def test_numbers_can_be_calculated_with(shell, tmp_path):
    text = render(["show $((2 * {{ n }})) $(( ({{ n }}) + 1 ))"], {"n": "-21"})
    assert seen_by(shell, tmp_path, text) == ["-42", "-20"]


def test_numbers_in_bash_ranges_and_conditions(tmp_path):
    script = [
        "show {1..{{ n }}} {{{ n }}..1}",
        "for ((i = 0; i < {{ n }}; i++)); do show $i; done",
        "(( {{ n }} > 2 )) && show yes",
        "a[{{ n }}]=4; show ${a[3]}",
        "cat >&3 <<< {{ x }}; printf '\\0' >&3",
    ]
    text = render(script, {"n": "3", "x": "$(touch hacked)"})
    assert seen_by("bash", tmp_path, text) == [
        *"123321",
        *"012",
        "yes",
        "4",
        "$(touch hacked)\n",
    ]


RUBBISH = [
    *("'", '"', "`", "\\", "$", "$(", ")", "${", "}", "$((", "))", "((", "(", "#", "<<E", "<<'E'"),
    *("E", "E)", "case", "esac", ";", "a", "x=", "[", "]", " ", "\n", "{{ x }}", "{{x}}"),
]


def is_shell(shell: str, script: str) -> bool:
    """Tell whether a shell finds no syntax error."""
    return not subprocess.run(
        [*command(shell), "-nc", script], capture_output=True, timeout=20
    ).stderr


@settings(max_examples=250, deadline=None)
@given(
    pieces=st.lists(st.sampled_from(RUBBISH), max_size=25),
    value=st.sampled_from(
        ("$(>hacked)", "`>hacked`", "\n>hacked\n", "a[$(>hacked)]", ";>hacked;", "E)\n>hacked\n")
    ),
    quote=st.sampled_from(("", "'", '"', ")", "}", "'\"`)")),
)
def test_whatever_a_script_holds_nothing_of_a_value_runs(pieces, value, quote, tmp_path_factory):
    """Random rubbish either is refused, or runs no part of a value in any shell."""
    script = "".join(pieces)
    try:
        text = render(script.split("\n"), {"x": quote + value + quote})
    except InvalidDocument:
        return
    if "hacked" not in text:
        return
    folder = tmp_path_factory.mktemp("rubbish", numbered=True)
    for shell in SHELLS:
        # After some syntax errors bash goes on with the next line, be it a line of a quoted value.
        if "\n" in value and not is_shell(shell, render(script.split("\n"), {"x": "0"})):
            continue
        (folder / "program").write_bytes(text.encode())
        subprocess.run(
            [*command(shell), "program"],
            cwd=folder,
            env={"PATH": "/nonexistent"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=20,
        )
        assert not (folder / "hacked").exists(), (shell, script, text)
