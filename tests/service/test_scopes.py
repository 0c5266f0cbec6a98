"""Who may call what: scopes, owners, Contexts."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import httpx
import pytest

from ccp_jupyter.hub_service.api.errors import IMMUTABLE_PROCESS, NO_SUCH_JOB, NO_SUCH_PROCESS
from ccp_jupyter.hub_service.api.identity import OPEN, READ, SUBMIT
from ccp_jupyter.hub_service.api.routes import ROUTES
from tests.jobs import method
from tests.service.conftest import CheckedCaller
from tests.service.documents import check_error

HOLDS = {"alice-read": {READ}, "alice-submit": {READ, SUBMIT}}
OPERATIONS = [
    (route.path, verb, operation.scope)
    for route in ROUTES
    for verb, operation in route.operations.items()
]
NAMES = defaultdict(lambda: "no-such", path="x")


def send(caller: CheckedCaller, verb: str, path: str) -> httpx.Response:
    address = path.format_map(NAMES)
    if path == "events":  # a stream has no end; its head is enough
        with caller.http.stream(verb, address) as answer:
            if answer.status_code != 200:
                answer.read()
            return answer
    body = b"{" if verb in ("POST", "PUT", "PATCH") else None
    return caller.http.request(
        verb, address, content=body, headers={"Content-Type": "application/json"}
    )


@pytest.mark.parametrize(("path", "verb", "scope"), OPERATIONS)
def test_nobody_gets_in(nobody, path, verb, scope):
    answer = send(nobody, verb, path)
    if scope == OPEN:
        assert answer.status_code == (404 if "{" in path else 200)
    else:
        check_error(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("token", HOLDS)
@pytest.mark.parametrize(("path", "verb", "scope"), OPERATIONS)
def test_a_token_does_what_its_scopes_allow(callers, token, path, verb, scope):
    answer = send(callers[token], verb, path)
    if scope == OPEN or scope in HOLDS[token]:
        assert answer.status_code not in (401, 403, 405), answer.text
    else:
        assert check_error(answer, 403)["scope"] == scope


@pytest.mark.parametrize("verb", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_verbs_that_are_not_in_the_table(alice, verb):
    answer = alice.http.request(verb, "infrastructures")
    check_error(answer, 405)
    assert answer.headers["allow"] == "GET"


def test_a_token_without_access_to_the_service(stack):
    with stack.hub() as hub:
        caller = CheckedCaller(stack.service_url, hub.token("alice", ["custom:ccp:submit"]))
    check_error(caller.http.get("jobs"), 403)
    caller.close()


def test_a_scope_that_is_filtered_does_not_count(stack):
    with stack.hub() as hub:
        token = hub.token("alice", ["access:services!service=ccp", "custom:ccp:read!user=alice"])
    caller = CheckedCaller(stack.service_url, token)
    check_error(caller.http.get("jobs"), 403)
    caller.close()


def test_a_revoked_or_invented_token(stack):
    caller = CheckedCaller(stack.service_url, "f" * 32)
    check_error(caller.http.get("jobs"), 401)
    caller.close()


def test_users_do_not_see_each_others_executions(bob, admin, finished):
    paths = ["", "/results", "/outputs", "/outputs/output.zip", "/folder", "/log", "/events"]
    for path in paths:
        check_error(bob.http.get(f"jobs/{finished.job}{path}"), 404, NO_SUCH_JOB)
        assert admin.http.get(f"jobs/{finished.job}{path}").status_code == 200
    check_error(bob.http.delete(f"jobs/{finished.job}"), 404, NO_SUCH_JOB)
    check_error(bob.http.get("jobs", params={"owner": "alice"}), 403)
    jobs = bob.http.get("jobs", params={"limit": 1000}).json()["jobs"]
    assert finished.job not in [job["id"] for job in jobs]


def test_administrators_list_the_executions_of_others(admin, finished):
    def ids(owner: str) -> list[str]:
        answer = admin.http.get("jobs", params={"owner": owner, "limit": 1000})
        return [job["id"] for job in answer.json()["jobs"]]

    assert finished.job in ids("alice")
    assert finished.job in ids("*")
    assert finished.job not in ids("admin")


def test_private_methods_are_for_their_owner(alice, bob, admin, shell):
    document = method(shell, "true")
    alice.deploy(document)
    place = f"processes/{document['id']}"
    check_error(bob.http.get(place), 404, NO_SUCH_PROCESS)
    check_error(bob.http.put(place, json=document), 404, NO_SUCH_PROCESS)
    check_error(bob.http.delete(place), 404, NO_SUCH_PROCESS)
    check_error(bob.execute(document["id"]), 404, NO_SUCH_PROCESS)
    assert admin.http.get(place).json()["mutable"] is True
    assert admin.http.delete(place).status_code == 204
    check_error(alice.http.get(place), 404, NO_SUCH_PROCESS)


def shared(shell: str, role: str, title: str) -> dict[str, Any]:
    return method(shell, "true", metadata=[{"role": role, "title": title}])


def test_public_methods_are_for_everybody_but_belong_to_one(alice, bob, shell):
    document = shared(shell, "visibility", "public")
    alice.deploy(document)
    place = f"processes/{document['id']}"
    seen = bob.http.get(place).json()
    assert seen["mutable"] is False
    assert {"role": "author", "title": "alice", "href": "/hub/api/users/alice"} in seen["metadata"]
    check_error(bob.http.delete(place), 403, IMMUTABLE_PROCESS)
    check_error(bob.http.put(place, json=document), 403, IMMUTABLE_PROCESS)
    job = bob.execute(document["id"]).json()["jobID"]
    assert bob.wait(job)["owner"] == "bob"
    assert alice.http.delete(place).status_code == 204


def test_a_context_is_for_its_group(alice, bob, carol, shell):
    document = shared(shell, "context", "physics")
    alice.deploy(document)
    place = f"processes/{document['id']}"
    assert bob.http.get(place).status_code == 200
    check_error(carol.http.get(place), 404, NO_SUCH_PROCESS)
    listed = [
        [each["id"] for each in caller.http.get("processes?limit=1000").json()["processes"]]
        for caller in (alice, bob, carol)
    ]
    assert [document["id"] in ids for ids in listed] == [True, True, False]
    assert alice.http.delete(place).status_code == 204


def test_sharing_needs_a_scope_and_membership(callers, carol, shell):
    submitter = callers["alice-submit"]
    for document in (shared(shell, "visibility", "public"), shared(shell, "context", "physics")):
        answer = submitter.http.post("processes", json=document)
        assert check_error(answer, 403)["scope"] == "custom:ccp:share"
    answer = carol.http.post("processes", json=shared(shell, "context", "physics"))
    assert "physics" in check_error(answer, 403)["detail"]


def test_who_may_not_share_cannot_make_a_private_method_public_or_touch_a_public_one(
    callers, alice, shell
):
    submitter = callers["alice-submit"]
    document = method(shell, "true")
    public = {**document, "metadata": [{"role": "visibility", "title": "public"}]}
    submitter.deploy(document)
    place = f"processes/{document['id']}"
    check_error(submitter.http.put(place, json=public), 403)
    assert alice.http.put(place, json=public).status_code == 200
    check_error(submitter.http.put(place, json=document), 403)
    assert alice.http.put(place, json=document).status_code == 200
    assert submitter.http.put(place, json=document).status_code == 200


def test_groups_come_from_the_hub(stack, alice, shell):
    """New groups are asked for when nothing is known of a user yet, as here."""
    document = shared(shell, "context", "physics")
    alice.deploy(document)
    with stack.hub() as hub:
        hub.add_user("frieda")
        hub.call("POST", "/groups/physics/users", {"users": ["frieda"]})
        frieda = CheckedCaller(stack.service_url, hub.token("frieda"))
    assert frieda.http.get(f"processes/{document['id']}").status_code == 200
    frieda.close()


def test_addresses_that_are_not_there(alice, nobody):
    for caller in (alice, nobody):
        check_error(caller.http.get("nothing/here"), 404)
        check_error(caller.http.post("nothing/here", json={}), 404)
