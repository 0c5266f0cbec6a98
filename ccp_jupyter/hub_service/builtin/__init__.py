"""Processes that the service has itself."""
