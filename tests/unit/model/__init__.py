"""Tests of the model: no I/O, but for real shells that read rendered scripts."""
