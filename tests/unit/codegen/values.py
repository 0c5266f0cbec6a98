"""Values that are hard to write down, and the facts of a request that has them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from ccp_jupyter.codegen.facts import Facts, LocalFile, Secret

TEXTS = (
    "",
    " ",
    "plain",
    "it's",
    'a "quoted" text',
    '"',
    '""',
    '"""',
    '\\"""',
    "'''",
    "\\",
    "\\\\",
    "ends with \\",
    "\\n is no line",
    "two\nlines\r\nand\ttabs",
    "$HOME ${HOME} $(id) $((1+1)) `id` !! \\$",
    "JSON",
    "\nJSON\n",
    "{{ word }} {word} %s %(word)s \x25\x25",
    ')" )-" )--" )---"',
    "#= =# # // /* */ <!-- --> ]]>",
    "<script>alert(1)</script> &amp;",
    "grüße, 你好, ☃, 😀, e\u0301",
    "\ufeffbom \u2028 \u2029 \x85 \xa0",
    "\u202eright to left\u202c",
    "\x01\x07\x08\x0b\x0c\x1b[31m\x1f\x7f\x9f",
    "@CCP_SECRET_KEY@",
    "~ * ? [a] | & ; < > ( )",
    "-n",
    "x" * 100_000,
    "\U000e0001\U0010ffff",
)
NUMBERS = (0, -1, 2**63 - 1, -(2**63), 0.1, -0.0, 1e300, 5e-324, 1.0, 123456789012345678)

characters = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
texts = st.text(st.sampled_from("\"'\\\n\r\t$`{}()#%!=*-@/\x01\x1f\x7f\u2028ü😀") | characters)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=20,
)


def facts(inputs: dict[str, Any], **members: Any) -> Facts:
    """Return the facts of a request with these inputs."""
    return Facts(
        **{
            "service": "https://hub.example.org/services/ccp/",
            "method_id": "word-counts",
            "title": "Word counts",
            "version": "1.0.0",
            "request": {"inputs": inputs},
            "written": datetime(2026, 11, 22, tzinfo=UTC),
            **members,
        }
    )


KEY = Secret("key", "CCP_SECRET_KEY")
TABLE = LocalFile("table", 40_000, "It came with the Execution")
