"""Moves Executions through their lifecycle (`base.Controller` is its face)."""
