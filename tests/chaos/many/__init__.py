"""Many engines or services; many faults at a time."""
