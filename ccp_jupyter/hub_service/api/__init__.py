"""HTTP in, HTTP out: routes, who may call them, documents. Knows no engine and no database."""

from ccp_jupyter.hub_service.api.application import make_app
from ccp_jupyter.hub_service.api.services import Options, Services

__all__ = ["Options", "Services", "make_app"]
