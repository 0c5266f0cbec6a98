"""The agent in real containers, with the connectors from PyPI and with real servers."""
