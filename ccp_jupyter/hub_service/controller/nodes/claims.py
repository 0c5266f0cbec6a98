"""Only one service drives an engine in the name of one service id.

Two that did (a copied data_dir, a restored backup) would remove each other's containers as
nobody's. So each leaves a token on the engine that says who it is, and whoever finds another's
challenges it: by a token that the other, if it lives, hears of by its event stream and answers.
An engine call that could follow a long sleep of this process (SIGSTOP, a suspended machine) is
preceded by a look whether the token is still there.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from ccp_jupyter.hub_service.controller.nodes.instance import Instance
from ccp_jupyter.hub_service.engines.base import TOKEN_PREFIX, Engine, Token

_log = logging.getLogger(__name__)

_KEY: Final = "ccp.claim"  # label; its value is the service id
_NODE: Final = "ccp.node"  # label
_CLAIM, _CHALLENGE, _DENIAL = "claim", "challenge", "denial"
_LOOK_INTERVAL: Final = 0.25
# Part of the patience of others for which an answer of the engine proves that it is still ours:
# they wait longer than that for us, after we were last seen to listen.
_SURE: Final = 0.7
_LONGEST_FAREWELL: Final = 3.0
"""Seconds for removing our tokens when we go; who comes next notices by itself that we are gone."""


class NodeTaken(Exception):
    """Another service drives this engine in our name; the text says which and what to do."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """The tokens of one service id on an engine, as they are now."""

    claims: dict[str, Token]
    """By instance."""
    challenges: frozenset[tuple[str, str]]
    """From one instance to another."""
    denials: frozenset[tuple[str, str]]
    """The same."""
    names: frozenset[str]


class Claim:
    """The right to drive one engine.

    Parameters
    ----------
    engine : Engine
        The Node's.
    service_id : str
        In whose name.
    instance : Instance
        This process, by an id that no other claim has: a process may be given one engine twice.
    node_id : str
        What the engine is called here.
    patience : float
        Seconds within which a living process answers a challenge.
    """

    def __init__(
        self,
        engine: Engine,
        service_id: str,
        instance: Instance,
        node_id: str,
        patience: float,
    ) -> None:
        self._engine = engine
        self._service_id = service_id
        self._me = instance
        self._labels = {**instance.labels, _NODE: node_id}
        self._patience = patience
        digest = hashlib.sha256(service_id.encode()).hexdigest()[:16]
        self._prefix = f"{TOKEN_PREFIX}{digest}-"
        self._lock = asyncio.Lock()
        self._held = False
        self._lost = ""
        """How it was lost, once it was."""
        self._sure_at = float("-inf")

    async def take(self) -> None:
        """Claim the engine, or see that it is still ours; waits only for another's answer.

        Raises
        ------
        NodeTaken
            Another service has it, or is about to.
        """
        async with self._lock:
            await self._take()

    def sure(self) -> None:
        """Note that the engine has answered us, who answer others."""
        self._sure_at = time.monotonic()

    async def confirm(self) -> None:
        """Return when nobody can have taken the engine; looks at it only after a long silence.

        Raises
        ------
        NodeTaken
            Somebody has.
        """
        while True:
            if self._lost:
                raise NodeTaken(self._lost)
            if time.monotonic() - self._sure_at < self._patience * _SURE:
                return
            async with self._lock:
                if time.monotonic() - self._sure_at >= self._patience * _SURE:
                    await self._take()

    async def heard(self, token: str) -> None:
        """Take note of a token that was made; a challenge to us is answered.

        Raises
        ------
        NodeTaken
            Our own is gone, and another's there.
        """
        if token.startswith(self._prefix) and not token.endswith(self._me.id):
            await self.take()

    async def release(self) -> None:
        """Leave the engine to others.

        Raises
        ------
        TimeoutError
            The engine is too slow for that; our token stays.
        """
        if self._held:
            self._held = False
            await self._farewell()

    async def _take(self) -> None:
        """Take it; of several that put their claims at once, the one with the lowest id stays.

        Who finds a claim challenges it before it puts its own. So claims meet only when both were
        put after a look that showed none.
        """
        seen = await self._look()
        if self._held and self._me.id in seen.claims:
            await self._answer(seen)
        else:
            others = self._others(seen)
            if self._held and others:
                self._held = False
                self._lost = self._words(
                    next(iter(others.values())), "has taken over and drives this engine"
                )
                raise NodeTaken(self._lost)
            try:
                await self._outlive(seen)
                await self._put(_CLAIM, self._me.id, self._labels)
                await self._tidy(await self._outlive(await self._look(), claimed=True))
            except asyncio.CancelledError:
                # The service stops, and must not wait for an engine that takes its time.
                with suppress(TimeoutError):
                    await self._farewell()
                raise
            except Exception:
                await self._withdraw()
                raise
        self._held, self._lost = True, ""
        self.sure()

    async def _outlive(self, seen: _Seen, *, claimed: bool = False) -> _Seen:
        """Return when no other service has a claim any more, with what is there then."""
        deadlines: dict[str, float] = {}
        while others := self._others(seen):
            deadlines = {theirs: at for theirs, at in deadlines.items() if theirs in others}
            for theirs, token in others.items():
                await self._challenge(theirs, token, seen, deadlines)
            await self._answer(seen)
            await asyncio.sleep(_LOOK_INTERVAL if deadlines else 0)
            seen = await self._look()
            if claimed and self._me.id not in seen.claims:
                raise NodeTaken("another service was quicker to take this engine; trying again")
        return seen

    async def _challenge(
        self, theirs: str, token: Token, seen: _Seen, deadlines: dict[str, float]
    ) -> None:
        """Find out whether another service lives; remove its token if it does not."""
        if (theirs, self._me.id) in seen.denials:
            raise NodeTaken(self._words(token, "drives this engine"))
        if (theirs, self._me.id) in seen.challenges and theirs < self._me.id:
            raise NodeTaken(self._words(token, "is about to drive this engine"))
        other = Instance.read(token.labels)
        if other.is_dead() or time.monotonic() > deadlines.get(theirs, float("inf")):
            _log.warning("the service %s is no more: its token is removed", other.words)
            await self._engine.remove_token(token.name)
        elif (self._me.id, theirs) not in seen.challenges:
            # The first time; or it has lived since, went away with it, and came again.
            deadlines[theirs] = time.monotonic() + self._patience
            await self._put(_CHALLENGE, f"{theirs}-{self._me.id}")

    async def _answer(self, seen: _Seen) -> None:
        """Deny what others ask of us: that we are no more.

        Before it is ours, who has a claim goes before who has none, and then the lower id.
        """
        me = self._me.id
        if me not in seen.claims:
            return
        for challenger, challenged in seen.challenges:
            answered = (me, challenger) in seen.denials
            first = self._held or challenger not in seen.claims or me < challenger
            if challenged == me and not answered and first:
                await self._put(_DENIAL, f"{challenger}-{me}")
        for denier, denied in seen.denials:
            if denier == me and (denied, me) not in seen.challenges:
                # It went away while our answer was on its way.
                await self._engine.remove_token(f"{self._prefix}{_DENIAL}-{denied}-{me}")

    async def _tidy(self, seen: _Seen) -> None:
        """Remove challenges and denials that nobody waits for any more."""
        for name in seen.names - {token.name for token in seen.claims.values()}:
            await self._engine.remove_token(name)

    async def _farewell(self) -> None:
        async with asyncio.timeout(_LONGEST_FAREWELL):
            await self._withdraw()

    async def _withdraw(self) -> None:
        """Remove what we have put, and what was an answer to it."""
        for name in (await self._look()).names:
            if self._me.id in name:
                await self._engine.remove_token(name)

    async def _put(self, kind: str, whom: str, labels: dict[str, str] | None = None) -> None:
        name = f"{self._prefix}{kind}-{whom}"
        await self._engine.put_token(Token(name, {_KEY: self._service_id, **(labels or {})}))

    async def _look(self) -> _Seen:
        claims: dict[str, Token] = {}
        pairs: dict[str, set[tuple[str, str]]] = {_CHALLENGE: set(), _DENIAL: set()}
        names: set[str] = set()
        for token in await self._engine.tokens(_KEY):
            if not token.name.startswith(self._prefix):
                continue
            names.add(token.name)
            kind, *whom = token.name.removeprefix(self._prefix).split("-")
            if kind == _CLAIM and len(whom) == 1:
                claims[whom[0]] = token
            elif kind in pairs and len(whom) == 2:
                pairs[kind].add((whom[1], whom[0]))
        return _Seen(
            claims, frozenset(pairs[_CHALLENGE]), frozenset(pairs[_DENIAL]), frozenset(names)
        )

    def _others(self, seen: _Seen) -> dict[str, Token]:
        return {who: token for who, token in seen.claims.items() if who != self._me.id}

    def _words(self, token: Token, does: str) -> str:
        other = Instance.read(token.labels)
        if other.is_same_process(self._me):
            name = token.labels.get(_NODE, "")
            return f"this service has the engine already, as Node {name}; remove one of the two"
        return (
            f"another service ({other.words}) {does} with the same service id; stop it, or give"
            " this one a data_dir of its own"
        )
