"""Requests through a stand-by: unchanged, streaming, and again where the driver did nothing."""

from __future__ import annotations

import asyncio
import hashlib
import tracemalloc
from collections.abc import AsyncIterator

import httpx
import pytest

from ccp_jupyter.hub_service.api import forwarding, relay
from ccp_jupyter.hub_service.api.relay import FORWARDED, NOT_DRIVING
from tests.unit.cluster.conftest import PIECE, Cluster


async def pieces(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield PIECE


def header(answer: httpx.Response, name: str) -> list[str]:
    """Return the values that the driver got of a header."""
    return [value for key, value in answer.json()["headers"] if key.lower() == name.lower()]


async def test_a_request_arrives_as_it_was_sent(cluster: Cluster) -> None:
    await cluster.drives(cluster.driver())
    answer = await cluster.http.put(
        "it/a%2Fb%20c;x?q=%C3%A4&q=2&empty=",
        content=b"hello",
        headers={
            "Authorization": "token abc",
            "Cookie": "a=b; c=d",
            "Host": "hub.example.org",
            "X-Forwarded-For": "10.1.2.3, 10.4.5.6",
            "X-Forwarded-Proto": "https",
            "Connection": "X-Secret-Hop",
            "X-Secret-Hop": "1",
        },
    )
    assert answer.status_code == 200
    assert answer.headers.get_list("Set-Cookie") == ["a=1", "b=2"]
    found = answer.json()
    assert found["uri"] == "/services/ccp/it/a%2Fb%20c;x?q=%C3%A4&q=2&empty="
    assert found["sha256"] == hashlib.sha256(b"hello").hexdigest()
    assert header(answer, "Authorization") == ["token abc"]
    assert header(answer, "Cookie") == ["a=b; c=d"]
    assert header(answer, "Host") == ["hub.example.org"]
    assert header(answer, "X-Forwarded-For") == ["10.1.2.3, 10.4.5.6"]
    assert header(answer, "X-Forwarded-Proto") == ["https"]
    assert header(answer, "Content-Length") == ["5"]
    assert header(answer, "X-Secret-Hop") == []


async def test_the_callers_address_is_told_when_no_proxy_did(cluster: Cluster) -> None:
    await cluster.drives(cluster.driver())
    assert header(await cluster.http.get("it"), "X-Forwarded-For") == ["127.0.0.1"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_every_method(cluster: Cluster, method: str) -> None:
    driver = cluster.driver()
    await cluster.drives(driver)
    answer = await cluster.http.request(method, "it")
    assert answer.status_code == 200
    assert answer.json()["size"] == 0
    assert driver.requests == [f"{method} /services/ccp/it"]


async def test_answers_without_a_body(cluster: Cluster) -> None:
    await cluster.drives(cluster.driver())
    unchanged = await cluster.http.get("unchanged")
    assert (unchanged.status_code, unchanged.headers["ETag"]) == (304, '"7"')
    assert (await cluster.http.delete("nothing")).status_code == 204
    head = await cluster.http.head("sized")
    assert (head.headers["Content-Length"], head.content) == ("1000", b"")
    assert len((await cluster.http.get("sized")).content) == 1000


@pytest.mark.parametrize("announced", [True, False])
async def test_a_large_body_goes_through_and_not_into_memory(
    cluster: Cluster, announced: bool
) -> None:
    await cluster.drives(cluster.driver())
    count = 1000
    size = count * len(PIECE)
    headers = {"Content-Length": str(size)} if announced else {}
    tracemalloc.start()
    answer = await cluster.http.post("it", content=pieces(count), headers=headers)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    found = answer.json()
    assert found["size"] == size
    assert found["sha256"] == hashlib.sha256(PIECE * count).hexdigest()
    assert most < size / 4, "client, stand-by and driver together"


async def test_a_large_answer_goes_through_and_not_into_memory(cluster: Cluster) -> None:
    await cluster.drives(cluster.driver())
    count, digest = 1000, hashlib.sha256()
    tracemalloc.start()
    async with cluster.http.stream("GET", f"large?pieces={count}") as answer:
        async for piece in answer.aiter_bytes():
            digest.update(piece)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert digest.hexdigest() == hashlib.sha256(PIECE * count).hexdigest()
    assert most < count * len(PIECE) / 4


async def test_events_arrive_as_they_come(cluster: Cluster) -> None:
    driver = cluster.driver()
    await cluster.drives(driver)
    async with cluster.http.stream("GET", "events") as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        lines = answer.aiter_lines()
        assert await anext(lines) == "data: 1"
        driver.released.set()
        assert [line async for line in lines if line] == ["data: 2"]


async def test_the_driver_hears_that_the_caller_has_gone(cluster: Cluster) -> None:
    driver = cluster.driver()
    await cluster.drives(driver)
    asking = asyncio.create_task(cluster.http.get("stuck"))
    while not driver.requests:
        await asyncio.sleep(0.01)
    asking.cancel()
    await asyncio.wait_for(driver.left.wait(), 30)


async def test_the_driver_hears_that_a_reader_of_events_has_gone(cluster: Cluster) -> None:
    driver = cluster.driver()
    await cluster.drives(driver)
    async with cluster.http.stream("GET", "events") as answer:
        assert await anext(answer.aiter_lines()) == "data: 1"
        assert not driver.left.is_set()
    await asyncio.wait_for(driver.left.wait(), 30)  # although no event came after that


async def test_an_answer_that_is_cut_off_is_cut_off(cluster: Cluster) -> None:
    await cluster.drives(cluster.driver())
    with pytest.raises(httpx.RemoteProtocolError):
        await cluster.http.get("cut")


# --- when nobody drives, or another ---------------------------------------------------------------


async def test_a_request_waits_for_somebody_to_drive(cluster: Cluster) -> None:
    asking = asyncio.create_task(cluster.http.post("it", content=b"hello"))
    while not cluster.relay.waiting:
        await asyncio.sleep(0.01)
    await cluster.drives(cluster.driver())
    assert (await asking).json()["size"] == 5


async def test_when_nobody_comes_it_says_so(cluster: Cluster) -> None:
    cluster.relay.patience = 0.2
    answer = await cluster.http.post("it", content=b"hello")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json()["detail"].startswith("No service process drives at the moment")
    assert answer.json()["instance"] == "/services/ccp/it"


async def test_too_many_that_wait(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "_MOST_WAITING", 0)
    answer = await cluster.http.post("it", content=pieces(100))
    assert answer.status_code == 503
    assert "Too many" in answer.json()["detail"]


async def test_a_driver_that_cannot_be_reached_is_followed_by_the_next(cluster: Cluster) -> None:
    gone, following = cluster.driver(), cluster.driver()
    await gone.end()
    await cluster.drives(gone)
    asking = asyncio.create_task(cluster.http.post("it", content=b"hello"))
    while not cluster.relay.waiting:
        await asyncio.sleep(0.01)
    await cluster.drives(following)
    answer = await asking
    assert answer.json()["driver"] == "driver 2"
    assert answer.json()["sha256"] == hashlib.sha256(b"hello").hexdigest()


async def test_one_that_does_not_drive_is_followed_by_the_next(cluster: Cluster) -> None:
    starting, following = cluster.driver(always="elsewhere"), cluster.driver()
    await cluster.drives(starting)
    asking = asyncio.create_task(cluster.http.post("it", content=b"hello"))
    while not starting.requests:
        await asyncio.sleep(0.01)
    await cluster.drives(following)
    answer = await asking
    assert answer.json()["driver"] == "driver 2"
    assert answer.json()["sha256"] == hashlib.sha256(b"hello").hexdigest()


async def test_a_large_body_is_not_sent_twice(cluster: Cluster) -> None:
    await cluster.drives(cluster.driver(always="elsewhere"))
    answer = await cluster.http.post("it", content=pieces(100))
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers


@pytest.mark.parametrize(
    ("method", "headers"), [("GET", {}), ("HEAD", {}), ("POST", {"Idempotency-Key": "k"})]
)
async def test_what_may_be_done_twice_goes_to_the_next(
    cluster: Cluster, method: str, headers: dict[str, str]
) -> None:
    dying, following = cluster.driver(always="silent"), cluster.driver()
    await cluster.drives(dying)
    asking = asyncio.create_task(cluster.http.request(method, "it", headers=headers))
    while not dying.requests:
        await asyncio.sleep(0.01)
    await cluster.drives(following)
    assert (await asking).status_code == 200
    assert following.requests == [f"{method} /services/ccp/it"]


async def test_what_may_have_been_done_is_not_done_twice(cluster: Cluster) -> None:
    dying, following = cluster.driver(always="silent"), cluster.driver()
    await cluster.drives(dying)
    answer = await cluster.http.post("it", content=b"hello")
    assert answer.status_code == 502
    assert "may have been done or not" in answer.json()["detail"]
    assert following.requests == []


async def test_one_that_hangs_is_given_up_when_another_drives(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "_FAREWELL", 0.2)
    frozen, following = cluster.driver(always="stuck"), cluster.driver()
    await cluster.drives(frozen)
    asking = asyncio.create_task(cluster.http.get("it"))
    while not frozen.requests:
        await asyncio.sleep(0.01)
    await cluster.drives(following)
    assert (await asking).json()["driver"] == "driver 2"


async def test_a_stream_of_one_that_hangs_is_cut_when_another_drives(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "_FAREWELL", 0.2)
    frozen, following = cluster.driver(), cluster.driver()
    await cluster.drives(frozen)
    async with cluster.http.stream("GET", "events") as answer:
        lines = answer.aiter_lines()
        assert await anext(lines) == "data: 1"
        await cluster.drives(following)
        with pytest.raises(httpx.RemoteProtocolError):
            async for _ in lines:
                pass


async def test_no_stand_by_passes_on_what_another_passed_on(cluster: Cluster) -> None:
    driver = cluster.driver()
    await cluster.drives(driver)
    answer = await cluster.http.post("it", content=pieces(50), headers={FORWARDED: "1"})
    assert answer.status_code == 503
    assert answer.headers[NOT_DRIVING] == "1"
    assert driver.requests == []


async def test_health(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "_HEALTH_AGE", 0.0)
    answer = await cluster.http.get("health")
    assert answer.status_code == 503, "nobody has driven yet"
    driver = cluster.driver()
    await cluster.drives(driver)
    answer = await cluster.http.get("health")
    assert answer.status_code == 200
    assert [(c["name"], c["status"]) for c in answer.json()["checks"]] == [("driver", "ok")]
    await driver.end()
    assert (await cluster.http.get("health")).status_code == 200, "another is about to take over"
    cluster.relay.patience = 0.0
    answer = await cluster.http.get("health")
    assert answer.status_code == 503
    assert answer.json()["status"] == "failing"
    asked = await cluster.http.get("health", headers={FORWARDED: "1"})
    assert (asked.status_code, asked.headers[NOT_DRIVING]) == (503, "1")
