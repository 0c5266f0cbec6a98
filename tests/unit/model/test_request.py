"""Checking execute requests: everything that is wrong, nothing secret shown."""

import base64
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.infrastructure import Limits
from ccp_jupyter.model.method import Method, parse_method
from ccp_jupyter.model.request import CheckedRequest, RequestedOutput, check_request, script_values
from ccp_jupyter.model.script import render
from ccp_jupyter.model.values import FileValue, InlineFile, LinkValue, PlainValue, SecretValue
from tests.unit.model.method_documents import IMAGE, method_document, text_input

SECRET = "s3cr3t-pass"
FULL = parse_method(
    method_document(
        {
            "text": {"minOccurs": 0, **text_input(maxLength=50, pattern="^[^!]*$")},
            "word": {"minOccurs": 0, **text_input(enum=["one", "two"])},
            "whole": {"minOccurs": 0, "schema": {"type": "integer", "minimum": 0, "maximum": 9}},
            "real": {"minOccurs": 0, "schema": {"type": "number"}},
            "flag": {"minOccurs": 0, "schema": {"type": "boolean"}},
            "day": {"minOccurs": 0, **text_input(format="date")},
            "list": {"minOccurs": 0, "schema": {"type": "array", "items": {"type": "integer"}}},
            "lists": {
                "minOccurs": 0,
                "maxOccurs": 2,
                "schema": {"type": "array", "items": {"type": "integer"}},
            },
            "record": {
                "minOccurs": 0,
                "schema": {
                    "type": "object",
                    "required": ["value"],
                    "properties": {"value": {"type": "string"}},
                },
            },
            "many": {"minOccurs": 0, "maxOccurs": 3, **text_input()},
            "table": {"minOccurs": 0, **text_input(format="file", contentMediaType="text/csv")},
            "files": {"minOccurs": 0, "maxOccurs": "unbounded", **text_input(format="file")},
            "note": {"minOccurs": 0, **text_input(format="file", contentEncoding="utf-8")},
            "chosen": {"minOccurs": 0, **text_input(format="remotefile")},
            "key": {"minOccurs": 0, **text_input(format="secret", minLength=3)},
            "fixed": {"minOccurs": 0, **text_input(default="f", readOnly=True)},
            "ccpmaxtime": {"minOccurs": 0, "schema": {"type": "integer"}},
            "ccpreplicas": {"minOccurs": 0, "schema": {"type": "integer", "default": 2}},
            "ccpnote": {"minOccurs": 0, **text_input(default="")},
        },
        outputs={"a": {"schema": {"type": "string"}}, "b": {"schema": {"type": "string"}}},
    )
)
LIMITS = Limits(max_time=100, max_replicas=4)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def checked(inputs: object = None, *, method: Method = FULL, **members: object) -> CheckedRequest:
    return check_request(method, {"inputs": inputs, **members}, LIMITS)


def problems_of(body: object, method: Method = FULL, limits: Limits = LIMITS) -> list[str]:
    with pytest.raises(InvalidDocument) as caught:
        check_request(method, body, limits)
    assert SECRET not in str(caught.value)
    return [str(problem) for problem in caught.value.problems]


# --- values --------------------------------------------------------------------------------


def test_an_empty_request_takes_the_defaults():
    request = check_request(FULL, {}, LIMITS)
    assert request.inputs == {
        "ccpimage": [PlainValue(value=IMAGE)],
        "fixed": [PlainValue(value="f")],
        "ccpreplicas": [PlainValue(value=2)],
        "ccpnote": [PlainValue(value="")],
    }
    assert (request.image, request.replicas, request.limits.max_time, request.note) == (
        IMAGE,
        2,
        100,
        "",
    )
    assert request.outputs == {"a": RequestedOutput("value"), "b": RequestedOutput("value")}
    assert request.response == "raw"
    assert request.body == {} and request.secrets == {}


@pytest.mark.parametrize(
    ("name", "sent", "value"),
    [
        ("text", "it's", "it's"),
        ("text", "", ""),
        ("text", 5, "5"),
        ("text", {"value": "x"}, "x"),
        ("text", {"value": "x", "mediaType": "text/plain", "encoding": "utf-8"}, "x"),
        ("word", "two", "two"),
        ("whole", 5, 5),
        ("whole", "5", 5),
        ("whole", " 5\n", 5),
        ("whole", 5.0, 5),
        ("whole", "5.0", 5),
        ("whole", {"value": "5"}, 5),
        ("real", "1.50", 1.5),
        ("real", "-1e3", -1000.0),
        ("real", "7", 7),
        ("real", 0.1, 0.1),
        ("flag", "TRUE", True),
        ("flag", "false", False),
        ("flag", False, False),
        ("day", "2024-02-29", "2024-02-29"),
        ("list", [1, 2], [1, 2]),
        ("list", [], []),
        ("list", {"value": [1]}, [1]),
        ("record", {"value": "x"}, {"value": "x"}),
        ("record", {"value": {"value": "x", "more": 1}}, {"value": "x", "more": 1}),
        ("record", {"value": "x", "href": "y"}, {"value": "x", "href": "y"}),
        ("fixed", "f", "f"),
    ],
)
def test_literals(name, sent, value):
    (found,) = checked({name: sent}).inputs[name]
    assert found == PlainValue(value=value)
    assert type(found.value) is type(value)


@pytest.mark.parametrize(
    ("name", "sent", "values"),
    [
        ("many", "a", ["a"]),
        ("many", ["a"], ["a"]),
        ("many", ["a", {"value": "b"}, "a"], ["a", "b", "a"]),
        ("lists", [1, 2], [[1, 2]]),
        ("lists", [[1], [2, 3]], [[1], [2, 3]]),
        ("lists", [{"value": [1]}, [2]], [[1], [2]]),
    ],
)
def test_several_values(name, sent, values):
    assert checked({name: sent}).inputs[name] == [PlainValue(value=value) for value in values]


@pytest.mark.parametrize("name", ["whole", "word", "table", "key", "text", "many"])
def test_null_and_an_empty_field_of_a_form_are_no_value(name):
    assert name not in checked({name: None}).inputs
    if name not in ("text", "many"):
        assert name not in checked({name: ""}).inputs


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ([], "inputs: must be an object with input ids (found list)"),
        ({"nope": SECRET}, "inputs.nope: no such input; the Method has ccpimage, text"),
        ({"text": ["a"]}, "inputs.text: must be text (found ['a'])"),
        ({"text": True}, "inputs.text: must be text"),
        ({"text": {"a": 1}}, "inputs.text: must be text"),
        ({"text": {"href": "https://x/"}}, "inputs.text: takes the value itself"),
        ({"text": "x" * 51}, "inputs.text: must have at most 50 characters"),
        ({"text": "no!"}, "inputs.text: must match the pattern '^[^!]*$'"),
        ({"text": "a\0b"}, "inputs.text: no NUL characters"),
        ({"text": "\udcff"}, "inputs.text: must be valid Unicode"),
        ({"word": "three"}, "inputs.word: must be one of 'one', 'two' (found 'three')"),
        ({"whole": "five"}, "inputs.whole: must be a whole number (found 'five')"),
        ({"whole": 1.5}, "inputs.whole: must be a whole number"),
        ({"whole": True}, "inputs.whole: must be a whole number"),
        ({"whole": "9" * 5000}, "inputs.whole: must be a whole number"),
        ({"whole": 10}, "inputs.whole: must be at most 9 (found 10)"),
        ({"whole": "-1"}, "inputs.whole: must be at least 0 (found -1)"),
        ({"whole": 10**30}, "inputs.whole: a whole number must fit into 64 bits"),
        ({"real": "1e999"}, "inputs.real: must be a number"),
        ({"real": float("nan")}, "inputs.real: a number must be finite"),
        ({"flag": "yes"}, "inputs.flag: must be true or false"),
        ({"flag": 1}, "inputs.flag: must be true or false"),
        ({"day": "2023-02-29"}, "inputs.day: must be a date such as"),
        ({"list": [1, "x", None]}, "inputs.list[1]: must be a whole number (found 'x')"),
        ({"list": "1,2"}, "inputs.list: must be a list"),
        ({"record": {}}, "inputs.record: must have the member value"),
        ({"record": {"value": 5}}, "inputs.record.value: must be text"),
        ({"many": ["a", "b", "c", "d"]}, "inputs.many: takes at most 3 value(s) (found 4 values)"),
        ({"many": ["a", 5.5, []]}, "inputs.many[2]: must be text"),
        ({"key": 5}, "inputs.key: a secret must be text"),
        ({"key": [SECRET]}, "inputs.key: a secret must be text"),
        ({"key": {"secret": True}}, "inputs.key: a secret must be text"),
        ({"key": {"href": "http://x/" + SECRET}}, "inputs.key: a secret must be text"),
        ({"key": "s3"}, "inputs.key: must have at least 3 characters"),
        ({"fixed": "g"}, "inputs.fixed: is fixed by the Method to 'f'; leave it out"),
        ({"ccpmaxtime": 0}, "inputs.ccpmaxtime: must be at least 1 (found 0)"),
        ({"ccpmaxtime": -1}, "inputs.ccpmaxtime: must be at least 1 (found -1)"),
        ({"ccpmaxtime": "-1"}, "inputs.ccpmaxtime: must be at least 1 (found -1)"),
        ({"ccpmaxtime": "soon"}, "inputs.ccpmaxtime: must be a whole number (found 'soon')"),
        ({"ccpreplicas": 0}, "inputs.ccpreplicas: must be at least 1 (found 0)"),
        ({"ccpreplicas": 10**6}, "inputs.ccpreplicas: at most 4 replicas on this Infrastructure"),
        ({"ccpreplicas": [1, 2]}, "inputs.ccpreplicas: must be a whole number"),
        ({"ccpnote": "x" * 10_001}, "inputs.ccpnote: must have at most 10000 characters"),
        ({"ccpimage": "--privileged"}, "inputs.ccpimage: must name a container image"),
        ({"ccpimage": "a b"}, "inputs.ccpimage: must name a container image"),
        ({"ccpimage": ""}, "inputs.ccpimage: must name a container image"),
        ({"ccpimage": "a" * 501}, "inputs.ccpimage: must name a container image"),
    ],
)
def test_wrong_values(inputs, problem):
    assert any(each.startswith(problem) for each in problems_of({"inputs": inputs}))


def test_required_inputs():
    method = parse_method(
        method_document({"a": text_input(), "b": {"minOccurs": 2, "maxOccurs": 3, **text_input()}})
    )
    assert problems_of({}, method) == ["inputs.a: is missing", "inputs.b: is missing"]
    assert problems_of({"inputs": {"a": None, "b": ["x"]}}, method) == [
        "inputs.a: is missing",
        "inputs.b: needs at least 2 values (found 1 values)",
    ]
    assert check_request(method, {"inputs": {"a": "", "b": ["x", "y"]}}, LIMITS)


def test_an_image_is_needed():
    method = parse_method(method_document({"ccpimage": text_input()}))
    assert problems_of({}, method) == ["inputs.ccpimage: is missing"]
    assert check_request(method, {"inputs": {"ccpimage": "x:1"}}, LIMITS).image == "x:1"


def test_max_time_is_capped_and_replicas_are_not():
    assert checked({"ccpmaxtime": "50"}).limits.max_time == 50
    assert checked({"ccpmaxtime": 10**6}).limits.max_time == 100
    assert checked({"ccpreplicas": "4", "ccpnote": "why"}).replicas == 4
    assert checked({"ccpnote": "why"}).note == "why"


# --- files, links, secrets -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "sent", "found"),
    [
        ("table", b64(b"a,b\n"), InlineFile(b"a,b\n", "text/csv")),
        ("table", "YSxi\r\n Cg=\n=", InlineFile(b"a,b\n", "text/csv")),
        ("table", {"value": ""}, InlineFile(b"", "text/csv")),
        ("table", {"value": "YQ==", "mediaType": "text/x"}, InlineFile(b"a", "text/x")),
        ("table", {"value": "YQ==", "format": {"mediaType": "text/x"}}, InlineFile(b"a", "text/x")),
        ("table", {"value": "é", "encoding": "utf-8"}, InlineFile("é".encode(), "text/csv")),
        ("note", "a text\n", InlineFile(b"a text\n")),
        ("note", "https://not.a/link", InlineFile(b"https://not.a/link")),
        ("note", {"value": "YQ==", "encoding": "base64"}, InlineFile(b"a")),
        (
            "table",
            {"href": "https://x.org/t"},
            LinkValue(href="https://x.org/t", media_type="text/csv"),
        ),
        ("table", "HTTP://x.org/t", LinkValue(href="HTTP://x.org/t", media_type="text/csv")),
        (
            "chosen",
            {"href": "http://[::1]:8/t?a=b#c", "type": "text/x; charset=utf-8"},
            LinkValue(href="http://[::1]:8/t?a=b#c", media_type="text/x; charset=utf-8"),
        ),
    ],
)
def test_files_and_links(name, sent, found):
    request = checked({name: sent})
    assert request.inputs[name] == [found]
    kept = request.body["inputs"][name]
    if isinstance(found, InlineFile):
        assert kept == {"href": f"inputs/{name}", "type": found.media_type}
    else:
        assert kept == sent


def test_several_files_are_numbered_by_their_place():
    sent = [b64(b"1"), {"href": "http://x/2"}, b64(b"3")]
    request = checked({"files": sent})
    assert [type(value) for value in request.inputs["files"]] == [InlineFile, LinkValue, InlineFile]
    octets = "application/octet-stream"
    assert request.body["inputs"]["files"] == [
        {"href": "inputs/files.1", "type": octets},
        {"href": "http://x/2"},
        {"href": "inputs/files.3", "type": octets},
    ]
    assert checked({"files": b64(b"1")}).body["inputs"]["files"]["href"] == "inputs/files.1"


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        ("YQ=", "inputs.table: must be base64: 3 characters"),
        ("YQ==YQ==", "inputs.table: must be base64: character 5 follows the padding"),
        ("YWJj?Q==", "inputs.table: must be base64: character 5, '?' is no character of base64"),
        ("YWé=", "inputs.table: must be base64: character 3"),
        ("Y", "inputs.table: must be base64"),
        ("====", "inputs.table: must be base64"),
        (5, "inputs.table: a file must be text (base64)"),
        ([b64(b"a")], "inputs.table: a file must be text (base64)"),
        ({"value": 5}, "inputs.table: a file must be text (base64)"),
        ({"value": "YQ==", "mediaType": "csv"}, "inputs.table: mediaType must be like text/csv"),
        ({"value": "YQ==", "mediaType": 5}, "inputs.table: mediaType must be like text/csv"),
        ({"href": "file:///etc/passwd"}, "inputs.table.href: must be a link that begins with http"),
        ({"href": "inputs/table"}, "inputs.table.href: must be a link that begins with http"),
        ({"href": 5}, "inputs.table.href: must be a link that begins with http"),
        ({"href": f"https://bob:{SECRET}@x/"}, "inputs.table.href: must be a link without user"),
        ({"href": "https:///x"}, "inputs.table.href: must be a link with a host name"),
        ({"href": "https://[::1/x"}, "inputs.table.href: must be a link with a host name"),
        ({"href": "https://x:99999/"}, "inputs.table.href: must be a link with a host name"),
        ({"href": "https://x/a b"}, "inputs.table.href: must be a link without spaces"),
        ({"href": "https://x/\r\nHost: y"}, "inputs.table.href: must be a link without spaces"),
        ({"href": "https://x/" + "a" * 8192}, "inputs.table.href: must have at most 8192"),
        ({"href": "https://x/", "type": "x"}, "inputs.table.type: must be a media type"),
    ],
)
def test_wrong_files_and_links(sent, problem):
    assert any(each.startswith(problem) for each in problems_of({"inputs": {"table": sent}}))


def test_inline_files_are_limited_before_they_are_decoded():
    limits = Limits(input_size=1000)
    assert check_request(FULL, {"inputs": {"table": b64(b"x" * 900)}}, limits)
    body = {"inputs": {"table": b64(b"x" * 600), "files": [b64(b"x" * 600)]}}
    assert problems_of(body, limits=limits)[0].startswith(
        "inputs: all inputs together may have at most 1000 bytes"
    )
    huge = {"inputs": {"table": "?" * 10**8}}
    start = time.perf_counter()
    assert len(problems_of(huge, limits=limits)) == 1
    assert time.perf_counter() - start < 2


def test_literals_are_limited():
    method = parse_method(method_document({"a": text_input()}))
    assert (
        "send large ones as files" in problems_of({"inputs": {"a": "x" * (2**20 + 1)}}, method)[0]
    )


def test_secrets_are_nowhere_but_in_secrets():
    for sent in (SECRET, {"value": SECRET}):
        request = checked({"key": sent, "text": "x"})
        assert request.secrets == {"key": SECRET}
        assert request.inputs["key"] == [SecretValue()]
        assert request.body == {"inputs": {"key": {"secret": True}, "text": "x"}}
        for shown in (repr(request), str(request), f"{request.inputs}", json.dumps(request.body)):
            assert SECRET not in shown


def test_what_was_sent_is_not_changed():
    body = {"inputs": {"key": SECRET, "files": [b64(b"1")], "whole": "5"}, "response": "raw"}
    before = json.dumps(body)
    check_request(FULL, body, LIMITS)
    assert json.dumps(body) == before


# --- around the inputs -----------------------------------------------------------------------


@pytest.mark.parametrize("body", [None, [], "{}", 5, True, [{"inputs": SECRET}]])
def test_a_request_is_an_object(body):
    assert problems_of(body)[0].startswith("an execute request must be an object")


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"foo": SECRET}, "foo: unknown member; an execute request has inputs, mode, outputs"),
        ({"response": "xml"}, "response: must be raw or document (found 'xml')"),
        ({"response": ["raw"]}, "response: must be raw or document"),
        ({"mode": "sync"}, "mode: must be async or auto"),
        ({"process": "other"}, "process: must be a-method"),
        ({"outputs": []}, "outputs: must be an object with output ids"),
        ({"outputs": {"c": {}}}, "outputs.c: no such output; the Method has a, b"),
        ({"outputs": {"a": None}}, "outputs.a: must be an object"),
        ({"outputs": {"a": {"transmissionMode": "pigeon"}}}, "outputs.a.transmissionMode: must be"),
        (
            {"outputs": {"a": {"transmissionMode": ["value"]}}},
            "outputs.a.transmissionMode: must be",
        ),
        ({"outputs": {"a": {"format": "text/csv"}}}, "outputs.a.format: must be an object"),
        ({"outputs": {"a": {"format": {"mediaType": 5}}}}, "outputs.a.format.mediaType: must be"),
        ({"outputs": {"a": {"x": 1}}}, "outputs.a.x: unknown member"),
        ({"subscriber": "http://x/"}, "subscriber: must be an object"),
        ({"subscriber": {}}, "subscriber.successUri: is missing"),
        ({"subscriber": {"successUri": "ftp://x/"}}, "subscriber.successUri: must be a link"),
        ({"subscriber": {"successUri": "http://x/", "y": 1}}, "subscriber.y: unknown member"),
    ],
)
def test_wrong_members(members, problem):
    assert any(each.startswith(problem) for each in problems_of(members))


def test_both_dialects():
    old = checked(
        {},
        outputs={"b": {"transmissionMode": "reference", "format": {"mediaType": "text/csv"}}},
        response="document",
        mode="async",
        subscriber={"successUri": "https://x/", "failedUri": "https://x/f"},
    )
    assert old.outputs == {"b": RequestedOutput("reference", "text/csv")}
    assert old.response == "document"
    new = check_request(FULL, {"inputs": {}, "outputs": {}, "process": "http://x/a-method"}, LIMITS)
    assert new.outputs == {}
    assert new.body == {"inputs": {}, "outputs": {}, "process": "http://x/a-method"}


def test_a_method_may_offer_one_transmission_mode():
    method = parse_method(method_document(outputTransmission=["reference"]))
    assert check_request(method, {}, LIMITS).outputs["result"].transmission_mode == "reference"
    body = {"outputs": {"result": {"transmissionMode": "value"}}}
    assert "must be reference" in problems_of(body, method)[0]


def test_all_problems_are_listed():
    body = {"inputs": {"whole": "x", "nope": 1, "table": "?"}, "response": 5, "foo": 1}
    assert len(problems_of(body)) == 5


def test_values_that_the_scripts_cannot_take_are_refused():
    script = ["cat <<EOF", "{{ a }}", "EOF", "echo $(( {{ b }} + 1 ))"]
    method = parse_method(
        method_document({"a": text_input(), "b": {"minOccurs": 0, **text_input()}}, execute=script)
    )
    body = {"inputs": {"a": "one\ntwo", "b": "x[$(reboot)]"}}
    assert problems_of(body, method) == [
        "inputs: execute-script, line 2: no value with a line break in a here-document, at {{ a }}",
        "inputs: execute-script, line 4: "
        "only a whole number where the shell calculates, at {{ b }}",
    ]


# --- what scripts see ------------------------------------------------------------------------


def test_script_values():
    files = [b64(b"1"), {"href": "http://x/2"}]
    inputs = {"table": b64(b""), "files": files, "key": SECRET, "flag": "true", "lists": [[1], []]}
    request = checked({**inputs, "table": {"value": ""}, "many": "m", "record": {"value": "é"}})
    stored = request.inputs | {"table": [FileValue(path="inputs/table", size=0, sha256="0")]}
    values = script_values(FULL, stored, request.secrets, "exec-1", 3)
    assert values == {
        "ccptaskname": "exec-1",
        "ccptaskid": "3",
        "ccpimage": IMAGE,
        "text": "",
        "word": "",
        "whole": "",
        "real": "",
        "flag": "true",
        "day": "",
        "list": "",
        "lists": ["[1]", "[]"],
        "record": '{"value": "é"}',
        "many": ["m"],
        "table": "/ccp_data/input/table",
        "files": ["/ccp_data/input/files.1", "/ccp_data/input/files.2"],
        "note": "",
        "chosen": "",
        "key": SECRET,
        "fixed": "f",
        "ccpmaxtime": "",
        "ccpreplicas": "2",
        "ccpnote": "",
    }
    every = " ".join(f"{{{{ {name} }}}}" for name in values)
    assert render([every], values).startswith("'exec-1' '3' ")


# --- speed and rubbish -----------------------------------------------------------------------


def test_a_check_costs_no_more_than_a_few_copies_of_the_method():
    """Including the parsing of the stored document, which every submission brings.

    About 0.45 ms on a quiet machine; as a ratio, because machines are not always quiet.
    """
    document = FULL.document()
    body = {"inputs": {"text": "x", "whole": "5", "many": ["a", "b"], "table": b64(b"x" * 100)}}
    check, copy = 1.0, 1.0
    for _ in range(200):
        start = time.perf_counter()
        check_request(parse_method(document), body, LIMITS)
        between = time.perf_counter()
        json.loads(json.dumps(document))
        check = min(check, between - start)
        copy = min(copy, time.perf_counter() - between)
    assert check < 10 * copy  # 3 on a quiet machine


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "pattern": "^(a+)+$"}, "a" * 100_000 + "!"),
        ({"type": "string", "pattern": "(x+x+)+y"}, "x" * 100_000),
        ({"type": "array", "uniqueItems": True}, [[n] if n % 2 else n for n in range(90_000)]),
        ({"type": "array", "items": {"enum": list(range(400))}}, list(range(400)) * 2),
        (
            {"type": "array", "items": {"anyOf": [{"maximum": -n} for n in range(300)]}},
            [1] * 90_000,
        ),
    ],
)
def test_no_schema_and_value_hang_the_service(schema, value):
    method = parse_method(method_document({"a": {"schema": schema}}))
    start = time.perf_counter()
    try:
        check_request(method, {"inputs": {"a": value}}, LIMITS)
    except InvalidDocument as error:
        assert len(str(error)) < 1000
    assert time.perf_counter() - start < 5


def test_patterns_match_to_the_very_end():
    method = parse_method(method_document({"a": text_input(pattern="^[a-z]+$")}))
    assert "must match" in problems_of({"inputs": {"a": "abc\n"}}, method)[0]


_names = st.sampled_from([*FULL.inputs, "value", "href", "mediaType", "encoding", "type", "nope"])
_rubbish = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["5", "true", "YQ==", "http://x/", "one", "2024-01-01", "\0", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3),
    max_leaves=5,
)
_bodies = st.fixed_dictionaries(
    {"inputs": st.dictionaries(_names, _rubbish, max_size=4)},
    optional={
        "outputs": _rubbish,
        "response": _rubbish,
        "subscriber": _rubbish,
        "process": _rubbish,
    },
)


@settings(max_examples=200, deadline=None)
@given(_bodies)
def test_rubbish_is_refused_and_never_crashes(body):
    try:
        request = check_request(FULL, body, LIMITS)
    except InvalidDocument as error:
        assert error.problems
        str(error).encode()
        return
    json.dumps(request.body, allow_nan=False)
    assert set(request.inputs) <= set(FULL.inputs)
    assert 1 <= request.replicas <= 4 and 1 <= request.limits.max_time <= 100
    values = script_values(FULL, request.inputs, request.secrets, "e", 1)
    assert set(FULL.inputs) < set(values)
