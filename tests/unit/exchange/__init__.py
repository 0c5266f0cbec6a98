"""Tests of Methods and Executions as files."""
