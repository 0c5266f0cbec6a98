"""The agent as a process, with small connectors of the tests."""
