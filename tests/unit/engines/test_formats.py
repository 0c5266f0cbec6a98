"""The engine's documents and streams."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccp_jupyter.hub_service.engines import _docker_formats as formats
from ccp_jupyter.hub_service.engines.base import BadRequest, LogFrame, NodeUnreachable

PIECE = 16 * 1024


def _framed(stream: int, stamp: str, data: bytes) -> bytes:
    payload = stamp.encode() + b" " + data
    return struct.pack(">BxxxL", stream, len(payload)) + payload


def _stamp(nanoseconds: int) -> str:
    return f"2026-12-31T23:59:{nanoseconds // 10**9:02}.{nanoseconds % 10**9:09}Z"


_FRAMES = st.lists(
    st.tuples(
        st.sampled_from([1, 2]),
        st.integers(0, 59 * 10**9 + 999_999_999).map(_stamp),
        st.binary(max_size=50),
    ),
    max_size=20,
)


@given(_FRAMES, st.lists(st.integers(1, 40), min_size=1))
def test_frames_do_not_depend_on_how_they_come(
    frames: list[tuple[int, str, bytes]], cuts: list[int]
) -> None:
    data = b"".join(_framed(*frame) for frame in frames)
    whole = formats.FrameParser(None).feed(data)
    parser, pieces, place, turn = formats.FrameParser(None), [], 0, 0
    while place < len(data):
        size = cuts[turn % len(cuts)]
        pieces += parser.feed(data[place : place + size])
        place, turn = place + size, turn + 1
    assert pieces == whole
    assert [frame.data for frame in whole] == [frame[2] for frame in frames]
    stamps = [frame.stamp for frame in whole]
    assert stamps == sorted(set(stamps))


@given(_FRAMES, st.integers(0, 19))
def test_continuing_gives_the_rest(frames: list[tuple[int, str, bytes]], place: int) -> None:
    data = b"".join(_framed(*frame) for frame in frames)
    whole = formats.FrameParser(None).feed(data)
    if place < len(whole):
        assert formats.FrameParser(whole[place].stamp).feed(data) == whole[place + 1 :]


def test_stamps_are_counted_up_across_the_year() -> None:
    last = "2026-12-31T23:59:59.999999999Z"
    frames = formats.FrameParser(None).feed(_framed(1, last, b"a\n") + _framed(2, last, b"b\n"))
    assert [frame.stamp for frame in frames] == [last, "2027-01-01T00:00:00.000000000Z"]


def test_line_ends_of_lines_in_pieces_come_back() -> None:
    stamp, whole = _stamp(1), b"x" * PIECE
    parts = [(1, whole), (2, whole), (1, whole), (1, b"end"), (2, b""), (1, b"last")]
    data = b"".join(_framed(stream, stamp, part) for stream, part in parts)
    found = [(frame.stream, frame.data) for frame in formats.FrameParser(None).feed(data)]
    assert found == [
        ("stdout", whole),
        ("stderr", whole),
        ("stdout", whole),
        ("stdout", b"end\n"),
        ("stderr", b"\n"),
        ("stdout", b"last"),
    ]


def test_line_ends_that_are_there_are_not_doubled() -> None:
    data = _framed(1, _stamp(1), b"x" * PIECE) + _framed(1, _stamp(1), b"end\n")
    assert formats.FrameParser(None).feed(data)[1].data == b"end\n"


def test_the_engines_own_error_in_a_stream() -> None:
    with pytest.raises(NodeUnreachable, match="log file is corrupt"):
        formats.FrameParser(None).feed(_framed(3, _stamp(1), b"log file is corrupt"))


@given(st.binary(max_size=200))
def test_garbage_never_hangs(data: bytes) -> None:
    try:
        frames = formats.FrameParser(None).feed(data)
    except NodeUnreachable:
        return
    assert all(isinstance(frame, LogFrame) for frame in frames)


@pytest.mark.parametrize(
    "reference",
    [
        "x",
        "x:1",
        "a/b/c:V1.2_3-4",
        "localhost:5000/x",
        "registry.example.org:5000/group/image:tag",
        f"x@sha256:{'a' * 64}",
        f"r.io/x:1@sha256:{'0' * 64}",
        f"sha256:{'a' * 64}",
        "a__b/c-d--e.f",
    ],
)
def test_references(reference: str) -> None:
    assert formats.checked_reference(reference) == reference


@pytest.mark.parametrize(
    "reference",
    ["", ":1", "x:", "X", "x@sha256:1", "x y", "../x", "x/../y", "x?a=b", "x#", "x\n", "é", "-x"],
)
def test_what_is_no_reference(reference: str) -> None:
    with pytest.raises(BadRequest):
        formats.checked_reference(reference)


@given(st.text(max_size=30))
def test_checked_texts_cannot_change_a_url(text: str) -> None:
    for check in (formats.checked_name, formats.checked_reference):
        try:
            checked = check(text)
        except BadRequest:
            continue
        assert not set(checked) & set("?#%\\ \n\0")
        assert ".." not in checked.split("/")


def test_listed_containers() -> None:
    base = {"Id": "a", "Names": ["/n"], "Labels": None}
    for state, status, expected in (
        ("exited", "Exited (137) 5 minutes ago", ("exited", 137)),
        ("running", "Up 2 hours (healthy)", ("running", None)),
        ("created", "Created", ("created", None)),
        ("removing", "Removal In Progress", ("exited", None)),
        ("dead", "Dead", ("exited", None)),
        ("paused", "Up 3 seconds (Paused)", ("running", None)),
    ):
        info = formats.listed_container({**base, "State": state, "Status": status})
        assert (info.state, info.exit_code) == expected
        assert (info.name, info.labels) == ("n", {})
