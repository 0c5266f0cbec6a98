"""Tests without servers and engines."""
