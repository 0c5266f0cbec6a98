"""What is asked before or beside experiments: version, logins, Nodes, schemas."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

from ccp_jupyter.hub_service.api.agency import documents
from ccp_jupyter.hub_service.api.agency.handler import AgencyHandler
from ccp_jupyter.hub_service.api.agency.sessions import Kind
from ccp_jupyter.hub_service.controller.base import NodeStatus
from ccp_jupyter.model.execution import Execution
from ccp_jupyter.model.experiment import batch_id
from ccp_jupyter.model.red import container_schemas, schema

AGENCY_VERSION: Final = "9.3.0"
"""Of the CC-Agency whose API this is; clients compare its first number with theirs."""
_MB: Final = 2**20


class RootHandler(AgencyHandler):
    """Something at the agency's address."""

    async def get(self) -> None:
        """Answer as CC-Agency does."""
        self.reply({"Hello": "World"})


class VersionHandler(AgencyHandler):
    """Versions."""

    async def get(self) -> None:
        """Tell the version of the API, and of this service."""
        self.reply({"agencyVersion": AGENCY_VERSION, "ccpVersion": version("ccp-jupyter")})


class PasswordHandler(AgencyHandler):
    """Base of what needs a token of the hub: sessions do not prolong themselves."""

    kinds = (None,)
    hub_ways = False


class LoginHandler(PasswordHandler):
    """Login with tokens, as the agency's user interface does."""

    async def post(self) -> None:
        """Give an access token and a refresh token."""
        assert self.login is not None  # noqa: S101  (no other way of login counts here)
        access, _ = await self.shared.logins.open(Kind.ACCESS, self.login)
        refresh, _ = await self.shared.logins.open(Kind.REFRESH, self.login)
        self.reply({"username": self.caller.name, "access_token": access, "refresh_token": refresh})


class RefreshHandler(AgencyHandler):
    """A new access token."""

    kinds = (Kind.REFRESH,)
    hub_ways = False

    async def post(self) -> None:
        """Give one for a refresh token."""
        assert self.login is not None  # noqa: S101  (no other way of login counts here)
        access, _ = await self.shared.logins.open(Kind.ACCESS, self.login)
        self.reply({"access_token": access})


class TokenHandler(PasswordHandler):
    """A token to use as password, as up to RED 7."""

    async def get(self) -> None:
        """Give one."""
        assert self.login is not None  # noqa: S101  (no other way of login counts here)
        token, seconds = await self.shared.logins.open(Kind.PASSWORD, self.login)
        self.reply({"token": token, "validForSeconds": seconds})


class NodesHandler(AgencyHandler):
    """The Nodes of all Infrastructures."""

    async def get(self) -> None:
        """Show them as they are now."""
        controller = self.services.controller
        known: dict[str, Execution | None] = {}
        self.reply(
            [
                documents.node(status, await self._batches(status, known), self.caller.admin)
                for infrastructure in controller.infrastructures
                for status in controller.nodes(infrastructure)
            ]
        )

    async def _batches(
        self, status: NodeStatus, known: dict[str, Execution | None]
    ) -> list[tuple[str | None, int]]:
        """Return the batches on a Node; others' without the id, for their memory counts too."""
        found: list[tuple[str | None, int]] = []
        for task in self.services.controller.running(status.id):
            if task.batch is None:
                continue
            name = task.execution_id
            if name not in known:
                known[name] = await self.services.store.get_execution(name)
            execution = known[name]
            if execution is not None:
                may_know = self.caller.admin or task.owner == self.caller.name
                memory = int(execution.limits.memory) // _MB
                found.append((batch_id(name, task.index) if may_know else None, memory))
        return found


class RedSchemaHandler(AgencyHandler):
    """The JSON schema of RED documents."""

    async def get(self) -> None:
        """Send it."""
        self.reply(schema())


class ContainerSchemasHandler(AgencyHandler):
    """The JSON schemas of container engines' settings."""

    async def get(self) -> None:
        """Send them by engine."""
        self.reply(container_schemas())
