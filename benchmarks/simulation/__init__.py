"""Nodes, users and time for the scheduler, without engines."""
