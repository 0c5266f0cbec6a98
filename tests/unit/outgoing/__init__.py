"""Outgoing HTTP, against real servers on this machine."""
