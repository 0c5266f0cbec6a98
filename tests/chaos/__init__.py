"""Tests that kill, freeze and fill things while Executions run."""
