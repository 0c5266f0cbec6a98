"""The agency's routes of a running service."""
