import pytest

from benchmarks.calls import Calls, is_of_node, parse

ID = "4f5b1e0c9d"
LINE = 'time="2026-11-21T22:00:00.1Z" level=debug msg="Calling {} {}"\n'


def log(*calls: str) -> str:
    return "".join(LINE.format(*call.split(" ")) for call in calls)


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        ("POST /v1.41/containers/create?name=ccp-1.1.1", "POST /containers/create"),
        (f"PUT /v1.41/containers/{ID}/archive?path=%2F", "PUT /containers/…/archive"),
        (f"POST /v1.41/containers/{ID}/start", "POST /containers/…/start"),
        (f"GET /v1.41/containers/{ID}/logs?follow=1", "GET /containers/…/logs"),
        (f"DELETE /v1.41/containers/{ID}?v=True", "DELETE /containers/…"),
        ("GET /v1.41/containers/json?all=1", "GET /containers/json"),
        ("GET /v1.41/images/127.0.0.1:5000/ccp/shell:1/json", "GET /images/…/json"),
        ("POST /v1.41/images/create?fromImage=a", "POST /images/create"),
        ("GET /images/json", "GET /images/json"),
        ("HEAD /_ping", "HEAD /_ping"),
        ("GET /v1.41/events?filters=x", "GET /events"),
    ],
)
def test_kinds(call, kind):
    assert parse(log(call)).kinds == {kind: 1}


def test_other_lines_do_not_count():
    noise = 'level=debug msg="form data: Calling GET /x"\nlevel=info msg="Calling GET /info"\n'
    assert parse(noise).kinds == {}


def test_containers_and_node_are_counted_apart():
    calls = parse(log("GET /v1.41/info", "GET /v1.41/info", f"DELETE /v1.41/containers/{ID}"))
    assert (calls.of_node, calls.of_containers) == (2, 1)
    assert calls.text() == "2 x GET /info, 1 x DELETE /containers/…"


def test_nothing():
    assert (Calls().of_node, Calls().of_containers, Calls().text()) == (0, 0, "")


@pytest.mark.parametrize(
    ("kind", "of_node"),
    [
        ("GET /info", True),
        ("HEAD /_ping", True),
        ("GET /events", True),
        ("GET /containers/json", True),
        ("GET /containers/…/json", False),
        ("GET /containers/…/stats", False),
        ("GET /images/…/json", False),
    ],
)
def test_what_is_about_the_node(kind, of_node):
    assert is_of_node(kind) is of_node
