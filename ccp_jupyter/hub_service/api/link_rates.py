"""How often shareable links may be used, and wrong ones tried."""

from __future__ import annotations

from typing import Final

from ccp_jupyter.hub_service.api.agency.throttle import Throttle
from ccp_jupyter.hub_service.api.errors import ApiError

_WRONG: Final = 20
"""Wrong links from one address in a minute, without consequence."""
_USES: Final = 120
"""Uses of one link in a minute."""
_MINUTE: Final = 60.0


class LinkRates:
    """How often links were used lately, and wrong ones tried."""

    def __init__(self) -> None:
        self._wrong = Throttle(_WRONG, _MINUTE)
        self._uses = Throttle(_USES, _MINUTE)

    def check_address(self, address: str) -> None:
        """Refuse who has tried many wrong ones.  Raises `ApiError` 429."""
        if self._wrong.blocked("", address):
            raise _slowly("Many links from your address were wrong; wait a minute")

    def wrong(self, address: str) -> None:
        """Count a wrong one."""
        self._wrong.failed("", address)

    def use(self, link_id: str) -> None:
        """Count a use.  Raises `ApiError` 429."""
        if self._uses.blocked(link_id, ""):
            raise _slowly("This link is used very often; wait a minute")
        self._uses.failed(link_id, "")


def _slowly(detail: str) -> ApiError:
    return ApiError(429, detail, headers={"Retry-After": str(int(_MINUTE))})
