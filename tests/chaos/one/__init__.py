"""One fault at a time, on one service and one engine."""
