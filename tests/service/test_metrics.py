"""Metrics, health and log of a service that has really worked."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.jobs import method
from tests.service.documents import check_error


class Scrape:
    """All samples of one scrape."""

    def __init__(self, caller) -> None:
        answer = caller.http.get("metrics")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        self.text: str = answer.text
        self.families = {each.name: each for each in text_string_to_metric_families(answer.text)}

    def value(self, family: str, sample: str = "", **labels: str) -> float:
        """Return the sum of the samples with these labels."""
        return sum(
            each.value
            for each in self.families[family].samples
            if each.name == (sample or family) and labels.items() <= each.labels.items()
        )


def test_what_a_run_adds(alice, admin, shell):
    before = Scrape(admin)
    job = alice.start(method(shell, "sleep 1; exit 3"))
    alice.wait(job)
    after = Scrape(admin)

    def more(*names: str, **labels: str) -> float:
        return after.value(*names, **labels) - before.value(*names, **labels)

    assert more("ccp_executions_submitted", "ccp_executions_submitted_total") >= 1
    finished = ("ccp_executions_finished", "ccp_executions_finished_total")
    assert more(*finished, status="failed") >= 1
    attempts = ("ccp_attempts", "ccp_attempts_total")
    assert more(*attempts, outcome="failed", reason="exit_code") >= 1
    phases = "ccp_attempt_phase_seconds"
    assert more(phases, f"{phases}_sum", phase="execute") >= 0.9
    waits = "ccp_task_wait_seconds"
    assert more(waits, f"{waits}_count", infrastructure="local-docker") >= 1
    engine, store = "ccp_engine_call_seconds", "ccp_store_call_seconds"
    assert more(engine, f"{engine}_count", call="create") >= 1
    assert more(store, f"{store}_count", call="save_task") >= 4
    lag = "ccp_event_lag_seconds"
    assert more(lag, f"{lag}_count") >= 5
    requests = {"route": "/jobs/{job_id}", "method": "GET", "code": "200"}
    assert more("ccp_http_requests", "ccp_http_requests_total", **requests) >= 1


def test_what_there_is(admin, alice, stack, sleeping):
    scrape = Scrape(admin)
    for node in stack.engines:
        labels = {"infrastructure": "local-docker", "node": node}
        assert scrape.value("ccp_node_up", **labels) == 1
        assert scrape.value("ccp_node_memory_bytes", **labels) > 2**28
        assert scrape.value("ccp_node_state", **labels, state="online") == 1
    assert scrape.value("ccp_node_tasks") == scrape.value("ccp_running_tasks") >= 1
    assert scrape.value("ccp_node_memory_used_bytes") > 0
    assert scrape.value("ccp_queue_tasks", infrastructure="local-docker") >= 0
    assert scrape.value("ccp_vault_up") == 1
    assert scrape.value("ccp_check_ok", check="store") == 1
    assert scrape.value("ccp_data_free_bytes") > 0
    assert scrape.value("process_resident_memory_bytes") > 2**24
    assert scrape.value("process_open_fds") > 3
    loop = "ccp_event_loop_lag_seconds"
    assert scrape.value(loop, f"{loop}_count") > 0


def test_no_label_names_a_user_or_an_execution(admin, alice, bob, finished, failed, stack):
    unknown = f"nothing-{uuid.uuid4()}"
    alice.http.get(unknown)
    alice.http.get(f"jobs/{unknown}")
    alice.http.request("OPTIONS", "jobs")
    scrape = Scrape(admin)
    for private in ("alice", finished.job, failed, finished.method["id"], unknown, "OPTIONS"):
        assert private not in scrape.text
    addresses = [str(engine.base_url) for engine in stack.engines.values()]
    assert not any(address in scrape.text for address in addresses)
    assert scrape.value("ccp_http_requests", "ccp_http_requests_total", route="/other") >= 1
    for family in scrape.families.values():
        assert family.documentation, family.name


@pytest.fixture
def closed(stack) -> Iterator[str]:
    """The address of the service's own port."""
    yield f"http://127.0.0.1:{stack.settings.service_port}/services/ccp/metrics"


def test_the_networks_that_may_read_without_a_token_are_none_at_first(nobody, closed):
    check_error(nobody.http.get("metrics"), 401)
    assert httpx.get(closed, trust_env=False).status_code == 401
    claimed = {"X-Forwarded-For": "127.0.0.1"}
    assert httpx.get(closed, headers=claimed, trust_env=False).status_code == 401


def test_health(nobody, stack):
    answer = nobody.http.get("health")
    assert answer.status_code == 200
    checks = {each["name"]: each for each in answer.json()["checks"]}
    assert set(checks) == {"store", "vault", "nodes", "disk", "event_loop", "hub"}
    assert all(set(each) == {"name", "status", "message"} for each in checks.values())
    for private in ("/", "tcp", "sock", "127.0.0.1", str(stack.settings.service_port)):
        assert private not in answer.text
    live = nobody.http.get("health?live")
    assert (live.status_code, live.json()) == (200, {"status": "ok", "checks": []})
    check_error(
        nobody.http.get("health", params={"live": "maybe"}),
        400,
        "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/invalid-query-parameter-value",
    )


def lines_of(stack) -> list[dict[str, Any]]:
    """Return the service's log; every line of it must be JSON."""
    text = (stack.folder / "logs/service.log").read_text()
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_the_log_says_what_it_is_about(stack, admin, alice, shell):
    job = alice.start(method(shell, "exit 3"))
    alice.wait(job)
    admin.http.patch(
        f"nodes/{min(stack.engines)}", json={"draining": True, "reason": "for the log"}
    )
    admin.http.patch(f"nodes/{min(stack.engines)}", json={"draining": False})
    lines = lines_of(stack)
    (ended,) = (each for each in lines if each.get("execution") == job)
    assert "exit code 3" in ended["message"]
    assert (ended["task"], ended["attempt"]) == (1, 1)
    assert ended["node"] in stack.engines
    drained = next(each for each in lines if "for the log" in each["message"])
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]+", drained["request"])
    online = next(each for each in lines if "is online" in each["message"])
    assert online["node"] in stack.engines


def test_no_traceback_is_without_context(stack, finished, failed):
    for each in lines_of(stack):
        if "exception" in each:
            assert {"execution", "request", "node"} & set(each), each
