"""Servers that RED connectors talk to, as context managers; `fixtures` has them for pytest."""
