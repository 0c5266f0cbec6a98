"""Tests of what the benchmarks calculate and read."""
