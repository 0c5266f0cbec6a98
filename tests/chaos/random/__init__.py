"""Faults of every kind at random, from a seed."""
