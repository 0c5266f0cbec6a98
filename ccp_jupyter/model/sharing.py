"""With whom a record is shared, and who may see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from pydantic import BaseModel

from ccp_jupyter.model.errors import InvalidDocument, Problem, shown

MOST_NAMES: Final = 200
LONGEST_NAME: Final = 255
"""Characters; as the hub's own database has them."""


class Sharing(BaseModel):
    """With whom something is shared, besides its owner and administrators."""

    public: bool = False
    """With everybody who may use the service."""
    contexts: list[str] = []
    """JupyterHub groups whose members may see it."""
    users: list[str] = []
    """Names of users who may see it."""

    @property
    def with_nobody(self) -> bool:
        """Whether it is private."""
        return not (self.public or self.contexts or self.users)


_MEMBERS: Final = ("public", "contexts", "users")


def read_sharing(document: object) -> Sharing:
    """Check how somebody wants to share something.

    Nobody is told whether a user exists: any name goes.

    Raises
    ------
    InvalidDocument
        Lists all rules that are broken.
    """
    if not isinstance(document, dict):
        rule = 'must be an object such as {"public": false, "contexts": [], "users": []}'
        raise InvalidDocument([Problem("", rule, shown(document))])
    problems = [
        Problem(str(member)[:100], f"unknown member; there are {', '.join(_MEMBERS)}")
        for member in document
        if member not in _MEMBERS
    ]
    public = document.get("public", False)
    if not isinstance(public, bool):
        problems.append(Problem("public", "must be true or false", shown(public)))
    contexts = _names(document.get("contexts", []), "contexts", problems)
    users = _names(document.get("users", []), "users", problems)
    if problems:
        raise InvalidDocument(problems)
    return Sharing(public=public, contexts=contexts, users=users)


def _names(value: object, member: str, problems: list[Problem]) -> list[str]:
    """Return names without repetitions."""
    if not isinstance(value, list) or len(value) > MOST_NAMES:
        problems.append(Problem(member, f"must be a list of at most {MOST_NAMES} names"))
        return []
    for number, name in enumerate(value):
        if not (isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and name.isprintable()):
            rule = f"must be a name of 1 to {LONGEST_NAME} characters that can be printed"
            problems.append(Problem(f"{member}[{number}]", rule, shown(name)))
    return list(dict.fromkeys(name for name in value if isinstance(name, str)))


def with_sharing(document: Mapping[str, Any], sharing: Sharing) -> dict[str, Any]:
    """Return the document of a Method that says with whom it is shared.

    Its metadata with roles ``visibility`` and ``context`` say so; user names are not in it. What
    is said there of a Context already stays.

    Parameters
    ----------
    document : mapping
        Of a Method, in its one form.
    sharing : Sharing
        ``users`` do not count here.
    """
    entries = document.get("metadata") or []
    known = {each.get("title"): each for each in entries if each.get("role") == "context"}
    kept = [each for each in entries if each.get("role") not in ("visibility", "context")]
    if sharing.public:
        kept.append({"role": "visibility", "title": "public"})
    kept += [known.get(name, {"role": "context", "title": name}) for name in sharing.contexts]
    return {**document, "metadata": kept}


class _Shared(Protocol):
    owner: str

    @property
    def sharing(self) -> Sharing: ...


class Viewer(BaseModel):
    """Somebody who wants to see things."""

    name: str
    groups: frozenset[str] = frozenset()
    admin: bool = False

    def may_see(self, record: _Shared) -> bool:
        """Tell whether a Method or an Execution is theirs, or shared with them."""
        sharing = record.sharing
        return (
            self.admin
            or sharing.public
            or record.owner == self.name
            or self.name in sharing.users
            or not self.groups.isdisjoint(sharing.contexts)
        )
