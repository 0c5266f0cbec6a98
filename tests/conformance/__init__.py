"""The official test suite of OGC API - Processes 1.0, run against a stack of our own."""
