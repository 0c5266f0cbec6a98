"""Names of files from titles that could be anything."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ccp_jupyter.model.file_names import execution_name, method_file_name, numbered, plain_name


@pytest.mark.parametrize(
    ("title", "version", "expected"),
    [
        ("Column statistics", "1.2.0", "Column statistics-1.2.0.json"),
        ("../../etc/passwd", "1.0.0", "etc passwd-1.0.0.json"),
        ("a / .. / b", "1.0.0", "a b-1.0.0.json"),
        (".hidden", "", "hidden-0.json"),
        ("-rf", "1.0.0", "rf-1.0.0.json"),
        ("", "1.0.0", "method-1.0.0.json"),
        ("...", "../1", "method-1.json"),
        ("CON.txt", "1.0.0", "_CON.txt-1.0.0.json"),
        ("lpt1", "1.0.0", "_lpt1-1.0.0.json"),
        ("console", "1.0.0", "console-1.0.0.json"),
        ("Größe 数 ﷺ", "1.0.0", "Größe 数 ﷺ-1.0.0.json"),
        ("a\u202egpj.exe", "1.0.0", "a gpj.exe-1.0.0.json"),
        ("a\x00\n\x1b[2Jb", "1.0.0", "a 2Jb-1.0.0.json"),
        ('x: <b>?*|"\\', "1.0.0", "x b-1.0.0.json"),
        ("trailing. ", "1.0.0", "trailing-1.0.0.json"),
        ("\ud800", "1.0.0", "method-1.0.0.json"),
    ],
)
def test_names_of_methods(title, version, expected):
    assert method_file_name(title, version) == expected


@given(st.text(), st.text())
@example("ß" * 300, "1" * 300)
def test_every_file_system_takes_them(title, version):
    for name in (method_file_name(title, version), execution_name(title, version) + ".zip"):
        assert len(name.encode()) <= 200
        assert not set(name) & set('/\\:*?"<>|\0') and name.isprintable()
        assert name[0] not in ".- " and not name.endswith((".", " "))
        assert ".." not in name.split()
        assert plain_name(name, "x", 500) == name


def test_numbers():
    assert numbered("a.json", 1) == "a.json"
    assert numbered("a.b.json", 2) == "a.b (2).json"
    assert numbered("a", 3) == "a (3)"
