"""Personal secrets: their owner writes, lists and deletes them, and nobody reads them."""

from __future__ import annotations

import re
from typing import Any, Final

from ccp_jupyter.hub_service.api.errors import LIMIT_REACHED, ApiError
from ccp_jupyter.hub_service.api.handler import ApiHandler
from ccp_jupyter.hub_service.api.links import link
from ccp_jupyter.hub_service.vault.base import OwnerFull, PersonalSecret
from ccp_jupyter.model.errors import InvalidDocument, Problem, shown
from ccp_jupyter.model.times import iso
from ccp_jupyter.model.values import SECRET_NAME

LARGEST_VALUE: Final = 64 * 2**10
"""Bytes of a value in UTF-8."""
LONGEST_USERNAME: Final = 200
REGISTRY: Final = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?"

_REGISTRY: Final = re.compile(REGISTRY)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_MEMBERS: Final = ("value", "registry", "username")


class SecretsHandler(ApiHandler):
    """The caller's personal secrets."""

    async def get(self) -> None:
        """List what there is to know of them, by name."""
        vault = self.services.vault
        found = await vault.list_secrets(self.caller.name)
        self.set_header("Cache-Control", "no-store")
        self.reply(
            {
                "secrets": [_document(secret) for secret in found],
                "survives_restart": await vault.survives_restart(),
                "links": [link(self.base_url + "secrets", "self")],
            }
        )


class SecretHandler(ApiHandler):
    """One personal secret of the caller."""

    async def put(self, name: str) -> None:
        """Keep it, or replace it."""
        vault, owner = self.services.vault, self.caller.name
        value, registry, username = _checked(name, await self.json_body())
        replaced = any(secret.name == name for secret in await vault.list_secrets(owner))
        try:
            await vault.save_secret(owner, name, value, registry, username)
        except OwnerFull as error:
            raise ApiError(409, f"You keep as much as you may: {error}", LIMIT_REACHED) from error
        if replaced:
            self._nothing()
            return
        self.set_header("Location", f"{self.base_url}secrets/{name}")
        self.reply({"name": name, "survives_restart": await vault.survives_restart()}, 201)

    async def delete(self, name: str) -> None:
        """Delete it."""
        if not SECRET_NAME.fullmatch(name) or not await self.services.vault.remove_secret(
            self.caller.name, name
        ):
            raise ApiError(404, f"You have no secret {shown(name)}")
        self._nothing()

    def _nothing(self) -> None:
        self.set_status(204)
        self.clear_header("Content-Type")
        self.finish()


def _document(secret: PersonalSecret) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": secret.name,
        "created": iso(secret.created),
        "uses": [{"at": iso(use.at), "execution": use.execution_id} for use in secret.uses],
    }
    if secret.registry is not None:
        found |= {"registry": secret.registry, "username": secret.username}
    return found


def _checked(name: str, body: object) -> tuple[str, str | None, str | None]:
    """Return value, registry and user name; no value is ever shown.  Raises `InvalidDocument`."""
    if not isinstance(body, dict):
        raise InvalidDocument([Problem("", 'must be an object such as {"value": "…"}')])
    problems = [
        Problem(str(member)[:100], f"unknown member; a secret has {', '.join(_MEMBERS)}")
        for member in body
        if member not in _MEMBERS
    ]
    if not SECRET_NAME.fullmatch(name):
        problems.append(Problem("name", f"must match ^{SECRET_NAME.pattern}$", shown(name)))
    value, registry, username = (body.get(member) for member in _MEMBERS)
    if not isinstance(value, str) or not 0 < len(value.encode()) <= LARGEST_VALUE:
        problems.append(Problem("value", f"must be text of 1 to {LARGEST_VALUE} bytes in UTF-8"))
    if (registry is None) != (username is None):
        problems.append(Problem("registry", "registry and username belong together"))
    if registry is not None and not (isinstance(registry, str) and _REGISTRY.fullmatch(registry)):
        rule = "must be a host, or host:port, as image references begin with; no https://"
        problems.append(Problem("registry", rule, shown(registry)))
    if username is not None and not _is_username(username):
        rule = f"must be text of 1 to {LONGEST_USERNAME} characters without control characters"
        problems.append(Problem("username", rule))
    if problems:
        raise InvalidDocument(problems)
    return str(value), registry and registry.lower(), username


def _is_username(value: object) -> bool:
    return (
        isinstance(value, str) and 0 < len(value) <= LONGEST_USERNAME and not _CONTROL.search(value)
    )
