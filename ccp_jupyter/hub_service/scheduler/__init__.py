"""Decides which Task goes to which Node next: pure, in memory, no clock and no I/O of its own."""
