"""Methods in the Workbench: deploy, replace, undeploy, list."""

from __future__ import annotations

import uuid

import pytest

from ccp_jupyter.hub_service.api.errors import (
    DUPLICATED_PROCESS,
    INVALID_DOCUMENT,
    INVALID_PARAMETER,
    NO_SUCH_PROCESS,
)
from tests.jobs import method
from tests.service.documents import check_error


@pytest.fixture
def document(shell):
    return method(shell, "true", title="A title", description="About herrings")


def test_deploy(alice, document, stack):
    answer = alice.http.post("processes", json=document)
    assert answer.status_code == 201
    place = f"{stack.service_url}processes/{document['id']}"
    assert answer.headers["location"] == place
    assert answer.json()["id"] == document["id"]
    found = alice.http.get(place).json()
    assert found["title"] == "A title"
    authors = [each["title"] for each in found["metadata"] if each["role"] == "author"]
    assert authors == ["alice"]


def test_deploy_twice(alice, bob, document):
    alice.deploy(document)
    for caller in (alice, bob):
        answer = caller.http.post("processes", json=document)
        check_error(answer, 409, DUPLICATED_PROCESS)


def test_deploy_what_breaks_rules(alice, document):
    for member, value in (("id", "../x"), ("version", "one"), ("inputs", []), ("links", [])):
        error = check_error(
            alice.http.post("processes", json={**document, member: value}), 400, INVALID_DOCUMENT
        )
        assert any(member in each["member"] for each in error["problems"]), error


@pytest.mark.parametrize("link", [{"rel": {}, "href": "x"}, {"rel": ["self"]}, 5, "self"])
def test_links_of_the_wrong_shape(alice, document, link):
    """The service takes its own links out of a Method before anything is checked."""
    bad = {**document, "links": [*document["links"], link]}
    check_error(alice.http.post("processes", json=bad), 400, INVALID_DOCUMENT)


def test_what_was_got_can_be_put_back(alice, document):
    alice.deploy(document)
    place = f"processes/{document['id']}"
    before = alice.http.get(place).json()
    answer = alice.http.put(place, json={**before, "title": "Another title"})
    assert answer.status_code == 200, answer.text
    after = alice.http.get(place).json()
    assert after == {**before, "title": "Another title"}


def test_replacing_another_id_or_none(alice, document):
    answer = alice.http.put(f"processes/{document['id']}", json=document)
    check_error(answer, 404, NO_SUCH_PROCESS)
    alice.deploy(document)
    other = {**document, "id": str(uuid.uuid4())}
    answer = alice.http.put(f"processes/{document['id']}", json=other)
    check_error(answer, 400, INVALID_DOCUMENT)


def test_a_replaced_method_does_not_change_what_runs(alice, document, finished):
    assert alice.http.get(f"jobs/{finished.job}").json()["methodVersion"] == "1.0.0"
    place = f"processes/{finished.method['id']}"
    old = alice.http.get(place).json()
    assert alice.http.put(place, json={**old, "version": "2.0.0"}).status_code == 200
    assert alice.http.get(f"jobs/{finished.job}").json()["methodVersion"] == "1.0.0"
    assert alice.http.put(place, json=old).status_code == 200


def test_entity_tags(alice, document):
    alice.deploy(document)
    place = f"processes/{document['id']}"
    first = alice.http.get(place).headers["etag"]
    assert alice.http.get(place, headers={"If-None-Match": first}).status_code == 304
    change = {**document, "title": "New"}
    second = alice.http.put(place, json=change, headers={"If-Match": first}).headers["etag"]
    assert second != first
    listed = alice.http.get(f"{place}/revisions").json()["revisions"]
    assert [each.get("etag") for each in listed] == [second, None]
    error = alice.http.put(place, json=document, headers={"If-Match": first})
    check_error(error, 412)
    check_error(alice.http.delete(place, headers={"If-Match": first}), 412)
    assert alice.http.get(place, headers={"If-None-Match": first}).status_code == 200
    assert alice.http.delete(place, headers={"If-Match": f'"x", {second}'}).status_code == 204


def test_undeploy(alice, document):
    alice.deploy(document)
    place = f"processes/{document['id']}"
    answer = alice.http.delete(place)
    assert (answer.status_code, answer.content) == (204, b"")
    check_error(alice.http.delete(place), 404, NO_SUCH_PROCESS)
    check_error(alice.http.get(place), 404, NO_SUCH_PROCESS)
    alice.deploy(document)


def test_pages_of_the_list(carol, shell):
    word = uuid.uuid4().hex
    for number in range(5):
        carol.deploy(method(shell, "true", title=f"{number}", keywords=[word]))
    answer = carol.http.get("processes", params={"q": word, "limit": 2}).json()
    titles = [each["title"] for each in answer["processes"]]
    pages = 1
    while following := {e["rel"]: e["href"] for e in answer["links"]}.get("next"):
        answer = carol.http.get(following).json()
        titles += [each["title"] for each in answer["processes"]]
        pages += 1
    assert titles == ["0", "1", "2", "3", "4"]
    assert pages == 3
    rels = {each["rel"]: each["href"] for each in answer["links"]}
    before = carol.http.get(rels["prev"]).json()
    assert [each["title"] for each in before["processes"]] == ["2", "3"]


def test_search(carol, alice, document):
    carol.deploy(document)
    for text, found in (("HERRINGS", True), (document["id"], False), ("100%_", False)):
        answer = carol.http.get("processes", params={"q": text}).json()
        assert (document["id"] in [e["id"] for e in answer["processes"]]) is found, text
    answer = alice.http.get("processes", params={"q": "herrings", "limit": 1000}).json()
    assert document["id"] not in [each["id"] for each in answer["processes"]]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=10001",
        "limit=ten",
        "limit=1.5",
        "limit=",
        "limit=1&limit=2",
        "limit=%d9%a3",
        "offset=-1",
        "offset=99999999999999999999",
        "q=" + "x" * 201,
        "q=%00",
        "q=%ff",
        "colour=red",
        "%3Cscript%3E=1",
    ],
)
def test_parameters_that_do_not_fit(alice, query):
    error = check_error(alice.http.get(f"processes?{query}"), 400, INVALID_PARAMETER)
    assert error["parameter"] in error["detail"] or "%3C" in query


@pytest.mark.parametrize("name", ["a%2fb", "%2fetc", "%00", "x" * 300, "%f0%9f%90%9f"])
def test_ids_that_cannot_be(alice, name):
    answer = alice.http.get(f"processes/{name}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/json"


def test_addresses_that_are_not_utf_8(alice, stack):
    """The proxy does not let them through, so the service is asked itself."""
    url = f"http://127.0.0.1:{stack.settings.service_port}/services/ccp/processes/%ff"
    check_error(alice.http.get(url), 400)
