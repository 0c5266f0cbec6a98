"""HTTP as a user does it whose gateway is being shot at: ask again until there is an answer."""

from __future__ import annotations

import time
from typing import Any

import httpx

from tests.stack.stack import Stack

LONGEST = 300.0
"""Seconds until a request must be answered, whatever is being killed meanwhile."""
_OWN = ("application/json", "application/problem+json")


class NoAnswer(AssertionError):
    """Nobody answered in all that time; the text has the last thing that was heard."""


class User:
    """One user of the service, who does not give up.

    Parameters
    ----------
    stack : Stack
        A running one.
    name : str
        Of the user.
    """

    def __init__(self, stack: Stack, name: str) -> None:
        self.name = name
        token = stack.users[name]
        self._ogc = httpx.Client(
            base_url=stack.service_url,
            headers={"Authorization": f"token {token}"},
            timeout=30,
            trust_env=False,
        )
        self._agency = httpx.Client(
            base_url=f"{stack.service_url}agency/", auth=(name, token), timeout=30, trust_env=False
        )

    def close(self) -> None:
        """Let go of connections."""
        self._ogc.close()
        self._agency.close()

    def ask(
        self, verb: str, path: str, *, agency: bool = False, content: str = "", **options: Any
    ) -> httpx.Response:
        """Send a request until the service itself has answered it.

        The proxy and the hub answer in its place while it is away, with pages of their own.

        Parameters
        ----------
        verb, path : str
            Such as ``"GET", "jobs"``.
        agency : bool
            Whether the path is below ``agency/``.
        content : str
            Media type of a good answer that is not JSON.
        **options
            For `httpx.Client.request`.

        Raises
        ------
        NoAnswer
        """
        client = self._agency if agency else self._ogc
        kinds = {*_OWN, content} - {""}
        deadline = time.monotonic() + LONGEST
        while True:
            try:
                answer = client.request(verb, path, **options)
                kind = answer.headers.get("Content-Type", "").partition(";")[0]
                if answer.status_code < 500 and kind in kinds:
                    return answer
                heard = f"{answer.status_code} {kind} {answer.text[:300]}"
            except httpx.TransportError as error:
                heard = repr(error)
            if time.monotonic() > deadline:
                raise NoAnswer(f"{verb} {path} of {self.name}, {LONGEST:g} s long: {heard}")
            time.sleep(0.25)
