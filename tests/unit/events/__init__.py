"""The event log: journals, followers, feeds."""
