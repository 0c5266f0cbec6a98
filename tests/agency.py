"""The agency's routes as a client with Basic authentication calls them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import httpx

from tests.jobs import patient_get
from tests.stack.stack import Stack

FINAL = {"succeeded", "failed", "cancelled"}


class Agency:
    """One user.

    Parameters
    ----------
    stack : Stack
        A running one.
    user : str
        One of its users.
    """

    def __init__(self, stack: Stack, user: str = "alice") -> None:
        self.http = httpx.Client(
            base_url=stack.service_url + "agency/",
            auth=(user, stack.users[user]),
            timeout=60,
            trust_env=False,
        )

    def close(self) -> None:
        """Let go of connections."""
        self.http.close()

    def submit(self, document: Mapping[str, Any], retry: bool = False, **query: Any) -> str:
        """Post a document and return the Experiment's id."""
        answer = self.http.post("red", json=document, params={"disableRetry": not retry, **query})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["experimentId"])

    def state(self, name: str) -> dict[str, Any]:
        """Return the Experiment's state; patient while the service is restarted."""
        return patient_get(self.http, f"experiments/{name}/state")

    def batches(self, name: str) -> list[dict[str, Any]]:
        """Return all batches in full, in order."""
        listed = self.http.get("batches", params={"experimentId": name}).json()
        return [self.http.get(f"batches/{each['_id']}").json() for each in listed]

    def wait(self, name: str, timeout: float = 60) -> list[dict[str, Any]]:
        """Return all batches when the Experiment has ended, and they too.

        One that is cancelled has ended at once; its batches follow.
        """
        deadline = time.monotonic() + timeout
        while (found := self.state(name))["state"] not in FINAL or any(
            count for state, count in found["batches"].items() if state not in FINAL
        ):
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        return self.batches(name)

    def run(
        self, document: Mapping[str, Any], retry: bool = False, **query: Any
    ) -> list[dict[str, Any]]:
        """Submit and wait; return all batches."""
        return self.wait(self.submit(document, retry, **query))

    def stream(self, batch: Mapping[str, Any], name: str = "stdout") -> str:
        """Return the text of a batch's stream."""
        return self.http.get(f"batches/{batch['_id']}/{name}").text


def debug_info(batch: Mapping[str, Any]) -> str:
    """Return why a batch ended as it did."""
    return str(batch["history"][-1]["debugInfo"] or "")


def states(batch: Mapping[str, Any]) -> list[str]:
    """Return the states of a batch's history."""
    return [entry["state"] for entry in batch["history"]]
