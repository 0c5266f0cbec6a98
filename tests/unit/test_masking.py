"""Secrets in texts: every form is found, nothing else is touched, whatever the pieces."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccp_jupyter.hub_service.masking import MASK, SHORTEST, Masker

AWKWARD = "p(a*s+s?[w]o\\r|d$^.{2}"
texts = st.text(max_size=60)
secrets = st.text(min_size=SHORTEST, max_size=20).filter(lambda text: text == text.strip())
# Few letters, so that secrets overlap, begin alike, and are found often.
few = st.text(alphabet="ab*", max_size=40)
few_secrets = st.lists(st.text(alphabet="ab*", min_size=4, max_size=10), max_size=4)


def test_what_is_masked() -> None:
    masker = Masker(["correct horse", AWKWARD, "987654321"])
    assert masker.text(f"x correct horse y {AWKWARD}z") == "x *** y ***z"
    assert masker.text("the number 987654321") == "the number ***"
    assert masker.text("correct  horse") == "correct  horse"
    assert masker.text("CORRECT HORSE") == "CORRECT HORSE", "exact strings only"


def test_a_short_secret_masks_nothing() -> None:
    masker = Masker(["", "a", "abc", "\n\n\n\n"])
    assert masker.text("a cab abc") == "a cab abc"
    assert Masker(["abcd"]).text("abc abcd") == "abc ***"


def test_longest_first_and_overlapping() -> None:
    masker = Masker(["secret", "secret-key", "key-ring"])
    assert masker.text("secret-key!") == "***!"
    assert masker.text("secret-key-ring!") == "***!", "the end of the second does not show"
    assert masker.text("secretsecret") == "******"
    assert Masker(["aaaa"]).text("aaaaaaa b aaaa") == "*** b ***"


def test_an_empty_masker_costs_nothing() -> None:
    masker = Masker(["abc"])
    assert not masker
    assert Masker(["abcd"])
    text, data = "x" * 1000, {"a": ["b"]}
    assert masker.text(text) is text
    assert masker.data(data) is data
    assert masker.stream().feed(b"abc") == b"abc"


QUOTED = 'it\'s "ümlaut" \\ 𝄞/+ &?%\t\x00'


@pytest.mark.parametrize("secret", [AWKWARD, QUOTED, "it's", 'say "x"', "a/b+c=d e", "пароль"])
def test_the_forms_in_which_programs_write_them(secret: str) -> None:
    masker = Masker([secret])
    forms = [
        secret,
        json.dumps({"password": secret}),
        json.dumps([secret], ensure_ascii=False),
        f"https://me:{quote(secret, safe='')}@host",
        f"?p={quote_plus(secret)}&q=1",
        f"/path/{quote(secret)}/",
        "requests=" + quote(secret, safe="!#$%&'()*+,/:;=?@[]~"),
        "dotnet=" + quote_plus(secret).lower(),
        "javascript=" + quote(secret, safe="!'()*"),
        repr({"password": secret}),
        repr(f"a message with {secret}"),
        repr(f"a message with ' and \" and {secret}"),
        repr(secret.encode()),
    ]
    for form in forms:
        masked = masker.text(form)
        assert MASK in masked, form
        for trace in (secret, json.dumps(secret)[1:-1], quote(secret, safe=""), repr(secret)[1:-1]):
            assert trace not in masked, form


def test_values_of_the_callers_own_making() -> None:
    login = base64.b64encode(b"user:hunter2").decode()
    assert Masker(["hunter2", login]).text(f"Authorization: Basic {login}") == (
        "Authorization: Basic ***"
    )


PRIVATE = "-----BEGIN KEY-----\r\nMIIEvQIBADANBg\n  kqhkiG9w0BAQEF\nAA==\n-----END KEY-----\n"


def test_lines_of_a_private_key() -> None:
    masker = Masker([PRIVATE])
    assert masker.text(PRIVATE) == MASK
    assert masker.text("load MIIEvQIBADANBg failed; kqhkiG9w0BAQEF") == "load *** failed; ***"
    assert masker.text("AA== is a short line") == "AA== is a short line"
    assert "MII" not in masker.text(json.dumps(PRIVATE))
    assert "kqhki" not in masker.text(PRIVATE.replace("\n", "\\n"))


def test_white_space_around_a_secret() -> None:
    masker = Masker(["  hunter2\n"])
    assert masker.text("it is hunter2!") == "it is ***!"


def test_half_characters_do_not_break_it() -> None:
    masker = Masker(["pass\udcffword"])
    assert masker.text("a pass\udcffword \udc80") == "a *** \udc80"
    assert Masker(["hunter2"]).text("\udc80 hunter2") == "\udc80 ***"


def test_json_data() -> None:
    masker = Masker(["hunter2", "987654321", "1.5e+300"])
    data = {
        "list": ["hunter2", {"x-hunter2-y": None}],
        "number": 987654321,
        "float": 1.5e300,
        "part": 19876543210,
        "true": True,
        "none": None,
        "tuple": ("hunter2",),
    }
    assert masker.data(data) == {
        "list": [MASK, {"x-***-y": None}],
        "number": MASK,
        "float": MASK,
        "part": 19876543210,
        "true": True,
        "none": None,
        "tuple": [MASK],
    }
    assert data["number"] == 987654321, "the original stays"


def spans_by_hand(text: str, values: list[str]) -> str:
    """Return what masking must make of a text of letters that no form changes."""
    masked = [False] * len(text)
    starts = set()
    for value in values:
        at = text.find(value)
        while at >= 0:
            starts.add(at)
            masked[at : at + len(value)] = [True] * len(value)
            at = text.find(value, at + 1)
    ends = {at: max(at + len(v) for v in values if text.startswith(v, at)) for at in starts}
    found, end = "", 0
    for at, letter in enumerate(text):
        if at in ends:
            if at >= end:
                found += MASK
            end = max(end, ends[at])
        if at >= end:
            found += letter
    return found


@given(few, few_secrets)
@settings(max_examples=300, deadline=None)
def test_it_masks_exactly_the_union_of_all_places(text: str, values: list[str]) -> None:
    # "*" is escaped by quote, which makes a form of letters that do not occur here.
    assert Masker(values).text(text) == spans_by_hand(text, values)


@given(texts, st.lists(secrets, min_size=1, max_size=5), texts)
@settings(max_examples=200, deadline=None)
def test_no_secret_survives(before: str, values: list[str], after: str) -> None:
    masker = Masker(values)
    for value in values:
        for form in (value, json.dumps(value), quote(value, safe=""), repr(value)):
            masked = masker.text(f"{before}{form}{after}")
            assert MASK in masked
            # Only letters around it may happen to be the secret again.
            assert value not in masked or value in f"{before}{MASK}{after}" or value in MASK


@given(texts, st.lists(secrets, max_size=3))
@settings(max_examples=200, deadline=None)
def test_a_text_without_secrets_stays(text: str, values: list[str]) -> None:
    masker = Masker(values)
    if not any(True for _ in masker.spans(text.encode())):
        assert masker.text(text) is text


@given(few, few_secrets, st.lists(st.integers(1, 7), max_size=20))
@settings(max_examples=300, deadline=None)
def test_a_stream_is_masked_as_the_whole(text: str, values: list[str], sizes: list[int]) -> None:
    masker = Masker(values)
    stream, data, found = masker.stream(), text.encode(), b""
    for size in sizes:
        piece, data = data[:size], data[size:]
        found += stream.feed(piece)
    found += stream.feed(data) + stream.finish()
    assert found == masker.masked(text.encode())


def test_a_stream_keeps_no_more_than_the_longest_secret() -> None:
    masker = Masker(["x" * 1000, "hunter2"])
    stream = masker.stream()
    assert stream.feed(b"y" * 999) == b""
    assert len(stream.feed(b"y" * 10_000)) == 10_000
    assert stream.feed(b"x" * 999) == b"y" * 999
    assert stream.feed(b"x" + b"z" * 999) == MASK.encode()
    assert stream.finish() == b"z" * 999
    assert stream.feed(b"hunter2") + stream.finish() == MASK.encode(), "begins anew"


def test_thousands_of_secrets_and_much_text() -> None:
    values = [f"https://host.example/path/{n:06}?token={n * 7919:x}" for n in range(2000)]
    started = time.process_time()
    masker = Masker(values)
    line = "2026-11-22 INFO something happened at https://other.example/ and went on\n"
    text = line * 40_000 + values[1234] + line * 40_000
    masked = masker.text(text)
    spent = time.process_time() - started
    assert masked == line * 40_000 + MASK + line * 40_000
    # A loop over the secrets takes minutes.
    assert spent < 10, f"{spent:.1f} s of CPU for {len(text)} characters"
