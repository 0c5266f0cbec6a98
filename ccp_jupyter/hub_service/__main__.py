"""``python -m ccp_jupyter.hub_service -f CONFIG``."""

from ccp_jupyter.hub_service.app import main

main()
