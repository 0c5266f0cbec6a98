"""The judge of random faults, judged."""
