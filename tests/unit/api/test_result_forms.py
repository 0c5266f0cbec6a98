"""Which form results have, what a header ``Prefer`` says, and pages of the list of processes."""

from __future__ import annotations

import pytest

from ccp_jupyter.hub_service.api.method_list import list_processes
from ccp_jupyter.hub_service.api.preferences import LONGEST_WAIT, Preferences
from ccp_jupyter.hub_service.api.raw_results import inline
from ccp_jupyter.hub_service.api.wanted import Form, form_of, wanted_of
from ccp_jupyter.hub_service.builtin.offered import built_ins
from ccp_jupyter.hub_service.store.base import MethodQuery
from ccp_jupyter.hub_service.store.sqlite import SqliteStore
from ccp_jupyter.model.sharing import Viewer
from tests.contract.store_data import a_method

PARTS = "multipart/related"


@pytest.mark.parametrize(
    ("request_", "count", "accept", "form"),
    [
        ({"response": "document"}, 1, "", Form.DOCUMENT),
        ({"response": "raw", "outputs": {}}, 2, "application/json", Form.RAW),
        ({"outputs": {}}, 2, "", Form.NONE),
        ({"outputs": {"a": {"transmissionMode": "value"}, "b": {}}}, 2, "", Form.RAW),
        ({"outputs": {"a": {}}}, 1, "", Form.ONE),
        ({"outputs": {"a": None}}, 1, "", Form.ONE),
        ({}, 1, "*/*", Form.ONE),
        ({}, 0, PARTS, Form.DOCUMENT),
        ({}, 2, "", Form.DOCUMENT),
        ({}, 2, "*/*", Form.DOCUMENT),
        ({}, 2, f"{PARTS}, application/json", Form.DOCUMENT),
        ({}, 2, f"{PARTS}, application/json;q=0.9", Form.RAW),
        ({}, 2, PARTS, Form.RAW),
        ({}, 2, f"{PARTS};q=0.5, */*;q=0.6", Form.DOCUMENT),
    ],
)
def test_the_form_of_results(request_, count, accept, form):
    assert form_of(request_, count, accept) is form


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([], Preferences()),
        (["respond-async"], Preferences(respond_async=True)),
        (["Respond-Async, wait=10"], Preferences(True, 10)),
        (["respond-async", 'return="minimal"; x=1'], Preferences(True, None, "minimal")),
        (["return=minimal", "return=representation"], Preferences(returns="minimal")),
        (["wait=99999999"], Preferences(wait=LONGEST_WAIT)),
        (["wait=-1, wait=3"], Preferences()),
        (["wait=9" * 5000], Preferences(wait=None)),
        (["wait=\u0663, handling=lenient, ,=,;"], Preferences()),
    ],
)
def test_preferences(values, found):
    assert Preferences.of(values) == found


def test_where_outputs_are():
    declared = {
        "stdout": {"schema": {"contentMediaType": "text/plain"}},
        "table": {"metadata": [{"role": "file", "href": "/ccp_data/a/t.csv"}]},
        "up": {"metadata": [{"role": "file", "href": "/ccp_data/../etc/passwd"}]},
        "else": {"metadata": [{"role": "file", "href": "/etc/passwd"}]},
        "err": {"metadata": [{"role": "file", "href": "/std_err"}]},
    }
    found = {each.id: each for each in wanted_of(declared, {})}
    assert {name: each.stream for name, each in found.items() if each.stream} == {
        "stdout": "stdout",
        "err": "stderr",
    }
    assert {name: set(each.paths) for name, each in found.items() if each.paths} == {
        "table": {"a/t.csv"}
    }
    asked = {"outputs": {"table": {"format": {"mediaType": "text/csv\r\nX: y"}}}}
    assert wanted_of(declared, asked)[0].media_type == ""
    own = wanted_of({"stdout": {}}, {}, built_in=True)[0]
    assert own.stream is None and set(own.paths) == {"stdout.txt", "stdout.json"}


@pytest.mark.parametrize(
    ("data", "kind", "found"),
    [
        (b"[1]", "application/json", (True, [1])),
        (
            b'{"a":1}',
            "application/geo+json",
            (True, {"value": {"a": 1}, "mediaType": "application/geo+json"}),
        ),
        (b"null", "application/json", (True, {"value": None, "mediaType": "application/json"})),
        (b"[NaN]", "application/json", (False, None)),
        (b"text", "", (True, "text")),
        (b"\xff", "text/plain", (False, None)),
        (b"\x89PNG", "image/png", (False, None)),
    ],
)
def test_what_a_document_can_carry(data, kind, found):
    assert inline(data, kind) == found


async def test_pages_go_on_from_what_the_service_has_to_what_the_store_has(tmp_path):
    store = await SqliteStore.open(tmp_path / "store.sqlite")
    try:
        for name in ("m1", "m2", "m3"):
            await store.add_method(a_method(name))
        viewer = Viewer(name="alice")
        for limit in (1, 2, 3, 4, 5, 6):
            seen: list[str] = []
            offset: int | None = 0
            while offset is not None:
                query = MethodQuery(viewer, limit=limit, offset=offset)
                page = await list_processes(store, built_ins(), query)
                assert 1 <= len(page.items) <= limit
                seen += [each.id for each in page.items]
                offset = page.next_offset
            assert seen == ["echo", "red", "m1", "m2", "m3"]
        for query in (
            MethodQuery(viewer, search="m2"),
            MethodQuery(viewer, owner="alice", search="m2"),
        ):
            page = await list_processes(store, built_ins(), query)
            assert [each.id for each in page.items] == ["m2"]
        only = await list_processes(store, built_ins(), MethodQuery(viewer, search="GIVES its"))
        assert [each.id for each in only.items] == ["echo"]
        beyond = await list_processes(store, {}, MethodQuery(viewer, limit=3, offset=3))
        assert (beyond.items, beyond.next_offset) == ([], None)
    finally:
        await store.close()
