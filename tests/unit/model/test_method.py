"""The grammar of a Method: lenient on import, one form on output, all problems listed."""

import copy
import json
import time
import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccp_jupyter.model.errors import InvalidDocument
from ccp_jupyter.model.method import LARGEST, Method, parse_method
from tests.unit.model.method_documents import method_document, text_input


def problems_of(document: object) -> list[str]:
    with pytest.raises(InvalidDocument) as caught:
        parse_method(document)
    return [str(problem) for problem in caught.value.problems]


def schema_of(**schema: Any) -> Any:
    """The one form of an input's schema."""
    document = method_document({"x": {"schema": schema}})
    return parse_method(document).document()["inputs"]["x"]["schema"]


# --- properties ----------------------------------------------------------------------------


def test_properties():
    method = parse_method(
        method_document(
            {"file": text_input(format="file"), "key": text_input(format="secret")},
            execute=["echo {{ file }}", "true"],
            metadata=[
                {"role": "author", "title": "Alice", "href": "/users/alice"},
                {"role": "context", "title": "group-a"},
                {"role": "category", "title": "Tests"},
                {"role": "category", "title": "More"},
                {"role": "visibility", "title": "Public"},
            ],
            links=[
                {"rel": "compatibleWith", "href": "infrastructures/one"},
                {
                    "rel": "compatibleWith",
                    "href": "https://hub/services/ccp/infrastructures/two%20b/",
                },
                {"rel": "about", "href": "infrastructures/three"},
                {"rel": "compatibleWith", "href": "infrastructures/one", "title": "again"},
            ],
        )
    )
    assert (method.title, method.version, method.public) == ("A Method", "1.0.0", True)
    assert method.authors == ["Alice"]
    assert method.contexts == ["group-a"]
    assert method.categories == ["Tests", "More"]
    assert method.infrastructure_ids == ["one", "two b"]
    assert method.script("execute-script") == ["echo {{ file }}", "true"]
    assert method.script("deploy-script") == method.script("no-such-script") == []
    assert method.is_file("file") and not method.is_file("key")
    assert method.is_secret("key") and not method.is_secret("file")
    with pytest.raises(KeyError):
        method.is_secret("no-such-input")


def test_visibility_is_private_unless_said_otherwise():
    assert not parse_method(method_document()).public
    private = [{"role": "visibility", "title": "private"}]
    assert not parse_method(method_document(metadata=private)).public


def test_the_author_is_added_once():
    method = parse_method(method_document())
    once = method.with_author("Alice", "/users/alice")
    assert once.authors == ["Alice"] and method.authors == []
    assert once.with_author("Alice B.", "/users/alice") is once
    both = once.with_author("Bob", "/users/bob")
    assert both.authors == ["Alice", "Bob"]
    named = parse_method(method_document(metadata=[{"role": "author", "title": "Alice"}]))
    assert named.with_author("Alice", "/users/alice") is named
    assert parse_method(both.document()).document() == both.document()


def test_methods_are_frozen():
    method = parse_method(method_document())
    with pytest.raises(ValueError, match="frozen"):
        method.title = "other"  # type: ignore[misc]


# --- lenient import ------------------------------------------------------------------------


def test_a_missing_id_becomes_a_new_uuid():
    document = method_document()
    for absent in ({}, {"id": None}, {"id": ""}):
        plain = {**{k: v for k, v in document.items() if k != "id"}, **absent}
        ids = {parse_method(plain).id for _ in range(2)}
        assert len(ids) == 2
        assert all(uuid.UUID(each).version == 4 for each in ids)


def test_inputs_and_outputs_may_be_arrays():
    document = method_document({"a": text_input()})
    as_dict = parse_method(document).document()
    arrays = copy.deepcopy(document)
    for name in ("inputs", "outputs"):
        arrays[name] = [{"id": key, **value} for key, value in document[name].items()]
    assert parse_method(arrays).document() == as_dict
    arrays["inputs"].append({"id": "a", **text_input()})
    arrays["inputs"].append("x")
    assert problems_of(arrays) == [
        "inputs[2].id: is used twice (found 'a')",
        "inputs[3]: must be an object with an id",
    ]


def test_nulls_are_dropped_but_not_inside_values():
    document = method_document(
        {
            "a": {
                "title": None,
                "minOccurs": None,
                "schema": {
                    "type": "object",
                    "format": None,
                    "default": {"a": None},
                    "maxLength": None,
                },
            }
        },
        description=None,
        keywords=None,
        metadata=None,
        outputs=None,
    )
    form = parse_method(document).document()
    assert form["inputs"]["a"] == {
        "id": "a",
        "minOccurs": 1,
        "maxOccurs": 1,
        "schema": {"type": "object", "default": {"a": None}},
    }
    assert "description" not in form
    assert form["outputs"] == {}


@pytest.mark.parametrize(
    ("raw", "lines"),
    [
        ("set -e\necho a\n", ["set -e", "echo a"]),
        ("set -e\r\necho a", ["set -e", "echo a"]),
        (["set -e\necho a", "echo b"], ["set -e", "echo a", "echo b"]),
        (["", "echo a\u2028\x0b"], ["", "echo a\u2028\x0b"]),
        ("", []),
        (None, []),
        ([], []),
    ],
)
def test_a_script_may_be_one_text(raw, lines):
    document = method_document(
        additionalParameters={"parameters": [{"name": "execute-script", "value": raw}]}
    )
    assert parse_method(document).script("execute-script") == lines


@pytest.mark.parametrize("name", ["execute-script", "executeScript", "execute_script"])
def test_scripts_are_found_under_other_names_and_forms(name):
    entry = {"name": name, "value": ["true"]}
    for parameters in ({"parameters": [entry]}, [entry], {name: "true"}):
        form = parse_method(method_document(additionalParameters=parameters)).document()
        assert form["additionalParameters"]["parameters"] == [
            {"name": "deploy-script", "value": []},
            {"name": "execute-script", "value": ["true"]},
            {"name": "undeploy-script", "value": []},
            {"name": "cancel-script", "value": []},
        ]


def test_parameters_of_other_software_are_kept():
    lifecycle = {"name": "lifecycle", "value": ["made 2020", {"by": "x"}], "note": "kept"}
    document = method_document(additionalParameters={"parameters": [lifecycle], "title": "T"})
    form = parse_method(document).document()["additionalParameters"]
    assert form["parameters"][-1] == lifecycle
    assert form["title"] == "T"


@pytest.mark.parametrize(
    ("raw", "form"),
    [
        ({"type": "integer", "exclusiveMinimum": 3}, {"minimum": 3, "exclusiveMinimum": True}),
        ({"type": "integer", "exclusiveMinimum": 3, "minimum": 5}, {"minimum": 5}),
        (
            {"type": "integer", "exclusiveMaximum": 3, "maximum": 5},
            {"maximum": 3, "exclusiveMaximum": True},
        ),
        (
            {"type": "integer", "minimum": 3, "exclusiveMinimum": True},
            {"minimum": 3, "exclusiveMinimum": True},
        ),
        ({"type": "integer", "exclusiveMinimum": True}, {}),
        ({"type": ["integer", "null"]}, {"type": "integer", "nullable": True}),
        ({"type": ["integer", "string"]}, {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        ({"type": "string", "format": "single_choice"}, {"format": "select"}),
        ({"type": "string", "format": "multi_choice"}, {"format": "checklist"}),
        ({"type": "string", "format": "datetime"}, {"format": "dateTime"}),
        ({"type": "string", "format": "password"}, {"format": "secret"}),
        ({"type": "string", "format": "x-own"}, {"format": "x-own"}),
        ({"type": "string", "format": ""}, {}),
        (
            {"type": "string", "format": "number", "default": "1.5"},
            {"type": "number", "format": "number", "default": 1.5},
        ),
        (
            {"type": "string", "format": "boolean", "default": "True"},
            {"type": "boolean", "format": "boolean", "default": True},
        ),
        ({"type": "string", "format": "file"}, {"format": "file", "contentEncoding": "base64"}),
        ({"type": "integer", "default": ""}, {}),
        ({"type": "integer", "enum": ["1", 2], "default": "2"}, {"enum": [1, 2], "default": 2}),
        ({"type": "string", "enum": [], "x-hint": 1, "const": "a"}, {}),
        ({"type": "string", "const": "a"}, {"enum": ["a"]}),
        ({"type": "string", "examples": ["a", "b"]}, {"example": "a"}),
        ({"type": "array", "items": {"type": "int", "x-y": 1}}, {"items": {"type": "integer"}}),
    ],
)
def test_schemas_are_brought_into_one_form(raw, form):
    assert schema_of(**raw) == {**({} if "anyOf" in form else {"type": raw["type"]}), **form}


def test_control_inputs_written_as_text_become_numbers():
    document = method_document({"ccpreplicas": text_input(default="2"), "ccpmaxtime": text_input()})
    form = parse_method(document).document()["inputs"]
    assert form["ccpreplicas"]["schema"] == {"type": "integer", "default": 2}
    assert form["ccpmaxtime"]["schema"] == {"type": "integer"}


@pytest.mark.parametrize(
    ("raw", "version"),
    [
        ("1", "1.0.0"),
        ("1.2", "1.2.0"),
        (1.2, "1.2.0"),
        ("v2.0.1", "2.0.1"),
        (None, "1.0.0"),
        ("1.2.3-rc.1+b", "1.2.3-rc.1+b"),
    ],
)
def test_versions(raw, version):
    assert parse_method(method_document(version=raw)).version == version


def test_what_a_server_adds_is_not_part_of_the_method():
    document = method_document(
        jobControlOptions=["sync-execute"], mutable=True, outputTransmission=None
    )
    document["links"] += [
        {"rel": "self", "href": "x"},
        {"rel": "http://www.opengis.net/def/rel/ogc/1.0/execute", "href": "x"},
        {"rel": "license", "href": "https://example.org/", "length": 5},
        document["links"][0],
    ]
    form = parse_method(document).document()
    assert form["jobControlOptions"] == ["async-execute"]
    assert form["outputTransmission"] == ["value", "reference"]
    assert "mutable" not in form
    assert [link["rel"] for link in form["links"]] == ["compatibleWith", "license"]
    assert form["links"][1]["length"] == 5


# --- what is refused -----------------------------------------------------------------------


@pytest.mark.parametrize("document", [None, [], "{}", 5, True, b"{}"])
def test_a_method_is_an_object(document):
    assert "must be an object" in problems_of(document)[0]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"inputs": {}}, "inputs.ccpimage: every Method needs this input"),
        ({"inputs": None}, "inputs.ccpimage: every Method needs this input"),
        ({"inputs": 5}, "inputs: must be a valid dictionary (found 5)"),
        ({"id": "../../etc/passwd"}, "id: String should match"),
        ({"id": 5}, "id: must be a valid string"),
        ({"version": "final"}, "version: String should match"),
        ({"title": ["x"]}, "title: must be a valid string"),
        ({"title": "x" * 501}, "title: String should have at most 500"),
        ({"keywords": [5]}, "keywords[0]: must be a valid string"),
        ({"metadata": "x"}, "metadata: must be a valid"),
        ({"outputTransmission": ["pigeon"]}, "outputTransmission[0]: must be 'value' or"),
        ({"links": []}, "links: needs a link with rel compatibleWith"),
        ({"links": [{"rel": "compatibleWith", "href": "elsewhere"}]}, "links: needs a link"),
        ({"links": [{"rel": "compatibleWith"}]}, "links[0].href: is missing"),
        (
            {"additionalParameters": {"parameters": [{"name": "execute-script", "value": [5]}]}},
            "additionalParameters.execute-script: must be a list of lines",
        ),
        (
            {"additionalParameters": {"parameters": [{"name": "execute-script", "value": []}] * 2}},
            "there must be only one execute-script",
        ),
        ({"additionalParameters": "x"}, "additionalParameters: must be a valid dictionary"),
        ({"outputs": {"a/b": {"schema": {}}}}, "outputs.a/b: an id has"),
        ({"outputs": {"a": {}}}, "outputs.a.schema: is missing"),
        (
            {
                "outputs": {
                    "a": {
                        "schema": {},
                        "metadata": [{"role": "file", "href": "/ccp_data/../etc/passwd"}],
                    }
                }
            },
            "outputs.a.metadata[0].href: must be a path without ..",
        ),
    ],
)
def test_broken_members(change, problem):
    assert any(problem in each for each in problems_of({**method_document(), **change}))


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "", ".x", "-x", "a b", "x" * 101, "é", "a\nb", "a$"]
)
def test_hostile_input_ids(name):
    assert any(
        "an id has 1 to 100" in each for each in problems_of(method_document({name: text_input()}))
    )


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ({"x": {}}, "inputs.x.schema: is missing"),
        ({"x": 5}, "inputs.x: must be a valid dictionary"),
        ({"x": {"id": "y", "schema": {}}}, "inputs.x.id: must be 'x' like its name (found 'y')"),
        ({"x": {"minOccurs": -1, "schema": {}}}, "inputs.x.minOccurs"),
        (
            {"x": {"maxOccurs": 0, "schema": {}}},
            "inputs.x.maxOccurs: must be a whole number from 1",
        ),
        ({"x": {"maxOccurs": "many", "schema": {}}}, "inputs.x.maxOccurs"),
        ({"x": {"minOccurs": 3, "maxOccurs": 2, "schema": {}}}, "must not be more than maxOccurs"),
        ({"x": {"schema": {"type": "date"}}}, "inputs.x.schema.type: must be 'array'"),
        ({"x": {"schema": {"$ref": "http://x"}}}, "inputs.x.schema.$ref: write the schema itself"),
        ({"x": {"schema": {"items": {"$ref": "#"}}}}, "inputs.x.schema.items.$ref"),
        (
            {"x": {"schema": {"items": {"oneOf": [{"type": 5}]}}}},
            "inputs.x.schema.items.oneOf[0].type",
        ),
        ({"x": {"schema": {"properties": {"p": {"maxLength": -1}}}}}, "properties.p.maxLength"),
        (
            {"x": {"schema": {"additionalProperties": {"type": "x"}}}},
            "schema.additionalProperties.type",
        ),
        ({"x": text_input(pattern="(")}, "inputs.x.schema.pattern: must be a regular expression"),
        ({"x": text_input(pattern="(?=a)")}, "without look-around"),
        ({"x": text_input(pattern=r"(a)\1")}, "without look-around and back-references"),
        ({"x": text_input(pattern="a" * 1001)}, "at most 1000 characters"),
        ({"x": text_input(default=5)}, "inputs.x.schema.default: must be text (found 5)"),
        ({"x": text_input(default="c", enum=["a", "b"])}, "must be one of 'a', 'b' (found 'c')"),
        ({"x": text_input(default="abc", maxLength=2)}, "at most 2 characters"),
        ({"x": text_input(default="abc", pattern="^b")}, "must match the pattern '^b'"),
        ({"x": text_input(default="soon", format="date")}, "must be a date such as"),
        (
            {
                "x": {
                    "schema": {
                        "type": "integer",
                        "default": 2,
                        "minimum": 2,
                        "exclusiveMinimum": True,
                    }
                }
            },
            "must be more than 2",
        ),
        ({"x": {"maxOccurs": 2, **text_input(default=["a", "b", "c"])}}, "more than maxOccurs (2)"),
        (
            {"x": {"maxOccurs": 3, **text_input(default=["a", 5])}},
            "default: must be text (found 5)",
        ),
        ({"x": text_input(format="file", default="?")}, "must be base64: character 1"),
        ({"x": text_input(readOnly=True)}, "a readOnly input needs a default"),
        ({"x": text_input(format="secret", default="s")}, "a secret has no default"),
        ({"x": text_input(format="secret", enum=["s"])}, "a secret has no default"),
        ({"x": {"maxOccurs": 2, **text_input(format="secret")}}, "a secret has one value"),
        ({"x": {"schema": {"type": "integer", "format": "secret"}}}, "a secret must be text"),
        ({"ccpfoo": text_input()}, "inputs.ccpfoo: names that begin with ccp are reserved"),
        ({"ccptaskid": text_input()}, "are reserved"),
        (
            {"ccpmaxtime": {"schema": {"type": "boolean"}}},
            "inputs.ccpmaxtime.schema.type: must be integer",
        ),
        (
            {"ccpreplicas": {"maxOccurs": 2, "schema": {"type": "integer"}}},
            "ccpreplicas.maxOccurs: must be 1",
        ),
        ({"ccpimage": text_input(default="-x")}, "must name a container image"),
        ({"ccpnote": text_input(format="secret")}, "must be neither a secret nor a file"),
        (
            {"ccpimage": {"schema": {"type": "object"}}},
            "inputs.ccpimage.schema.type: must be string",
        ),
        (
            {"x": {"maxOccurs": 2, **text_input()}, "x.1": text_input()},
            "inputs.x.1: is also the name of a file of the input x",
        ),
    ],
)
def test_broken_inputs(inputs, problem):
    assert any(problem in each for each in problems_of(method_document(inputs)))


def test_ccpimage_may_have_the_format_url_that_ccp_gives_it():
    image = text_input(format="url", default="docker.io/library/busybox:1.36", readOnly=True)
    method = parse_method(method_document({"ccpimage": image}))
    assert method.document()["inputs"]["ccpimage"]["schema"]["format"] == "url"


def test_all_problems_are_listed_with_member_rule_and_value():
    document = method_document(
        {"a": {"schema": {"type": "x"}}, "b": text_input(default=1), "../c": text_input()},
        execute=["echo {{ nope }}"],
        title=5,
        links=[],
    )
    members = {problem.split(": ")[0] for problem in problems_of(document)}
    assert members == {
        "title",
        "inputs.a.schema.type",
        "inputs.b.schema.default",
        "inputs.../c",
        "additionalParameters.execute-script line 1",
    }


def test_scripts_use_known_variables_only():
    script = [
        "docker ps --format '{{.Names}}' # {{ }}",
        "{{ x }} {{x|raw}} {{ ccptaskid }}{{ccptaskname}}",
    ]
    assert parse_method(method_document({"x": text_input()}, execute=script))
    assert problems_of(method_document(execute=["true", "echo {{ x }}"])) == [
        "additionalParameters.execute-script line 2: no input is called x (found {{ x }})"
    ]
    for name in ("deploy-script", "undeploy-script", "cancel-script"):
        parameters = {"parameters": [{"name": name, "value": ["{{ x }}"]}]}
        assert (
            f"additionalParameters.{name} line 1"
            in problems_of(method_document(additionalParameters=parameters))[0]
        )


# --- sizes ---------------------------------------------------------------------------------


def test_large_methods_are_refused():
    document = method_document(description="é" * (LARGEST // 2))
    assert f"at most {LARGEST} bytes" in problems_of(document)[0]


def test_the_largest_method_is_checked_in_a_few_seconds():
    many = {f"x{n}": text_input(enum=[f"v{n}{k}" for k in range(90)]) for n in range(199)}
    line = "echo \"{{ x1 }}\" '{{ x2 }}' $(echo {{ x3 }})"
    document = method_document(many, execute=[line] * 3_300)
    start = time.perf_counter()
    method = parse_method(document)
    assert time.perf_counter() - start < 20
    assert len(method.inputs) == 200


def test_deep_methods_are_refused():
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(5000):
        schema = {"type": "array", "items": schema}
    assert "levels of nesting" in problems_of(method_document({"x": {"schema": schema}}))[0]


def test_too_many_inputs_are_refused():
    assert any(
        "at most 200" in each
        for each in problems_of(method_document({f"x{n}": text_input() for n in range(200)}))
    )


def test_large_schemas_are_refused():
    schema = {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(1000)}}
    assert any(
        "at most 1000 members" in each
        for each in problems_of(method_document({"x": {"schema": schema}}))
    )


def test_other_types_than_json_are_refused():
    assert (
        "not a JSON value but set"
        in problems_of(method_document({"x": {"schema": {"enum": {1}}}}))[0]
    )
    assert "NUL" in problems_of(method_document(title="a\0b"))[0]
    assert "Unicode" in problems_of(method_document(title="\ud800"))[0]


# --- the one form --------------------------------------------------------------------------

_words = st.sampled_from(["", "word", "more words", "é\n", "\u2028", "{", "x" * 60])
_json: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, 1, -(2**63), 1.0, 0.1, "", "a", "é", [], [None, "1"], {}, {"a": None, "": [{}]}]
)
_ids = st.sampled_from(["a", "b-b", "_c", "d.1", "0"])
_metadata = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "role": st.sampled_from(["author", "category", "x"]) | st.none(),
            "title": _words | st.none(),
            "href": _words,
            "more": _json,
        },
    ),
    max_size=3,
)
_schemas = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(
                ["string", "int", "number", "boolean", "array", "object", ["string", "null"]]
            ),
            "format": st.sampled_from(
                [None, "", "date", "single_choice", "number", "x-own", "file"]
            ),
            "title": _words | st.none(),
            "enum": st.lists(_json, max_size=3),
            "example": _json,
            "examples": st.lists(_json, max_size=2),
            "const": _json,
            "readOnly": st.just(False),
            "minimum": st.integers(-5, 5),
            "exclusiveMinimum": st.booleans() | st.integers(-5, 5),
            "maximum": st.floats(-5, 5),
            "exclusiveMaximum": st.booleans() | st.integers(-5, 5),
            "maxLength": st.integers(0, 9) | st.just("3"),
            "pattern": st.sampled_from(["^a", "[a-z]+$"]),
            "required": st.lists(_words, max_size=2) | st.booleans(),
            "x-unknown": _json,
            "contentEncoding": st.sampled_from(["base64", "binary", None]),
            "default": st.just(""),
        },
    ),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["array", "object", None]),
            "items": inner,
            "not": inner,
            "properties": st.dictionaries(_words, inner, max_size=2),
            "additionalProperties": inner | st.booleans(),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
        },
    ),
    max_leaves=4,
)
_descriptors = st.fixed_dictionaries(
    {"schema": _schemas},
    optional={
        "title": _words | st.none(),
        "description": _words,
        "keywords": st.lists(_words, max_size=2),
        "metadata": _metadata,
        "minOccurs": st.sampled_from([0, 1, "1", None]),
        "maxOccurs": st.sampled_from([1, 3, "4", "unbounded", None]),
        "unknown": _json,
    },
)
_lines = st.lists(_words, max_size=3)
_documents = st.builds(
    method_document,
    st.dictionaries(_ids, _descriptors, max_size=4),
    execute=_lines.map(lambda lines: [line.replace("\n", " ") for line in lines]),
    title=_words | st.none(),
    description=_words | st.none(),
    version=st.sampled_from(["1", 2.5, None]),
    keywords=st.lists(_words, max_size=3) | _words,
    metadata=_metadata,
    outputs=st.dictionaries(_ids, _descriptors, max_size=3),
    unknown=_json,
)


def formed(document: object) -> Method | None:
    try:
        return parse_method(document)
    except InvalidDocument:
        return None


@settings(max_examples=80, deadline=None)
@given(_documents)
def test_the_one_form_is_a_fixed_point_and_valid_ogc(check_process, document):
    before = copy.deepcopy(document)
    method = formed(document)
    assert document == before, "parse_method changed its argument"
    if method is None:
        return
    form = method.document()
    assert json.loads(json.dumps(form)) == form
    assert parse_method(form).document() == form
    check_process(form)


def test_most_drawn_documents_are_methods():
    """The test above would be worth nothing if nearly all were refused."""
    drawn: list[bool] = []

    @settings(max_examples=40, deadline=None, database=None)
    @given(_documents)
    def draw(document):
        drawn.append(formed(document) is not None)

    draw()
    assert sum(drawn) > len(drawn) / 4


@settings(max_examples=80, deadline=None)
@given(
    st.recursive(
        _json | st.builds(method_document),
        lambda inner: st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "inputs",
                    "outputs",
                    "links",
                    "metadata",
                    "additionalParameters",
                    "parameters",
                    "ccpimage",
                    "schema",
                    "name",
                    "value",
                    "items",
                    "default",
                ]
            ),
            inner | st.lists(inner, max_size=2),
            max_size=6,
        ),
        max_leaves=8,
    )
)
def test_rubbish_is_refused_and_never_crashes(document):
    formed(document)


@pytest.mark.parametrize("name", ["method", "echo"])
def test_reference_examples(shared_reference, name):
    document = json.loads((shared_reference / "examples" / f"{name}.json").read_text())
    if name == "echo":
        # A built-in process of the OGC test suite, not a Method: no Runtime, no Infrastructure.
        assert len(problems_of(document)) == 2
        return
    method = parse_method(document)
    assert method.document() == document
